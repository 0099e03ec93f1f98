//! What a truncation or a reset sets out to do, written down before it begins.
//!
//! Both remove entries that were durable, in several steps. A power cut between them would leave what looks like
//! damage. So the intent comes first, synced, and whoever opens the log finishes it. The file is written
//! beside and renamed, so it is never torn.
//!
//! A full disk must not refuse it: a truncation is how a node that was deposed takes back what it wrote last, and it cannot go on
//! before. So a log that is truncated keeps a file of that length ([`keep_room`]). It is written over in place, synced, and takes the intent's
//! name; when the intent is done it takes its own again. What is in it under its own name is nothing to anybody.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | XXH3-64 of bytes 8..56 |
//! | 8 | 8 | `EVKLINT` and a zero |
//! | 16 | 4 | format version |
//! | 20 | 4 | 1 truncate, 2 reset |
//! | 24 | 8 | the last index that stays |
//! | 32 | 8 | reset: the epoch of that index |
//! | 40 | 16 | id of the log |

use crate::{
    error::{Doing, damaged, is_full},
    format::{FORMAT_VERSION, LogId},
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log::LogError;
use evenkeel_types::{Epoch, LogIndex};
use std::{io, path::Path};
use xxhash_rust::xxh3::xxh3_64;

pub(crate) const INTENT_NAME: &str = "intent";
pub(crate) const INTENT_TEMPORARY_NAME: &str = "intent.new";
/// The room for the next one.
pub(crate) const INTENT_SPARE_NAME: &str = "intent.spare";
const BYTES: usize = 56;
const MAGIC: [u8; 8] = *b"EVKLINT\0";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Truncate { after: LogIndex },
    Reset { at: LogIndex, epoch: Epoch },
}

impl Intent {
    fn encode(self, log: LogId) -> Vec<u8> {
        let (what, index, epoch) = match self {
            Self::Truncate { after } => (1u32, after, Epoch(0)),
            Self::Reset { at, epoch } => (2, at, epoch),
        };
        let mut body = MAGIC.to_vec();
        body.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        body.extend_from_slice(&what.to_le_bytes());
        body.extend_from_slice(&index.0.to_le_bytes());
        body.extend_from_slice(&epoch.0.to_le_bytes());
        body.extend_from_slice(&log.0);
        let mut bytes = xxh3_64(&body).to_le_bytes().to_vec();
        bytes.append(&mut body);
        bytes
    }

    fn decode(bytes: &[u8; BYTES], log: LogId) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let what = u32::from_le_bytes(*bytes.get(20..)?.first_chunk()?);
        let (after, epoch) = (LogIndex(number(24)?), Epoch(number(32)?));
        let intent = match what {
            1 => Self::Truncate { after },
            2 => Self::Reset { at: after, epoch },
            _ => return None,
        };
        // Whatever differs in any byte was not written by this version for this log.
        (intent.encode(log) == bytes).then_some(intent)
    }

    pub(crate) fn write<D: Disk>(self, disk: &D, dir: &Path, log: LogId) -> Result<(), LogError> {
        let write = || {
            let spare = dir.join(INTENT_SPARE_NAME);
            let (file, beside) = match disk.open(&spare, OpenMode::ReadWrite) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let temporary = dir.join(INTENT_TEMPORARY_NAME);
                    (disk.open(&temporary, OpenMode::CreateNew)?, temporary)
                }
                file => (file?, spare),
            };
            file.write_all_at(&self.encode(log), 0)?;
            file.sync()?;
            disk.rename(&beside, &dir.join(INTENT_NAME))?;
            disk.sync_dir(dir)
        };
        write().doing(|| format!("writing down the intent {self:?}"))
    }

    pub(crate) fn read<D: Disk>(disk: &D, dir: &Path, log: LogId) -> Result<Self, LogError> {
        let mut bytes = [0; BYTES];
        let mut read = || {
            let file = disk.open(&dir.join(INTENT_NAME), OpenMode::Read)?;
            if file.len()? != BYTES as u64 {
                return Ok(());
            }
            file.read_exact_at(&mut bytes, 0)
        };
        read().doing(|| "reading the file intent".into())?;
        Self::decode(&bytes, log).ok_or_else(|| damaged(INTENT_NAME, 0, "it does not check"))
    }
}

/// Sees to it that the next intent finds room on a full disk. `false` if there is none for that now.
pub(crate) fn keep_room<D: Disk>(disk: &D, dir: &Path) -> Result<bool, LogError> {
    let (path, temporary) = (dir.join(INTENT_SPARE_NAME), dir.join(INTENT_TEMPORARY_NAME));
    let is_there = || match disk.open(&path, OpenMode::Read) {
        // One of another length was cut or grew by damage, and would make an intent that does not check.
        Ok(file) => file.len().map(|len| len == BYTES as u64),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    };
    if is_there().doing(|| format!("looking at {INTENT_SPARE_NAME}"))? {
        return Ok(true);
    }
    let make = || {
        let file = disk.open(&temporary, OpenMode::CreateNew)?;
        file.write_all_at(&[0; BYTES], 0)?;
        file.sync()?;
        // Over one of another length.
        disk.rename(&temporary, &path)?;
        disk.sync_dir(dir)
    };
    match make() {
        Err(error) if is_full(&error) => match disk.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).doing(|| format!("removing the leftover {INTENT_TEMPORARY_NAME}"))
            }
            _ => Ok(false),
        },
        made => made.map(|()| true).doing(|| format!("making {INTENT_SPARE_NAME}")),
    }
}

/// The intent is done, durably. Its room stays, for the next.
pub(crate) fn forget<D: Disk>(disk: &D, dir: &Path) -> Result<(), LogError> {
    let renamed = disk.rename(&dir.join(INTENT_NAME), &dir.join(INTENT_SPARE_NAME));
    renamed.and_then(|()| disk.sync_dir(dir)).doing(|| "removing the intent that is done".into())
}
