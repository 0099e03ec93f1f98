//! The simulated disk, watched: which kind of work each changing operation was part of, at which one the disk died, and
//! how the disk looked in the middle of a step.

use crate::kinds::{Boundary, Change, Doing, FileKind, PerBoundary};
use evenkeel_disk::{Disk, DiskFile, MemDisk, MemFile, MemLock, OpenMode};
use std::{
    collections::BTreeMap,
    io,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A disk in memory that tells what was done to it; clones share it. All of [`MemDisk`] can be called on it.
#[derive(Clone, Debug)]
pub struct Watched {
    inner: MemDisk,
    watch: Arc<Mutex<Watch>>,
}

#[derive(Debug, Default)]
struct Watch {
    doing: Doing,
    /// The operations so far.
    counts: PerBoundary,
    /// What the last operation in the log's folder was, to which a sync of the folder belongs.
    log_was: Option<Boundary>,
    /// The operation at which the disk died.
    died_at: Option<Boundary>,
    /// After so many more operations the disk is copied; the copy's seed.
    fork_after: Option<(u64, u64)>,
    forked: Option<MemDisk>,
    /// Where the open files are, also when they were renamed.
    handles: BTreeMap<u64, PathBuf>,
    handles_made: u64,
}

impl Watched {
    /// Watches a disk.
    #[must_use]
    pub fn new(inner: MemDisk) -> Self {
        Self { inner, watch: Arc::default() }
    }

    /// From now on operations are part of this.
    pub fn doing(&self, doing: Doing) {
        self.watch().doing = doing;
    }

    /// How many operations of each kind there were.
    #[must_use]
    pub fn boundaries(&self) -> PerBoundary {
        self.watch().counts
    }

    /// The operation at which the disk died, once.
    #[must_use]
    pub fn take_death(&self) -> Option<Boundary> {
        self.watch().died_at.take()
    }

    /// Whether the disk has died and nobody has noticed.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.watch().died_at.is_some()
    }

    /// Copies the disk before the operation that comes after so many more.
    pub fn fork_after(&self, operations: u64, seed: u64) {
        self.watch().fork_after = Some((operations, seed));
    }

    /// The copy, if there were so many operations; nothing is copied any more.
    #[must_use]
    pub fn take_fork(&self) -> Option<MemDisk> {
        let mut watch = self.watch();
        watch.fork_after = None;
        watch.forked.take()
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, path: &Path, change: Change, run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mut watch = self.watch();
        let boundary = watch.boundary(path, change);
        if let Some((left, seed)) = watch.fork_after {
            watch.fork_after = left.checked_sub(1).map(|left| (left, seed));
            if watch.fork_after.is_none() {
                watch.forked = Some(self.inner.fork(seed));
            }
        }
        let result = run();
        let error = result.as_ref().err().map(io::Error::kind);
        // What concerns a file that is not there, or there already, is no operation.
        if !matches!(error, Some(io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists)) {
            watch.counts.add(boundary);
        }
        if result.as_ref().is_err_and(|error| error.to_string().contains("the disk is gone")) {
            watch.died_at.get_or_insert(boundary);
        }
        result
    }
}

impl Watch {
    fn boundary(&mut self, path: &Path, change: Change) -> Boundary {
        let kind = FileKind::of(path);
        let boundary = match (change, self.log_was) {
            (Change::SyncDir, Some(was)) if kind == FileKind::LogFolder && self.doing == Doing::Log => was,
            _ => Boundary::of(self.doing, kind, change),
        };
        if kind.is_of_the_log() {
            self.log_was = Some(boundary);
        }
        boundary
    }
}

impl Deref for Watched {
    type Target = MemDisk;

    fn deref(&self) -> &MemDisk {
        &self.inner
    }
}

impl Disk for Watched {
    type File = WatchedFile;
    type Lock = MemLock;

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.change(path, Change::SyncDir, || self.inner.create_dir_all(path))
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<WatchedFile> {
        let open = || self.inner.open(path, mode);
        let inner = if mode == OpenMode::CreateNew { self.change(path, Change::Create, open)? } else { open()? };
        let mut watch = self.watch();
        watch.handles_made += 1;
        let number = watch.handles_made;
        watch.handles.insert(number, path.to_owned());
        drop(watch);
        Ok(WatchedFile { disk: self.clone(), inner, number })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(to, Change::Rename, || self.inner.rename(from, to))?;
        for path in self.watch().handles.values_mut().filter(|path| *path == from) {
            to.clone_into(path);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(path, Change::Remove, || self.inner.remove(path))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.change(dir, Change::SyncDir, || self.inner.sync_dir(dir))
    }

    fn lock(&self, path: &Path) -> io::Result<MemLock> {
        self.inner.lock(path)
    }
}

/// An open file of a [`Watched`] disk.
#[derive(Debug)]
pub struct WatchedFile {
    disk: Watched,
    inner: MemFile,
    number: u64,
}

impl WatchedFile {
    fn change(&self, run: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let path = self.disk.watch().handles.get(&self.number).cloned().unwrap_or_default();
        self.disk.change(&path, Change::Contents, run)
    }
}

impl Drop for WatchedFile {
    fn drop(&mut self) {
        self.disk.watch().handles.remove(&self.number);
    }
}

impl DiskFile for WatchedFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_exact_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(|| self.inner.write_all_at(bytes, offset))
    }

    fn sync(&self) -> io::Result<()> {
        self.change(|| self.inner.sync())
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|| self.inner.set_len(len))
    }
}
