//! An answer on its way to the client.

use evenkeel_engine::Request;

/// What to send, and what to do if it cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Which of [`ACTIONS`](crate::ACTIONS) it answers; `None` if the request named none, or was refused before that was looked at.
    pub action: Option<usize>,
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The header `x-amzn-query-error`, on errors in JSON.
    pub query_error: Option<String>,
    /// The body: JSON or XML, as the client asked.
    pub body: Vec<u8>,
    /// If the client is gone before it could read this: ask the engine this, so that the jobs it would have received
    /// wait for nobody. Its answer matters to no one.
    pub undelivered: Option<Request>,
}
