//! The body of a job that is an SQS message: text, attributes and what is told of them, in one piece.
//!
//! Made at the door when a message is sent, opaque to the machine, read when it is received; so a receive
//! computes no MD5 unless it asks for some of the attributes only. All numbers are little-endian.
//!
//! ```text
//! offset  bytes
//! 0       1     version = 1
//! 1       1     flags: bit 0 message attributes, bit 1 trace header, bit 2 deduplication id; the others are 0
//! 2       16    MD5 of the text
//! 18      1     length of the sender's id
//! 19      n     the sender's id, UTF-8
//!               if bit 0:
//!         16      MD5 of all message attributes (see attributes/md5.rs)
//!         4       bytes of the attributes that follow
//!         n       attributes, ascending by name, each: name u16 length and UTF-8, type u16 length and UTF-8,
//!                 value u32 length and bytes (UTF-8 unless the type begins with "Binary")
//!               if bit 1:
//!         2 + n   AWSTraceHeader: length and UTF-8
//!               if bit 2:
//!         1 + n   MessageDeduplicationId: length and UTF-8
//! then    rest  the text, UTF-8
//! ```
//!
//! What does not read so is refused as a whole, never guessed at: [`Blob::decode`] is given bytes from a disk.

use crate::{attributes::Attribute, limits::SENDER_ID_BYTES_MAX};
use std::borrow::Cow;

const VERSION: u8 = 1;
const HAS_ATTRIBUTES: u8 = 1;
const HAS_TRACE_HEADER: u8 = 2;
const HAS_DEDUP_ID: u8 = 4;

/// An MD5 sum.
pub(crate) type Md5Sum = [u8; 16];

/// What a job's body says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Blob<'a> {
    pub(crate) text: &'a str,
    pub(crate) text_md5: Md5Sum,
    pub(crate) sender_id: &'a str,
    pub(crate) attributes: Option<Attributes<'a>>,
    pub(crate) trace_header: Option<&'a str>,
    pub(crate) dedup_id: Option<&'a str>,
}

/// The section of message attributes, read only if somebody asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attributes<'a> {
    /// Over all of them.
    pub(crate) md5: Md5Sum,
    bytes: &'a [u8],
}

/// Encodes a message. `attributes` go with their MD5 and in the order of their names.
pub(crate) fn encode(
    text: &str,
    text_md5: &Md5Sum,
    sender_id: &str,
    attributes: Option<(&[Attribute<'_>], Md5Sum)>,
    trace_header: Option<&str>,
    dedup_id: Option<&str>,
) -> Vec<u8> {
    let sender_id = within(sender_id, SENDER_ID_BYTES_MAX);
    let attributes_bytes: usize =
        attributes.iter().flat_map(|(each, _)| *each).map(|one| one.counted_bytes() + 8).sum();
    let mut out = Vec::with_capacity(
        64 + text.len() + attributes_bytes + trace_header.map_or(0, str::len) + dedup_id.map_or(0, str::len),
    );
    out.push(VERSION);
    let flag = |on: bool, flag: u8| if on { flag } else { 0 };
    let flags = flag(attributes.is_some(), HAS_ATTRIBUTES) | flag(trace_header.is_some(), HAS_TRACE_HEADER);
    out.push(flags | flag(dedup_id.is_some(), HAS_DEDUP_ID));
    out.extend_from_slice(text_md5);
    out.push(u8::try_from(sender_id.len()).expect("cut to 255 bytes"));
    out.extend_from_slice(sender_id.as_bytes());
    if let Some((each, md5)) = attributes {
        out.extend_from_slice(&md5);
        put_u32(attributes_bytes, &mut out);
        for attribute in each {
            put_u16(attribute.name.len(), &mut out);
            out.extend_from_slice(attribute.name.as_bytes());
            put_u16(attribute.data_type.len(), &mut out);
            out.extend_from_slice(attribute.data_type.as_bytes());
            put_u32(attribute.value.len(), &mut out);
            out.extend_from_slice(&attribute.value);
        }
    }
    if let Some(header) = trace_header {
        put_u16(header.len(), &mut out);
        out.extend_from_slice(header.as_bytes());
    }
    if let Some(id) = dedup_id {
        out.push(u8::try_from(id.len()).expect("the door limits ids to 128 bytes"));
        out.extend_from_slice(id.as_bytes());
    }
    out.extend_from_slice(text.as_bytes());
    out
}

impl<'a> Blob<'a> {
    /// Reads a body; `None` if it is not what [`encode`] makes.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.u8()? != VERSION {
            return None;
        }
        let flags = reader.u8()?;
        if flags & !(HAS_ATTRIBUTES | HAS_TRACE_HEADER | HAS_DEDUP_ID) != 0 {
            return None;
        }
        let text_md5 = reader.array()?;
        let sender_bytes = reader.u8()?;
        let sender_id = reader.text(sender_bytes.into())?;
        let mut attributes = None;
        if flags & HAS_ATTRIBUTES != 0 {
            let md5 = reader.array()?;
            let section_bytes = reader.length_u32()?;
            attributes = Some(Attributes { md5, bytes: reader.take(section_bytes)? });
        }
        let mut trace_header = None;
        if flags & HAS_TRACE_HEADER != 0 {
            let header_bytes = reader.length_u16()?;
            trace_header = Some(reader.text(header_bytes)?);
        }
        let mut dedup_id = None;
        if flags & HAS_DEDUP_ID != 0 {
            let id_bytes = reader.u8()?;
            dedup_id = Some(reader.text(id_bytes.into())?);
        }
        let text = std::str::from_utf8(reader.0).ok()?;
        Some(Self { text, text_md5, sender_id, attributes, trace_header, dedup_id })
    }
}

impl<'a> Attributes<'a> {
    /// Reads them all; `None` if they are damaged.
    pub(crate) fn decode(&self) -> Option<Vec<Attribute<'a>>> {
        let mut reader = Reader(self.bytes);
        let mut attributes = Vec::new();
        while !reader.0.is_empty() {
            let name_bytes = reader.length_u16()?;
            let name = reader.text(name_bytes)?;
            let type_bytes = reader.length_u16()?;
            let data_type = reader.text(type_bytes)?;
            let value_bytes = reader.length_u32()?;
            let attribute = Attribute { name, data_type, value: Cow::Borrowed(reader.take(value_bytes)?) };
            if !attribute.is_binary() {
                std::str::from_utf8(&attribute.value).ok()?;
            }
            attributes.push(attribute);
        }
        Some(attributes)
    }
}

/// The beginning of a text, in at most so many bytes.
fn within(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn put_u16(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(length).expect("the door limits names and headers").to_le_bytes());
}

fn put_u32(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(length).expect("the door limits messages to a megabyte").to_le_bytes());
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn length_u16(&mut self) -> Option<usize> {
        self.array().map(|bytes| u16::from_le_bytes(bytes).into())
    }

    fn length_u32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn text(&mut self, bytes: usize) -> Option<&'a str> {
        std::str::from_utf8(self.take(bytes)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bodies written by a released version must be read by all later ones.
    #[test]
    fn the_bytes_of_a_body_never_change() {
        let attributes = [Attribute { name: "a", data_type: "Binary.x", value: Cow::Borrowed(b"\x00\xFF") }];
        let bytes = encode("hi", &[7; 16], "me", Some((&attributes, [8; 16])), Some("Root=1"), None);
        let expected = [
            b"\x01\x03".as_slice(),
            &[7; 16],
            b"\x02me",
            &[8; 16],
            b"\x13\0\0\0\x01\0a\x08\0Binary.x\x02\0\0\0\x00\xFF",
            b"\x06\0Root=1",
            b"hi",
        ];
        assert_eq!(bytes, expected.concat());
        assert_eq!(
            encode("hi", &[7; 16], "me", None, None, None),
            [b"\x01\0".as_slice(), &[7; 16], b"\x02me", b"hi"].concat()
        );
        let with_id = encode("hi", &[7; 16], "me", None, None, Some("id"));
        assert_eq!(with_id, [b"\x01\x04".as_slice(), &[7; 16], b"\x02me", b"\x02id", b"hi"].concat());
    }

    #[test]
    fn a_long_sender_id_is_cut_between_characters() {
        let sender = format!("x{}", "ä".repeat(200));
        let bytes = encode("hi", &[0; 16], &sender, None, None, None);
        assert_eq!(Blob::decode(&bytes).unwrap().sender_id, format!("x{}", "ä".repeat(127)));
    }

    fn attribute() -> impl Strategy<Value = (String, String, Vec<u8>)> {
        ("[a-z.]{1,9}", "(Binary|Binary\\.[a-z]{1,5})", proptest::collection::vec(any::<u8>(), 0..20))
    }

    proptest! {
        #[test]
        fn a_body_comes_back(
            text in "\\PC{0,200}", md5: [u8; 16], sender in "\\PC{0,60}",
            attributes in proptest::option::of(proptest::collection::vec(attribute(), 0..4)),
            attributes_md5: [u8; 16], trace_header in proptest::option::of("[ -~]{0,40}"),
            dedup_id in proptest::option::of("[!-~]{1,128}"),
        ) {
            let attributes: Option<Vec<_>> = attributes.as_ref().map(|each| each.iter().map(
                |(name, data_type, value)| Attribute { name, data_type, value: Cow::Borrowed(value) }).collect());
            let given = attributes.as_deref().map(|each| (each, attributes_md5));
            let bytes = encode(&text, &md5, &sender, given, trace_header.as_deref(), dedup_id.as_deref());
            let blob = Blob::decode(&bytes).unwrap();
            prop_assert_eq!((blob.text, blob.text_md5, blob.sender_id), (&*text, md5, &*sender));
            prop_assert_eq!((blob.trace_header, blob.dedup_id), (trace_header.as_deref(), dedup_id.as_deref()));
            prop_assert_eq!(blob.attributes.as_ref().map(|section| section.md5), given.map(|_| attributes_md5));
            prop_assert_eq!(blob.attributes.map(|section| section.decode().unwrap()), attributes);
        }

        #[test]
        fn damaged_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), flags in 0u8..8) {
            if let Some(start) = bytes.get_mut(..2) {
                start.copy_from_slice(&[VERSION, flags]);
            }
            if let Some(section) = Blob::decode(&bytes).and_then(|blob| blob.attributes) {
                let _ = section.decode();
            }
        }

        #[test]
        fn every_cut_is_noticed_or_leaves_a_shorter_text(cut in 0usize..40) {
            let attributes = [Attribute { name: "a", data_type: "String", value: Cow::Borrowed(b"v") }];
            let bytes = encode("text", &[0; 16], "me", Some((&attributes, [1; 16])), Some("t"), Some("d"));
            let cut = bytes.len().saturating_sub(cut);
            match Blob::decode(&bytes[..cut]) {
                Some(blob) => prop_assert!("text".starts_with(blob.text)),
                None => prop_assert!(cut < bytes.len() - 4),
            }
        }
    }
}
