//! A disk that lies: it writes other bytes than it was told, cannot sync a folder, or finds out late that it is full.

use evenkeel_disk::{Disk, DiskFile, MemDisk, MemFile, MemLock, OpenMode};
use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
};

/// Counts down; at zero it is time.
#[derive(Clone)]
pub(super) struct Countdown(Arc<AtomicI64>);

impl Countdown {
    fn never() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }

    /// So many more are fine, and the next is not.
    pub(super) fn set(&self, more: i64) {
        self.0.store(more, SeqCst);
    }

    fn is_time(&self) -> bool {
        self.0.fetch_sub(1, SeqCst) == 0
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.load(SeqCst) < 0
    }
}

#[derive(Clone)]
pub(super) struct Trouble {
    pub(super) inner: MemDisk,
    /// Flips a bit in the middle of what a write should write.
    pub(super) flip: Countdown,
    /// Fails a folder's sync; what was renamed keeps its name all the same.
    pub(super) folder: Countdown,
    /// Fails a file's sync because the disk is full.
    pub(super) full: Countdown,
}

pub(super) struct TroubleFile {
    inner: MemFile,
    flip: Countdown,
    full: Countdown,
}

impl Trouble {
    pub(super) fn new(inner: MemDisk) -> Self {
        Self { inner, flip: Countdown::never(), folder: Countdown::never(), full: Countdown::never() }
    }
}

impl Disk for Trouble {
    type File = TroubleFile;
    type Lock = MemLock;

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir_all(path)
    }
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<TroubleFile> {
        Ok(TroubleFile { inner: self.inner.open(path, mode)?, flip: self.flip.clone(), full: self.full.clone() })
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let fails = self.folder.is_time();
        self.inner.sync_dir(dir)?;
        if fails { Err(io::Error::other("injected: the folder is not synced")) } else { Ok(()) }
    }
    fn lock(&self, path: &Path) -> io::Result<MemLock> {
        self.inner.lock(path)
    }
}

impl DiskFile for TroubleFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_exact_at(buffer, offset)
    }
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut bytes = bytes.to_vec();
        if self.flip.is_time() {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        self.inner.write_all_at(&bytes, offset)
    }
    fn sync(&self) -> io::Result<()> {
        if self.full.is_time() { Err(io::ErrorKind::StorageFull.into()) } else { self.inner.sync() }
    }
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }
}
