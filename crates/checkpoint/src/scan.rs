//! Bytes of unknown origin, read as a run or a manifest: for fuzzing and offline tools.

use crate::{
    LoadError,
    format::{Bad, manifest::Manifest},
    run::reader::Slice,
    store::prove,
};
use evenkeel_types::LogIndex;

/// What a run holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScannedRun {
    /// Its blocks.
    pub blocks: u64,
    /// Its records.
    pub records: u64,
}

/// What a manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScannedManifest {
    /// The index whose state it is.
    pub index: LogIndex,
    /// How many runs it names.
    pub runs: usize,
    /// Bytes of its meta.
    pub meta_bytes: usize,
}

/// Reads bytes as a run, to the end.
///
/// # Errors
/// What is wrong with them; damage is not a panic.
pub fn scan_run_bytes(bytes: &[u8]) -> Result<ScannedRun, LoadError> {
    let info = prove(Slice(bytes), "run", None, &mut |_| {})?;
    Ok(ScannedRun { blocks: info.blocks, records: info.records })
}

/// Reads bytes as a manifest.
///
/// # Errors
/// What is wrong with them; damage is not a panic.
pub fn scan_manifest_bytes(bytes: &[u8]) -> Result<ScannedManifest, LoadError> {
    match Manifest::decode(bytes) {
        Ok(Manifest { index, meta, runs }) => Ok(ScannedManifest { index, runs: runs.len(), meta_bytes: meta.len() }),
        Err(Bad::Damaged(what)) => Err(LoadError::damaged("manifest", 0, what)),
        Err(Bad::TooNew(version)) => Err(LoadError::TooNew { file: "manifest".to_owned(), version }),
    }
}
