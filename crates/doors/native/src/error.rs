//! What a request can be refused with, and how it looks on the wire. The one table.

use crate::door::Response;
use evenkeel_engine::EngineError;
use evenkeel_machine::account::{CreateKeyError, NoSuchKey};
use evenkeel_sigv4::SigError;

/// Why a request was refused. Each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NativeError {
    #[error(
        "only the root key may administer keys and the cluster; sign with it (root-credentials.toml in the data folder)"
    )]
    NotRoot,
    #[error(
        "this key may not read the jobs of queue {0}: that takes the right to sqs:ReceiveMessage, and no policy that denies it"
    )]
    MayNotRead(String),
    #[error("there is no queue {0} in this account")]
    NoSuchQueue(String),
    #[error("there is nothing at {0}; /v1/keys, /v1/queues/NAME/next and /v1/queues/NAME/sent are there")]
    NoSuchPath(String),
    #[error("use {0} here")]
    Method(&'static str),
    #[error("{0}")]
    Malformed(String),
    #[error("there is no key {0}; list them to see those that are there")]
    NoSuchKey(String),
    #[error("the root key is not kept with the others: change it in its file or in the environment, and start again")]
    RootIsElsewhere,
    #[error("{0}; revoke some")]
    TooMany(CreateKeyError),
    #[error("{0}")]
    Unavailable(EngineError),
    #[error("{0}")]
    Internal(String),
}

impl NativeError {
    fn place(&self) -> (u16, &'static str) {
        match self {
            Self::NotRoot => (403, "AccessDenied"),
            Self::MayNotRead(_) => (403, "AccessDenied"),
            Self::NoSuchQueue(_) => (404, "NoSuchQueue"),
            Self::NoSuchPath(_) => (404, "NoSuchPath"),
            Self::Method(_) => (405, "MethodNotAllowed"),
            Self::Malformed(_) => (400, "Malformed"),
            Self::NoSuchKey(_) => (404, "NoSuchKey"),
            Self::RootIsElsewhere => (409, "RootKey"),
            Self::TooMany(_) => (409, "TooManyKeys"),
            Self::Unavailable(_) => (503, "Unavailable"),
            Self::Internal(_) => (500, "Internal"),
        }
    }

    pub(crate) fn response(&self) -> Response {
        let (status, code) = self.place();
        error(status, code, &self.to_string())
    }
}

impl From<EngineError> for NativeError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Lost | EngineError::BodyUnreadable => Self::Internal(error.to_string()),
            _ => Self::Unavailable(error),
        }
    }
}

impl From<CreateKeyError> for NativeError {
    fn from(error: CreateKeyError) -> Self {
        match error {
            CreateKeyError::TooMany => Self::TooMany(error),
            CreateKeyError::Exists | CreateKeyError::Incomplete => Self::Internal(error.to_string()),
        }
    }
}

impl NativeError {
    pub(crate) fn no_such_key(_: NoSuchKey, id: &str) -> Self {
        Self::NoSuchKey(id.to_owned())
    }
}

/// The answer to a request that reached no engine: as if its engine had answered so.
#[must_use]
pub fn engine_error(error: EngineError) -> Response {
    NativeError::from(error).response()
}

/// The answer to whoever asks for what is root's.
#[must_use]
pub fn not_root() -> Response {
    NativeError::NotRoot.response()
}

/// The answer to a request whose signature was refused.
#[must_use]
pub fn auth_error(refused: &SigError) -> Response {
    let (status, code) = refused.code();
    error(status, code, &refused.to_string())
}

fn error(status: u16, code: &str, message: &str) -> Response {
    let body = serde_json::json!({"error": {"code": code, "message": message}});
    Response { status, body: body.to_string().into_bytes() }
}
