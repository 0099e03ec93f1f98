//! The query-string form of a signature: a presigned URL.
//!
//! ```text
//! ?...&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=<key>%2F<yyyymmdd>%2F<region>%2F<service>%2Faws4_request
//!     &X-Amz-Date=<yyyymmddThhmmssZ>&X-Amz-Expires=<1 to 604800>&X-Amz-SignedHeaders=<a%3Bb>&X-Amz-Signature=<64 hex>
//! ```
//! AWS General Reference, "Create a signed AWS API request", "Authentication methods": the same parts as in the header,
//! percent-encoded, in any order and among any other parameters. All parameters but `X-Amz-Signature` are signed. Without
//! `X-Amz-Expires` a URL lives as long as a header: the 15 minutes that clocks may differ.

use crate::authorization::{Authorization, Scope};
use crate::canonical::SignedHeaders;
use crate::limits::{AUTHORIZATION_BYTES_MAX, EXPIRES_SECONDS_MAX};
use crate::{AmzDate, IncompleteSignature, SigError, hex, query};

/// The one parameter that is not signed.
pub(crate) const SIGNATURE: &str = "X-Amz-Signature";
const ALGORITHM: &str = "X-Amz-Algorithm";
const CREDENTIAL: &str = "X-Amz-Credential";
const DATE: &str = "X-Amz-Date";
const EXPIRES: &str = "X-Amz-Expires";
const SIGNED_HEADERS: &str = "X-Amz-SignedHeaders";
const SECURITY_TOKEN: &str = "X-Amz-Security-Token";

/// A signature from a URL.
pub(crate) struct Presigned<'a> {
    pub(crate) authorization: Authorization<'a>,
    pub(crate) signed: AmzDate,
    /// How long it is good for, from `signed`; `None`: as a header.
    pub(crate) expires_seconds: Option<i64>,
}

/// Whether a query string claims to be signed: it has one of the parameters that nothing else has.
pub(crate) fn is_presigned(query: &str) -> bool {
    !query.is_empty()
        && parameters(query)
            .any(|(name, _)| [ALGORITHM, CREDENTIAL, SIGNATURE].iter().any(|part| query::is_named(name, part)))
}

/// Reads the parts of the signature, decoded into `room`.
pub(crate) fn read<'a>(query: &str, room: &'a mut Vec<u8>) -> Result<Presigned<'a>, SigError> {
    room.clear();
    let mut found = [const { None }; 6];
    let names = [ALGORITHM, CREDENTIAL, DATE, EXPIRES, SIGNED_HEADERS, SIGNATURE];
    for (name, value) in parameters(query) {
        if query::is_named(name, SECURITY_TOKEN) {
            return Err(SigError::SessionToken);
        }
        let Some(at) = names.iter().position(|part| query::is_named(name, part)) else { continue };
        if value.len() > AUTHORIZATION_BYTES_MAX {
            return Err(IncompleteSignature::AuthorizationUnreadable.into());
        }
        let start = room.len();
        query::decode(room, value);
        if found.get_mut(at).is_some_and(|held| held.replace(start..room.len()).is_some()) {
            return Err(IncompleteSignature::ParameterRepeated.into());
        }
    }
    // Names are few and ASCII; a text that is not cannot be any of the parts.
    let text = std::str::from_utf8(room).map_err(|_| IncompleteSignature::AuthorizationUnreadable)?;
    let [algorithm, credential, date, expires, signed_headers, signature] =
        found.map(|range| range.and_then(|range| text.get(range)));
    if algorithm != Some("AWS4-HMAC-SHA256") {
        return Err(IncompleteSignature::Algorithm.into());
    }
    let credential = credential.ok_or(IncompleteSignature::CredentialMissing)?;
    let signed_headers = signed_headers.ok_or(IncompleteSignature::SignedHeadersMissing)?;
    let signature = signature.ok_or(IncompleteSignature::SignatureMissing)?;
    let date = date.ok_or(IncompleteSignature::DateMissing)?;
    Ok(Presigned {
        authorization: Authorization {
            credential: Scope::parse(credential)?,
            signed_headers: SignedHeaders::parse(signed_headers)?,
            signature: hex::decode(signature.as_bytes()).ok_or(IncompleteSignature::SignatureMalformed)?,
        },
        signed: AmzDate::parse(date.as_bytes()).ok_or(IncompleteSignature::DateMalformed)?,
        expires_seconds: expires.map(expires_seconds).transpose()?,
    })
}

fn expires_seconds(text: &str) -> Result<i64, IncompleteSignature> {
    let plain = (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| plain && (1..=EXPIRES_SECONDS_MAX).contains(seconds));
    seconds.ok_or(IncompleteSignature::ExpiresMalformed)
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The parameters that make `query` a presigned one, except for its signature; with a `&` before them if they need one.
pub(crate) fn parts(query: &str, credential: &str, date: &AmzDate, expires_seconds: u32, signed: &str) -> String {
    let mut text = Vec::with_capacity(query.len() + 256);
    text.extend_from_slice(query.as_bytes());
    let (date, expires) = (date.to_string(), expires_seconds.to_string());
    for (name, value) in [
        (ALGORITHM, "AWS4-HMAC-SHA256"),
        (CREDENTIAL, credential),
        (DATE, &date),
        (EXPIRES, &expires),
        (SIGNED_HEADERS, signed),
    ] {
        if !text.is_empty() {
            text.push(b'&');
        }
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        crate::path::encode(&mut text, value.as_bytes());
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(query: &str) -> Option<SigError> {
        read(query, &mut Vec::new()).err()
    }

    #[test]
    fn only_what_claims_to_be_signed_is() {
        for (query, claimed) in [
            ("", false),
            ("Action=ListQueues", false),
            ("X-Amz-Date=20150830T123600Z", false),
            ("a&X-Amz-Signature", true),
            ("X-Amz-Algorithm=", true),
            ("X%2DAmz-Credential=", true),
        ] {
            assert_eq!(is_presigned(query), claimed, "{query}");
        }
    }

    #[test]
    fn each_flaw_is_named() {
        use IncompleteSignature as Flaw;
        let signature = "0".repeat(64);
        let parts = [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256", "RSA", Flaw::Algorithm, Flaw::Algorithm),
            (
                "X-Amz-Credential",
                "A%2F20150830%2Feu%2Fsqs%2Faws4_request",
                "A",
                Flaw::CredentialMissing,
                Flaw::CredentialMalformed,
            ),
            ("X-Amz-Date", "20150830T123600Z", "today", Flaw::DateMissing, Flaw::DateMalformed),
            ("X-Amz-SignedHeaders", "host", "Host", Flaw::SignedHeadersMissing, Flaw::SignedHeadersMalformed),
            ("X-Amz-Signature", &signature, "00", Flaw::SignatureMissing, Flaw::SignatureMalformed),
        ];
        let all = |wrong: Option<usize>, absent: Option<usize>| {
            let kept = parts.iter().enumerate().filter(|(at, _)| Some(*at) != absent);
            let pairs =
                kept.map(|(at, part)| format!("{}={}", part.0, if Some(at) == wrong { part.2 } else { part.1 }));
            pairs.collect::<Vec<_>>().join("&")
        };
        let whole = all(None, None);
        assert_eq!(refusal(&whole), None);
        for (at, part) in parts.iter().enumerate() {
            assert_eq!(refusal(&all(None, Some(at))), Some(part.3.into()), "without {}", part.0);
            assert_eq!(refusal(&all(Some(at), None)), Some(part.4.into()), "{}={}", part.0, part.2);
            let twice = format!("{whole}&{}={}", part.0, part.1);
            assert_eq!(refusal(&twice), Some(Flaw::ParameterRepeated.into()), "{} twice", part.0);
        }
        for (expires, allowed) in
            [("1", true), ("604800", true), ("0", false), ("604801", false), ("-1", false), ("+1", false), ("", false)]
        {
            let refused = refusal(&format!("{whole}&X-Amz-Expires={expires}"));
            assert_eq!(refused, (!allowed).then_some(Flaw::ExpiresMalformed.into()), "{expires}");
        }
        assert_eq!(refusal(&format!("{whole}&X-Amz-Security-Token=t")), Some(SigError::SessionToken));
    }
}
