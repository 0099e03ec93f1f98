//! Why body files could not be opened or read.

use evenkeel_types::BodyRef;
use std::{fmt, io, sync::Arc};

/// Why the shelf could not be opened. Nothing was changed, save that leftovers may be gone after [`ShelfError::Io`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum ShelfError {
    /// The disk failed.
    #[error("{doing} failed: {source}. Restart once the disk is healthy")]
    Io {
        /// What was being done, to which file.
        doing: String,
        /// The system's words.
        source: Arc<io::Error>,
    },
    /// Bytes that were once durable do not check any more. Jobs wait for bodies in this file: restore it from a copy.
    #[error("body file {file} is damaged at byte {offset}: {what}. Nothing was changed; restore this file from a copy")]
    Damaged {
        /// The file's name in the folder.
        file: String,
        /// Where in it.
        offset: u64,
        /// What was expected and found.
        what: String,
    },
    /// The file is of a format this version does not read.
    #[error("body file {file} has format {found}, this version reads up to {supported}; use a newer version")]
    TooNew {
        /// The file's name in the folder.
        file: String,
        /// The format found.
        found: u32,
        /// The newest that is understood.
        supported: u32,
    },
}

/// Why a body could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ShelfReadError {
    /// No body file has it, or none has it any more.
    #[error("the body at entry {}, offset {}, is in no body file", .0.index, .0.offset)]
    NotThere(BodyRef),
    /// It should be there, and its bytes or those of the table do not check.
    #[error("body file {file} is damaged at byte {offset}: {what}. Restore this file from a copy")]
    Damaged {
        /// The file's name in the folder.
        file: String,
        /// Where in it.
        offset: u64,
        /// What was expected and found.
        what: String,
    },
    /// The disk failed.
    #[error("{doing} failed: {source}")]
    Io {
        /// What was being done, to which file.
        doing: String,
        /// The system's words.
        source: Arc<io::Error>,
    },
}

/// A place where a file's bytes do not check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where in the file.
    pub offset: u64,
    /// What was expected and found.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.what)
    }
}

/// What may be wrong with one file, before it has a name.
#[derive(Debug)]
pub(crate) enum Flaw {
    Io(io::Error),
    Damaged(Damage),
    TooNew(u32),
}

/// Short for the most usual flaw.
pub(crate) fn damaged<T>(offset: u64, what: impl Into<String>) -> Result<T, Flaw> {
    Err(Flaw::Damaged(Damage { offset, what: what.into() }))
}

impl Flaw {
    pub(crate) fn opening(self, file: &str) -> ShelfError {
        match self {
            Self::Io(source) => io_error(format!("reading body file {file}"), source),
            Self::Damaged(Damage { offset, what }) => ShelfError::Damaged { file: file.to_owned(), offset, what },
            Self::TooNew(found) => {
                ShelfError::TooNew { file: file.to_owned(), found, supported: crate::FORMAT_VERSION }
            }
        }
    }

    pub(crate) fn reading(self, file: &str) -> ShelfReadError {
        match self {
            Self::Io(source) => {
                ShelfReadError::Io { doing: format!("reading body file {file}"), source: Arc::new(source) }
            }
            Self::Damaged(Damage { offset, what }) => ShelfReadError::Damaged { file: file.to_owned(), offset, what },
            Self::TooNew(found) => ShelfReadError::Damaged {
                file: file.to_owned(),
                offset: 16,
                what: format!("its format became {found}"),
            },
        }
    }

    /// For a writer that reads back what it wrote.
    pub(crate) fn proving(self, file: &str) -> io::Error {
        match self {
            Self::Io(source) => source,
            flaw => io::Error::new(
                io::ErrorKind::InvalidData,
                format!("body file {file} does not read back as written ({flaw:?}); check the disk"),
            ),
        }
    }
}

pub(crate) fn io_error(doing: String, source: io::Error) -> ShelfError {
    ShelfError::Io { doing, source: Arc::new(source) }
}

/// The caller broke a rule of this room; nothing was written.
pub(crate) fn misuse(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what.into())
}
