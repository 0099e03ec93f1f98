//! What a test may do to the disk: end a life, make calls fail, damage what is stored.

use super::{MemDisk, inode::Inode};
use std::{io, ops::Range, path::Path};

/// # Ends of a life
/// Both undo the failures asked for below (not the capacity), free all locks and end all handles.
impl MemDisk {
    /// The power goes: each pending sector, length and name is kept or lost by chance.
    pub fn crash(&self) {
        let mut state = self.state();
        let state = &mut *state;
        state.names.power_cut(Some(&mut state.random));
        for inode in state.inodes.values_mut() {
            inode.power_cut(Some(&mut state.random));
        }
        state.new_life();
    }

    /// The power goes, and all that is pending is lost: the plainest power cut.
    pub fn crash_losing_all(&self) {
        let mut state = self.state();
        state.names.power_cut(None);
        for inode in state.inodes.values_mut() {
            inode.power_cut(None);
        }
        state.new_life();
    }

    /// The process dies; the machine stays up, so what is pending stays, and stays pending.
    pub fn kill(&self) {
        self.state().new_life();
    }

    /// A copy that shares nothing, for trying several ends of one beginning. Handles, locks and
    /// asked-for failures are not copied (it is as after [`MemDisk::kill`]).
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let mut state = self.state().clone();
        state.random = super::random::Random::new(seed);
        state.new_life();
        Self::with_state(state)
    }
}

/// # Calls that fail
impl MemDisk {
    /// `count` more changing operations succeed; from then on every operation fails until
    /// [`MemDisk::crash`] or [`MemDisk::kill`]. The first that fails takes effect or not, by chance: a
    /// writer that dies during a write does not know either.
    ///
    /// With `count` from 0 to [`super::Counters::changes`] of a run, a test dies at every write boundary.
    pub fn fail_from(&self, count: u64) {
        self.state().fail_from = Some(count);
    }

    /// `count` more file syncs succeed, and the next one fails with an I/O error and drops what was
    /// pending. Later ones succeed, and must not be trusted.
    pub fn fail_sync(&self, count: u64) {
        self.state().fail_sync = Some(count);
    }

    /// The bytes of all files together.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// All files together may not grow beyond so many bytes; `None` lifts the limit. A write that
    /// does not fit writes what fits and fails with `StorageFull`.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }
}

/// # Damage to what is stored
/// It reaches the medium and the page cache alike, at once.
impl MemDisk {
    /// Flips one bit (0 to 7) of the byte at `offset`.
    ///
    /// # Errors
    /// `NotFound` without such a file, `UnexpectedEof` beyond its end.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) -> io::Result<()> {
        self.damage(path, |inode| {
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            if offset >= inode.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            inode.damage(offset, offset + 1, |byte| byte ^ (1 << (bit & 7)));
            Ok(())
        })
    }

    /// Zeroes part of a file, as far as the file goes.
    ///
    /// # Errors
    /// `NotFound` without such a file.
    pub fn zero(&self, path: &Path, range: Range<u64>) -> io::Result<()> {
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        self.damage(path, |inode| {
            inode.damage(start, end, |_| 0);
            Ok(())
        })
    }

    /// Cuts a file, or extends it with zeros.
    ///
    /// # Errors
    /// `NotFound` without such a file.
    pub fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        self.damage(path, |inode| {
            inode.damage_len(usize::try_from(len).unwrap_or(usize::MAX));
            Ok(())
        })
    }

    /// Loses a file's name, durably.
    ///
    /// # Errors
    /// `NotFound` without such a file.
    pub fn lose(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let number = state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        state.names.lose(path);
        state.sweep(number);
        Ok(())
    }

    /// The bytes of a file as a reader would see them now.
    ///
    /// # Errors
    /// `NotFound` without such a file.
    pub fn contents(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.damage(path, |inode| {
            let mut bytes = vec![0; inode.len()];
            inode.read(&mut bytes, 0).ok_or(io::ErrorKind::UnexpectedEof)?;
            Ok(bytes)
        })
    }

    fn damage<T>(&self, path: &Path, change: impl FnOnce(&mut Inode) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        let number = state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        change(state.inodes.get_mut(&number).ok_or(io::ErrorKind::NotFound)?)
    }
}
