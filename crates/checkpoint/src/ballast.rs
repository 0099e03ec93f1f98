//! The ballast: zeros that go when a checkpoint meets a full disk.
//!
//! A full disk is only emptied by what a checkpoint lets go of, so there must always be room for one.

use crate::{
    error::is_full,
    fault::{self, Fault},
    names::BALLAST,
    run::writer::Write,
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use std::{io, path::PathBuf};

/// Zeros written per call.
const PIECE: usize = 256 * 1024;

/// The folder's ballast, there or not.
pub(crate) struct Ballast<D> {
    disk: D,
    folder: PathBuf,
    bytes: u64,
    there: bool,
}

impl<D: Disk> Ballast<D> {
    pub(crate) fn new(disk: D, folder: PathBuf, bytes: u64) -> Self {
        Self { disk, folder, bytes, there: false }
    }

    pub(crate) fn is_there(&self) -> bool {
        self.there
    }

    /// Makes it if it is not there and there is room. Without it everything works until the disk is full.
    pub(crate) fn make(&mut self) {
        if self.there || self.bytes == 0 {
            return;
        }
        let path = self.folder.join(BALLAST);
        let found = self.disk.open(&path, OpenMode::Read).and_then(|file| file.len());
        if found.is_ok_and(|len| len == self.bytes) {
            self.there = true;
            return;
        }
        // Left from other options, or cut short.
        let _ = self.disk.remove(&path);
        let made = self.disk.open(&path, OpenMode::CreateNew).and_then(|file| fill(&file, self.bytes));
        self.there = made.is_ok();
        if !self.there {
            self.remove();
        }
    }

    /// Lets the ballast go if an attempt failed on a full disk after its writes, where nothing can be tried again.
    pub(crate) fn make_way_for_the_next(&mut self, error: &io::Error) {
        if is_full(error) && self.there && !fault::on(Fault::KeepBallast) {
            self.remove();
        }
    }

    fn remove(&mut self) {
        self.there = false;
        let _ = self.disk.remove(&self.folder.join(BALLAST));
        // A file system may give the room back only when the removal is durable.
        let _ = self.disk.sync_dir(&self.folder);
    }

    /// Does `write`, and once more without the ballast if the disk is full.
    pub(crate) fn give_way<T>(&mut self, write: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match write() {
            Err(error) if is_full(&error) && self.there && !fault::on(Fault::KeepBallast) => {
                self.remove();
                write()
            }
            result => result,
        }
    }
}

fn fill(file: &impl DiskFile, bytes: u64) -> io::Result<()> {
    let zeros = [0; PIECE];
    let mut at = 0;
    while at < bytes {
        let piece = usize::try_from(bytes - at).unwrap_or(PIECE).min(PIECE);
        file.write_all_at(zeros.get(..piece).unwrap_or(&[]), at)?;
        at += piece as u64;
    }
    file.sync()
}

impl<D: Disk> Write<D::File> for Ballast<D> {
    fn write(&mut self, file: &D::File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.give_way(|| file.write_all_at(bytes, offset))
    }
}

/// Writes that take no more room than there is.
pub(crate) struct Plain;

impl<F: DiskFile> Write<F> for Plain {
    fn write(&mut self, file: &F, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }
}
