//! Checkpoints in their plain form: the whole state at an index, in one file.
//!
//! ```text
//!  0  8   "EVKLCKPT"
//!  8  u32 format, 1
//! 12  u32 zero
//! 16  u64 index
//! 24  u64 bytes of the state
//! 32  16  XXH3-128 of the bytes 0 to 32 and the state
//! 48  ... the state
//! ```
//!
//! A file is written under another name, synced, renamed, and the folder synced; only then does the log let go
//! of anything. The one before is kept until the next has been proven in the same way, and the log with
//! it, so that a checkpoint that turns out damaged costs time and no data.

use crate::{
    fault::{self, Fault},
    limits,
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_machine::Machine;
use evenkeel_types::LogIndex;
use std::{
    io,
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::Xxh3;

const MAGIC: &[u8; 8] = b"EVKLCKPT";
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 48;
const CHECKED_BYTES: usize = 32;
const SUFFIX: &str = ".ckpt";
/// Bytes written per call, so that one checkpoint is not one huge write.
const CHUNK_BYTES: usize = 1_048_576;

/// Why no checkpoint could be loaded although there are some.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The folder could not be read.
    #[error("reading the checkpoints in {folder}: {source}")]
    Io {
        /// Which.
        folder: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// None of them checks.
    #[error("no checkpoint in {folder} can be used: {}", damaged.join("; "))]
    AllDamaged {
        /// Where they are.
        folder: PathBuf,
        /// Each with its reason.
        damaged: Vec<String>,
    },
}

/// What was found at start.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The state of the newest checkpoint that checks, else the empty state.
    pub machine: Machine,
    /// Newer ones that do not, each with its reason.
    pub damaged: Vec<String>,
    /// The indexes of all that are there, the oldest first.
    kept: Vec<LogIndex>,
}

/// Where checkpoints are.
#[derive(Clone, Debug)]
pub struct Checkpoints<D> {
    disk: D,
    folder: PathBuf,
    kept: Vec<LogIndex>,
}

impl<D: Disk> Checkpoints<D> {
    /// Opens the folder, making it if needed, and loads the newest checkpoint that checks.
    ///
    /// # Errors
    /// The disk fails, or there are checkpoints and none can be used.
    pub fn open(disk: D, folder: &Path) -> Result<(Self, Loaded), CheckpointError> {
        let io = |source| CheckpointError::Io { folder: folder.into(), source };
        disk.create_dir_all(folder).map_err(io)?;
        let mut loaded = Loaded::default();
        let mut found = false;
        for name in disk.list(folder).map_err(io)?.iter().rev() {
            let Some(index) = index_of(name) else { continue };
            loaded.kept.insert(0, index);
            if found {
                continue;
            }
            match load(&disk, &folder.join(name), index) {
                Ok(machine) => {
                    loaded.machine = machine;
                    found = true;
                }
                Err(reason) => loaded.damaged.push(format!("{name}: {reason}")),
            }
        }
        if !found && !loaded.damaged.is_empty() {
            return Err(CheckpointError::AllDamaged { folder: folder.into(), damaged: loaded.damaged });
        }
        // What does not check must not count as proven.
        loaded.kept.retain(|&index| index <= loaded.machine.applied());
        let kept = loaded.kept.clone();
        Ok((Self { disk, folder: folder.into(), kept }, loaded))
    }

    /// The oldest checkpoint that could be started from: the log above it must be kept.
    #[must_use]
    pub fn oldest(&self) -> LogIndex {
        self.kept.first().copied().unwrap_or_default()
    }

    /// Writes a checkpoint and removes those that it makes needless.
    ///
    /// # Errors
    /// The disk failed. The checkpoints before still hold; it is safe to try again later.
    pub fn write(&mut self, index: LogIndex, state: &[u8]) -> io::Result<()> {
        let unfinished = self.folder.join("unfinished");
        if self.disk.list(&self.folder)?.iter().any(|name| name == "unfinished") {
            self.disk.remove(&unfinished)?;
        }
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&FORMAT.to_le_bytes());
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&index.0.to_le_bytes());
        header.extend_from_slice(&(state.len() as u64).to_le_bytes());
        let checksum = checksum(&header, state);
        header.extend_from_slice(&checksum);

        let file = self.disk.open(&unfinished, OpenMode::CreateNew)?;
        file.write_all_at(&header, 0)?;
        let mut at = HEADER_BYTES as u64;
        for chunk in state.chunks(CHUNK_BYTES) {
            file.write_all_at(chunk, at)?;
            at += chunk.len() as u64;
        }
        if !fault::is(Fault::SkipCheckpointSync) {
            file.sync()?;
        }
        self.disk.rename(&unfinished, &self.folder.join(name_of(index)))?;
        self.disk.sync_dir(&self.folder)?;

        self.kept.retain(|&kept| kept != index);
        self.kept.push(index);
        while self.kept.len() > limits::CHECKPOINTS_KEPT {
            let needless = self.kept.remove(0);
            self.disk.remove(&self.folder.join(name_of(needless)))?;
        }
        self.disk.sync_dir(&self.folder)
    }
}

fn name_of(index: LogIndex) -> String {
    format!("{:016x}{SUFFIX}", index.0)
}

fn index_of(name: &str) -> Option<LogIndex> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == 16).then_some(())?;
    u64::from_str_radix(digits, 16).ok().map(LogIndex)
}

fn checksum(header: &[u8], state: &[u8]) -> [u8; 16] {
    let mut hasher = Xxh3::new();
    hasher.update(header);
    hasher.update(state);
    hasher.digest128().to_le_bytes()
}

fn load<D: Disk>(disk: &D, path: &Path, index: LogIndex) -> Result<Machine, String> {
    let words = |error: io::Error| error.to_string();
    let file = disk.open(path, OpenMode::Read).map_err(words)?;
    let length = file.len().map_err(words)?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0).map_err(words)?;
    let (checked, stored) = header.split_at(CHECKED_BYTES);
    let field = |at: usize| -> [u8; 8] {
        checked.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).expect("the header has 32 bytes")
    };
    let format = u64::from_le_bytes(field(8));
    if &field(0) != MAGIC || format != u64::from(FORMAT) {
        return Err("not a checkpoint of format 1".into());
    }
    let bytes = u64::from_le_bytes(field(24));
    if bytes.checked_add(HEADER_BYTES as u64) != Some(length) {
        return Err(format!("it has {length} bytes, its header says {bytes} and {HEADER_BYTES}"));
    }
    let mut state = vec![0; usize::try_from(bytes).map_err(|error| error.to_string())?];
    file.read_exact_at(&mut state, HEADER_BYTES as u64).map_err(words)?;
    if checksum(checked, &state) != stored {
        return Err("its checksum is another".into());
    }
    let machine = Machine::decode(&state).map_err(|error| error.to_string())?;
    if machine.applied() != index || u64::from_le_bytes(field(16)) != index.0 {
        return Err(format!("it holds the state at {}, not at {index}", machine.applied()));
    }
    Ok(machine)
}
