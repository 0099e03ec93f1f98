//! Who asks, and what the HTTP request said besides its body.

use evenkeel_policy::Rights;
use evenkeel_types::{AccountId, WallTime};
use std::net::IpAddr;

/// Who signed the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller<'a> {
    /// The account whose queues these are.
    pub account: AccountId,
    /// Who within the account: the access key's user id or the account's number. Receivers see it as `SenderId`; its
    /// first 255 bytes count.
    pub sender_id: &'a str,
    /// What the access key may be used for.
    pub rights: &'a Rights,
    /// It is the root key, which no policy keeps from taking policies back.
    pub is_root: bool,
}

/// What the request said besides its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// The path as it was sent, up to the `?`: `/`, or a queue's own.
    pub path: &'a str,
    /// What was sent after the `?`, percent-encoded; empty if there was none.
    pub query: &'a str,
    /// `X-Amz-Target`, such as `AmazonSQS.SendMessage`; whoever speaks the Query protocol sends none.
    pub target: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `amz-sdk-invocation-id`: the SDK's number for the call, the same when it tries again.
    pub invocation: Option<&'a str>,
    /// `X-Amzn-Trace-Id`: what AWS X-Ray follows. Messages take it along as their `AWSTraceHeader`.
    pub trace: Option<&'a str>,
    /// `Host`: by what name the client reached us. Queue URLs are built from it.
    pub host: &'a str,
    /// Whether the connection is encrypted, as policies see it.
    pub tls: bool,
    /// Whether the client says that it came by `https`, to a proxy before us: then queue URLs begin so. Anybody can say it, and nothing
    /// else goes by it.
    pub by_https: bool,
    /// Where the client is, as far as the connection shows.
    pub peer: Option<IpAddr>,
    /// When the request came.
    pub now: WallTime,
    /// The id that the answer carries in `x-amzn-RequestId`, and in its body where it is XML.
    pub request_id: &'a str,
}
