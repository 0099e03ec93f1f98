//! Why a call gave nothing, and what to do about it.

use super::Endpoint;

/// Why a call gave nothing. What it says is for people, and ends with what they can do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nothing was sent.
    #[error(
        "no server answers at {endpoint} ({error}); start one with `evenkeel serve` or `evenkeel serve --dev`, or name \
         another with --endpoint or AWS_ENDPOINT_URL_SQS"
    )]
    NoServer { endpoint: Endpoint, error: std::io::Error },
    /// It was sent, and no answer came: it may have been done.
    #[error("{endpoint} broke off before it answered ({why}): {action} may or may not have been done")]
    Lost { endpoint: Endpoint, action: &'static str, why: String },
    /// An answer that is none of SQS.
    #[error("what answers at {endpoint} does not speak SQS (HTTP status {status}); is that Evenkeel's port?")]
    NotSqs { endpoint: Endpoint, status: u16 },
    /// The server said no; nothing was done, unless it is an internal failure.
    #[error("{}", refusal(code, message, *is_signed))]
    Refused { code: String, message: String, is_signed: bool },
}

impl CallError {
    /// The Query code of a refusal; empty if it is none.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::NoServer { .. } | Self::Lost { .. } | Self::NotSqs { .. } => "",
        }
    }

    /// Whether the queue does not exist.
    pub(crate) fn is_no_such_queue(&self) -> bool {
        matches!(self.code(), "AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist" | "NoSuchQueue")
    }
}

fn refusal(code: &str, message: &str, is_signed: bool) -> String {
    let advice = match code {
        "MissingAuthenticationToken" if !is_signed => {
            "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name the server's data folder, if it is on \
             this machine, with --data-dir"
        }
        "InvalidClientTokenId" => {
            "the server does not know this access key: look at AWS_ACCESS_KEY_ID, or unset it and name the server's data \
             folder with --data-dir"
        }
        "SignatureDoesNotMatch" => {
            "the server does not accept this signature: look at AWS_SECRET_ACCESS_KEY and at this machine's clock"
        }
        "ServiceUnavailable" => "the server is busy or about to stop, and did nothing: try again",
        _ => "",
    };
    if advice.is_empty() { format!("{message} ({code})") } else { format!("{advice} ({code}: {message})") }
}
