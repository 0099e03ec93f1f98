//! `MD5OfMessageAttributes`: clients compute it too, and refuse an answer that differs.
//!
//! AWS Developer Guide, "Amazon SQS message metadata", "Calculating the MD5 message digest for message attributes": for
//! each attribute in ascending order of names
//!
//! ```text
//! length of name u32 | name | length of type u32 | type | 1 (text) or 2 (binary) u8 | length of value u32 | value
//! ```
//!
//! with big-endian lengths in bytes. On receive it covers the attributes returned, not those stored.

use super::Attribute;
use crate::blob::Md5Sum;
use md5::{Digest, Md5};

/// The sum over attributes, which come in ascending order of their names.
pub(crate) fn sum<'a>(attributes: impl Iterator<Item = &'a Attribute<'a>>) -> Md5Sum {
    let mut sum = Md5::new();
    for attribute in attributes {
        update(&mut sum, attribute.name.as_bytes());
        update(&mut sum, attribute.data_type.as_bytes());
        sum.update([if attribute.is_binary() { 2 } else { 1 }]);
        update(&mut sum, &attribute.value);
    }
    sum.finalize().into()
}

/// The sum of a text.
pub(crate) fn of(text: &str) -> Md5Sum {
    Md5::digest(text).into()
}

fn update(sum: &mut Md5, bytes: &[u8]) {
    // A message has at most a megabyte; a length that did not fit could not have come in.
    sum.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    sum.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;
    use std::borrow::Cow;

    /// The first six were answered by AWS and recorded publicly; the last was computed by a second implementation.
    #[test]
    fn sums_are_those_of_aws() {
        const STRING: &str = "String";
        type Given<'a> = &'a [(&'a str, &'a str, &'a [u8])];
        let cases: [(Given<'_>, &str); 7] = [
            (
                &[("General", STRING, b"Kenobi"), ("Hello", STRING, b"There"), ("Help.Me", STRING, b"Me")],
                "4c360f3fdafd970e05fae2f149d997f5",
            ),
            (&[("General", STRING, b"Kenobi"), ("Hello", STRING, b"There")], "fca026605781cb4126a1e9044df24232"),
            (&[("Hello", STRING, b"There")], "a311262e065454b75da111d535b8dacd"),
            (&[("Hello", STRING, b"There"), ("Help.Me", STRING, b"Me")], "83fee93c1bcd8b9a5a923ffacdc636c7"),
            (&[("Foo", STRING, b"Bar")], "ae7155c6026991b6d54b11589678bf9c"),
            (
                &[("attr1", "Binary", b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01")],
                "8cbe4db156db8a94db8b801b7addb984",
            ),
            (
                &[
                    ("b", "Binary.png", b"\x00\xff"),
                    ("n", "Number.int", b"12"),
                    ("s", "String.json", "{\"ä\":1}".as_bytes()),
                ],
                "dfc8db6e2db5385deb3dc2f1f87345ad",
            ),
        ];
        for (given, expected) in cases {
            let attributes: Vec<_> = given
                .iter()
                .map(|&(name, data_type, value)| Attribute { name, data_type, value: Cow::Borrowed(value) })
                .collect();
            assert_eq!(std::str::from_utf8(&hex::encode(&sum(attributes.iter()))), Ok(expected));
        }
    }
}
