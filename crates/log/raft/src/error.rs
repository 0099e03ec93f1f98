//! Short ways to name what failed.

use evenkeel_log::LogError;
use std::{io, sync::Arc};

pub(crate) trait Doing<T> {
    /// Names what was being done, for the reader of the error.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, LogError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, LogError> {
        self.map_err(|source| LogError::Io { doing: what(), source: Arc::new(source) })
    }
}

pub(crate) fn damaged(file: &str, offset: u64, what: impl Into<String>) -> LogError {
    LogError::Damaged { file: file.to_owned(), offset, what: what.into() }
}
