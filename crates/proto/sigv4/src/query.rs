//! The canonical query string: each name and value decoded and encoded anew, then sorted by name, then by value.
//!
//! A `+` stands for a space, as in forms. A `%` that is no escape stands for itself.

use std::ops::Range;

use crate::limits::QUERY_PARAMETERS_MAX;
use crate::path::encode_byte;
use crate::presigned::SIGNATURE;

/// Where a parameter stands in the scratch buffer.
#[derive(Clone)]
pub(crate) struct Parameter {
    name: Range<usize>,
    value: Range<usize>,
}

/// Appends the canonical form of `query` to `out`; false if it has too many parameters. `parameters` is room to work
/// in. Of a presigned URL the signature itself is left out.
#[must_use]
pub(crate) fn write(out: &mut Vec<u8>, parameters: &mut Vec<Parameter>, query: &str, presigned: bool) -> bool {
    if query.is_empty() {
        return true;
    }
    // The encoded parameters are written behind the canonical request, sorted by their places, and copied once more
    // behind themselves; then the copy moves to the front.
    let start = out.len();
    parameters.clear();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if parameters.len() == QUERY_PARAMETERS_MAX {
            return false;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if presigned && is_named(name, SIGNATURE) {
            continue;
        }
        let name = recode(out, name);
        let value = recode(out, value);
        parameters.push(Parameter { name, value });
    }
    parameters.sort_unstable_by(|left, right| {
        let key = |parameter: &Parameter| (out.get(parameter.name.clone()), out.get(parameter.value.clone()));
        key(left).cmp(&key(right))
    });
    let end = out.len();
    for (at, parameter) in parameters.iter().enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        out.extend_from_within(parameter.name.clone());
        out.push(b'=');
        out.extend_from_within(parameter.value.clone());
    }
    out.drain(start..end);
    true
}

/// Appends `text`, decoded and encoded anew, and says where.
fn recode(out: &mut Vec<u8>, text: &str) -> Range<usize> {
    let start = out.len();
    for byte in decoded(text) {
        encode_byte(out, byte);
    }
    start..out.len()
}

/// Appends `text`, decoded.
pub(crate) fn decode(out: &mut Vec<u8>, text: &str) {
    out.extend(decoded(text));
}

/// Whether a parameter's name, as it was sent, is this one.
pub(crate) fn is_named(sent: &str, name: &str) -> bool {
    sent == name || (sent.contains('%') && decoded(sent).eq(name.bytes()))
}

fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        Some(match (byte, after) {
            (b'%', [high, low, beyond @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = beyond;
                nibble(*high) << 4 | nibble(*low)
            }
            (b'+', _) => b' ',
            _ => byte,
        })
    })
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase().wrapping_sub(b'a').wrapping_add(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_recoded_and_sorted() {
        for (query, canonical) in [
            ("", ""),
            ("&", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1", "a=1&a=2"),
            ("a-b=1&a=2", "a=2&a-b=1"),
            ("flag", "flag="),
            ("a=b=c", "a=b%3Dc"),
            ("a=%e1%88%B4", "a=%E1%88%B4"),
            ("ሴ=bar", "%E1%88%B4=bar"),
            ("a=%zz%4", "a=%25zz%254"),
            ("a=x+y%2Bz", "a=x%20y%2Bz"),
            ("Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "%E1%88%B4=Value1&Param=Value2&Param-3=Value3"),
        ] {
            let mut out = b"before".to_vec();
            assert!(write(&mut out, &mut Vec::new(), query, false));
            assert_eq!(String::from_utf8(out).unwrap(), format!("before{canonical}"), "{query}");
        }
    }

    #[test]
    fn too_many_parameters_are_refused() {
        assert!(!write(&mut Vec::new(), &mut Vec::new(), &"a&".repeat(QUERY_PARAMETERS_MAX + 1), false));
    }

    #[test]
    fn a_presigned_url_is_signed_without_its_signature_however_it_is_spelt() {
        for query in ["a=1&X-Amz-Signature=00&b=2", "X%2Damz-signature=00&a=1&b=2", "b=2&a=1&X%2DAmz%2dSignature"] {
            let (mut with, mut without) = (Vec::new(), Vec::new());
            assert!(write(&mut with, &mut Vec::new(), query, false));
            assert!(write(&mut without, &mut Vec::new(), query, true));
            let differs = !query.contains("signature");
            assert_eq!(without != with, differs, "{query}");
            assert_eq!(without == b"a=1&b=2", differs, "{query}");
        }
    }
}
