//! The file trait: all that Evenkeel asks of a disk, so that tests can break it.
//!
//! Every byte that is read or written anywhere in the house goes through [`Disk`] and
//! [`DiskFile`]. Two disks exist: [`RealDisk`], and [`MemDisk`], which keeps what was synced,
//! forgets or tears what was not, and fails on demand. Two more stand before another: [`ReadOnlyDisk`] refuses
//! changes, [`OverlayDisk`] keeps them in memory.
//!
//! The trait is small on purpose. There is no append and no cursor (a writer knows where it
//! writes), no retry (a failed sync is final), and no reading past what was asked for.
#![warn(missing_docs)]

mod mem;
mod overlay;
mod passing;
mod read_only;
mod real;

pub use mem::{Counters, MemDisk, MemFile, MemLock, SECTOR_BYTES};
pub use overlay::{OverlayDisk, OverlayFile, OverlayLock};
pub use passing::is_passing;
pub use read_only::{ReadOnlyDisk, ReadOnlyFile};
pub use real::{RealDisk, RealFile, RealLock};

use std::{io, path::Path};

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// It must exist; writes fail.
    Read,
    /// It must exist.
    ReadWrite,
    /// It must not exist: made empty, with mode 0600.
    CreateNew,
}

/// A directory tree on some medium.
///
/// Names are durable only after [`Disk::sync_dir`] of the directory that holds them; contents only
/// after [`DiskFile::sync`].
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;
    /// A held lock; dropping it (or the process's death) releases it.
    type Lock: Send + Sync + 'static;

    /// Makes a directory and its missing parents, with mode 0700. Their names are durable on return.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File>;
    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Renames a file over another, atomically: after a power cut it has happened or it has not.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. Open handles stay readable.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes the exclusive lock on a file, making it if needed; `WouldBlock` if another holds it.
    fn lock(&self, path: &Path) -> io::Result<Self::Lock>;
    /// Takes the exclusive lock on a file that is there, changing nothing, also where nothing may be written;
    /// `WouldBlock` if another holds it.
    fn lock_existing(&self, path: &Path) -> io::Result<Self::Lock> {
        self.lock(path)
    }
}

/// A file with positions instead of a cursor.
pub trait DiskFile: Send + Sync + 'static {
    /// Fills `buffer` from `offset`, or fails with `UnexpectedEof`.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`; the file grows as needed. Not durable before a sync.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes all written bytes and the length durable (`fdatasync`).
    ///
    /// After an error nothing is known of the bytes since the last good sync; never retry.
    fn sync(&self) -> io::Result<()>;
    /// The length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cuts or extends (with zeros) to a length.
    fn set_len(&self, len: u64) -> io::Result<()>;
}
