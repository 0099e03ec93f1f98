//! Where each entry lies, and what is still needed of it: shared by the writer, the background and the readers.
//!
//! Below the *floor* nothing is replayed any more. A segment that lies wholly below it is *retired*; once all of it is
//! *released* too, it goes, and a hole may stay where it was.

use crate::{
    fault::{self, Fault},
    limits::{ALIGN_BYTES, RELEASED_PIECES_MAX},
};
use evenkeel_log::{Extent, IndexRanges};
use evenkeel_types::LogIndex;
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Where each entry of a segment begins, in units of `ALIGN_BYTES`: four bytes of memory per entry.
#[derive(Clone, Default)]
pub(crate) struct Offsets(Vec<u32>);

impl Offsets {
    pub(crate) fn push(&mut self, offset: u64) {
        // Segments are at most 16 GiB long, far below 2^32 times 64.
        self.0.push(u32::try_from(offset / ALIGN_BYTES).unwrap_or(u32::MAX));
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn get(&self, number: u64) -> Option<u64> {
        self.0.get(usize::try_from(number).ok()?).map(|offset| u64::from(*offset) * ALIGN_BYTES)
    }
}

/// One segment as readers see it.
pub(crate) struct TableSegment<F> {
    pub(crate) first: LogIndex,
    pub(crate) name: String,
    pub(crate) file: Arc<F>,
    pub(crate) file_bytes: u64,
    /// Where its last entry ends.
    pub(crate) end: u64,
    pub(crate) offsets: Offsets,
}

impl<F> TableSegment<F> {
    /// The last entry; the one before the first if there is none.
    pub(crate) fn last(&self) -> LogIndex {
        LogIndex(self.first.0 + self.offsets.len() - 1)
    }

    pub(crate) fn offset(&self, index: LogIndex) -> Option<u64> {
        self.offsets.get(index.0.checked_sub(self.first.0)?)
    }

    fn extent(&self) -> Extent {
        Extent { first: self.first, last: self.last(), bytes: self.file_bytes }
    }
}

pub(crate) struct Table<F> {
    /// In order; never empty once the log is open. The last one is in use.
    pub(crate) segments: VecDeque<TableSegment<F>>,
    /// The last entry that readers may see.
    pub(crate) committed: LogIndex,
    /// From here on all entries are there and may be replayed.
    pub(crate) floor: LogIndex,
    pub(crate) released: IndexRanges,
}

/// Where an entry lies.
pub(crate) struct Place<F> {
    pub(crate) file: Arc<F>,
    pub(crate) name: String,
    pub(crate) offset: u64,
    /// Where the next entry begins, or later.
    pub(crate) end: u64,
}

/// What the table says about an index.
pub(crate) enum Lookup<F> {
    Here(Place<F>),
    Trimmed,
    NotThere,
}

impl<F> Table<F> {
    pub(crate) fn new(segments: VecDeque<TableSegment<F>>, floor: LogIndex) -> Self {
        Self { segments, committed: LogIndex::ZERO, floor, released: IndexRanges::default() }
    }

    /// Finds a committed entry.
    pub(crate) fn find(&self, index: LogIndex) -> Lookup<F> {
        if index > self.committed {
            return Lookup::NotThere;
        }
        let after = self.segments.partition_point(|segment| segment.first <= index);
        let Some(segment) = after.checked_sub(1).and_then(|number| self.segments.get(number)) else {
            return Lookup::Trimmed;
        };
        match segment.offset(index) {
            Some(offset) => {
                let end = segment.offset(index.next()).unwrap_or(segment.end);
                Lookup::Here(Place { file: segment.file.clone(), name: segment.name.clone(), offset, end })
            }
            // It was committed, so it was in a segment that is gone.
            None => Lookup::Trimmed,
        }
    }

    pub(crate) fn release(&mut self, first: LogIndex, last: LogIndex) {
        self.released.insert(first, last);
        self.forget_needless();
        while self.released.pieces() > RELEASED_PIECES_MAX {
            // A file more stays until the next start, and the memory does not grow.
            let Some((_, lowest)) = self.released.iter().next() else { break };
            self.released.remove_below(lowest.next());
        }
    }

    fn forget_needless(&mut self) {
        if let Some(first) = self.segments.front() {
            self.released.remove_below(first.first);
        }
    }

    /// The segments wholly below the floor. Never the one in use.
    pub(crate) fn retired(&self) -> Vec<Extent> {
        let sealed = self.segments.iter().take(self.segments.len().saturating_sub(1));
        sealed.map(TableSegment::extent).take_while(|extent| extent.last < self.floor).collect()
    }

    /// Takes out a segment that nobody needs.
    pub(crate) fn take_needless(&mut self) -> Option<TableSegment<F>> {
        let too_far = fault::on(Fault::TrimTooFar) && self.segments.len() > 2;
        let sealed = self.segments.iter().take(self.segments.len().saturating_sub(1));
        let number = sealed.into_iter().position(|segment| {
            let retired = segment.last() < self.floor || fault::on(Fault::ReleaseAboveFloor);
            let released = retired && self.released.covers(segment.first, segment.last());
            released || too_far && segment.first < self.floor
        })?;
        let needless = self.segments.remove(number);
        self.forget_needless();
        needless
    }
}

/// The table behind its lock. A panic elsewhere leaves it readable: each change is one push or pop.
pub(crate) struct SharedTable<F>(RwLock<Table<F>>);

impl<F> SharedTable<F> {
    pub(crate) fn new(table: Table<F>) -> Arc<Self> {
        Arc::new(Self(RwLock::new(table)))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Table<F>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Table<F>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
