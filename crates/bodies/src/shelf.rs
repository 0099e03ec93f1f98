//! The shelf: all body files of one folder.

use crate::{
    carry::Carry,
    error::{ShelfError, misuse},
    extent::{Extent, Range},
    open::{OpenReport, open},
    pinned::Pinned,
    reader::ShelfReader,
    shared::Shared,
};
use evenkeel_disk::Disk;
use evenkeel_types::LogIndex;
use std::{io, path::Path, sync::Arc};

/// The body files of one folder. It expects to be the only one that writes there (the log's lock sees to that).
pub struct Shelf<D: Disk> {
    shared: Arc<Shared<D>>,
}

impl<D: Disk> Shelf<D> {
    /// Opens the folder, and makes it if it is not there.
    ///
    /// Reads each file's header, footer and sparse table and nothing else: [`crate::verify`] reads everything. Once all
    /// files check, what earlier lives left over is removed: unfinished files, and files whose range lies within
    /// another's.
    ///
    /// # Errors
    /// A file is damaged or too new, two files overlap in part, or the disk failed. Damage changes nothing.
    pub fn open(disk: D, folder: &Path) -> Result<(Self, OpenReport), ShelfError> {
        let (files, report) = open(&disk, folder)?;
        Ok((Self { shared: Arc::new(Shared::new(disk, folder.to_owned(), files)) }, report))
    }

    /// All files, by range, disjoint.
    #[must_use]
    pub fn extents(&self) -> Vec<Extent> {
        self.shared.look(|files| files.iter().map(|file| file.table.extent()).collect())
    }

    /// How many bytes the sparse tables take in memory: 0.375 for each body, and at most 24 more for each file.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.shared.look(|files| files.iter().map(|file| file.table.memory_bytes()).sum())
    }

    /// Begins a new file for the bodies of entries `first` to `last` that shall be kept; it replaces all files within.
    ///
    /// The carry may go on in another thread, and others with other ranges beside it.
    ///
    /// # Errors
    /// `InvalidInput` if the range is none, if a file lies partly within it, or if a carry of some of it is going on.
    /// `StorageFull` if there is no room. All is as before.
    pub fn begin(&self, first: LogIndex, last: LogIndex) -> io::Result<Carry<D>> {
        Carry::begin(&self.shared, range(first, last)?)
    }

    /// Removes the files that lie wholly within `first` to `last`, durably. Readers get `NotThere` from now on, save
    /// those that hold a file already.
    ///
    /// Dying half way leaves some of them; none of their bodies was needed, so removing them again is all there is to do.
    /// A carry within the range that has begun goes on, and what it finishes stays.
    ///
    /// # Errors
    /// `InvalidInput` if the range is none. After an error of the disk the shelf refuses changes: open it anew.
    pub fn remove(&self, first: LogIndex, last: LogIndex) -> io::Result<()> {
        self.shared.remove(range(first, last)?)
    }

    /// A handle for reading bodies, for any thread.
    #[must_use]
    pub fn reader(&self) -> ShelfReader<D> {
        ShelfReader::new(self.shared.clone())
    }

    /// The files of now, held open: they can be read to their end whatever is removed or replaced meanwhile.
    #[must_use]
    pub fn pin(&self) -> Pinned<D> {
        Pinned::new(self.shared.files())
    }
}

fn range(first: LogIndex, last: LogIndex) -> io::Result<Range> {
    if first > last {
        return Err(misuse(format!("entries {first} to {last} are no range")));
    }
    Ok(Range { first, last })
}
