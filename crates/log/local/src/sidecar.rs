//! The bytes of a sidecar: where each entry of a sealed segment begins, so that nobody need walk through it to know.
//!
//! It holds nothing that its segment does not, so it may be lost: it is made anew by a walk through the segment.
//!
//! # The header, 128 bytes
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | XXH3-64 of bytes 8..128 |
//! | 8 | 8 | `EVKLIDX` and a zero |
//! | 16 | 4 | format version |
//! | 20 | 4 | 0 |
//! | 24 | 8 | index of the first entry |
//! | 32 | 8 | index of the last entry |
//! | 40 | 8 | where the last entry ends in the segment |
//! | 48 | 8 | epoch of the last entry |
//! | 56 | 8 | link of the last entry |
//! | 64 | 8 | count of entries |
//! | 72 | 16 | id of the log |
//! | 88 | 8 | checksum of the segment's header: its first 8 bytes |
//! | 96 | 32 | 0 |
//!
//! # Then blocks of 64 bytes, each checked by itself, so that one small read finds an entry
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 60 | for each of 15 entries, `u32`: where it begins, divided by 64; 0 beyond the last, and for one that was not found |
//! | 60 | 4 | the low half of the XXH3-64 of bytes 0..60, seeded by the header's checksum plus the block's number |
//!
//! Nothing here does I/O, panics or allocates by what the bytes say.

use crate::{
    fault::{self, Fault},
    format::{FORMAT_VERSION, LogId},
    limits::{ALIGN_BYTES, SEGMENT_HEADER_BYTES},
};
use evenkeel_types::{Epoch, LogIndex};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const MAGIC: [u8; 8] = *b"EVKLIDX\0";
pub(crate) const SIDECAR_HEADER_BYTES: u64 = 128;
pub(crate) const BLOCK_BYTES: u64 = 64;
/// How many entries a block tells of.
pub(crate) const BLOCK_ENTRIES: u64 = 15;

/// What a sidecar says of its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidecarHeader {
    /// The first entry.
    pub first: LogIndex,
    /// The last.
    pub last: LogIndex,
    /// Where the last ends in the segment.
    pub end: u64,
    /// The epoch of the last entry.
    pub epoch: Epoch,
    /// The link of the last entry.
    pub link: u64,
    /// Whose it is.
    pub log: LogId,
    /// The checksum of the segment's header.
    pub segment: u64,
}

impl SidecarHeader {
    /// How many entries there are.
    #[must_use]
    pub fn entries(&self) -> u64 {
        (self.last.0 + 1).saturating_sub(self.first.0)
    }
}

/// Why a sidecar was not read. Its segment tells the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SidecarError {
    /// It is not what was written.
    #[error("damaged at byte {offset}: {what}")]
    Damaged {
        /// Where.
        offset: u64,
        /// What was found.
        what: &'static str,
    },
    /// A newer version wrote it.
    #[error("of format {found}")]
    TooNew {
        /// The format found.
        found: u32,
    },
}

/// How long the sidecar of so many entries is.
pub(crate) const fn sidecar_bytes(entries: u64) -> u64 {
    SIDECAR_HEADER_BYTES + entries.div_ceil(BLOCK_ENTRIES) * BLOCK_BYTES
}

/// The bytes of a sidecar. `offsets` are in units of 64 bytes, one for each entry.
#[must_use]
pub fn encode_sidecar(header: &SidecarHeader, offsets: &[u32]) -> Vec<u8> {
    let mut body = Vec::with_capacity(120);
    body.extend_from_slice(&MAGIC);
    body.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    body.extend_from_slice(&0u32.to_le_bytes());
    for number in [header.first.0, header.last.0, header.end, header.epoch.0, header.link, header.entries()] {
        body.extend_from_slice(&number.to_le_bytes());
    }
    body.extend_from_slice(&header.log.0);
    body.extend_from_slice(&header.segment.to_le_bytes());
    body.resize(120, 0);
    let checksum = xxh3_64(&body);
    let mut bytes = checksum.to_le_bytes().to_vec();
    bytes.append(&mut body);
    for (number, entries) in (0..).zip(offsets.chunks(15)) {
        let mut block = Vec::with_capacity(64);
        entries.iter().for_each(|offset| block.extend_from_slice(&offset.to_le_bytes()));
        block.resize(60, 0);
        bytes.extend_from_slice(&block);
        bytes.extend_from_slice(&block_checksum(checksum, number, &block).to_le_bytes());
    }
    bytes
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
fn block_checksum(seed: u64, number: u64, entries: &[u8]) -> u32 {
    xxh3_64_with_seed(entries, seed.wrapping_add(number)) as u32
}

/// The offsets of a block, in units of 64 bytes; `None` if it does not check. `seed` is the header's checksum.
pub(crate) fn decode_block(seed: u64, number: u64, block: &[u8]) -> Option<[u32; 15]> {
    let block = block.first_chunk::<64>()?;
    let (entries, checksum) = block.split_first_chunk::<60>()?;
    let checks = block_checksum(seed, number, entries).to_le_bytes() == checksum;
    if !checks && !fault::on(Fault::TrustSidecar) {
        return None;
    }
    let mut offsets = [0; 15];
    for (offset, bytes) in offsets.iter_mut().zip(entries.chunks(4)) {
        *offset = u32::from_le_bytes(*bytes.first_chunk()?);
    }
    Some(offsets)
}

/// Reads a sidecar wholly: its header, and where each entry begins, in units of 64 bytes. The entrance for fuzzing, too.
///
/// # Errors
/// It is damaged, or of a newer format.
pub fn scan_sidecar_bytes(bytes: &[u8]) -> Result<(SidecarHeader, Vec<u32>), SidecarError> {
    let damaged = |offset, what| Err(SidecarError::Damaged { offset, what });
    let Some(header) = bytes.first_chunk::<128>() else { return damaged(0, "shorter than its header") };
    let number =
        |at: usize| header.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b));
    let checksum = number(0);
    let checks = header.get(8..).map(xxh3_64) == Some(checksum) || fault::on(Fault::TrustSidecar);
    if !checks || header.get(8..16) != Some(&MAGIC) {
        return damaged(0, "its header does not check");
    }
    let version = number(16) & u64::from(u32::MAX);
    if version > u64::from(FORMAT_VERSION) {
        return Err(SidecarError::TooNew { found: u32::try_from(version).unwrap_or(u32::MAX) });
    }
    let log = LogId(header.get(72..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default());
    let [first, last] = [24, 32].map(|at| LogIndex(number(at)));
    let (end, epoch, link, segment) = (number(40), Epoch(number(48)), number(56), number(88));
    let header = SidecarHeader { first, last, end, epoch, link, log, segment };
    if first.0 == 0 || last < first || last.0 == u64::MAX || number(64) != header.entries() {
        return damaged(24, "its numbers cannot be");
    }
    // The length first: nothing is allocated by what is not there.
    let blocks = bytes.get(128..).unwrap_or(&[]);
    let full = header.entries().div_ceil(BLOCK_ENTRIES).checked_mul(BLOCK_BYTES);
    if full != Some(blocks.len() as u64) {
        return damaged(bytes.len() as u64, "not as long as its header says");
    }
    let mut offsets = Vec::new();
    let mut left = header.entries();
    for (number, block) in (0..).zip(blocks.chunks(64)) {
        let Some(entries) = decode_block(checksum, number, block) else {
            return damaged(SIDECAR_HEADER_BYTES + number * BLOCK_BYTES, "a block does not check");
        };
        let here = left.min(BLOCK_ENTRIES);
        offsets.extend(entries.iter().take(usize::try_from(here).unwrap_or(0)));
        left -= here;
    }
    let mut least = SEGMENT_HEADER_BYTES / ALIGN_BYTES;
    for offset in offsets.iter().map(|offset| u64::from(*offset)).filter(|offset| *offset > 0) {
        if offset < least || offset * ALIGN_BYTES >= header.end {
            return damaged(SIDECAR_HEADER_BYTES, "entries lie where none can");
        }
        least = offset + 1;
    }
    Ok((header, offsets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sidecar(entries: u32) -> (SidecarHeader, Vec<u32>, Vec<u8>) {
        let offsets: Vec<u32> = (0..entries).map(|number| 64 + number * 3).collect();
        let header = SidecarHeader {
            first: LogIndex(100),
            last: LogIndex(99 + u64::from(entries)),
            end: u64::from(64 + entries * 3) * 64,
            epoch: Epoch(4),
            link: 77,
            log: LogId([7; 16]),
            segment: 5,
        };
        let bytes = encode_sidecar(&header, &offsets);
        (header, offsets, bytes)
    }

    #[test]
    fn it_reads_back_and_every_flipped_bit_is_found() {
        for entries in [1, 14, 15, 16, 30, 31] {
            let (header, offsets, bytes) = sidecar(entries);
            assert_eq!(bytes.len() as u64, sidecar_bytes(u64::from(entries)));
            assert_eq!(scan_sidecar_bytes(&bytes), Ok((header, offsets)));
            for bit in 0..bytes.len() * 8 {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(scan_sidecar_bytes(&bytes).is_err(), "bit {bit}");
            }
            for len in 0..bytes.len() {
                assert!(scan_sidecar_bytes(&bytes[..len]).is_err(), "cut to {len}");
            }
        }
    }

    #[test]
    fn a_newer_one_is_told_by_its_format() {
        let (_, _, mut bytes) = sidecar(3);
        bytes[16] = 2;
        let checksum = xxh3_64(&bytes[8..128]).to_le_bytes();
        bytes[..8].copy_from_slice(&checksum);
        assert_eq!(scan_sidecar_bytes(&bytes), Err(SidecarError::TooNew { found: 2 }));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), entries in 1u32..20, at in any::<prop::sample::Index>()) {
            let _ = scan_sidecar_bytes(&bytes);
            // Numbers that cannot be, behind a checksum that is right.
            let (_, _, mut sidecar) = sidecar(entries);
            let at = 16 + at.index(80);
            for (to, from) in sidecar[at..].iter_mut().zip(&bytes).take(8) {
                *to = *from;
            }
            let checksum = xxh3_64(&sidecar[8..128]).to_le_bytes();
            sidecar[..8].copy_from_slice(&checksum);
            let _ = scan_sidecar_bytes(&sidecar);
        }
    }
}
