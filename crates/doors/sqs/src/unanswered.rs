//! Requests that no engine was asked, as SQS words it.

use crate::{caller::Head, error::SqsError, protocol::Face, response::Response};
use evenkeel_engine::EngineError;

/// The answer to a request that reached no engine, in the protocol that it speaks: as if its engine had answered so.
#[must_use]
pub fn engine_error(error: EngineError, head: &Head<'_>) -> Response {
    let error = SqsError::from(error);
    Face::of(head).error(&error.wire(), &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sdks_retry_what_no_engine_was_asked() {
        let head = Head {
            path: "/",
            query: "",
            target: Some("AmazonSQS.SendMessage"),
            content_type: Some("application/x-amz-json-1.0"),
            invocation: None,
            trace: None,
            host: "localhost",
            tls: false,
            by_https: false,
            peer: None,
            now: evenkeel_types::WallTime(0),
            request_id: "id",
        };
        let response = engine_error(EngineError::NotLeading, &head);
        assert_eq!(response.status, 503);
        assert!(String::from_utf8(response.body).unwrap().contains("ServiceUnavailable"));
        assert_eq!(engine_error(EngineError::Lost, &head).status, 500);
    }
}
