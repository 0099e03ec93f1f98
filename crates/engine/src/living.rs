//! Where living bodies lie: how many and how much in each file that the log will not replay any more.
//!
//! A job's body stays where the job came in: in a log segment, later perhaps in a body file. Both are *extents*, ranges of
//! log indexes with a file each. Here the living bodies of each are counted, so that a file in which nothing lives goes at
//! once, and one in which little lives is rewritten. Entries above the retired segments are counted one by one.

use evenkeel_log::Extent as LogExtent;
use evenkeel_types::{BodyRef, LogIndex};
use std::collections::{BTreeMap, VecDeque};

/// What a body file needs per body beside its bytes: its frame and its line in the table.
const OVERHEAD_BYTES: u64 = 40;

/// Bodies, counted and weighed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) bodies: u64,
    /// What they would take in a body file.
    pub(crate) bytes: u64,
}

impl Count {
    fn add(&mut self, body: BodyRef) {
        self.bodies += 1;
        self.bytes += u64::from(body.bytes) + OVERHEAD_BYTES;
    }

    fn remove(&mut self, body: BodyRef) {
        self.bodies -= 1;
        self.bytes -= u64::from(body.bytes) + OVERHEAD_BYTES;
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.bodies += other.bodies;
        self.bytes += other.bytes;
    }
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A retired segment of the log.
    Segment,
    /// A body file.
    BodyFile,
}

/// A file with bodies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) first: LogIndex,
    pub(crate) last: LogIndex,
    pub(crate) disk_bytes: u64,
    pub(crate) kind: Kind,
    pub(crate) living: Count,
    /// Its bodies are being carried elsewhere, or could not be: it is not to be touched.
    pub(crate) held: bool,
}

impl Extent {
    /// A file in which nothing is known to live yet.
    pub(crate) fn new(file: &LogExtent, kind: Kind) -> Self {
        let LogExtent { first, last, bytes, .. } = *file;
        Self { first, last, disk_bytes: bytes, kind, living: Count::default(), held: false }
    }
}

/// The living bodies.
#[derive(Debug, Default)]
pub(crate) struct Living {
    /// In the order of indexes, apart from each other.
    extents: Vec<Extent>,
    /// The extent looked at last: neighbours come together.
    hint: usize,
    /// The first entry that is counted by itself.
    recent_first: LogIndex,
    recent: VecDeque<Count>,
    /// What went from the extents since somebody asked, in bytes.
    gone_bytes: u64,
    /// First indexes of extents whose last body went.
    emptied: Vec<LogIndex>,
    /// Bodies that no file has, by their entries. A checkpoint knows jobs that were finished after it was made, and the
    /// files of those may be gone; the log that follows finishes them again.
    missing: BTreeMap<LogIndex, u64>,
}

impl Living {
    /// Counts begin with these files; entries from `recent_first` on are counted by themselves.
    pub(crate) fn new(mut extents: Vec<Extent>, recent_first: LogIndex) -> Self {
        extents.sort_by_key(|extent| extent.first);
        Self { extents, recent_first, ..Self::default() }
    }

    /// Counts a body.
    pub(crate) fn keep(&mut self, body: BodyRef) {
        match self.count_of(body.index) {
            Some(count) => count.add(body),
            None => *self.missing.entry(body.index).or_default() += 1,
        }
    }

    /// How many bodies no file has, and the first entry that had one. None, once the log was replayed, unless a file was
    /// lost.
    pub(crate) fn missing(&self) -> Option<(u64, LogIndex)> {
        let (&first, _) = self.missing.first_key_value()?;
        Some((self.missing.values().sum(), first))
    }

    /// Counts a body off.
    pub(crate) fn release(&mut self, body: BodyRef) {
        let Some(count) = self.count_of(body.index) else {
            if let Some(missing) = self.missing.get_mut(&body.index) {
                *missing -= 1;
                if *missing == 0 {
                    self.missing.remove(&body.index);
                }
            }
            return;
        };
        count.remove(body);
        let is_empty = count.bodies == 0;
        if body.index >= self.recent_first {
            return;
        }
        self.gone_bytes += u64::from(body.bytes) + OVERHEAD_BYTES;
        if is_empty {
            let first = self.extents.get(self.hint).map(|extent| extent.first);
            self.emptied.extend(first);
        }
    }

    fn count_of(&mut self, index: LogIndex) -> Option<&mut Count> {
        if let Some(at) = index.0.checked_sub(self.recent_first.0) {
            let at = usize::try_from(at).ok()?;
            if self.recent.len() <= at {
                self.recent.resize(at + 1, Count::default());
            }
            return self.recent.get_mut(at);
        }
        let is_it = |extent: &Extent| (extent.first..=extent.last).contains(&index);
        if !self.extents.get(self.hint).is_some_and(is_it) {
            let after = self.extents.partition_point(|extent| extent.first <= index);
            self.hint = after.checked_sub(1)?;
        }
        self.extents.get_mut(self.hint).filter(|extent| is_it(extent)).map(|extent| &mut extent.living)
    }

    /// Takes in the log's retired segments; those known before stay as they are.
    pub(crate) fn retire(&mut self, segments: &[LogExtent]) {
        for segment in segments {
            if segment.first < self.recent_first {
                continue;
            }
            let mut living = Count::default();
            while self.recent_first <= segment.last {
                living.merge(self.recent.pop_front().unwrap_or_default());
                self.recent_first = self.recent_first.next();
            }
            self.extents.push(Extent { living, ..Extent::new(segment, Kind::Segment) });
            if living.bodies == 0 {
                self.emptied.push(segment.first);
            }
        }
    }

    /// Looks at all files for those in which nothing lives: after the living were counted at a start.
    pub(crate) fn note_empty(&mut self) {
        let empty = self.extents.iter().filter(|extent| extent.living.bodies == 0).map(|extent| extent.first);
        self.emptied.extend(empty);
    }

    /// Takes out the files in which nothing lives any more.
    pub(crate) fn take_empty(&mut self) -> Vec<Extent> {
        let mut empty = Vec::new();
        for first in std::mem::take(&mut self.emptied) {
            let Ok(at) = self.extents.binary_search_by_key(&first, |extent| extent.first) else { continue };
            if self.extents.get(at).is_some_and(|extent| extent.living.bodies == 0 && !extent.held) {
                empty.push(self.extents.remove(at));
            }
        }
        empty
    }

    /// What went from the files since it was last forgotten, in bytes.
    pub(crate) fn gone_bytes(&self) -> u64 {
        self.gone_bytes
    }

    pub(crate) fn forget_gone_bytes(&mut self) {
        self.gone_bytes = 0;
    }

    pub(crate) fn extents(&self) -> &[Extent] {
        &self.extents
    }

    /// Compares the counts with these bodies, which should be all that live.
    pub(crate) fn audit(&self, bodies: impl Iterator<Item = BodyRef>) -> Result<(), String> {
        let nothing_lives = |extent: &Extent| Extent { living: Count::default(), ..*extent };
        let mut again = Self::new(self.extents.iter().map(nothing_lives).collect(), self.recent_first);
        bodies.for_each(|body| again.keep(body));
        for (was, is) in self.extents.iter().zip(&again.extents) {
            if was.living != is.living {
                let Extent { first, last, .. } = was;
                return Err(format!(
                    "in entries {first} to {last} live {:?}, counted were {:?}",
                    is.living, was.living
                ));
            }
        }
        for at in 0..self.recent.len().max(again.recent.len()) {
            let [was, is] = [self, &again].map(|counts| counts.recent.get(at).copied().unwrap_or_default());
            if was != is {
                let index = LogIndex(self.recent_first.0 + at as u64);
                return Err(format!("in entry {index} live {is:?}, counted were {was:?}"));
            }
        }
        if self.missing == again.missing {
            return Ok(());
        }
        Err(format!("bodies without a file are {:?}, counted were {:?}", again.missing, self.missing))
    }

    /// Holds the files within a range, or lets them go.
    pub(crate) fn hold(&mut self, first: LogIndex, last: LogIndex, held: bool) {
        for extent in self.extents.iter_mut().filter(|extent| extent.first >= first && extent.last <= last) {
            extent.held = held;
            if !held && extent.living.bodies == 0 {
                self.emptied.push(extent.first);
            }
        }
    }

    /// Holds the file with this index for good: something in it cannot be read.
    pub(crate) fn give_up(&mut self, index: LogIndex) {
        if let Some(extent) = self.extents.iter_mut().find(|extent| (extent.first..=extent.last).contains(&index)) {
            extent.held = true;
        }
    }

    /// Puts a body file in the place of all files within its range.
    pub(crate) fn replace(&mut self, first: LogIndex, last: LogIndex, disk_bytes: u64) {
        let start = self.extents.partition_point(|extent| extent.first < first);
        let end = self.extents.partition_point(|extent| extent.last <= last).max(start);
        let mut living = Count::default();
        self.extents.get(start..end).unwrap_or_default().iter().for_each(|extent| living.merge(extent.living));
        let extent = Extent { first, last, disk_bytes, kind: Kind::BodyFile, living, held: false };
        self.extents.splice(start..end, [extent]);
        if living.bodies == 0 {
            self.emptied.push(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(index: u64) -> BodyRef {
        BodyRef { index: LogIndex(index), offset: 0, bytes: 60 }
    }

    fn segment(first: u64, last: u64) -> LogExtent {
        LogExtent { first: LogIndex(first), last: LogIndex(last), bytes: 1_000 }
    }

    fn living(living: &Living) -> Vec<(u64, u64, u64)> {
        living.extents().iter().map(|extent| (extent.first.0, extent.last.0, extent.living.bodies)).collect()
    }

    #[test]
    fn a_file_goes_when_its_last_body_goes_and_not_before() {
        let mut counts = Living::new(Vec::new(), LogIndex(1));
        for index in [1, 2, 10, 11, 25] {
            counts.keep(body(index));
        }
        counts.retire(&[segment(1, 9), segment(10, 20)]);
        assert_eq!(living(&counts), [(1, 9, 2), (10, 20, 2)]);
        counts.release(body(11));
        counts.release(body(10));
        counts.release(body(1));
        let gone: Vec<_> = counts.take_empty().iter().map(|extent| extent.first.0).collect();
        assert_eq!(gone, [10]);
        // Those above the retired segments are counted still.
        counts.keep(body(25));
        counts.retire(&[segment(1, 9), segment(21, 30)]);
        assert_eq!(living(&counts), [(1, 9, 1), (21, 30, 2)]);
    }

    #[test]
    fn a_body_without_a_file_is_missing_until_it_is_not_needed() {
        let mut counts = Living::new(vec![Extent::new(&segment(10, 20), Kind::Segment)], LogIndex(21));
        for index in [4, 4, 12, 22] {
            counts.keep(body(index));
        }
        assert_eq!(counts.missing(), Some((2, LogIndex(4))));
        counts.release(body(4));
        counts.release(body(12));
        assert_eq!(counts.missing(), Some((1, LogIndex(4))));
        counts.release(body(4));
        assert_eq!(counts.missing(), None);
    }

    #[test]
    fn a_body_file_takes_over_what_it_replaces() {
        let mut counts = Living::new(Vec::new(), LogIndex(1));
        for index in [1, 12, 13, 25] {
            counts.keep(body(index));
        }
        counts.retire(&[segment(1, 9), segment(10, 20), segment(21, 30)]);
        counts.hold(LogIndex(1), LogIndex(20), true);
        counts.release(body(1));
        assert_eq!(counts.take_empty().len(), 0, "it is held");
        counts.replace(LogIndex(1), LogIndex(20), 300);
        assert_eq!(living(&counts), [(1, 20, 2), (21, 30, 1)]);
        counts.release(body(12));
        counts.release(body(13));
        assert_eq!(counts.take_empty().first().map(|extent| extent.kind), Some(Kind::BodyFile));
    }
}
