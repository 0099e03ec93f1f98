//! What the shelf, its readers and its carries share: the list of files, and the order of changes.

use crate::{
    body_file::BodyFile,
    error::misuse,
    extent::Range,
    fault::{self, Fault},
    names::{installed_name, unfinished_name},
};
use evenkeel_disk::Disk;
use evenkeel_types::LogIndex;
use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

/// An open file that readers and the list share.
pub(crate) type Held<D> = Arc<BodyFile<<D as Disk>::File>>;

pub(crate) struct Shared<D: Disk> {
    pub(crate) disk: D,
    pub(crate) folder: PathBuf,
    /// In order, disjoint. Held for moments only, never during I/O.
    files: RwLock<Vec<Held<D>>>,
    /// Held while names in the folder change, so that there is one change at a time.
    changes: Mutex<Changes>,
}

#[derive(Default)]
struct Changes {
    /// A change of names failed half way: what the folder holds is known only when it is opened anew.
    broken: bool,
    /// The ranges of the carries that have begun.
    carried: Vec<Range>,
}

impl<D: Disk> Shared<D> {
    pub(crate) fn new(disk: D, folder: PathBuf, files: Vec<Held<D>>) -> Self {
        Self { disk, folder, files: RwLock::new(files), changes: Mutex::default() }
    }

    /// The list as it is now.
    pub(crate) fn files(&self) -> Vec<Held<D>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the list as it is now; no I/O in there.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&[Held<D>]) -> T) -> T {
        at(&self.files.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The file whose range holds an index.
    pub(crate) fn find(&self, index: LogIndex) -> Option<Held<D>> {
        self.look(|files| {
            let file = files.get(files.partition_point(|file| file.table.range.last < index))?;
            file.table.range.holds(index).then(|| file.clone())
        })
    }

    /// Takes a range for a carry. It must hold each file's range wholly or not touch it.
    pub(crate) fn reserve(&self, range: Range) -> io::Result<()> {
        let mut changes = self.changes()?;
        if let Some(other) = changes.carried.iter().find(|other| other.overlaps(range)) {
            return Err(misuse(format!("entries {} to {} are being carried already", other.first, other.last)));
        }
        let cut = self.look(|files| {
            let ranges = files.iter().map(|file| file.table.range);
            ranges.filter(|other| other.overlaps(range)).find(|other| !range.holds_all_of(*other))
        });
        if let Some(other) = cut {
            let name = installed_name(other);
            return Err(misuse(format!("body file {name} lies only partly within {} to {}", range.first, range.last)));
        }
        changes.carried.push(range);
        Ok(())
    }

    /// Gives a range back that a carry took, and removes its file unless it has got its place.
    pub(crate) fn give_back(&self, range: Range, installed: bool) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.carried.retain(|other| *other != range);
        if installed || changes.broken || fault::on(Fault::KeepUnfinished) {
            return;
        }
        // If it cannot be removed, the next carry of this range or the next opening does it. The sync makes its room free,
        // which matters on a full disk; if it fails, so might the next one have, unseen.
        if self.disk.remove(&self.path(unfinished_name(range))).is_ok() {
            changes.broken = self.sync_folder().is_err();
        }
    }

    /// Puts a finished, proved file in the place of all within its range, or nothing in their place.
    ///
    /// The rename makes the new file real, and the sync of the folder makes that durable. What it replaces goes only then;
    /// whoever finds both after a power cut knows by the ranges which one is left over.
    pub(crate) fn replace(&self, range: Range, new: Option<BodyFile<D::File>>) -> io::Result<()> {
        let mut changes = self.changes()?;
        if fault::on(Fault::RemoveBeforeInstall) {
            self.remove_names(&self.within(range))?;
        }
        if new.is_some() {
            let rename = self.disk.rename(&self.path(unfinished_name(range)), &self.path(installed_name(range)));
            if let Err(error) = rename {
                // A full disk has changed nothing. After any other failure nobody knows.
                changes.broken = !is_full(&error);
                return Err(error);
            }
            changes.broken = true;
            self.sync_folder()?;
        }
        changes.broken = true;
        let installed = new.is_some();
        let mut gone = self.show(range, new.map(Arc::new));
        // The rename has removed the file of the same range, if there was one.
        gone.retain(|older| !installed || *older != range);
        if !fault::on(Fault::KeepReplaced) && !fault::on(Fault::RemoveBeforeInstall) {
            self.remove_names(&gone)?;
        }
        changes.broken = false;
        Ok(())
    }

    /// Removes all files within a range, durably; readers lose sight of them first.
    pub(crate) fn remove(&self, range: Range) -> io::Result<()> {
        let mut changes = self.changes()?;
        changes.broken = true;
        let gone = if fault::on(Fault::KeepVisible) { self.within(range) } else { self.show(range, None) };
        self.remove_names(&gone)?;
        changes.broken = false;
        Ok(())
    }

    fn changes(&self) -> io::Result<MutexGuard<'_, Changes>> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.broken {
            return Err(io::Error::other("the folder of body files failed during a change; open it anew"));
        }
        Ok(changes)
    }

    fn within(&self, range: Range) -> Vec<Range> {
        self.look(|files| {
            files.iter().map(|file| file.table.range).filter(|other| range.holds_all_of(*other)).collect()
        })
    }

    /// Makes readers see `new`, or nothing, where they saw the files within the range, and tells which those were.
    fn show(&self, range: Range, new: Option<Held<D>>) -> Vec<Range> {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        let start = files.partition_point(|file| file.table.range.first < range.first);
        let end = files.partition_point(|file| file.table.range.last <= range.last).max(start);
        files.splice(start..end, new).map(|older| older.table.range).collect()
    }

    fn remove_names(&self, gone: &[Range]) -> io::Result<()> {
        for range in gone {
            self.disk.remove(&self.path(installed_name(*range)))?;
        }
        if gone.is_empty() { Ok(()) } else { self.sync_folder() }
    }

    fn sync_folder(&self) -> io::Result<()> {
        if fault::on(Fault::SkipFolderSync) { Ok(()) } else { self.disk.sync_dir(&self.folder) }
    }

    pub(crate) fn path(&self, name: String) -> PathBuf {
        self.folder.join(name)
    }
}

/// Whether the disk (or the quota) is full, which passes, unlike any other error.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
