//! Refused signatures, as SQS words them.
//!
//! AWS API Reference, "Common errors". SDKs correct their clock by the `Date` header of such an answer, so it must
//! not be missing.

use crate::{
    caller::Head,
    error::{Wire, generic},
    protocol::Face,
    response::Response,
};
use evenkeel_sigv4::SigError;

/// The answer to a request whose signature was refused, in the protocol that it speaks.
#[must_use]
pub fn auth_error(error: &SigError, head: &Head<'_>) -> Response {
    Face::of(head).error(&wire(error), &error.to_string())
}

/// AWS JSON has names of its own for them.
fn wire(error: &SigError) -> Wire {
    let (status, code) = error.code();
    let in_json = match code {
        "MissingAuthenticationToken" => "MissingAuthenticationTokenException",
        "IncompleteSignature" => "IncompleteSignatureException",
        "InvalidClientTokenId" => "UnrecognizedClientException",
        "SignatureDoesNotMatch" => "InvalidSignatureException",
        same => same,
    };
    generic(status, in_json, code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_sigv4::AmzDate;

    #[test]
    fn a_refused_signature_has_both_names() {
        let (signed, now) = (AmzDate::from_unix(0), AmzDate::from_unix(61));
        let expired = SigError::RequestExpired { signed, expires_seconds: 60, now };
        let cases = [
            (
                SigError::MissingAuthenticationToken,
                403,
                "MissingAuthenticationToken;Sender",
                "MissingAuthenticationTokenException",
            ),
            (SigError::InvalidClientTokenId, 403, "InvalidClientTokenId;Sender", "UnrecognizedClientException"),
            (SigError::SignatureDoesNotMatch, 403, "SignatureDoesNotMatch;Sender", "InvalidSignatureException"),
            (SigError::SessionToken, 403, "InvalidClientTokenId;Sender", "UnrecognizedClientException"),
            (expired, 400, "RequestExpired;Sender", "RequestExpired"),
            (SigError::TooLong, 400, "IncompleteSignature;Sender", "IncompleteSignatureException"),
        ];
        for (error, status, code, shape) in cases {
            let response = auth_error(&error, &Head { target: Some("AmazonSQS.X"), ..Head::default() });
            assert_eq!((response.status, response.query_error.as_deref()), (status, Some(code)));
            let start = format!("{{\"__type\":\"com.amazon.coral.service#{shape}\",\"message\":\"");
            assert!(response.body.starts_with(start.as_bytes()), "{}", String::from_utf8_lossy(&response.body));
            let response = auth_error(&error, &Head { request_id: "r", ..Head::default() });
            assert_eq!((response.status, response.query_error), (status, None));
            let part = format!("<Type>Sender</Type><Code>{}</Code>", code.trim_end_matches(";Sender"));
            assert!(std::str::from_utf8(&response.body).unwrap().contains(&part), "{part}");
        }
    }
}
