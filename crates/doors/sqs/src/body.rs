//! Requests whose body did not come as it should: refused in SQS's shape, so that a client says more than "unknown error".
//!
//! AWS documents none of these for SQS. The names are those that its other services use, and that SDKs know: a
//! `RequestTimeout` is retried by them.

use crate::{caller::Head, error::generic, protocol::Face, response::Response};

/// What was wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is, or would be, larger than any request can be. It was not read.
    #[error("The request is larger than any request can be.")]
    TooLarge,
    /// It did not come in time. Nothing was done; SDKs retry.
    #[error("The request came too slowly.")]
    TooSlow,
    /// It ended early, or its chunks are broken. Nothing was done.
    #[error("The request is incomplete, or its chunks are malformed.")]
    Broken,
}

/// The answer to a request with such a body, in the protocol that it speaks.
#[must_use]
pub fn body_error(error: BodyError, head: &Head<'_>) -> Response {
    let wire = match error {
        BodyError::TooLarge => generic(413, "RequestEntityTooLargeException", "RequestEntityTooLarge"),
        BodyError::TooSlow => generic(408, "RequestTimeoutException", "RequestTimeout"),
        BodyError::Broken => generic(400, "SerializationException", "MalformedInput"),
    };
    Face::of(head).error(&wire, &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_too_large_is_refused_in_both_protocols() {
        let json = body_error(BodyError::TooLarge, &Head { target: Some("AmazonSQS.SendMessage"), ..Head::default() });
        assert_eq!((json.status, json.query_error.as_deref()), (413, Some("RequestEntityTooLarge;Sender")));
        assert!(
            String::from_utf8_lossy(&json.body).contains("com.amazon.coral.service#RequestEntityTooLargeException")
        );
        let xml = body_error(BodyError::TooSlow, &Head { request_id: "id", ..Head::default() });
        assert_eq!((xml.status, xml.content_type), (408, "text/xml"));
        assert!(String::from_utf8_lossy(&xml.body).contains("<Code>RequestTimeout</Code>"));
    }
}
