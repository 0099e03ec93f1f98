//! A disk that can only be read: whoever gets this one cannot change anything, whatever it tries.

use crate::{Disk, DiskFile, OpenMode};
use std::{io, path::Path};

/// Passes reads on to another disk, and refuses all changes with `ReadOnlyFilesystem`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOnlyDisk<D>(pub D);

/// A file that can only be read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOnlyFile<F>(F);

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ReadOnlyFilesystem.into())
}

impl<D: Disk> Disk for ReadOnlyDisk<D> {
    type File = ReadOnlyFile<D::File>;
    type Lock = D::Lock;

    fn create_dir_all(&self, _path: &Path) -> io::Result<()> {
        refused()
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File> {
        match mode {
            OpenMode::Read => self.0.open(path, OpenMode::Read).map(ReadOnlyFile),
            OpenMode::ReadWrite | OpenMode::CreateNew => refused(),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.0.list(dir)
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        refused()
    }

    fn lock(&self, path: &Path) -> io::Result<D::Lock> {
        self.0.lock_existing(path)
    }

    fn lock_existing(&self, path: &Path) -> io::Result<D::Lock> {
        self.0.lock_existing(path)
    }
}

impl<F: DiskFile> DiskFile for ReadOnlyFile<F> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        refused()
    }

    fn sync(&self) -> io::Result<()> {
        refused()
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn set_len(&self, _len: u64) -> io::Result<()> {
        refused()
    }
}
