//! Open files and held locks.

use super::{
    MemDisk,
    names::InodeNumber,
    state::{Gate, State, pass},
};
use crate::DiskFile;
use std::{io, path::PathBuf};

/// An open file of a [`MemDisk`]; it fails after a crash of its disk.
#[derive(Debug)]
pub struct MemFile {
    pub(super) disk: MemDisk,
    pub(super) number: InodeNumber,
    pub(super) life: u64,
    pub(super) writable: bool,
}

/// A held lock of a [`MemDisk`].
#[derive(Debug)]
pub struct MemLock {
    pub(super) disk: MemDisk,
    pub(super) path: PathBuf,
    pub(super) life: u64,
}

impl Drop for MemLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}

impl Drop for MemFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            if let Some(inode) = state.inodes.get_mut(&self.number) {
                inode.handles = inode.handles.saturating_sub(1);
            }
            state.sweep(self.number);
        }
    }
}

impl MemFile {
    fn change(&self, state: &mut State) -> io::Result<Gate> {
        if !self.writable {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "opened for reading"));
        }
        state.change(Some(self.life))
    }
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl DiskFile for MemFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.look(Some(self.life))?;
        state.counters.reads += 1;
        state.counters.bytes_read += buffer.len() as u64;
        let inode = state.inodes.get(&self.number).ok_or(io::ErrorKind::NotFound)?;
        inode.read(buffer, position(offset)?).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = position(offset)?;
        let mut state = self.disk.state();
        let gate = self.change(&mut state)?;
        let room = state.room();
        let inode = state.inodes.get_mut(&self.number).ok_or(io::ErrorKind::NotFound)?;
        // On a full disk the part that fits is written, as a file system does.
        let limit = inode.len().saturating_add(usize::try_from(room).unwrap_or(usize::MAX));
        let fits = bytes.get(..limit.saturating_sub(offset)).unwrap_or(bytes);
        pass(&gate, || {
            if !fits.is_empty() {
                inode.write(fits, offset);
            }
        })?;
        state.counters.bytes_written += fits.len() as u64;
        if fits.len() < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let gate = self.change(&mut state)?;
        state.counters.syncs += 1;
        let state = &mut *state;
        let inode = state.inodes.get_mut(&self.number).ok_or(io::ErrorKind::NotFound)?;
        match &mut state.fail_sync {
            Some(0) => {
                state.fail_sync = None;
                inode.sync_fails(&mut state.random);
                return Err(io::Error::other("injected: input/output error on sync"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        pass(&gate, || inode.sync())
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.look(Some(self.life))?;
        Ok(state.inodes.get(&self.number).ok_or(io::ErrorKind::NotFound)?.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = position(len)?;
        let mut state = self.disk.state();
        let gate = self.change(&mut state)?;
        let room = state.room();
        let inode = state.inodes.get_mut(&self.number).ok_or(io::ErrorKind::NotFound)?;
        if len.saturating_sub(inode.len()) as u64 > room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        pass(&gate, || inode.set_len(len))
    }
}
