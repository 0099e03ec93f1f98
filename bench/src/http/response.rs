//! Where an answer ends, and what it says: status line, `Content-Length`, body (RFC 9112).
//!
//! Deliberately without chunked transfer coding: a server that answers an SQS call in chunks is reported, not read.

use std::ops::Range;

use crate::limits::{RESPONSE_BYTES_MAX, RESPONSE_HEADERS_MAX};

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// Where the body stands, from the first byte of the answer.
    pub body: Range<usize>,
    /// The server will close the connection after this answer.
    pub close: bool,
}

/// The head of the answer at the beginning of `bytes`; `None` if there is more of it to come.
///
/// # Errors
/// A sentence saying what is not understood.
pub fn parse_head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let mut headers = [httparse::EMPTY_HEADER; RESPONSE_HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let start = match response.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("not an HTTP/1.1 answer: {error}")),
    };
    let (mut length, mut close) = (None, response.version == Some(0));
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
            length = Some(value.parse::<usize>().map_err(|_| "Content-Length is not a number".to_owned())?);
        } else if header.name.eq_ignore_ascii_case("connection") {
            close |= header.value.eq_ignore_ascii_case(b"close");
        }
    }
    let length = length.ok_or_else(|| "an answer without Content-Length".to_owned())?;
    if length > RESPONSE_BYTES_MAX {
        return Err(format!("an answer of {length} bytes"));
    }
    Ok(Some(Head { status: response.code.unwrap_or(0), body: start..start + length, close }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: 1\r\ncontent-length: 13\r\n\r\n{\"MessageId\"}";

    #[test]
    fn the_head_is_found_wherever_the_answer_is_split() {
        let start = ANSWER.len() - 13;
        for at in 0..=ANSWER.len() {
            let head = parse_head(&ANSWER[..at]).unwrap();
            if at < start {
                assert_eq!(head, None, "after {at} bytes");
            } else {
                assert_eq!(head, Some(Head { status: 200, body: start..start + 13, close: false }), "after {at} bytes");
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for answer in [
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
            "SMTP ready\r\n\r\n",
        ] {
            assert!(parse_head(answer.as_bytes()).is_err(), "{answer}");
        }
        let close = parse_head(b"HTTP/1.1 503 no\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n").unwrap().unwrap();
        assert!(close.close && close.status == 503);
    }
}
