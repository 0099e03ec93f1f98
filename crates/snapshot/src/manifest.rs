//! What a snapshot consists of: its index, the checkpoint's files, the parts with bodies. It checks itself.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 16 | XXH3-128 of the rest; the snapshot's id |
//! | 16 | 8 | `EVKLSNP` and a zero byte |
//! | 24 | 4 | format version: 1 |
//! | 28 | 4 | files, 1 to 1025 |
//! | 32 | 8 | bytes of the manifest |
//! | 40 | 8 | index |
//! | 48 | 8 | epoch of the entry at that index |
//! | 56 | 8 | parts with bodies, at most 2^20 |
//! | 64 | 9 + n each | the files, the checkpoint's manifest first: bytes `u64`, length of the name `u8`, name |
//! | then | 40 each | the parts, ascending: first index, last index, bodies, bytes of all these bodies, and the sum of the XXH3-64 of all their references (`u64` each; the sum modulo 2^64) |
//!
//! A reference is index `u64`, offset `u32`, bytes `u32`.

use crate::{
    format::{FORMAT_VERSION, FormatError, Reader, check_head, put_name},
    limits::{FILES_MAX, PARTS_MAX},
};
use evenkeel_checkpoint::FileInfo;
use evenkeel_types::{BodyRef, Epoch, LogIndex};
use std::fmt;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

const MAGIC: [u8; 8] = *b"EVKLSNP\0";
const PART_BYTES: usize = 40;
const CUT: FormatError = FormatError::Damaged("the manifest is cut");

/// Tells one snapshot from another: the checksum of its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(pub(crate) u128);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A place in a snapshot's stream: how far a receiver has come, and where the next chunk begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The files first, then the parts with bodies.
    pub(crate) part: u32,
    /// In a file, bytes; in a part with bodies, how many of them, absent ones included.
    pub(crate) offset: u64,
}

impl Position {
    /// The position as bytes, for the way to the sender.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let (part, offset) = bytes.split_at_mut(4);
        part.copy_from_slice(&self.part.to_le_bytes());
        offset.copy_from_slice(&self.offset.to_le_bytes());
        bytes
    }

    /// The position of these bytes. Whether the snapshot has it shows when it is read.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        let mut reader = Reader(&bytes);
        let (part, offset) = (reader.u32(), reader.u64());
        Self { part: part.unwrap_or_default(), offset: offset.unwrap_or_default() }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part {}, {}", self.part, self.offset)
    }
}

/// Some of the bodies, which become one body file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyPart {
    /// The first entry that has one of them.
    pub first: LogIndex,
    /// The last.
    pub last: LogIndex,
    /// How many there are.
    pub bodies: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Stands for which ones they are: the sum of a hash of each reference.
    pub sum: u64,
}

impl BodyPart {
    /// A single body.
    pub(crate) fn of(body: BodyRef) -> Self {
        // Little-endian, so the index comes first.
        let reference = u128::from(body.index.0) | u128::from(body.offset) << 64 | u128::from(body.bytes) << 96;
        let (bytes, sum) = (body.bytes.into(), xxh3_64(&reference.to_le_bytes()));
        Self { first: body.index, last: body.index, bodies: 1, bytes, sum }
    }

    /// Both together.
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            bodies: self.bodies.saturating_add(other.bodies),
            bytes: self.bytes.saturating_add(other.bytes),
            sum: self.sum.wrapping_add(other.sum),
        }
    }
}

/// A snapshot's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    id: SnapshotId,
    index: LogIndex,
    epoch: Epoch,
    files: Vec<FileInfo>,
    parts: Vec<BodyPart>,
}

impl Manifest {
    pub(crate) fn new(index: LogIndex, epoch: Epoch, files: Vec<FileInfo>, parts: Vec<BodyPart>) -> Self {
        let mut manifest = Self { id: SnapshotId(0), index, epoch, files, parts };
        manifest.id = SnapshotId(xxh3_128(&manifest.encode_rest()));
        manifest
    }

    /// Which snapshot it is.
    #[must_use]
    pub fn id(&self) -> SnapshotId {
        self.id
    }

    /// The index whose state it is.
    #[must_use]
    pub fn index(&self) -> LogIndex {
        self.index
    }

    /// The epoch of the entry at that index: what the log goes on with.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The checkpoint's files, its manifest first.
    #[must_use]
    pub fn files(&self) -> &[FileInfo] {
        &self.files
    }

    /// The parts with bodies, ascending.
    #[must_use]
    pub fn body_parts(&self) -> &[BodyPart] {
        &self.parts
    }

    /// About how many bytes there are to send.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let sizes = self.files.iter().map(|file| file.bytes).chain(self.parts.iter().map(|part| part.bytes));
        sizes.fold(0, u64::saturating_add)
    }

    /// Where the stream ends: what a receiver has that has all.
    #[must_use]
    pub fn end(&self) -> Position {
        Position { part: u32::try_from(self.files.len() + self.parts.len()).unwrap_or(u32::MAX), offset: 0 }
    }

    /// What lies at a position.
    pub(crate) fn part(&self, part: u32) -> Option<Part<'_>> {
        let at = usize::try_from(part).ok()?;
        match at.checked_sub(self.files.len()) {
            None => self.files.get(at).map(|file| Part::File(at, file)),
            Some(at) => self.parts.get(at).map(|part| Part::Bodies(at, part)),
        }
    }

    /// The position of a part with bodies.
    pub(crate) fn at_bodies(&self, part: usize, passed: u64) -> Position {
        Position { part: u32::try_from(self.files.len() + part).unwrap_or(u32::MAX), offset: passed }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.id.0.to_le_bytes().to_vec();
        bytes.append(&mut self.encode_rest());
        bytes
    }

    fn encode_rest(&self) -> Vec<u8> {
        let names: usize = self.files.iter().map(|file| 9 + file.name.len()).sum();
        let bytes = 64 + names + PART_BYTES * self.parts.len();
        let mut out = Vec::with_capacity(bytes);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&u32::try_from(self.files.len()).unwrap_or(u32::MAX).to_le_bytes());
        for number in [bytes as u64, self.index.0, self.epoch.0, self.parts.len() as u64] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for file in &self.files {
            out.extend_from_slice(&file.bytes.to_le_bytes());
            put_name(&file.name, &mut out);
        }
        for part in &self.parts {
            for number in [part.first.0, part.last.0, part.bodies, part.bytes, part.sum] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        out
    }

    /// Reads it from bytes of unknown origin.
    ///
    /// # Errors
    /// They are none, or of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader(bytes);
        let id = reader.u128().ok_or(CUT)?;
        if xxh3_128(reader.0) != id {
            return Err(FormatError::Damaged("the manifest does not check"));
        }
        check_head(&mut reader, MAGIC)?;
        let files = reader.u32().and_then(|files| usize::try_from(files).ok()).ok_or(CUT)?;
        let length = reader.u64().ok_or(CUT)?;
        let (index, epoch) = (LogIndex(reader.u64().ok_or(CUT)?), Epoch(reader.u64().ok_or(CUT)?));
        let parts = reader.u64().and_then(|parts| usize::try_from(parts).ok()).ok_or(CUT)?;
        if length != bytes.len() as u64 {
            return Err(FormatError::Damaged("the manifest has another length"));
        }
        if !(1..=FILES_MAX).contains(&files) || parts > PARTS_MAX {
            return Err(FormatError::Damaged("the manifest names too much"));
        }
        let files = (0..files).map(|_| decode_file(&mut reader)).collect::<Option<Vec<_>>>().ok_or(CUT)?;
        if reader.0.len() != PART_BYTES * parts {
            return Err(CUT);
        }
        let parts = (0..parts).map(|_| decode_part(&mut reader)).collect::<Option<Vec<_>>>().ok_or(CUT)?;
        if !are_in_order(&parts, index) {
            return Err(FormatError::Damaged("the manifest's parts are not in order"));
        }
        Ok(Self { id: SnapshotId(id), index, epoch, files, parts })
    }
}

fn decode_file(reader: &mut Reader<'_>) -> Option<FileInfo> {
    let bytes = reader.u64()?;
    Some(FileInfo { name: reader.name()?.to_owned(), bytes })
}

fn decode_part(reader: &mut Reader<'_>) -> Option<BodyPart> {
    let (first, last) = (LogIndex(reader.u64()?), LogIndex(reader.u64()?));
    Some(BodyPart { first, last, bodies: reader.u64()?, bytes: reader.u64()?, sum: reader.u64()? })
}

fn are_in_order(parts: &[BodyPart], index: LogIndex) -> bool {
    let sane = |part: &BodyPart| part.first <= part.last && part.last <= index && part.bodies > 0;
    let apart = parts.iter().zip(parts.iter().skip(1)).all(|(before, part)| before.last < part.first);
    apart && parts.iter().all(sane)
}

/// What a position lies in: by its place among those of its kind.
#[derive(Clone, Copy)]
pub(crate) enum Part<'a> {
    File(usize, &'a FileInfo),
    Bodies(usize, &'a BodyPart),
}
