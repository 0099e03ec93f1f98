//! The bytes of a chunk: a piece of a file, or some bodies.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | XXH3-64 of the rest |
//! | 8 | 8 | `EVKLSNC` and a zero byte |
//! | 16 | 4 | format version: 1 |
//! | 20 | 4 | part: its place among the manifest's files and, behind them, parts with bodies |
//! | 24 | 16 | the snapshot's id |
//! | 40 | 8 | offset in the part: bytes of the file, or bodies |
//! | 48 | 4 | bodies in this chunk, 0 if it is a piece of a file |
//! | 52 | 4 | bytes of the payload, at least 1 |
//! | 56 | 8 | 0 |
//! | 64 | n | the payload: bytes of the file; or the bodies |
//!
//! A body is: index `u64`, offset `u32`, bytes `u32`, 1 (`u8`), and its bytes; or, if it is absent, 0 (`u8`) and no bytes.

use crate::{
    format::{FORMAT_VERSION, FormatError, Reader, check_head},
    limits::{CHUNK_BYTES_MAX, CHUNK_HEAD_BYTES},
    manifest::{Position, SnapshotId},
};
use bytes::Bytes;
use evenkeel_types::{BodyRef, LogIndex};
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: [u8; 8] = *b"EVKLSNC\0";
const CUT: FormatError = FormatError::Damaged("the chunk is cut");
/// What stands before a body in a chunk.
pub(crate) const BODY_HEAD_BYTES: usize = 17;

/// A chunk on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it belongs.
    pub position: Position,
    /// Where the next one begins.
    pub next: Position,
    /// What is to be sent.
    pub bytes: Vec<u8>,
}

/// A body, or the word that it is absent.
pub(crate) type Sent<'a> = (BodyRef, Option<&'a [u8]>);

/// What a chunk carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    File(&'a [u8]),
    Bodies(Vec<Sent<'a>>),
}

/// A chunk that came and checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    pub(crate) snapshot: SnapshotId,
    pub(crate) position: Position,
    pub(crate) content: Content<'a>,
}

/// A chunk with room for a payload, which comes next.
fn begin(snapshot: SnapshotId, position: Position, bodies: u32, payload_bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(CHUNK_HEAD_BYTES + payload_bytes);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    out.extend_from_slice(&position.part.to_le_bytes());
    out.extend_from_slice(&snapshot.0.to_le_bytes());
    out.extend_from_slice(&position.offset.to_le_bytes());
    out.extend_from_slice(&bodies.to_le_bytes());
    out.extend_from_slice(&u32::try_from(payload_bytes).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out
}

fn end(mut out: Vec<u8>) -> Vec<u8> {
    if let Some((checksum, rest)) = out.split_first_chunk_mut::<8>() {
        *checksum = xxh3_64(rest).to_le_bytes();
    }
    out
}

/// A piece of a file. `fill` reads it.
pub(crate) fn encode_file<E>(
    snapshot: SnapshotId,
    position: Position,
    bytes: usize,
    fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    let mut out = begin(snapshot, position, 0, bytes);
    out.resize(CHUNK_HEAD_BYTES + bytes, 0);
    fill(out.get_mut(CHUNK_HEAD_BYTES..).unwrap_or(&mut []))?;
    Ok(end(out))
}

/// Some bodies, those that are absent without their bytes.
pub(crate) fn encode_bodies(snapshot: SnapshotId, position: Position, bodies: &[(BodyRef, Option<Bytes>)]) -> Vec<u8> {
    let sizes = bodies.iter().map(|(_, body)| BODY_HEAD_BYTES + body.as_ref().map_or(0, Bytes::len));
    let mut out = begin(snapshot, position, u32::try_from(bodies.len()).unwrap_or(u32::MAX), sizes.sum());
    for (body, bytes) in bodies {
        out.extend_from_slice(&body.index.0.to_le_bytes());
        out.extend_from_slice(&body.offset.to_le_bytes());
        out.extend_from_slice(&body.bytes.to_le_bytes());
        out.push(u8::from(bytes.is_some()));
        out.extend_from_slice(bytes.as_deref().unwrap_or(&[]));
    }
    end(out)
}

/// Reads a chunk from bytes of unknown origin, and checks it.
pub(crate) fn decode(bytes: &[u8]) -> Result<Opened<'_>, FormatError> {
    if bytes.len() > CHUNK_BYTES_MAX {
        return Err(FormatError::Damaged("the chunk is longer than any can be"));
    }
    let mut reader = Reader(bytes);
    if reader.u64().ok_or(CUT)? != xxh3_64(reader.0) {
        return Err(FormatError::Damaged("the chunk does not check"));
    }
    check_head(&mut reader, MAGIC)?;
    let part = reader.u32().ok_or(CUT)?;
    let snapshot = SnapshotId(reader.u128().ok_or(CUT)?);
    let position = Position { part, offset: reader.u64().ok_or(CUT)? };
    let bodies = reader.u32().ok_or(CUT)?;
    let payload = reader.u32().and_then(|bytes| usize::try_from(bytes).ok()).ok_or(CUT)?;
    if reader.u64() != Some(0) || reader.0.len() != payload || payload == 0 {
        return Err(FormatError::Damaged("the chunk's head does not fit the rest"));
    }
    let content = if bodies == 0 {
        Content::File(reader.0)
    } else {
        // Held against the bytes that are there before anything is allocated by it.
        let fits = usize::try_from(bodies).is_ok_and(|bodies| bodies <= payload / BODY_HEAD_BYTES);
        let bodies = fits.then(|| (0..bodies).map(|_| decode_body(&mut reader)).collect::<Option<Vec<_>>>());
        let bodies = bodies.flatten().filter(|_| reader.0.is_empty());
        Content::Bodies(bodies.ok_or(FormatError::Damaged("the chunk's bodies do not fit it"))?)
    };
    Ok(Opened { snapshot, position, content })
}

fn decode_body<'a>(reader: &mut Reader<'a>) -> Option<Sent<'a>> {
    let body = BodyRef { index: LogIndex(reader.u64()?), offset: reader.u32()?, bytes: reader.u32()? };
    match reader.u8()? {
        0 => Some((body, None)),
        1 => Some((body, Some(reader.take(usize::try_from(body.bytes).ok()?)?))),
        _ => None,
    }
}
