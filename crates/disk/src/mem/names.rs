//! Names: which file each path leads to, now and after a power cut.

use super::random::Random;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The number of a file; names lead to it.
pub(super) type InodeNumber = u64;

#[derive(Clone, Debug)]
enum Change {
    Create(PathBuf, InodeNumber),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Change {
    fn paths(&self) -> [&PathBuf; 2] {
        match self {
            Self::Create(path, _) | Self::Remove(path) => [path, path],
            Self::Rename(from, to) => [from, to],
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, InodeNumber>) {
        match self {
            Self::Create(path, inode) => {
                names.insert(path.clone(), *inode);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    now: BTreeMap<PathBuf, InodeNumber>,
    durable: BTreeMap<PathBuf, InodeNumber>,
    pending: Vec<Change>,
}

impl Names {
    pub(super) fn get(&self, path: &Path) -> Option<InodeNumber> {
        self.now.get(path).copied()
    }

    /// Whether any name leads to the file, now or after a power cut.
    pub(super) fn leads_to(&self, inode: InodeNumber) -> bool {
        self.now.values().chain(self.durable.values()).any(|&number| number == inode)
            || self.pending.iter().any(|change| matches!(change, Change::Create(_, number) if *number == inode))
    }

    pub(super) fn in_dir(&self, dir: &Path) -> Vec<String> {
        let inside = self.now.keys().filter(|path| path.parent() == Some(dir));
        inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect()
    }

    pub(super) fn create(&mut self, path: &Path, inode: InodeNumber) {
        self.change(Change::Create(path.to_owned(), inode));
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.change(Change::Remove(path.to_owned()));
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        self.change(Change::Rename(from.to_owned(), to.to_owned()));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    /// A name that vanishes from the medium itself, whatever was pending.
    pub(super) fn lose(&mut self, path: &Path) {
        self.now.remove(path);
        self.durable.remove(path);
        self.pending.retain(|change| !change.paths().contains(&&path.to_owned()));
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) {
        // Backwards, so that what a synced change builds on is made durable with it.
        let mut wanted = BTreeSet::new();
        let mut keep = Vec::new();
        let mut synced = Vec::new();
        for change in self.pending.drain(..).rev() {
            let paths = change.paths();
            if paths.iter().any(|path| path.parent() == Some(dir) || wanted.contains(*path)) {
                wanted.extend(paths.into_iter().cloned());
                synced.push(change);
            } else {
                keep.push(change);
            }
        }
        for change in synced.iter().rev() {
            change.apply(&mut self.durable);
        }
        keep.reverse();
        self.pending = keep;
    }

    pub(super) fn power_cut(&mut self, mut random: Option<&mut Random>) {
        let mut lost = BTreeSet::new();
        for change in std::mem::take(&mut self.pending) {
            let paths = change.paths();
            let kept = random.as_mut().is_some_and(|random| random.coin());
            if !kept || paths.iter().any(|path| lost.contains(*path)) {
                lost.extend(paths.into_iter().cloned());
            } else {
                change.apply(&mut self.durable);
            }
        }
        self.now = self.durable.clone();
    }
}
