//! Where each entry lies, and what is still needed of it: shared by the writer, the background and the readers.
//!
//! Below the *floor* nothing is replayed any more. A segment that lies wholly below it is *retired*; once all of it is
//! *released* too, it goes, and a hole may stay where it was.

use crate::{
    fault::{self, Fault},
    format::SegmentHeader,
    limits::RELEASED_PIECES_MAX,
    places::{Places, SidecarFile, Spot},
};
use evenkeel_log::{Extent, IndexRanges};
use evenkeel_types::LogIndex;
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// One segment as readers see it.
pub(crate) struct TableSegment<F> {
    pub(crate) header: SegmentHeader,
    pub(crate) name: String,
    pub(crate) file: Arc<F>,
    /// Where its last entry ends.
    pub(crate) end: u64,
    pub(crate) places: Places<F>,
    /// What its sidecar takes on the disk; 0 without one.
    pub(crate) sidecar_bytes: u64,
}

impl<F> TableSegment<F> {
    pub(crate) fn first(&self) -> LogIndex {
        self.header.first
    }

    /// The last entry; the one before the first if there is none.
    pub(crate) fn last(&self) -> LogIndex {
        LogIndex(self.header.first.0 + self.places.len() - 1)
    }

    fn extent(&self) -> Extent {
        Extent { first: self.first(), last: self.last(), bytes: self.header.file_bytes + self.sidecar_bytes }
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
    /// Where it begins; 0 if that was not found.
    pub(crate) offset: u64,
    /// Where the next entry begins, or later.
    pub(crate) end: u64,
}

/// What the table says about an index.
pub(crate) enum Lookup<F> {
    Here(Place<F>),
    /// The sidecar knows where, under this number.
    Ask(Place<F>, Arc<SidecarFile<F>>, u64),
    Trimmed,
    NotThere,
}

impl<F> Table<F> {
    pub(crate) fn new(segments: VecDeque<TableSegment<F>>, floor: LogIndex) -> Self {
        Self { segments, committed: LogIndex::ZERO, floor, released: IndexRanges::default() }
    }

    /// Lets readers see the entries up to `index`, as far as they are written.
    pub(crate) fn commit(&mut self, index: LogIndex) {
        self.committed = index.min(self.last()).max(self.committed);
    }

    /// Finds a committed entry.
    pub(crate) fn find(&self, index: LogIndex) -> Lookup<F> {
        if index > self.committed { Lookup::NotThere } else { self.find_written(index) }
    }

    /// Finds an entry, committed or not.
    pub(crate) fn find_written(&self, index: LogIndex) -> Lookup<F> {
        let Some(segment) = self.segment_of(index) else { return Lookup::Trimmed };
        let place = |offset, next| {
            let end = if next > offset { next } else { segment.end };
            Place { file: segment.file.clone(), name: segment.name.clone(), offset, end }
        };
        match segment.places.find(index.0 - segment.first().0) {
            Some(Spot::At(offset, next)) => Lookup::Here(place(offset, next)),
            Some(Spot::Ask(sidecar, number)) => Lookup::Ask(place(0, 0), sidecar, number),
            None if index > self.last() => Lookup::NotThere,
            // It was in a segment that is gone.
            None => Lookup::Trimmed,
        }
    }

    /// The last entry that was written.
    fn last(&self) -> LogIndex {
        self.segments.back().map_or(LogIndex::ZERO, TableSegment::last)
    }

    /// The segment that an index belongs to, if it is in any.
    pub(crate) fn segment_of(&self, index: LogIndex) -> Option<&TableSegment<F>> {
        let after = self.segments.partition_point(|segment| segment.first() <= index);
        self.segments.get(after.checked_sub(1)?)
    }

    /// The segment that begins with an index.
    pub(crate) fn segment_mut(&mut self, first: LogIndex) -> Option<&mut TableSegment<F>> {
        let number = self.segments.partition_point(|segment| segment.first() < first);
        self.segments.get_mut(number).filter(|segment| segment.first() == first)
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
            self.released.remove_below(first.first());
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
            let released = retired && self.released.covers(segment.first(), segment.last());
            released || too_far && segment.first() < self.floor
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
