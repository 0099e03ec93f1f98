//! Sets of indexes, as few ranges: what was released.

use evenkeel_types::LogIndex;
use std::collections::BTreeMap;

/// A set of indexes. Ranges that touch become one, so it is as large as there are pieces in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexRanges {
    /// The first index of each range, and its last. No two touch.
    ranges: BTreeMap<u64, u64>,
}

impl IndexRanges {
    /// Adds all of `first..=last`; nothing if `last` is below `first`.
    pub fn insert(&mut self, first: LogIndex, last: LogIndex) {
        if last < first {
            return;
        }
        let (mut first, mut last) = (first.0, last.0);
        // The last of those that begin at or below the new end, again and again as long as it touches.
        while let Some((&from, &to)) = self.ranges.range(..=last.saturating_add(1)).next_back() {
            if to.saturating_add(1) < first {
                break;
            }
            self.ranges.remove(&from);
            first = first.min(from);
            last = last.max(to);
        }
        self.ranges.insert(first, last);
    }

    /// Whether all of `first..=last` is in the set.
    #[must_use]
    pub fn covers(&self, first: LogIndex, last: LogIndex) -> bool {
        self.ranges.range(..=first.0).next_back().is_some_and(|(_, to)| *to >= last.0)
    }

    /// Takes out all below `floor`.
    pub fn remove_below(&mut self, floor: LogIndex) {
        while let Some(range) = self.ranges.first_entry().filter(|range| *range.key() < floor.0) {
            let last = range.remove();
            if last >= floor.0 {
                self.ranges.insert(floor.0, last);
            }
        }
    }

    /// In how many pieces the set is.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.ranges.len()
    }

    /// The pieces, in order: the first and the last index of each.
    pub fn iter(&self) -> impl Iterator<Item = (LogIndex, LogIndex)> {
        self.ranges.iter().map(|(first, last)| (LogIndex(*first), LogIndex(*last)))
    }
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use super::*;
    use crate::conformance::Random;
    use std::collections::BTreeSet;

    #[test]
    fn it_is_the_set_of_what_was_added() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let (mut ranges, mut set) = (IndexRanges::default(), BTreeSet::new());
            for _ in 0..30 {
                let (first, last) = (1 + random.below(60) as u64, random.below(60) as u64);
                ranges.insert(LogIndex(first), LogIndex(last));
                set.extend(first..=last);
                if random.one_in(10) {
                    let floor = random.below(60) as u64;
                    ranges.remove_below(LogIndex(floor));
                    set.retain(|index| *index >= floor);
                }
                let all: BTreeSet<u64> = ranges.iter().flat_map(|(first, last)| first.0..=last.0).collect();
                assert_eq!(all, set, "seed {seed}");
                let touching = ranges.iter().zip(ranges.iter().skip(1)).any(|(one, two)| one.1.0 + 1 >= two.0.0);
                assert!(!touching, "seed {seed}: {ranges:?}");
                let (from, to) = (random.below(60) as u64, random.below(60) as u64);
                if from <= to {
                    let all = (from..=to).all(|index| set.contains(&index));
                    assert_eq!(ranges.covers(LogIndex(from), LogIndex(to)), all, "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_indexes_too() {
        let mut ranges = IndexRanges::default();
        ranges.insert(LogIndex(u64::MAX), LogIndex(u64::MAX));
        ranges.insert(LogIndex(0), LogIndex(u64::MAX - 1));
        assert_eq!(ranges.pieces(), 1);
        assert!(ranges.covers(LogIndex(0), LogIndex(u64::MAX)));
    }
}
