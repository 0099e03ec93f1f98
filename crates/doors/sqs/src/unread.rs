//! Requests whose body the server did not read to its end, as SQS would word it.

use crate::{caller::Head, error::generic, protocol::Face, response::Response};

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than any request can be.
    TooLarge,
    /// It came too slowly. SDKs try again by themselves.
    TooSlow,
    /// It ended before it was whole.
    Broken,
}

/// The answer to a request whose body was not read, in the protocol that it speaks.
#[must_use]
pub fn unread_error(why: Unread, head: &Head<'_>) -> Response {
    let (wire, message) = match why {
        Unread::TooLarge => (
            generic(413, "RequestEntityTooLargeException", "RequestEntityTooLarge"),
            "The request is larger than any request can be.",
        ),
        Unread::TooSlow => (generic(408, "RequestTimeoutException", "RequestTimeout"), "The request came too slowly."),
        Unread::Broken => (generic(400, "InvalidHttpRequest", "InvalidHttpRequest"), "The request is incomplete."),
    };
    Face::of(head).error(&wire, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_was_not_read_is_told_in_the_clients_protocol() {
        let json = unread_error(Unread::TooLarge, &Head { target: Some("AmazonSQS.SendMessage"), ..Head::default() });
        assert_eq!((json.status, json.query_error.as_deref()), (413, Some("RequestEntityTooLarge;Sender")));
        let xml = unread_error(Unread::TooSlow, &Head { request_id: "r", ..Head::default() });
        assert_eq!((xml.status, xml.content_type), (408, "text/xml"));
        assert!(std::str::from_utf8(&xml.body).unwrap().contains("<Code>RequestTimeout</Code>"));
    }
}
