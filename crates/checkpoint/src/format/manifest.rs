//! The bytes of a manifest: which runs make up the state at an index.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 16 | XXH3-128 of the rest of the file |
//! | 16 | 8 | `EVKCKPT` and a zero byte |
//! | 24 | 4 | format version: 1 |
//! | 28 | 4 | runs |
//! | 32 | 8 | bytes of the file |
//! | 40 | 8 | index of the last entry applied |
//! | 48 | 8 | bytes of the meta |
//! | 56 | 56 each | the runs, oldest first: number, seed, bytes of the file, blocks, records (`u64` each), and the checksum of the blocks' checksums (16) |
//! | then | n | the meta |

use super::{Bad, FORMAT_VERSION, RunInfo, check_version, put, u32_at, u64_at, u128_at};
use crate::{
    fault::{self, Fault},
    limits::{META_BYTES_MAX, RUNS_MAX},
};
use evenkeel_types::LogIndex;
use xxhash_rust::xxh3::xxh3_128;

const MAGIC: [u8; 8] = *b"EVKCKPT\0";
const HEAD_BYTES: usize = 56;
const RUN_BYTES: usize = 56;
/// The longest manifest there can be.
pub(crate) const MANIFEST_BYTES_MAX: usize = HEAD_BYTES + RUNS_MAX * RUN_BYTES + META_BYTES_MAX;

/// A checkpoint: the state at an index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) index: LogIndex,
    pub(crate) meta: Vec<u8>,
    /// Oldest first; the newest that has a record for a slot wins.
    pub(crate) runs: Vec<RunInfo>,
}

impl Manifest {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let len = HEAD_BYTES + self.runs.len() * RUN_BYTES + self.meta.len();
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(self.runs.len()).unwrap_or(u32::MAX).to_le_bytes());
        for number in [len as u64, self.index.0, self.meta.len() as u64] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for run in &self.runs {
            for number in [run.number, run.seed, run.bytes, run.blocks, run.records] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(&run.checksum.to_le_bytes());
        }
        bytes.extend_from_slice(&self.meta);
        let checksum = xxh3_128(bytes.get(16..).unwrap_or(&[]));
        put(&mut bytes, 0, &checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Bad> {
        const CUT: Bad = Bad::Damaged("the manifest is cut");
        if bytes.len() < HEAD_BYTES {
            return Err(CUT);
        }
        let checks = u128_at(bytes, 0) == Some(xxh3_128(bytes.get(16..).unwrap_or(&[])));
        if !checks && !fault::on(Fault::SkipManifestChecksum) {
            return Err(Bad::Damaged("the manifest does not check"));
        }
        if bytes.get(16..24) != Some(&MAGIC) {
            return Err(Bad::Damaged("this is no manifest"));
        }
        check_version(u32_at(bytes, 24))?;
        let runs = u32_at(bytes, 28).and_then(|runs| usize::try_from(runs).ok()).ok_or(CUT)?;
        let meta = u64_at(bytes, 48).and_then(|meta| usize::try_from(meta).ok()).ok_or(CUT)?;
        if runs > RUNS_MAX || meta > META_BYTES_MAX {
            return Err(Bad::Damaged("the manifest names too much"));
        }
        let meta_at = HEAD_BYTES + runs * RUN_BYTES;
        if bytes.len() != meta_at + meta || u64_at(bytes, 32) != Some(bytes.len() as u64) {
            return Err(Bad::Damaged("the manifest has another length"));
        }
        let entries = bytes.get(HEAD_BYTES..meta_at).ok_or(CUT)?;
        Ok(Self {
            index: LogIndex(u64_at(bytes, 40).ok_or(CUT)?),
            meta: bytes.get(meta_at..).ok_or(CUT)?.to_vec(),
            runs: entries.chunks_exact(RUN_BYTES).map(decode_run).collect::<Option<_>>().ok_or(CUT)?,
        })
    }
}

fn decode_run(bytes: &[u8]) -> Option<RunInfo> {
    Some(RunInfo {
        number: u64_at(bytes, 0)?,
        seed: u64_at(bytes, 8)?,
        bytes: u64_at(bytes, 16)?,
        blocks: u64_at(bytes, 24)?,
        records: u64_at(bytes, 32)?,
        checksum: u128_at(bytes, 40)?,
    })
}
