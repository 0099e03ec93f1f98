//! An answer on its way to the client.

use evenkeel_engine::Request;

/// The `Content-Type` of requests and answers.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// What to send, and what to do if it cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header `x-amzn-query-error`, on errors.
    pub query_error: Option<String>,
    /// The JSON body, of type [`CONTENT_TYPE`].
    pub body: Vec<u8>,
    /// If the client is gone before it could read this: ask the engine this, so that the jobs it would have received
    /// wait for nobody. Its answer matters to no one.
    pub undelivered: Option<Request>,
}

impl Response {
    /// A success.
    pub(crate) fn ok(body: Vec<u8>) -> Self {
        Self { status: 200, query_error: None, body, undelivered: None }
    }

    /// A success that says nothing. AWS sends no body at all; SDKs read an empty object just as well.
    pub(crate) fn empty() -> Self {
        Self::ok(b"{}".to_vec())
    }
}
