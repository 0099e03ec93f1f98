//! Where each entry lies: four bytes of memory per entry, shared by the writer and the readers.

use crate::limits::ALIGN_BYTES;
use evenkeel_types::LogIndex;
use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Where each entry of a segment begins, in units of `ALIGN_BYTES`.
#[derive(Default)]
pub(crate) struct Offsets(Vec<u32>);

impl Offsets {
    pub(crate) fn push(&mut self, offset: u64) {
        // Segments are at most 16 GiB long, far below 2^32 times 64.
        self.0.push(u32::try_from(offset / ALIGN_BYTES).unwrap_or(u32::MAX));
    }
}

/// One segment as readers see it.
pub(crate) struct TableSegment<F> {
    pub(crate) first: LogIndex,
    pub(crate) name: String,
    pub(crate) file: Arc<F>,
    pub(crate) offsets: Offsets,
}

impl<F> TableSegment<F> {
    pub(crate) fn new(first: LogIndex, name: String, file: Arc<F>) -> Self {
        Self { first, name, file, offsets: Offsets::default() }
    }

    pub(crate) fn keep_until(&mut self, index: LogIndex) {
        let count = (index.0 + 1).saturating_sub(self.first.0);
        self.offsets.0.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    }

    pub(crate) fn offset(&self, index: LogIndex) -> Option<u64> {
        let number = usize::try_from(index.0.checked_sub(self.first.0)?).ok()?;
        self.offsets.0.get(number).map(|offset| u64::from(*offset) * ALIGN_BYTES)
    }
}

pub(crate) struct Table<F> {
    /// In order; never empty once the log is open.
    pub(crate) segments: VecDeque<TableSegment<F>>,
    /// The last entry that readers may see.
    pub(crate) committed: LogIndex,
}

/// Where an entry lies.
pub(crate) struct Place<F> {
    pub(crate) file: Arc<F>,
    pub(crate) name: String,
    pub(crate) offset: u64,
}

/// What the table says about an index.
pub(crate) enum Lookup<F> {
    Here(Place<F>),
    Trimmed,
    NotThere,
}

impl<F> Table<F> {
    pub(crate) fn first(&self) -> LogIndex {
        self.segments.front().map_or(LogIndex(1), |segment| segment.first)
    }

    /// Finds an entry, committed or not.
    pub(crate) fn find(&self, index: LogIndex) -> Lookup<F> {
        let after = self.segments.partition_point(|segment| segment.first <= index);
        let Some(segment) = after.checked_sub(1).and_then(|number| self.segments.get(number)) else {
            return Lookup::Trimmed;
        };
        match segment.offset(index) {
            Some(offset) => Lookup::Here(Place { file: segment.file.clone(), name: segment.name.clone(), offset }),
            None => Lookup::NotThere,
        }
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
