//! What a request can be refused with, and how each refusal looks on the wire. The one table of both.
//!
//! AWS Developer Guide, "Interpreting Amazon SQS JSON API responses": an error has two names, the shape in `__type` by
//! which newer SDKs find the class, and the code of the older Query protocol in `x-amzn-query-error`, which they show.
//! The messages are AWS's own where they are known, since people search for them.

use crate::{
    json_out::Json,
    limits::{BATCH_ENTRIES_MAX, MESSAGE_BYTES_MAX, VISIBILITY_SECONDS_MAX},
    text::{VALID_CHARACTERS, echo},
};

/// Why a request, or one entry of a batch, was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SqsError {
    /// A form that is none.
    #[error("The query string is malformed: {0}.")]
    MalformedQueryString(&'static str),
    /// A form in something else than a form.
    #[error("{0}")]
    InvalidHttpRequest(String),
    /// A request that does not say what to do.
    #[error("The request must contain the parameter Action, or the header X-Amz-Target.")]
    MissingAction,
    #[error("The requested version is not valid: it is 2012-11-05.")]
    NoSuchVersion,
    /// It is given twice, or as a text and as a list.
    #[error("The query parameter {0} is invalid. Its structure conflicts with that of another parameter.")]
    ConflictingQueryParameter(String),
    /// Half of an entry.
    #[error("{0}")]
    MissingPart(String),
    /// The request is no JSON of the right shape, or a number is none.
    #[error("{0}")]
    Serialization(String),
    /// No SDK that is told the right endpoint sends this.
    #[error("The action {0} is not valid for this endpoint.")]
    UnknownAction(String),
    /// AWS has it; here it does not exist yet. Nothing was done.
    #[error("{0}")]
    Unsupported(String),
    #[error("The request must contain the parameter {0}.")]
    MissingParameter(&'static str),
    /// The value is refused by itself.
    #[error("{0}")]
    InvalidParameterValue(String),
    #[error("Unknown Attribute {}.", echo(.0))]
    InvalidAttributeName(String),
    /// An attribute that there is, but not here.
    #[error("{0}")]
    MisplacedAttribute(String),
    #[error("{0}")]
    InvalidAttributeValue(String),
    #[error("Invalid characters found. {VALID_CHARACTERS}")]
    InvalidMessageContents,
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    #[error("A queue already exists with the same name and a different value for attribute {0}")]
    QueueNameExists(&'static str),
    #[error("You must wait 60 seconds after deleting a queue before you can create another with the same name.")]
    QueueDeletedRecently,
    /// A queue that an ARN names, or a move task.
    #[error("{0}")]
    ResourceNotFound(&'static str),
    #[error("The address {} is not valid for this endpoint.", echo(.0))]
    InvalidAddress(String),
    #[error("{0}")]
    AccessDenied(String),
    #[error("The input receipt handle \"{}\" is not a valid receipt handle.", echo(.0))]
    ReceiptHandleIsInvalid(String),
    #[error("There should be at least one {0} in the request.")]
    EmptyBatchRequest(&'static str),
    #[error("Maximum number of entries per request are {BATCH_ENTRIES_MAX}. You have sent {0}.")]
    TooManyEntriesInBatchRequest(usize),
    #[error("Id {} repeated.", echo(.0))]
    BatchEntryIdsNotDistinct(String),
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 \
             letters long."
    )]
    InvalidBatchEntryId,
    #[error("Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent {0} bytes.")]
    BatchRequestTooLong(usize),
    /// Something is as large as it can be; less of it, then retry.
    #[error("{0}")]
    OverLimit(String),
    /// Not done; SDKs retry by themselves.
    #[error("{0}")]
    ServiceUnavailable(&'static str),
    /// May have been done; SDKs retry by themselves.
    #[error("{0}")]
    InternalFailure(&'static str),
}

impl SqsError {
    /// A batch's entry above `max` counted bytes; AWS has other words for it than for a message alone.
    pub(crate) fn entry_too_long(max: u32) -> Self {
        Self::InvalidParameterValue(format!(
            "One or more parameters cannot be validated. Reason: Message must be shorter than {max} bytes."
        ))
    }

    /// A body above `max` counted bytes.
    pub(crate) fn too_long(max: u32) -> Self {
        Self::InvalidParameterValue(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {max} bytes."
        ))
    }

    /// A parameter whose value is refused for a reason.
    pub(crate) fn value(value: impl AsRef<str>, parameter: &str, reason: &str) -> Self {
        let value = echo(value.as_ref());
        Self::InvalidParameterValue(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
    }

    /// A handle whose job is gone or leased to another.
    pub(crate) fn not_held(handle: &str) -> Self {
        let reason = "Message does not exist or is not available for visibility timeout change.";
        // The whole handle, as AWS does: it is ours and short.
        Self::value(handle, "ReceiptHandle", reason)
    }

    /// A handle of a FIFO queue whose lease has ended.
    pub(crate) fn expired(handle: &str) -> Self {
        Self::value(handle, "ReceiptHandle", "The receipt handle has expired.")
    }

    /// A lease that would last longer than it can.
    pub(crate) fn held_too_long(seconds: i32) -> Self {
        let reason =
            format!("Total VisibilityTimeout for the message is beyond the limit [{VISIBILITY_SECONDS_MAX} seconds]");
        Self::value(seconds.to_string(), "VisibilityTimeout", &reason)
    }

    /// How it looks on the wire.
    pub(crate) fn wire(&self) -> Wire {
        match self {
            Self::Serialization(_) => generic(400, "SerializationException", "MalformedInput"),
            Self::UnknownAction(_) => generic(400, "UnknownOperationException", "InvalidAction"),
            Self::MalformedQueryString(_) => generic(404, "MalformedQueryString", "MalformedQueryString"),
            Self::InvalidHttpRequest(_) => generic(400, "InvalidHttpRequest", "InvalidHttpRequest"),
            Self::MissingAction => generic(400, "UnknownOperationException", "MissingAction"),
            Self::NoSuchVersion => generic(400, "NoSuchVersion", "NoSuchVersion"),
            Self::ConflictingQueryParameter(_) => {
                generic(400, "ConflictingQueryParameter", "ConflictingQueryParameter")
            }
            Self::MissingParameter(_) | Self::MissingPart(_) => {
                generic(400, "MissingRequiredParameterException", "MissingParameter")
            }
            Self::InvalidParameterValue(_) => generic(400, "InvalidParameterValueException", "InvalidParameterValue"),
            Self::AccessDenied(_) => generic(403, "AccessDeniedException", "AccessDenied"),
            Self::ServiceUnavailable(_) => generic(503, "ServiceUnavailableException", "ServiceUnavailable"),
            Self::InternalFailure(_) => generic(500, "InternalFailure", "InternalFailure"),
            Self::Unsupported(_) => prefixed("UnsupportedOperation"),
            Self::QueueDoesNotExist => sqs(400, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
            Self::QueueDeletedRecently => {
                sqs(400, "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently")
            }
            Self::ResourceNotFound(_) => sqs(404, "ResourceNotFoundException", "ResourceNotFoundException"),
            Self::QueueNameExists(_) => sqs(400, "QueueNameExists", "QueueAlreadyExists"),
            Self::InvalidAddress(_) => sqs(404, "InvalidAddress", "InvalidAddress"),
            Self::InvalidAttributeName(_) | Self::MisplacedAttribute(_) => {
                sqs(400, "InvalidAttributeName", "InvalidAttributeName")
            }
            Self::InvalidAttributeValue(_) => sqs(400, "InvalidAttributeValue", "InvalidAttributeValue"),
            Self::InvalidMessageContents => sqs(400, "InvalidMessageContents", "InvalidMessageContents"),
            Self::ReceiptHandleIsInvalid(_) => sqs(404, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Self::OverLimit(_) => sqs(403, "OverLimit", "OverLimit"),
            Self::EmptyBatchRequest(_) => prefixed("EmptyBatchRequest"),
            Self::TooManyEntriesInBatchRequest(_) => prefixed("TooManyEntriesInBatchRequest"),
            Self::BatchEntryIdsNotDistinct(_) => prefixed("BatchEntryIdsNotDistinct"),
            Self::InvalidBatchEntryId => prefixed("InvalidBatchEntryId"),
            Self::BatchRequestTooLong(_) => prefixed("BatchRequestTooLong"),
        }
    }

    /// One entry of a batch's `Failed` list.
    pub(crate) fn write_entry(&self, id: &str, json: &mut Json) {
        let wire = self.wire();
        json.open_object();
        json.string("Id", id);
        json.boolean("SenderFault", wire.is_senders_fault());
        json.string("Code", &wire.code);
        json.string("Message", &self.to_string());
        json.close_object();
    }
}

/// An error's place on the wire.
pub(crate) struct Wire {
    pub(crate) status: u16,
    /// The namespace of its shape.
    pub(crate) space: &'static str,
    /// Its name in JSON.
    pub(crate) shape: &'static str,
    /// Its name in the Query protocol.
    pub(crate) code: String,
}

impl Wire {
    /// Errors of status 5xx are the server's fault, and the only ones that a retry can cure.
    pub(crate) fn is_senders_fault(&self) -> bool {
        self.status < 500
    }
}

/// An error that SQS's own model names.
fn sqs(status: u16, shape: &'static str, code: &'static str) -> Wire {
    Wire { status, space: "com.amazonaws.sqs", shape, code: code.to_owned() }
}

/// One whose Query code is its name behind SQS's prefix.
fn prefixed(shape: &'static str) -> Wire {
    Wire { status: 400, space: "com.amazonaws.sqs", shape, code: format!("AWS.SimpleQueueService.{shape}") }
}

/// An error that all of AWS's services share.
pub(crate) fn generic(status: u16, shape: &'static str, code: &'static str) -> Wire {
    Wire { status, space: "com.amazon.coral.service", shape, code: code.to_owned() }
}
