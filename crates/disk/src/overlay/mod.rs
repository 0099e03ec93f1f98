//! A disk whose changes stay in memory: to try out what would happen, without its happening.
//!
//! What was never changed is read from the disk below, which is only ever listed and opened for reading. Changed parts of
//! files are kept in pages of 64 KiB, a page of zeros as nothing at all, so that zero-filling costs no memory. What is
//! changed below meanwhile may or may not be seen.
//!
//! Deliberately not here: power cuts (what is "synced" lives as long as the overlay), and a lock that others would see.

mod node;

use crate::{Disk, DiskFile, OpenMode};
use node::Node;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

/// Another disk with changes that stay in memory. Clones share them.
pub struct OverlayDisk<D: Disk> {
    below: D,
    state: Arc<Mutex<State<D::File>>>,
}

struct State<F> {
    /// Files that were opened, made or removed (`None`) here.
    names: BTreeMap<PathBuf, Option<OverlayFile<F>>>,
    dirs: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
}

/// A file whose changes stay in memory.
pub struct OverlayFile<F>(Arc<RwLock<Node<F>>>, bool);

impl<F> OverlayFile<F> {
    fn handle(&self, writable: bool) -> Self {
        Self(self.0.clone(), writable)
    }
}

/// A lock among those who share the overlay; free when dropped.
pub struct OverlayLock<D: Disk>(OverlayDisk<D>, PathBuf);

impl<D: Disk> OverlayDisk<D> {
    /// Nothing is changed yet.
    #[must_use]
    pub fn new(below: D) -> Self {
        let state = State { names: BTreeMap::new(), dirs: BTreeSet::new(), locks: BTreeSet::new() };
        Self { below, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State<D::File>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file as it is now, if there is one.
    fn find(&self, path: &Path) -> io::Result<OverlayFile<D::File>> {
        let mut state = self.state();
        match state.names.get(path) {
            Some(Some(file)) => Ok(file.handle(true)),
            Some(None) => Err(io::ErrorKind::NotFound.into()),
            None => {
                let node = Node::below(self.below.open(path, OpenMode::Read)?)?;
                let file = OverlayFile(Arc::new(RwLock::new(node)), true);
                state.names.insert(path.to_owned(), Some(file.handle(true)));
                Ok(file)
            }
        }
    }
}

impl<D: Disk> Clone for OverlayDisk<D> {
    fn clone(&self) -> Self {
        Self { below: self.below.clone(), state: self.state.clone() }
    }
}

impl<D: Disk> Disk for OverlayDisk<D> {
    type File = OverlayFile<D::File>;
    type Lock = OverlayLock<D>;

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.state().dirs.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File> {
        match (mode, self.find(path)) {
            (OpenMode::CreateNew, Ok(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            (OpenMode::CreateNew, Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                let dir = path.parent().unwrap_or_else(|| Path::new(""));
                self.list(dir)?;
                let file = OverlayFile(Arc::new(RwLock::new(Node::empty())), true);
                self.state().names.insert(path.to_owned(), Some(file.handle(true)));
                Ok(file)
            }
            (mode, found) => found.map(|file| file.handle(mode != OpenMode::Read)),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names: BTreeSet<String> = match self.below.list(dir) {
            Ok(names) => names.into_iter().collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.state().dirs.contains(dir) => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        for (path, file) in &self.state().names {
            let name = path.file_name().and_then(|name| name.to_str()).filter(|_| path.parent() == Some(dir));
            let Some(name) = name else { continue };
            if file.is_some() {
                names.insert(name.to_owned());
            } else {
                names.remove(name);
            }
        }
        Ok(names.into_iter().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let file = self.find(from)?;
        let mut state = self.state();
        state.names.insert(from.to_owned(), None);
        state.names.insert(to.to_owned(), Some(file));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.find(path)?;
        self.state().names.insert(path.to_owned(), None);
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.list(dir).map(|_| ())
    }

    fn lock(&self, path: &Path) -> io::Result<Self::Lock> {
        if self.state().locks.insert(path.to_owned()) {
            Ok(OverlayLock(self.clone(), path.to_owned()))
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }
}

impl<D: Disk> Drop for OverlayLock<D> {
    fn drop(&mut self) {
        self.0.state().locks.remove(&self.1);
    }
}

impl<F: DiskFile> DiskFile for OverlayFile<F> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).read(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if !self.1 {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.0.write().unwrap_or_else(PoisonError::into_inner).write(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if !self.1 {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.0.write().unwrap_or_else(PoisonError::into_inner).set_len(len);
        Ok(())
    }
}
