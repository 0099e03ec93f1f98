//! The directory tree: [`Disk`] over the shared state.

use super::{
    MemFile, MemLock,
    inode::Inode,
    state::{Counters, State, pass},
};
use crate::{Disk, OpenMode};
use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A disk in memory; clones share it. See the module for what it may do to the bytes.
#[derive(Clone, Debug)]
pub struct MemDisk {
    state: Arc<Mutex<State>>,
}

impl MemDisk {
    /// An empty disk. The seed decides all that chance decides.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(seed))) }
    }

    /// What was asked of it so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.state().counters
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock should not hide its own message.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with_state(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }
}

impl Disk for MemDisk {
    type File = MemFile;
    type Lock = MemLock;

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let gate = state.change(None)?;
        pass(&gate, || state.dirs.extend(path.ancestors().map(Path::to_owned)))
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<MemFile> {
        let mut state = self.state();
        let known = state.names.get(path);
        let number = match (mode, known) {
            (OpenMode::CreateNew, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (OpenMode::CreateNew, None) => {
                need_dir(&state, path.parent())?;
                let gate = state.change(None)?;
                let number = state.next_inode;
                pass(&gate, || {
                    state.next_inode += 1;
                    state.inodes.insert(number, Inode::default());
                    state.names.create(path, number);
                })?;
                number
            }
            (_, known) => {
                state.look(None)?;
                known.ok_or(io::ErrorKind::NotFound)?
            }
        };
        if let Some(inode) = state.inodes.get_mut(&number) {
            inode.handles += 1;
        }
        let life = state.life;
        drop(state);
        Ok(MemFile { disk: self.clone(), number, life, writable: mode != OpenMode::Read })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.look(None)?;
        need_dir(&state, Some(dir))?;
        Ok(state.names.in_dir(dir))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        need_dir(&state, to.parent())?;
        let replaced = state.names.get(to);
        let gate = state.change(None)?;
        pass(&gate, || {
            state.names.rename(from, to);
            replaced.into_iter().for_each(|number| state.sweep(number));
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let number = state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        let gate = state.change(None)?;
        pass(&gate, || {
            state.names.remove(path);
            state.sweep(number);
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        need_dir(&state, Some(dir))?;
        let gate = state.change(None)?;
        state.counters.dir_syncs += 1;
        pass(&gate, || {
            state.names.sync_dir(dir);
            let idle: Vec<_> = state.inodes.iter().filter(|(_, i)| i.handles == 0).map(|(number, _)| *number).collect();
            idle.into_iter().for_each(|number| state.sweep(number));
        })
    }

    fn lock(&self, path: &Path) -> io::Result<MemLock> {
        let mut state = self.state();
        state.look(None)?;
        need_dir(&state, path.parent())?;
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let life = state.life;
        drop(state);
        Ok(MemLock { disk: self.clone(), path: path.to_owned(), life })
    }
}

fn need_dir(state: &State, dir: Option<&Path>) -> io::Result<()> {
    let known = dir.is_some_and(|dir| state.dirs.contains(dir));
    if known { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}
