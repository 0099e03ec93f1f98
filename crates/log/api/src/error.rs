//! Why a log refused, failed or could not read.

use evenkeel_types::LogIndex;
use std::sync::Arc;

/// The log can go on no longer; only a restart, which reads everything back, may help.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// A write or sync failed. Nothing since the last good sync may be trusted.
    #[error("{doing} failed: {source}. The log stops here; restart once the disk is healthy")]
    Io {
        /// What was being done, to which file.
        doing: String,
        /// The system's words.
        source: Arc<std::io::Error>,
    },
    /// Bytes that were once durable do not check any more.
    #[error("{file} is damaged at byte {offset}: {what}. Nothing was changed")]
    Damaged {
        /// The file's name in the data folder.
        file: String,
        /// Where in it.
        offset: u64,
        /// What was expected and found.
        what: String,
    },
    /// The files are of a format this version does not read.
    #[error("{file} has format {found}, this version reads up to {supported}; use a newer version")]
    TooNew {
        /// The file's name in the data folder.
        file: String,
        /// The format found.
        found: u32,
        /// The newest that is understood.
        supported: u32,
    },
    /// Another process owns the folder.
    #[error("the data folder is in use by another process")]
    Locked,
    /// The caller asked for what the log's state does not allow.
    #[error("{0}")]
    Misuse(&'static str),
}

/// Why a proposal was not accepted. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This node does not own the log.
    #[error("not the owner of the log")]
    NotOwner,
    /// An empty batch is a fence, and only the log itself writes those.
    #[error("an empty batch cannot be proposed")]
    Empty,
    /// Larger than `ENTRY_BYTES_MAX`.
    #[error("a batch of {bytes} bytes is larger than an entry can be")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The disk is full. Nothing is wrong with the log; retry once there is room.
    #[error("no room is left for the log")]
    Full,
    /// The log has failed before.
    #[error("the log has failed")]
    Failed,
}

/// Why an entry could not be read back.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// It was released, and is gone.
    #[error("entry {0} was released and is gone")]
    Trimmed(LogIndex),
    /// It is not committed (yet).
    #[error("entry {0} is not in the log")]
    NotThere(LogIndex),
    /// It is there, but damaged or unreadable.
    #[error(transparent)]
    Log(#[from] LogError),
}
