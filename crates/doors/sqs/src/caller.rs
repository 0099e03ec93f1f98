//! Who asks, and what the HTTP request said besides its body.

use evenkeel_types::AccountId;

/// Who signed the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller<'a> {
    /// The account whose queues these are.
    pub account: AccountId,
    /// Who within the account: the access key's user id or the account's number. Receivers see it as `SenderId`; its
    /// first 255 bytes count.
    pub sender_id: &'a str,
}

/// What the request's headers said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// `X-Amz-Target`, such as `AmazonSQS.SendMessage`.
    pub target: Option<&'a str>,
    /// `Host`: by what name the client reached us. Queue URLs are built from it.
    pub host: &'a str,
    /// Whether the client came by TLS (here or at a proxy before us), so that queue URLs begin with `https`.
    pub tls: bool,
}
