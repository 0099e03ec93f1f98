//! Who asks, and what the HTTP request said besides its body.

use crate::error::SqsError;
use evenkeel_policy::Rights;
use evenkeel_types::AccountId;

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
}

impl Caller<'_> {
    /// Whether the key is for that action at all; for which queues is asked when the queue is known.
    pub(crate) fn may_do(&self, action: &str) -> Result<(), SqsError> {
        if self.rights.is_all() || self.rights.allow_action(&format!("sqs:{action}")) {
            return Ok(());
        }
        Err(SqsError::AccessDenied(format!(
            "User {} of account {} is not authorized to perform sqs:{action}: the access key is not for it.",
            self.sender_id, self.account
        )))
    }

    /// Whether the key is for a queue of that name.
    pub(crate) fn may_use(&self, name: &str) -> Result<(), SqsError> {
        if self.rights.allow_queue(name) {
            return Ok(());
        }
        Err(SqsError::AccessDenied(format!(
            "User {} of account {} is not authorized to use the queue {name}: the access key is not for it.",
            self.sender_id, self.account
        )))
    }

    /// Whether the key is for all queues whose names begin so.
    pub(crate) fn may_list(&self, prefix: &str) -> Result<(), SqsError> {
        if self.rights.allow_queue(prefix) {
            return Ok(());
        }
        Err(SqsError::AccessDenied(format!(
            "User {} of account {} is not authorized to list these queues: the access key is for some queues only, so give a \
             QueueNamePrefix that is within what it is for.",
            self.sender_id, self.account
        )))
    }
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
    /// `Host`: by what name the client reached us. Queue URLs are built from it.
    pub host: &'a str,
    /// Whether the client came by TLS (here or at a proxy before us), so that queue URLs begin with `https`.
    pub tls: bool,
    /// The id that the answer carries in `x-amzn-RequestId`, and in its body where it is XML.
    pub request_id: &'a str,
}
