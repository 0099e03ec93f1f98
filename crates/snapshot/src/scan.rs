//! Bytes of unknown origin, read as a manifest, a chunk or a mark: for fuzzing and offline tools.

use crate::{
    chunk::{self, Content},
    format::FormatError,
    manifest::{Manifest, Position, SnapshotId},
    mark::Mark,
};

/// What a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScannedChunk {
    /// Whose it is.
    pub snapshot: SnapshotId,
    /// Where it belongs.
    pub position: Position,
    /// How many bodies it has, absent ones included; none in a piece of a file.
    pub bodies: u64,
    /// How many of them are absent.
    pub absent: u64,
    /// Bytes of the file or of the bodies.
    pub bytes: u64,
}

/// Reads bytes as a chunk. Memory is bounded by their length.
///
/// # Errors
/// What is wrong with them; damage is not a panic.
pub fn scan_chunk_bytes(bytes: &[u8]) -> Result<ScannedChunk, FormatError> {
    let opened = chunk::decode(bytes)?;
    let (bodies, absent, bytes) = match &opened.content {
        Content::File(bytes) => (0, 0, bytes.len()),
        Content::Bodies(bodies) => {
            let absent = bodies.iter().filter(|(_, bytes)| bytes.is_none()).count();
            (bodies.len(), absent, bodies.iter().filter_map(|(_, bytes)| bytes.map(<[u8]>::len)).sum())
        }
    };
    let (bodies, absent, bytes) = (bodies as u64, absent as u64, bytes as u64);
    Ok(ScannedChunk { snapshot: opened.snapshot, position: opened.position, bodies, absent, bytes })
}

/// Reads bytes as a manifest; what reads encodes to the same bytes.
///
/// # Errors
/// What is wrong with them; damage is not a panic.
pub fn scan_manifest_bytes(bytes: &[u8]) -> Result<Manifest, FormatError> {
    Manifest::decode(bytes)
}

/// Reads bytes as the mark of an installation.
///
/// # Errors
/// What is wrong with them; damage is not a panic.
pub fn scan_mark_bytes(bytes: &[u8]) -> Result<(), FormatError> {
    Mark::decode(bytes).map(|_| ())
}
