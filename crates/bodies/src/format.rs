//! The bytes of a body file's parts; the module header of the room draws them.
//!
//! Nothing here does I/O, panics or allocates by what the bytes say.

use crate::{
    error::{Flaw, damaged},
    extent::Range,
    fault::{self, Fault},
    limits::{
        BLOCK_ENTRY_BYTES, BLOCK_HEADER_BYTES, FOOTER_BYTES, FRAME_HEADER_BYTES, HEADER_BYTES, SPARSE_ENTRY_BYTES,
    },
    table::Group,
};
use bytes::Bytes;
use evenkeel_types::{BodyRef, LogIndex};
use xxhash_rust::xxh3::xxh3_64;

/// The format that this version writes, and the newest it reads.
pub const FORMAT_VERSION: u32 = 1;

const HEADER_MAGIC: [u8; 8] = *b"EVKLBOD\0";
const FOOTER_MAGIC: [u8; 8] = *b"EVKLBDE\0";

/// A number at an offset; 0 where there are no bytes, which no check passes.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// Whether the first 8 bytes are the checksum of the rest.
fn checks(bytes: &[u8]) -> bool {
    bytes.split_first_chunk().is_some_and(|(checksum, rest)| u64::from_le_bytes(*checksum) == xxh3_64(rest))
}

fn with_checksum(rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rest.len() + 8);
    bytes.extend_from_slice(&xxh3_64(rest).to_le_bytes());
    bytes.extend_from_slice(rest);
    bytes
}

pub(crate) fn encode_header(range: Range) -> Vec<u8> {
    let mut rest = HEADER_MAGIC.to_vec();
    rest.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    rest.extend_from_slice(&[0; 4]);
    rest.extend_from_slice(&range.first.0.to_le_bytes());
    rest.extend_from_slice(&range.last.0.to_le_bytes());
    rest.resize(504, 0);
    with_checksum(&rest)
}

pub(crate) fn decode_header(bytes: &[u8]) -> Result<Range, Flaw> {
    if bytes.get(8..16) != Some(&HEADER_MAGIC) || bytes.len() as u64 != HEADER_BYTES {
        return damaged(0, "this is no header of a body file");
    }
    if !checks(bytes) {
        return damaged(0, "the header's checksum does not match");
    }
    match u32_at(bytes, 16) {
        FORMAT_VERSION => {}
        0 => return damaged(16, "there is no format 0"),
        newer => return Err(Flaw::TooNew(newer)),
    }
    let range = Range { first: LogIndex(u64_at(bytes, 24)), last: LogIndex(u64_at(bytes, 32)) };
    // Whatever differs in any byte was not written by this version.
    if range.first > range.last || encode_header(range) != bytes {
        return damaged(20, "the header has a valid checksum and impossible contents");
    }
    Ok(range)
}

/// What stands at the end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) bodies: u64,
    pub(crate) sparse_at: u64,
    pub(crate) sparse_checksum: u64,
    pub(crate) range: Range,
}

pub(crate) fn encode_footer(footer: &Footer) -> Vec<u8> {
    let mut rest = FOOTER_MAGIC.to_vec();
    let Footer { bodies, sparse_at, sparse_checksum, range } = footer;
    for number in [*bodies, *sparse_at, *sparse_checksum, range.first.0, range.last.0, 0] {
        rest.extend_from_slice(&number.to_le_bytes());
    }
    with_checksum(&rest)
}

/// Decodes the footer that begins at `at`.
pub(crate) fn decode_footer(bytes: &[u8], at: u64) -> Result<Footer, Flaw> {
    let footer = Footer {
        bodies: u64_at(bytes, 16),
        sparse_at: u64_at(bytes, 24),
        sparse_checksum: u64_at(bytes, 32),
        range: Range { first: LogIndex(u64_at(bytes, 40)), last: LogIndex(u64_at(bytes, 48)) },
    };
    if bytes.len() as u64 != FOOTER_BYTES || encode_footer(&footer) != bytes {
        return damaged(at, "the footer does not check");
    }
    Ok(footer)
}

pub(crate) fn encode_sparse(groups: &[Group]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for group in groups {
        bytes.extend_from_slice(&group.index.to_le_bytes());
        bytes.extend_from_slice(&group.offset.to_le_bytes());
        bytes.extend_from_slice(&group.block_at.to_le_bytes());
    }
    bytes
}

pub(crate) fn decode_sparse(bytes: &[u8]) -> Box<[Group]> {
    let entry = usize::try_from(SPARSE_ENTRY_BYTES).unwrap_or(usize::MAX);
    let group = |bytes| Group { index: u64_at(bytes, 0), offset: u32_at(bytes, 8), block_at: u64_at(bytes, 12) };
    bytes.chunks_exact(entry).map(group).collect()
}

/// How long the block of so many bodies is.
pub(crate) const fn block_bytes(bodies: u64) -> u64 {
    BLOCK_HEADER_BYTES + bodies * BLOCK_ENTRY_BYTES
}

pub(crate) fn encode_block(bodies: &[BodyRef]) -> Vec<u8> {
    let mut rest = Vec::new();
    for body in bodies {
        rest.extend_from_slice(&body.index.0.to_le_bytes());
        rest.extend_from_slice(&body.offset.to_le_bytes());
        rest.extend_from_slice(&body.bytes.to_le_bytes());
    }
    with_checksum(&rest)
}

/// The bodies that a block lists, if its checksum matches.
pub(crate) fn decode_block(bytes: &[u8]) -> Option<impl Iterator<Item = BodyRef>> {
    if !checks(bytes) && !fault::on(Fault::SkipTableChecksum) {
        return None;
    }
    let entries = bytes.get(8..)?.chunks_exact(16);
    Some(entries.map(|bytes| BodyRef {
        index: LogIndex(u64_at(bytes, 0)),
        offset: u32_at(bytes, 8),
        bytes: u32_at(bytes, 12),
    }))
}

/// How long the frame of a body is.
pub(crate) fn frame_bytes(body_bytes: u32) -> u64 {
    FRAME_HEADER_BYTES + u64::from(body_bytes)
}

/// What stands before a body.
pub(crate) fn encode_frame_header(body: &[u8], body_bytes: u32) -> [u8; 12] {
    let mut header = [0; 12];
    let fields = xxh3_64(body).to_le_bytes().into_iter().chain(body_bytes.to_le_bytes());
    header.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
    header
}

/// The body in a frame of the right length that lies at `at`, if it checks.
pub(crate) fn decode_frame(frame: &Bytes, body: BodyRef, at: u64) -> Result<Bytes, Flaw> {
    let named = |what: &str| format!("{what} (body of entry {}, offset {})", body.index, body.offset);
    if u32_at(frame, 8) != body.bytes || frame.len() as u64 != frame_bytes(body.bytes) {
        return damaged(at, named("the frame's length is not the table's"));
    }
    let bytes = frame.slice(12..);
    if xxh3_64(&bytes) != u64_at(frame, 0) && !fault::on(Fault::SkipChecksum) {
        return damaged(at, named("the body's checksum does not match"));
    }
    Ok(bytes)
}
