//! What can go wrong, and what the caller can do.

use evenkeel_types::LogIndex;
use std::io;

/// Why a folder of checkpoints could not be opened. Nothing was changed that matters.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The folder or a manifest could not be read, or a leftover not be removed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A newer version wrote this file; start that version, or restore a backup made by this one.
    #[error("{file} has format {version}, this version reads up to 1: start the newer version again")]
    TooNew {
        /// Its name in the folder.
        file: String,
        /// Its format.
        version: u32,
    },
}

/// Why a checkpoint could not be read. The sink may have got a part of it and is to be thrown away.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No such checkpoint is kept.
    #[error("no checkpoint at {0} is kept")]
    Unknown(LogIndex),
    /// The bytes are not those that were written; take the checkpoint before.
    #[error("{file} is damaged at byte {offset}: {what}")]
    Damaged {
        /// Its name in the folder.
        file: String,
        /// Where the first bad piece begins.
        offset: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The disk would not read; it may later.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The sink refused what it was given, although every checksum is right.
    #[error("the checkpoint's records are refused: {0}")]
    Refused(String),
    /// A newer version wrote this file.
    #[error("{file} has format {version}, this version reads up to 1: start the newer version again")]
    TooNew {
        /// Its name in the folder.
        file: String,
        /// Its format.
        version: u32,
    },
}

impl LoadError {
    pub(crate) fn damaged(file: &str, offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), offset, what: what.into() }
    }

    pub(crate) fn reading(file: &str, source: io::Error) -> Self {
        Self::Io { doing: format!("reading {file}"), source }
    }

    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::TooNew { .. })
    }
}

impl From<LoadError> for io::Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Io { doing, source } => Self::new(source.kind(), format!("{doing}: {source}")),
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}

/// The caller did something out of turn.
pub(crate) fn misuse(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Whether the disk (or the quota) is full, which passes, unlike any other error.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
