//! Why an engine stopped for good, and what may help.

use crate::skips::Skipped;
use evenkeel_log::LogError;
use evenkeel_machine::ApplyError;
use evenkeel_types::LogIndex;

/// Why the engine stopped for good.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fatal {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An entry of the log cannot be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Jobs live whose bodies are nowhere.
    #[error(
        "the bodies of {count} jobs are missing, the first in entry {first}: a file of the log or a body file is lost. \
         `evenkeel check` tells which"
    )]
    BodiesMissing {
        /// How many.
        count: u64,
        /// The lowest index of an entry that had one.
        first: LogIndex,
    },
    /// The log says that an entry is passed over. That is to be written down ([`crate::note_skip`]), and then the engine starts again.
    #[error("entry {} says that entry {} is passed over: start again", .0.by, .0.entry)]
    Skip(Skipped),
    /// A snapshot was installed below the engine; this version cannot load one while it runs.
    #[error("a snapshot at {0} replaced the log; start again to load it")]
    Snapshot(LogIndex),
}

impl Fatal {
    /// Whether files are not what was written, so that only a copy of them helps.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Log(error) => matches!(error, LogError::Damaged { .. }),
            Self::BodiesMissing { .. } => true,
            Self::Apply(_) | Self::Skip(_) | Self::Snapshot(_) => false,
        }
    }
}
