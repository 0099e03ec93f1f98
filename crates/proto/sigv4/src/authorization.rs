//! The `Authorization` header, taken apart.
//!
//! ```text
//! AWS4-HMAC-SHA256 Credential=<key>/<yyyymmdd>/<region>/<service>/aws4_request, SignedHeaders=<a;b>, Signature=<64 hex>
//! ```
//! The three parts may come in any order, with or without a blank after the comma. The query-string form of a
//! signature carries the same parts under other names and can fill the same structs.

use crate::canonical::SignedHeaders;
use crate::limits::{AUTHORIZATION_BYTES_MAX, CREDENTIAL_BYTES_MAX};
use crate::{IncompleteSignature, hex};

/// What a signature consists of, apart from its time.
pub(crate) struct Authorization<'a> {
    pub(crate) credential: Scope<'a>,
    pub(crate) signed_headers: SignedHeaders<'a>,
    pub(crate) signature: [u8; 32],
}

/// Who signed, and for which day, region and service.
pub(crate) struct Scope<'a> {
    /// All five elements with their slashes.
    pub(crate) whole: &'a str,
    /// The last four with their slashes.
    pub(crate) scope: &'a str,
    pub(crate) access_key_id: &'a str,
    pub(crate) day: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

impl<'a> Authorization<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, IncompleteSignature> {
        if value.len() > AUTHORIZATION_BYTES_MAX || !value.is_ascii() {
            return Err(IncompleteSignature::AuthorizationUnreadable);
        }
        let value = std::str::from_utf8(value).map_err(|_| IncompleteSignature::AuthorizationUnreadable)?.trim();
        let (algorithm, parts) = value.split_once([' ', '\t']).unwrap_or((value, ""));
        if algorithm != "AWS4-HMAC-SHA256" {
            return Err(IncompleteSignature::Algorithm);
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in parts.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or(IncompleteSignature::Malformed)?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(IncompleteSignature::Malformed),
            };
            if slot.replace(value).is_some() {
                return Err(IncompleteSignature::Malformed);
            }
        }
        let credential = credential.ok_or(IncompleteSignature::CredentialMissing)?;
        let signed_headers = signed_headers.ok_or(IncompleteSignature::SignedHeadersMissing)?;
        let signature = signature.ok_or(IncompleteSignature::SignatureMissing)?;
        Ok(Self {
            credential: Scope::parse(credential)?,
            signed_headers: SignedHeaders::parse(signed_headers)?,
            signature: hex::decode(signature.as_bytes()).ok_or(IncompleteSignature::SignatureMalformed)?,
        })
    }
}

impl<'a> Scope<'a> {
    pub(crate) fn parse(whole: &'a str) -> Result<Self, IncompleteSignature> {
        let malformed = IncompleteSignature::CredentialMalformed;
        if whole.len() > CREDENTIAL_BYTES_MAX {
            return Err(malformed);
        }
        let (access_key_id, scope) = whole.split_once('/').ok_or(malformed)?;
        let mut elements = scope.split('/');
        let mut element = || elements.next().filter(|element| !element.is_empty()).ok_or(malformed);
        let (day, region, service, end) = (element()?, element()?, element()?, element()?);
        let is_day = day.len() == 8 && day.bytes().all(|digit| digit.is_ascii_digit());
        if access_key_id.is_empty() || !is_day || end != "aws4_request" || elements.next().is_some() {
            return Err(malformed);
        }
        Ok(Self { whole, scope, access_key_id, day, region, service })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";

    fn refusal(header: &str) -> Option<IncompleteSignature> {
        Authorization::parse(header.as_bytes()).err()
    }

    #[test]
    fn parts_are_found_in_any_order_and_spacing() {
        for header in [
            format!(
                "AWS4-HMAC-SHA256 Credential=A/20150830/eu/sqs/aws4_request, SignedHeaders=host, Signature={SIGNATURE}"
            ),
            format!(
                "AWS4-HMAC-SHA256 Signature={SIGNATURE},SignedHeaders=host,Credential=A/20150830/eu/sqs/aws4_request"
            ),
        ] {
            let parsed = Authorization::parse(header.as_bytes()).unwrap_or_else(|error| panic!("{header}: {error}"));
            assert_eq!((parsed.credential.access_key_id, parsed.credential.day), ("A", "20150830"));
            assert_eq!((parsed.credential.region, parsed.credential.service), ("eu", "sqs"));
            assert_eq!(parsed.credential.scope, "20150830/eu/sqs/aws4_request");
        }
    }

    #[test]
    fn each_flaw_is_named() {
        use IncompleteSignature as Flaw;
        let credential = "Credential=A/20150830/eu/sqs/aws4_request";
        for (header, flaw) in [
            (String::new(), Flaw::Algorithm),
            ("Bearer abc".into(), Flaw::Algorithm),
            ("AWS4-HMAC-SHA256".into(), Flaw::CredentialMissing),
            (format!("AWS4-HMAC-SHA256 {credential}"), Flaw::SignedHeadersMissing),
            (format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host"), Flaw::SignatureMissing),
            (format!("AWS4-HMAC-SHA256 {credential}, {credential}"), Flaw::Malformed),
            (format!("AWS4-HMAC-SHA256 {credential}, nonsense"), Flaw::Malformed),
            (format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=00"), Flaw::SignatureMalformed),
            (
                format!("AWS4-HMAC-SHA256 Credential=A/20150830/eu/sqs, SignedHeaders=host, Signature={SIGNATURE}"),
                Flaw::CredentialMalformed,
            ),
            (format!("AWS4-HMAC-SHA256 {}", "x".repeat(AUTHORIZATION_BYTES_MAX)), Flaw::AuthorizationUnreadable),
            ("AWS4-HMAC-SHA256 Credential=é".into(), Flaw::AuthorizationUnreadable),
        ] {
            assert_eq!(refusal(&header), Some(flaw), "{header}");
        }
    }
}
