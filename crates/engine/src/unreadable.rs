//! Why a body could not be read, and whether that says anything of what is on the disk.

use evenkeel_bodies::ShelfReadError;
use evenkeel_disk::is_passing;
use evenkeel_log::{LogError, ReadError};
use std::io;

/// Why a body could not be read, in words, with the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is nowhere, it is not what was written, or the disk does not give it back. It will not come back by itself.
    #[error("{0}")]
    Damaged(String),
    /// The process lacked something (descriptors, memory). Nothing is known of the body; it is to be read again later.
    #[error("{0} (for now; nothing says that the file is damaged)")]
    ForNow(String),
}

impl Unreadable {
    /// Whether what is on the disk cannot be trusted.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }

    fn of(source: &io::Error, words: String) -> Self {
        if is_passing(source) { Self::ForNow(words) } else { Self::Damaged(words) }
    }
}

impl From<ReadError> for Unreadable {
    fn from(error: ReadError) -> Self {
        let words = match &error {
            // Its own words are for a write that failed, after which the log ends. It goes on after this.
            ReadError::Log(LogError::Io { doing, source }) => {
                return Self::of(source, format!("{doing} failed: {source}"));
            }
            _ => error.to_string(),
        };
        Self::Damaged(words)
    }
}

impl From<ShelfReadError> for Unreadable {
    fn from(error: ShelfReadError) -> Self {
        let words = error.to_string();
        match error {
            ShelfReadError::Io { source, .. } => Self::of(&source, words),
            ShelfReadError::NotThere(_) | ShelfReadError::Damaged { .. } => Self::Damaged(words),
        }
    }
}
