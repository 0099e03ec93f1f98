//! The canonical request, and its hash.
//!
//! It is written whole into a buffer that is used again for the next request, and hashed in one go: it has some 300
//! bytes, and one call on contiguous bytes beats twenty small ones.

use crate::limits::{CANONICAL_BYTES_MAX, SIGNED_HEADERS_MAX};
use crate::query::Parameter;
use crate::{Headers, IncompleteSignature, Request, hex, path, query};

/// Room to work in, kept from request to request.
#[derive(Default)]
pub(crate) struct Scratch {
    text: Vec<u8>,
    parameters: Vec<Parameter>,
}

/// Why there is no canonical request.
pub(crate) enum CanonicalError {
    HeaderAbsent,
    TooLong,
}

/// `SignedHeaders`, checked: 1 to 64 lower-case names, ascending, separated by `;`.
#[derive(Clone, Copy)]
pub(crate) struct SignedHeaders<'a>(&'a str);

impl<'a> SignedHeaders<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, IncompleteSignature> {
        let mut last = "";
        for (at, name) in text.split(';').enumerate() {
            if at == SIGNED_HEADERS_MAX {
                return Err(IncompleteSignature::SignedHeadersTooMany);
            }
            if name <= last || !name.bytes().all(is_lower_token) {
                return Err(IncompleteSignature::SignedHeadersMalformed);
            }
            last = name;
        }
        Ok(Self(text))
    }

    pub(crate) fn contains(self, name: &str) -> bool {
        self.0.split(';').any(|held| held == name)
    }
}

/// A character of a header's name (RFC 9110, section 5.6.2), in lower case.
fn is_lower_token(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl Scratch {
    /// The SHA-256 of the canonical request, in hexadecimal. `presigned`: the signature is in the query string, or will be.
    pub(crate) fn canonical_sha256<H: Headers + ?Sized>(
        &mut self,
        request: &Request<'_, H>,
        signed: SignedHeaders<'_>,
        payload_sha256: &[u8; 64],
        presigned: bool,
    ) -> Result<[u8; 64], CanonicalError> {
        let Self { text, parameters } = self;
        text.clear();
        // Encoding makes a byte three at most; beyond that, headers are checked as they are written.
        if request.method.len() + request.path.len() + request.query.len() > CANONICAL_BYTES_MAX / 4 {
            return Err(CanonicalError::TooLong);
        }
        text.extend_from_slice(request.method.as_bytes());
        text.push(b'\n');
        path::write(text, request.path);
        text.push(b'\n');
        if !query::write(text, parameters, request.query, presigned) {
            return Err(CanonicalError::TooLong);
        }
        text.push(b'\n');
        for name in signed.0.split(';') {
            write_header(text, request.headers, name)?;
        }
        text.push(b'\n');
        text.extend_from_slice(signed.0.as_bytes());
        text.push(b'\n');
        text.extend_from_slice(payload_sha256);
        Ok(hex::sha256_hex(text))
    }
}

/// Appends `name:value,value\n`.
fn write_header<H: Headers + ?Sized>(text: &mut Vec<u8>, headers: &H, name: &str) -> Result<(), CanonicalError> {
    text.extend_from_slice(name.as_bytes());
    text.push(b':');
    let (mut count, mut too_long) = (0u32, false);
    headers.each(name, &mut |value| {
        if count > 0 {
            text.push(b',');
        }
        count += 1;
        too_long |= text.len() + value.len() > CANONICAL_BYTES_MAX;
        if !too_long {
            write_folded(text, value);
        }
    });
    text.push(b'\n');
    match (count, too_long) {
        (0, _) => Err(CanonicalError::HeaderAbsent),
        (_, true) => Err(CanonicalError::TooLong),
        (_, false) => Ok(()),
    }
}

/// Appends `value` without the blanks around it and with each run of blanks within as one space.
fn write_folded(text: &mut Vec<u8>, value: &[u8]) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let value = value.trim_ascii();
    if !value.windows(2).any(|pair| pair.iter().all(is_blank)) && !value.contains(&b'\t') {
        text.extend_from_slice(value);
        return;
    }
    for (at, word) in value.split(is_blank).filter(|word| !word.is_empty()).enumerate() {
        if at > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_trimmed_and_folded() {
        for (value, folded) in
            [("a", "a"), ("  a  b ", "a b"), ("\"a   b\tc\"", "\"a b c\""), ("", ""), ("   ", ""), ("a b", "a b")]
        {
            let mut text = Vec::new();
            write_folded(&mut text, value.as_bytes());
            assert_eq!(String::from_utf8(text).unwrap(), folded);
        }
    }

    #[test]
    fn lists_of_signed_headers_must_be_sorted_and_in_lower_case() {
        assert!(SignedHeaders::parse("content-type;host;x-amz-date").is_ok());
        for list in ["", "Host", "host;", ";host", "host;content-type", "host;host", "host;x amz"] {
            assert!(SignedHeaders::parse(list).is_err(), "{list}");
        }
        let many: Vec<String> = (0..=SIGNED_HEADERS_MAX).map(|at| format!("x-{at:03}")).collect();
        assert!(SignedHeaders::parse(&many.join(";")).is_err());
    }
}
