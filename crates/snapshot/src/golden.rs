//! The bytes of format 1, written and read as ever.

use crate::{
    BodyPart, FormatError, Manifest, Position,
    chunk::{Content, decode, encode_bodies, encode_file},
    limits::CHUNK_BYTES_MAX,
    mark::Mark,
};
use bytes::Bytes;
use evenkeel_checkpoint::FileInfo;
use evenkeel_types::{BodyRef, Epoch, LogIndex};
use std::convert::Infallible;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

const MANIFEST: &[u8] = include_bytes!("../tests/golden/manifest-1.bin");
const FILE: &[u8] = include_bytes!("../tests/golden/file-chunk-1.bin");
const BODIES: &[u8] = include_bytes!("../tests/golden/bodies-chunk-1.bin");
const MARK: &[u8] = include_bytes!("../tests/golden/mark-1.bin");

fn body(index: u64, offset: u32, bytes: u32) -> BodyRef {
    BodyRef { index: LogIndex(index), offset, bytes }
}

fn file(name: &str, bytes: u64) -> FileInfo {
    FileInfo { name: name.to_owned(), bytes }
}

fn manifest() -> Manifest {
    let files = vec![file("0000000000000123.ckpt", 300), file("0000000000000007.run", 5_000)];
    let one =
        BodyPart::of(body(0x11, 64, 5)).with(BodyPart::of(body(0x12, 33, 0))).with(BodyPart::of(body(0x15, 9, 3)));
    Manifest::new(LogIndex(0x123), Epoch(4), files, vec![one, BodyPart::of(body(0x20, 1, 2))])
}

fn mark() -> Mark {
    let checkpoint = manifest().files().to_vec();
    let bodies = vec![file("0000000000000011-0000000000000015.bodies", 1_234)];
    Mark { index: LogIndex(0x123), epoch: Epoch(4), checkpoint, bodies }
}

fn file_chunk() -> Vec<u8> {
    let position = Position { part: 1, offset: 1_024 };
    let filled: Result<_, Infallible> = encode_file(manifest().id(), position, 6, |buffer| {
        buffer.copy_from_slice(b"a file");
        Ok(())
    });
    filled.unwrap()
}

fn bodies_chunk() -> Vec<u8> {
    let bodies = [
        (body(0x11, 64, 5), Some(Bytes::from_static(b"first"))),
        (body(0x12, 33, 0), Some(Bytes::new())),
        (body(0x15, 9, 3), None),
    ];
    encode_bodies(manifest().id(), Position { part: 2, offset: 0 }, &bodies)
}

#[test]
fn format_1_is_written_as_ever() {
    assert!(manifest().encode() == MANIFEST, "a manifest");
    assert!(file_chunk() == FILE, "a piece of a file");
    assert!(bodies_chunk() == BODIES, "bodies");
    assert!(mark().encode() == MARK, "a mark");
}

#[test]
fn format_1_is_read_as_ever() {
    let manifest = manifest();
    assert_eq!(Manifest::decode(MANIFEST).unwrap(), manifest);
    assert_eq!(Mark::decode(MARK).unwrap(), mark());
    let opened = decode(FILE).unwrap();
    assert_eq!((opened.snapshot, opened.position.part, opened.position.offset), (manifest.id(), 1, 1_024));
    assert_eq!(opened.content, Content::File(b"a file"));
    let opened = decode(BODIES).unwrap();
    let first: &[u8] = b"first";
    let bodies = vec![(body(0x11, 64, 5), Some(first)), (body(0x12, 33, 0), Some(&[])), (body(0x15, 9, 3), None)];
    assert_eq!(opened.content, Content::Bodies(bodies));
    // As the tables are drawn, by hand.
    assert_eq!(&MANIFEST[16..28], b"EVKLSNP\0\x01\0\0\0");
    assert_eq!(MANIFEST[..16], xxh3_128(&MANIFEST[16..]).to_le_bytes());
    assert_eq!(MANIFEST[24 + 16..48], 0x123u64.to_le_bytes());
    assert_eq!(&MANIFEST[72..94], b"\x150000000000000123.ckpt");
    assert_eq!(BODIES[..8], xxh3_64(&BODIES[8..]).to_le_bytes());
    assert_eq!(&BODIES[8..20], b"EVKLSNC\0\x01\0\0\0");
    assert_eq!(BODIES[24..40], MANIFEST[..16]);
    assert_eq!(&BODIES[80..86], b"\x01first");
}

#[test]
fn a_newer_format_is_named() {
    let newer = |golden: &[u8], at: usize, sum: fn(&mut [u8])| {
        let mut bytes = golden.to_vec();
        bytes[at] = 2;
        sum(&mut bytes);
        bytes
    };
    let long = |bytes: &mut [u8]| {
        let checksum = xxh3_128(&bytes[16..]);
        bytes[..16].copy_from_slice(&checksum.to_le_bytes());
    };
    let short = |bytes: &mut [u8]| {
        let checksum = xxh3_64(&bytes[8..]);
        bytes[..8].copy_from_slice(&checksum.to_le_bytes());
    };
    assert_eq!(Manifest::decode(&newer(MANIFEST, 24, long)), Err(FormatError::TooNew(2)));
    assert_eq!(Mark::decode(&newer(MARK, 24, long)), Err(FormatError::TooNew(2)));
    assert_eq!(decode(&newer(BODIES, 16, short)), Err(FormatError::TooNew(2)));
    assert!(matches!(decode(&newer(BODIES, 8, short)), Err(FormatError::Damaged(_))));
}

#[test]
fn names_and_lengths_that_lie_are_refused() {
    let mut lying = mark();
    for name in ["../x", "", "a/b", ".x", "0000000000000011\0"] {
        lying.bodies = vec![file(name, 1)];
        assert!(Mark::decode(&lying.encode()).is_err(), "{name}");
    }
    let part = BodyPart::of(body(0x11, 0, 1));
    let files = manifest().files().to_vec();
    let with = |parts: Vec<BodyPart>| Manifest::new(LogIndex(0x20), Epoch(1), files.clone(), parts);
    for parts in [
        vec![part, part],
        vec![BodyPart { bodies: 0, ..part }],
        vec![BodyPart { last: LogIndex(0x10), ..part }],
        vec![BodyPart { last: LogIndex(0x21), ..part }],
    ] {
        assert!(Manifest::decode(&with(parts.clone()).encode()).is_err(), "{parts:?}");
    }
    assert!(Manifest::decode(&with(vec![part]).encode()).is_ok());
    assert!(decode(&vec![0; CHUNK_BYTES_MAX + 1]).is_err());
}
