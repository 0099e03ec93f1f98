//! The files of one moment, held open, to be streamed.

use crate::{
    cursor::Cursor,
    error::{Flaw, ShelfReadError},
    extent::{Extent, Range},
    shared::Held,
};
use bytes::Bytes;
use evenkeel_disk::Disk;
use evenkeel_types::{BodyRef, LogIndex};

/// The body files of one moment. They stay readable while this lives, and their room on disk is not free before.
pub struct Pinned<D: Disk> {
    files: Vec<Held<D>>,
}

impl<D: Disk> Clone for Pinned<D> {
    fn clone(&self) -> Self {
        Self { files: self.files.clone() }
    }
}

impl<D: Disk> Pinned<D> {
    pub(crate) fn new(files: Vec<Held<D>>) -> Self {
        Self { files }
    }

    /// The files, by range, disjoint.
    #[must_use]
    pub fn extents(&self) -> Vec<Extent> {
        self.files.iter().map(|file| file.table.extent()).collect()
    }

    /// The bodies of entries `first` to `last`, by (index, offset), each checked; with `after` only those behind that
    /// (index, offset), so that a stream can go on where it was cut.
    ///
    /// Holds at most 1 MiB or one body, and a block of the table. The bytes it yields share its window: copy what shall be
    /// kept for long.
    #[must_use]
    pub fn bodies(&self, first: LogIndex, last: LogIndex, after: Option<(LogIndex, u32)>) -> Bodies<D> {
        let range = Range { first, last };
        // What comes before the range is left out in the same way.
        let before = first.0.checked_sub(1).map(|before| (LogIndex(before), u32::MAX));
        let after = after.max(before);
        let wanted = |file: &&Held<D>| {
            let own = file.table.range;
            first <= last && own.overlaps(range) && after.is_none_or(|(index, _)| own.last >= index)
        };
        let mut files: Vec<_> = self.files.iter().filter(wanted).cloned().collect();
        files.reverse();
        Bodies { files, cursor: None, after, last }
    }
}

/// Bodies in order: an iterator that ends behind its first error.
pub struct Bodies<D: Disk> {
    /// The files to come, the next one last; with a cursor, that one is being read.
    files: Vec<Held<D>>,
    cursor: Option<Cursor>,
    after: Option<(LogIndex, u32)>,
    last: LogIndex,
}

impl<D: Disk> Bodies<D> {
    fn step(&mut self) -> Result<Option<(BodyRef, Bytes)>, ShelfReadError> {
        while let Some(held) = self.files.last() {
            let (table, file) = (&held.table, &held.file);
            let named = |flaw: Flaw| flaw.reading(&held.name());
            let cursor = match &mut self.cursor {
                Some(cursor) => cursor,
                None => {
                    let inside = self.after.filter(|after| after.0 >= table.range.first);
                    let cursor = inside.map_or_else(|| Ok(Cursor::first()), |after| Cursor::after(table, file, after));
                    self.cursor.insert(cursor.map_err(named)?)
                }
            };
            if let Some(body) = cursor.next(table, file, self.last).map_err(named)? {
                return Ok(Some(body));
            }
            self.files.pop();
            self.cursor = None;
        }
        Ok(None)
    }
}

impl<D: Disk> Iterator for Bodies<D> {
    type Item = Result<(BodyRef, Bytes), ShelfReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if !matches!(step, Ok(Some(_))) {
            self.files.clear();
            self.cursor = None;
        }
        step.transpose()
    }
}

impl<D: Disk> std::iter::FusedIterator for Bodies<D> {}
