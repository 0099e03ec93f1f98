//! Why a policy was refused.

use crate::limits::POLICY_BYTES_MAX;

/// Why a text is no policy that can be kept. Final for that text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is longer than [`POLICY_BYTES_MAX`].
    #[error("a policy has at most {POLICY_BYTES_MAX} bytes")]
    TooLong,
    /// It is no JSON.
    #[error("the policy is no JSON")]
    NotJson,
    /// Something should be a JSON object.
    #[error("{0} must be an object")]
    NotObject(&'static str),
    /// Something should be a text, or a list of texts.
    #[error("{0} must be a text, or a list of texts")]
    NotText(&'static str),
    /// An element that must be there is not, or is empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An element that does not belong there; it may be misspelt.
    #[error("{0:?} is no element of a policy")]
    Unknown(String),
    /// Another language than that of 2012 or 2008.
    #[error("Version must be 2012-10-17 or 2008-10-17")]
    Version,
    /// Neither Allow nor Deny.
    #[error("Effect must be Allow or Deny")]
    Effect,
    /// Both an element and its opposite, or `NotPrincipal`, which AWS advises against.
    #[error("{0}")]
    Unsupported(&'static str),
    /// Two statements with one Sid.
    #[error("each Sid must be another")]
    SidRepeated,
    /// Nobody is called so here.
    #[error(
        "the principal {0:?} is neither *, an account of twelve digits, nor arn:aws:iam::ACCOUNT:root or :user/NAME"
    )]
    Principal(String),
    /// No action of SQS.
    #[error("the action {0:?} is none of SQS: write sqs:SendMessage, sqs:Get* or sqs:*")]
    Action(String),
    /// No pattern of queues.
    #[error("the resource {0:?} is neither * nor the ARN of a queue")]
    Resource(String),
    /// A comparison that this version does not know.
    #[error("the condition operator {0:?} is not known")]
    Operator(String),
    /// What it compares with is of another kind.
    #[error("{1:?} is no value for the condition operator {0}")]
    Value(String, String),
    /// More than there may be.
    #[error("a policy has at most {1} {0}")]
    TooMany(&'static str, usize),
}
