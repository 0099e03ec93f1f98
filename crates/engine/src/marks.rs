//! What the digest of the state was at which entry: by this, replicas see whether they hold the same.
//!
//! Every [`EVERY`]th entry leaves a mark on every node, so that two nodes have marks of the same entries although one is behind; and the
//! newest entry of a step leaves one, so that nodes that are idle compare all that they have.

use evenkeel_types::LogIndex;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Entries from one mark to the next.
pub(crate) const EVERY: u64 = 64;

/// Marks that are kept: more than a second's worth of entries at the highest rate that was measured.
const KEPT: usize = 256;

/// The digest of the state after an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The entry.
    pub index: LogIndex,
    /// What [`evenkeel_machine::Machine::digest`] was.
    pub digest: u64,
}

/// The marks that an engine left last.
#[derive(Debug, Default)]
pub struct Marks(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    kept: VecDeque<Mark>,
    newest: Option<Mark>,
}

impl Marks {
    /// All that there are, by index.
    #[must_use]
    pub fn all(&self) -> Vec<Mark> {
        let inner = self.inner();
        let last = inner.kept.back().map(|mark| mark.index);
        inner.kept.iter().copied().chain(inner.newest.filter(|newest| Some(newest.index) > last)).collect()
    }

    /// Whether that entry leaves a mark that is kept.
    pub(crate) fn is_due(index: LogIndex) -> bool {
        index.0.is_multiple_of(EVERY)
    }

    pub(crate) fn keep(&self, mark: Mark) {
        let mut inner = self.inner();
        if inner.kept.len() == KEPT {
            inner.kept.pop_front();
        }
        inner.kept.push_back(mark);
    }

    pub(crate) fn newest(&self, mark: Mark) {
        self.inner().newest = Some(mark);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_marks_are_kept_in_order() {
        let marks = Marks::default();
        let mark = |index| Mark { index: LogIndex(index), digest: index * 7 };
        assert_eq!(marks.all(), []);
        marks.newest(mark(3));
        assert_eq!(marks.all(), [mark(3)]);
        for number in 1..=KEPT as u64 + 2 {
            marks.keep(mark(number * EVERY));
        }
        // It was of an entry before them.
        assert_eq!(marks.all().first(), Some(&mark(3 * EVERY)));
        assert_eq!(marks.all().len(), KEPT);
        marks.newest(mark(1_000_000));
        assert_eq!(marks.all().last(), Some(&mark(1_000_000)));
        assert!(Marks::is_due(LogIndex(128)) && !Marks::is_due(LogIndex(127)));
    }
}
