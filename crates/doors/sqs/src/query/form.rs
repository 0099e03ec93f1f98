//! Forms: `name=value&name=value`, percent-encoded, blanks as `+` or `%20`.
//!
//! The URL Standard, section 5, but strict: an escape that is none, and bytes that are no UTF-8, are refused, since a message
//! must not arrive otherwise than it was meant.

use crate::{error::SqsError, limits::PARAMETERS_MAX};
use std::borrow::Cow;

/// One parameter, decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
}

/// Reads a form behind what was read already.
pub(super) fn read<'a>(form: &'a [u8], into: &mut Vec<Parameter<'a>>) -> Result<(), SqsError> {
    for pair in form.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()) {
        if into.len() == PARAMETERS_MAX {
            return Err(SqsError::MalformedQueryString("it has too many parameters"));
        }
        let at = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(at);
        let value = value.strip_prefix(b"=").unwrap_or_default();
        into.push(Parameter { name: decode(name)?, value: decode(value)? });
    }
    Ok(())
}

/// The text that was encoded; borrowed if nothing needed to be.
fn decode(encoded: &[u8]) -> Result<Cow<'_, str>, SqsError> {
    let not_utf8 = || SqsError::MalformedQueryString("it is not UTF-8");
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return std::str::from_utf8(encoded).map(Cow::Borrowed).map_err(|_| not_utf8());
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let escaped = after.split_at_checked(2).and_then(|(digits, beyond)| Some((hex(digits)?, beyond)));
                let (byte, beyond) =
                    escaped.ok_or(SqsError::MalformedQueryString("a % is not followed by two hexadecimal digits"))?;
                decoded.push(byte);
                rest = beyond;
            }
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| not_utf8())
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |byte: u8, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(byte << 4 | u8::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(form: &[u8]) -> Result<Vec<(String, String)>, SqsError> {
        let mut parameters = Vec::new();
        read(form, &mut parameters)?;
        Ok(parameters.into_iter().map(|one| (one.name.into_owned(), one.value.into_owned())).collect())
    }

    #[test]
    fn forms_are_decoded() {
        let cases: [(&str, &[(&str, &str)]); 8] = [
            ("", &[]),
            ("&&", &[]),
            ("a=b", &[("a", "b")]),
            ("a", &[("a", "")]),
            ("=b&a=", &[("", "b"), ("a", "")]),
            ("a=b=c&a=d", &[("a", "b=c"), ("a", "d")]),
            ("%61+b=%C3%a4+%2B%26%3d%25", &[("a b", "ä +&=%")]),
            ("a=\u{1F6A2}\r\n", &[("a", "\u{1F6A2}\r\n")]),
        ];
        for (form, expected) in cases {
            let expected: Vec<_> = expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            assert_eq!(pairs(form.as_bytes()), Ok(expected), "{form}");
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for form in [&b"a=%"[..], b"a=%4", b"a=%zz", b"%=b", b"a=%4%41", b"a=%+1", b"a=\xFF", b"a=%FF", b"%C3=b"] {
            assert!(matches!(pairs(form), Err(SqsError::MalformedQueryString(_))), "{}", form.escape_ascii());
        }
        assert_eq!(pairs("a&".repeat(PARAMETERS_MAX).as_bytes()).unwrap().len(), PARAMETERS_MAX);
        assert!(pairs("a&".repeat(PARAMETERS_MAX + 1).as_bytes()).is_err());
    }
}
