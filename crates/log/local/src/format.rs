//! The bytes of an entry and of a segment's header. `docs/format.md`, "The log", is the same in prose.
//!
//! # An entry
//! It begins at a multiple of 64, so that its header lies inside one sector. All numbers are little-endian.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | XXH3-64 of bytes 8..64, seeded by the log's id |
//! | 8 | 3 | `EVK` |
//! | 11 | 1 | kind: 1 batch, 2 fence, 3 membership; bit 7: *sparse* (see [`SPARSE`]) |
//! | 12 | 4 | payload bytes |
//! | 16 | 8 | index |
//! | 24 | 8 | epoch |
//! | 32 | 8 | chain: the first 8 bytes of the entry before |
//! | 40 | 16 | XXH3-128 of the payload |
//! | 56 | 2 | zero sectors (see [`count_zero_sectors`]) |
//! | 58 | 2 | 0 |
//! | 60 | 4 | synced lag: index - lag is the first index that was not yet known to be synced |
//! | 64 | n | payload |
//! | 64+n | 1 to 64 | trailer: bytes 0xA5 up to the next multiple of 64 |
//!
//! A header covers its payload's checksum and the header before, so the chain covers everything.
//!
//! Nothing here does I/O, panics or allocates by what the bytes say.

use crate::limits::{
    ALIGN_BYTES, HEADER_BYTES, SECTOR_BYTES, SEGMENT_BYTES_MAX, SEGMENT_HEADER_BYTES, TRAILER_BYTES_MIN,
};
use evenkeel_types::{Epoch, LogIndex, limits::ENTRY_BYTES_MAX};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

/// The format that this version writes, and the newest it reads.
pub const FORMAT_VERSION: u32 = 1;

const SEGMENT_MAGIC: [u8; 8] = *b"EVKLSEG\0";
const ENTRY_MAGIC: [u8; 3] = *b"EVK";
pub(crate) const TRAILER: u8 = 0xA5;

/// Some sector of the entry has exactly one bit set, so that one flipped bit makes it look
/// like a sector that was never written: see [`is_torn`].
const SPARSE: u8 = 0x80;

/// A log's own random name, so that no other log's bytes pass for its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogId(pub [u8; 16]);

impl LogId {
    fn seed(self) -> u64 {
        xxh3_64(&self.0)
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A proposed batch.
    Batch,
    /// The first entry of an epoch; its payload is empty.
    Fence,
    /// A change of who keeps the log, which is the log's own affair: its owner sees an empty batch.
    Membership,
}

/// An entry's header, decoded and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryHeader {
    /// Its own checksum: the link that the next entry's `chain` names.
    pub checksum: u64,
    /// What it is.
    pub kind: EntryKind,
    /// Whether it has a sector with a single bit.
    pub sparse: bool,
    /// The length of the payload.
    pub payload_bytes: u32,
    /// Its position in the log.
    pub index: LogIndex,
    /// Under whose reign it was written.
    pub epoch: Epoch,
    /// The link of the entry before.
    pub chain: u64,
    /// The payload's checksum.
    pub payload_checksum: u128,
    /// In how many of its sectors it has nothing but zeros.
    pub zero_sectors: u16,
    /// The first index that was not known to be synced when this entry was written.
    pub synced_below: LogIndex,
}

impl EntryHeader {
    /// How many bytes the entry takes, with its padding.
    #[must_use]
    pub fn extent(&self) -> u64 {
        entry_extent(u64::from(self.payload_bytes))
    }
}

/// What the writer knows of an entry before it lies anywhere.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    /// What it is.
    pub kind: EntryKind,
    /// Its position in the log.
    pub index: LogIndex,
    /// Under whose reign it is written.
    pub epoch: Epoch,
    /// The link of the entry before.
    pub chain: u64,
    /// The first index that is not known to be synced.
    pub synced_below: LogIndex,
    /// What it carries.
    pub payload: &'a [u8],
}

/// How many bytes an entry with such a payload takes.
#[must_use]
pub const fn entry_extent(payload_bytes: u64) -> u64 {
    (HEADER_BYTES + payload_bytes + TRAILER_BYTES_MIN).next_multiple_of(ALIGN_BYTES)
}

/// Appends an entry's bytes to `out`, for a place `offset` bytes into its segment. Returns its link.
///
/// # Panics
/// If the payload is longer than an entry can be; the log refuses those before.
pub fn encode_entry(log: LogId, entry: &NewEntry<'_>, offset: u64, out: &mut Vec<u8>) -> u64 {
    assert!(entry.payload.len() <= ENTRY_BYTES_MAX, "a batch is refused when it is proposed, not here");
    let payload_bytes = u32::try_from(entry.payload.len()).expect("an entry is at most 8 MiB");
    let kind = match entry.kind {
        EntryKind::Batch => 1,
        EntryKind::Fence => 2,
        EntryKind::Membership => 3,
    };
    let lag = u32::try_from(entry.index.0.saturating_sub(entry.synced_below.0)).unwrap_or(u32::MAX);
    let extent = entry_extent(u64::from(payload_bytes));
    let start = out.len();
    // The header comes last: it tells what the rest looks like.
    out.resize(start + 64, 0);
    out.extend_from_slice(entry.payload);
    out.resize(start + usize::try_from(extent).expect("an entry is at most 8 MiB"), TRAILER);
    let zeros = count_zero_sectors(out.get(start..).unwrap_or(&[]), offset);
    let mut body = Vec::with_capacity(56);
    body.extend_from_slice(&ENTRY_MAGIC);
    body.push(kind | if zeros.sparse { SPARSE } else { 0 });
    body.extend_from_slice(&payload_bytes.to_le_bytes());
    body.extend_from_slice(&entry.index.0.to_le_bytes());
    body.extend_from_slice(&entry.epoch.0.to_le_bytes());
    body.extend_from_slice(&entry.chain.to_le_bytes());
    body.extend_from_slice(&xxh3_128(entry.payload).to_le_bytes());
    body.extend_from_slice(&zeros.count.to_le_bytes());
    body.extend_from_slice(&0u16.to_le_bytes());
    body.extend_from_slice(&lag.to_le_bytes());
    let checksum = xxh3_64_with_seed(&body, log.seed());
    let header = checksum.to_le_bytes().into_iter().chain(body);
    for (to, from) in out.iter_mut().skip(start).zip(header) {
        *to = from;
    }
    checksum
}

/// Reads the header at the start of `bytes`; `None` if it is not a valid one of this log. Never panics.
#[must_use]
pub fn decode_entry_header(bytes: &[u8], log: LogId) -> Option<EntryHeader> {
    let header: &[u8; 64] = bytes.first_chunk()?;
    // The cheap test first: a search for headers asks at every 64th byte.
    if header.get(8..11)? != ENTRY_MAGIC {
        return None;
    }
    let checksum = u64_at(header, 0)?;
    if checksum != xxh3_64_with_seed(header.get(8..)?, log.seed()) {
        return None;
    }
    let tag = *header.get(11)?;
    let kind = match tag & !SPARSE {
        1 => EntryKind::Batch,
        2 => EntryKind::Fence,
        3 => EntryKind::Membership,
        _ => return None,
    };
    let payload_bytes = u32_at(header, 12)?;
    if usize::try_from(payload_bytes).ok()? > ENTRY_BYTES_MAX || u16_at(header, 58)? != 0 {
        return None;
    }
    let index = LogIndex(u64_at(header, 16)?);
    let lag = u64::from(u32_at(header, 60)?);
    Some(EntryHeader {
        checksum,
        kind,
        sparse: tag & SPARSE != 0,
        payload_bytes,
        index,
        epoch: Epoch(u64_at(header, 24)?),
        chain: u64_at(header, 32)?,
        payload_checksum: u128::from_le_bytes(*header.get(40..)?.first_chunk()?),
        zero_sectors: u16_at(header, 56)?,
        synced_below: LogIndex(index.0.checked_sub(lag)?),
    })
}

/// Whether a payload is the one that was written.
#[must_use]
pub(crate) fn payload_checks(header: &EntryHeader, payload: &[u8]) -> bool {
    u32::try_from(payload.len()) == Ok(header.payload_bytes) && xxh3_128(payload) == header.payload_checksum
}

/// What [`count_zero_sectors`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ZeroSectors {
    /// How many there are.
    pub(crate) count: u16,
    /// Whether some other one has exactly one bit set.
    pub(crate) sparse: bool,
}

/// Counts the sectors, after the header's own, in which an entry at `offset` has nothing but zeros.
///
/// `entry` is its whole extent. Beyond its tail a segment is zeros, and a sector arrives whole or not
/// at all, so a sector that did not arrive shows zeros where this entry should be; if there are more
/// of those than when it was written, it was torn. The header's own sector needs no count: if the
/// header is there, so is the rest of it. The trailer sees to it that the last one is never zeros.
#[must_use]
pub(crate) fn count_zero_sectors(entry: &[u8], offset: u64) -> ZeroSectors {
    let mut found = ZeroSectors::default();
    let own = usize::try_from(SECTOR_BYTES - offset % SECTOR_BYTES).unwrap_or(0);
    for sector in entry.get(own..).unwrap_or(&[]).chunks(512) {
        match sector.iter().filter(|byte| **byte != 0).take(2).map(|byte| byte.count_ones()).sum::<u32>() {
            0 => found.count = found.count.saturating_add(1),
            1 => found.sparse = true,
            _ => {}
        }
    }
    found
}

/// Whether a broken entry, as read, shows that some of its sectors never arrived.
///
/// One missing sector alone may also be a sector with a single bit, and that bit flipped. If so, setting it
/// again makes the payload check, and the entry is called damaged, because it may have been synced.
/// (That a torn write loses just this sector and no other is the one case that is called wrongly.)
#[must_use]
pub(crate) fn is_torn(header: &EntryHeader, entry: &[u8], offset: u64) -> bool {
    let missing = i32::from(count_zero_sectors(entry, offset).count) - i32::from(header.zero_sectors);
    missing > 1 || missing == 1 && !(header.sparse && one_bit_mends(header, entry, offset))
}

/// Whether setting one bit in one of the entry's sectors of zeros makes its payload check.
///
/// Tries all 4096 bits of each. An entry so large that this takes seconds counts as one that is mended.
fn one_bit_mends(header: &EntryHeader, entry: &[u8], offset: u64) -> bool {
    const HASHED_BYTES_MAX: u64 = 16 << 30;
    let payload_end = usize::try_from(HEADER_BYTES + u64::from(header.payload_bytes)).unwrap_or(usize::MAX);
    let Some(payload) = entry.get(64..payload_end) else { return false };
    let sectors = u64::from(count_zero_sectors(entry, offset).count);
    if sectors * 4096 * payload.len() as u64 > HASHED_BYTES_MAX {
        return true;
    }
    let own = usize::try_from(SECTOR_BYTES - offset % SECTOR_BYTES).unwrap_or(0);
    let mut payload = payload.to_vec();
    for (number, sector) in entry.get(own..).unwrap_or(&[]).chunks(512).enumerate() {
        if sector.iter().any(|byte| *byte != 0) {
            continue;
        }
        let start = (own + number * 512).saturating_sub(64);
        for at in start..start + sector.len() {
            for bit in 0..8 {
                let Some(byte) = payload.get_mut(at) else { break };
                *byte = 1 << bit;
                if payload_checks(header, &payload) {
                    return true;
                }
            }
            if let Some(byte) = payload.get_mut(at) {
                *byte = 0;
            }
        }
    }
    false
}

/// The first 4096 bytes of a segment. Only the first sector has anything but zeros, so it is never torn.
///
/// | at | bytes | what |
/// |---:|---:|---|
/// | 0 | 8 | XXH3-64 of bytes 8..4096 |
/// | 8 | 8 | `EVKLSEG` and a zero |
/// | 16 | 4 | format version |
/// | 20 | 4 | 0 |
/// | 24 | 8 | length of the file |
/// | 32 | 8 | index of the first entry |
/// | 40 | 8 | epoch when the segment was made |
/// | 48 | 8 | link of the entry before the first |
/// | 56 | 16 | id of the log |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The length of the file.
    pub file_bytes: u64,
    /// The index of its first entry.
    pub first: LogIndex,
    /// The running epoch when it was made.
    pub epoch: Epoch,
    /// The link of the entry before the first.
    pub chain: u64,
    /// Whose segment it is.
    pub log: LogId,
}

/// Why a segment's header was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentHeaderError {
    /// Its checksum or magic does not match, or it says what cannot be.
    Damaged,
    /// A newer version wrote it.
    TooNew {
        /// The format found.
        found: u32,
    },
}

/// The bytes of a segment's header.
#[must_use]
pub fn encode_segment_header(header: &SegmentHeader) -> Vec<u8> {
    let mut body = Vec::with_capacity(4096);
    body.extend_from_slice(&SEGMENT_MAGIC);
    body.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    body.extend_from_slice(&0u32.to_le_bytes());
    body.extend_from_slice(&header.file_bytes.to_le_bytes());
    body.extend_from_slice(&header.first.0.to_le_bytes());
    body.extend_from_slice(&header.epoch.0.to_le_bytes());
    body.extend_from_slice(&header.chain.to_le_bytes());
    body.extend_from_slice(&header.log.0);
    body.resize(4096 - 8, 0);
    let mut bytes = xxh3_64(&body).to_le_bytes().to_vec();
    bytes.append(&mut body);
    bytes
}

/// The checksum of a segment's header: its first 8 bytes.
pub(crate) fn segment_checksum(header: &SegmentHeader) -> u64 {
    encode_segment_header(header).first_chunk().copied().map_or(0, u64::from_le_bytes)
}

/// Reads a segment's header. Never panics.
///
/// # Errors
/// It is damaged, or of a newer format.
pub fn decode_segment_header(bytes: &[u8]) -> Result<SegmentHeader, SegmentHeaderError> {
    let damaged = SegmentHeaderError::Damaged;
    let bytes = bytes.first_chunk::<4096>().ok_or(damaged)?;
    if u64_at(bytes, 0) != bytes.get(8..).map(xxh3_64) || bytes.get(8..16) != Some(&SEGMENT_MAGIC) {
        return Err(damaged);
    }
    let found = u32_at(bytes, 16).ok_or(damaged)?;
    if found > FORMAT_VERSION {
        return Err(SegmentHeaderError::TooNew { found });
    }
    let header = SegmentHeader {
        file_bytes: u64_at(bytes, 24).ok_or(damaged)?,
        first: LogIndex(u64_at(bytes, 32).ok_or(damaged)?),
        epoch: Epoch(u64_at(bytes, 40).ok_or(damaged)?),
        chain: u64_at(bytes, 48).ok_or(damaged)?,
        log: LogId(*bytes.get(56..).and_then(|bytes| bytes.first_chunk()).ok_or(damaged)?),
    };
    let sane = (SEGMENT_HEADER_BYTES..=SEGMENT_BYTES_MAX).contains(&header.file_bytes) && header.first.0 > 0;
    if sane { Ok(header) } else { Err(damaged) }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests;
