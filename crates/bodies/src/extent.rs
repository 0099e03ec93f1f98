//! What one body file covers.

use evenkeel_types::LogIndex;

/// One body file: the range of log indices it stands for, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first index of the range.
    pub first: LogIndex,
    /// The last index of the range; it belongs to it.
    pub last: LogIndex,
    /// Bytes on disk: the length of the file.
    pub bytes: u64,
    /// How many bodies lie in it, living or dead.
    pub bodies: u64,
}

/// A range of indices with both its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: LogIndex,
    pub(crate) last: LogIndex,
}

impl Range {
    pub(crate) fn holds(self, index: LogIndex) -> bool {
        self.first <= index && index <= self.last
    }

    pub(crate) fn holds_all_of(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}
