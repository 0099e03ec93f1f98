//! The bytes of a run's header, blocks and footer. `docs/format.md`, "A checkpoint", is the same in prose.
//!
//! All numbers are little-endian. A run is a header, blocks, a footer, and nothing between or after.
//!
//! # Header, 512 bytes
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | XXH3-64 of bytes 8..512 |
//! | 8 | 8 | `EVKCRUN` and a zero byte |
//! | 16 | 4 | format version: 1 |
//! | 20 | 4 | 0 |
//! | 24 | 8 | seed of the checksums in this run |
//! | 32 | 480 | 0 |
//!
//! # Block
//! Holds records of one section, in ascending order of slots.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | XXH3-64 of the rest of the block, seeded |
//! | 8 | 4 | bytes of the block, with these |
//! | 12 | 4 | number of the block in its run, from 0 |
//! | 16 | 4 | records, at least 1 |
//! | 20 | 4 | slot of the first |
//! | 24 | 1 | section |
//! | 25 | 7 | 0 |
//! | 32 | n | the records: how many slots were passed over (0 for the first) and how many bytes it has, each as a varint; then those bytes |
//!
//! A varint is a `u32` in groups of 7 bits, the lowest first, bit 7 set in all bytes but the last.
//!
//! # Footer, 64 bytes
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | XXH3-64 of bytes 8..64, seeded |
//! | 8 | 8 | `EVKCEND` and a zero byte |
//! | 16 | 8 | bytes of the file |
//! | 24 | 8 | blocks |
//! | 32 | 8 | records |
//! | 40 | 16 | XXH3-128 of the blocks' checksums, one behind the other, seeded |
//! | 56 | 8 | 0 |
//!
//! Nothing here does I/O, panics or allocates by what the bytes say.

pub(crate) mod manifest;

use xxhash_rust::xxh3::{Xxh3, Xxh3Builder, xxh3_64, xxh3_64_with_seed};

/// The format that this version writes, and the newest it reads.
pub const FORMAT_VERSION: u32 = 1;

pub(crate) const HEADER_BYTES: usize = 512;
pub(crate) const BLOCK_HEADER_BYTES: usize = 32;
pub(crate) const FOOTER_BYTES: usize = 64;
const RUN_MAGIC: [u8; 8] = *b"EVKCRUN\0";
const FOOTER_MAGIC: [u8; 8] = *b"EVKCEND\0";

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    Damaged(&'static str),
    TooNew(u32),
}

/// What is known of a run: all that a manifest says of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunInfo {
    /// Its file's name.
    pub(crate) number: u64,
    /// The seed of its checksums.
    pub(crate) seed: u64,
    /// The length of its file.
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
    pub(crate) records: u64,
    /// XXH3-128 of its blocks' checksums.
    pub(crate) checksum: u128,
}

/// The running checksum of the blocks' checksums.
pub(crate) fn sum_of_blocks(seed: u64) -> Xxh3 {
    Xxh3Builder::new().with_seed(seed).build()
}

pub(crate) fn encode_header(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes.extend_from_slice(&RUN_MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&seed.to_le_bytes());
    bytes.resize(HEADER_BYTES, 0);
    let checksum = xxh3_64(bytes.get(8..).unwrap_or(&[]));
    put(&mut bytes, 0, &checksum.to_le_bytes());
    bytes
}

/// The seed.
pub(crate) fn decode_header(bytes: &[u8; HEADER_BYTES]) -> Result<u64, Bad> {
    if u64_at(bytes, 0) != Some(xxh3_64(bytes.get(8..).unwrap_or(&[]))) {
        return Err(Bad::Damaged("the header does not check"));
    }
    if bytes.get(8..16) != Some(&RUN_MAGIC) {
        return Err(Bad::Damaged("this is no run"));
    }
    check_version(u32_at(bytes, 16))?;
    u64_at(bytes, 24).ok_or(Bad::Damaged("the header is cut"))
}

pub(crate) fn encode_footer(info: &RunInfo) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes.extend_from_slice(&FOOTER_MAGIC);
    bytes.extend_from_slice(&info.bytes.to_le_bytes());
    bytes.extend_from_slice(&info.blocks.to_le_bytes());
    bytes.extend_from_slice(&info.records.to_le_bytes());
    bytes.extend_from_slice(&info.checksum.to_le_bytes());
    bytes.resize(FOOTER_BYTES, 0);
    let checksum = xxh3_64_with_seed(bytes.get(8..).unwrap_or(&[]), info.seed);
    put(&mut bytes, 0, &checksum.to_le_bytes());
    bytes
}

pub(crate) fn decode_footer(bytes: &[u8; FOOTER_BYTES], seed: u64) -> Result<RunInfo, Bad> {
    if u64_at(bytes, 0) != Some(xxh3_64_with_seed(bytes.get(8..).unwrap_or(&[]), seed)) {
        return Err(Bad::Damaged("the footer does not check"));
    }
    let decoded = || {
        Some(RunInfo {
            number: 0,
            seed,
            bytes: u64_at(bytes, 16)?,
            blocks: u64_at(bytes, 24)?,
            records: u64_at(bytes, 32)?,
            checksum: u128_at(bytes, 40)?,
        })
    };
    match decoded() {
        Some(info) if bytes.get(8..16) == Some(&FOOTER_MAGIC) => Ok(info),
        _ => Err(Bad::Damaged("this is no footer")),
    }
}

/// A block's header, without its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) bytes: u32,
    pub(crate) number: u32,
    pub(crate) records: u32,
    pub(crate) slot: u32,
    pub(crate) section: u8,
}

impl BlockHeader {
    /// Fills the first 32 bytes of a block whose rest is there. Returns the block's checksum.
    pub(crate) fn put(&self, block: &mut [u8], seed: u64) -> u64 {
        put(block, 8, &self.bytes.to_le_bytes());
        put(block, 12, &self.number.to_le_bytes());
        put(block, 16, &self.records.to_le_bytes());
        put(block, 20, &self.slot.to_le_bytes());
        put(block, 24, &[self.section, 0, 0, 0, 0, 0, 0, 0]);
        let checksum = block_checksum(block, seed);
        put(block, 0, &checksum.to_le_bytes());
        checksum
    }

    pub(crate) fn read(block: &[u8]) -> Option<Self> {
        Some(Self {
            bytes: u32_at(block, 8)?,
            number: u32_at(block, 12)?,
            records: u32_at(block, 16)?,
            slot: u32_at(block, 20)?,
            section: *block.get(24)?,
        })
    }
}

/// What a block's checksum should be.
pub(crate) fn block_checksum(block: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(block.get(8..).unwrap_or(&[]), seed)
}

/// Writes a varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7F);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Reads a varint: the value and how many bytes it took.
pub(crate) fn varint(bytes: &[u8]) -> Option<(u32, usize)> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, at + 1));
        }
    }
    None
}

fn check_version(version: Option<u32>) -> Result<(), Bad> {
    match version {
        Some(FORMAT_VERSION) => Ok(()),
        Some(0) | None => Err(Bad::Damaged("it has no format version")),
        Some(newer) => Err(Bad::TooNew(newer)),
    }
}

pub(crate) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    for (to, from) in bytes.iter_mut().skip(at).zip(value) {
        *to = *from;
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

pub(crate) fn u128_at(bytes: &[u8], at: usize) -> Option<u128> {
    bytes.get(at..)?.first_chunk().map(|bytes| u128::from_le_bytes(*bytes))
}
