//! What all clones of one disk share, and the gate that every operation passes.

use super::{
    inode::Inode,
    names::{InodeNumber, Names},
    random::Random,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
};

/// How much was asked of a [`super::MemDisk`] so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Operations that change something: writes, syncs, length changes, creations, renames,
    /// removals and directory syncs. [`super::MemDisk::fail_from`] counts these.
    pub changes: u64,
    /// Reads.
    pub reads: u64,
    /// Syncs of files.
    pub syncs: u64,
    /// Syncs of directories.
    pub dir_syncs: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Bytes read.
    pub bytes_read: u64,
}

/// What an operation may do.
pub(super) enum Gate {
    /// Go ahead.
    Open,
    /// Take effect if the coin says so, but report the disk's end.
    Last {
        /// The coin.
        takes_effect: bool,
    },
}

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) random: Random,
    pub(super) inodes: BTreeMap<InodeNumber, Inode>,
    pub(super) next_inode: InodeNumber,
    pub(super) names: Names,
    pub(super) dirs: BTreeSet<PathBuf>,
    pub(super) locks: BTreeSet<PathBuf>,
    /// Grows with each crash; handles of an earlier life fail.
    pub(super) life: u64,
    pub(super) counters: Counters,
    pub(super) capacity: Option<u64>,
    /// So many more changes succeed, then nothing does.
    pub(super) fail_from: Option<u64>,
    pub(super) dead: bool,
    /// So many more syncs succeed, then one fails.
    pub(super) fail_sync: Option<u64>,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            inodes: BTreeMap::new(),
            next_inode: 1,
            names: Names::default(),
            dirs: BTreeSet::from([PathBuf::new(), PathBuf::from("/")]),
            locks: BTreeSet::new(),
            life: 0,
            counters: Counters::default(),
            capacity: None,
            fail_from: None,
            dead: false,
            fail_sync: None,
        }
    }

    /// Lets an operation that only looks pass, or not.
    pub(super) fn look(&self, life: Option<u64>) -> io::Result<()> {
        if life.is_some_and(|life| life != self.life) {
            return Err(io::Error::other("the handle is of before the crash"));
        }
        if self.dead {
            return Err(gone());
        }
        Ok(())
    }

    /// Lets an operation that changes something pass, or not.
    pub(super) fn change(&mut self, life: Option<u64>) -> io::Result<Gate> {
        self.look(life)?;
        self.counters.changes += 1;
        match &mut self.fail_from {
            Some(0) => {
                self.dead = true;
                Ok(Gate::Last { takes_effect: self.random.coin() })
            }
            Some(left) => {
                *left -= 1;
                Ok(Gate::Open)
            }
            None => Ok(Gate::Open),
        }
    }

    /// The bytes of all files together.
    pub(super) fn used(&self) -> u64 {
        self.inodes.values().map(|inode| inode.len() as u64).sum()
    }

    /// How many bytes may still be added; a file without a name counts as long as it is open.
    pub(super) fn room(&self) -> u64 {
        self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()))
    }

    pub(super) fn sweep(&mut self, number: InodeNumber) {
        let idle = self.inodes.get(&number).is_some_and(|inode| inode.handles == 0);
        if idle && !self.names.leads_to(number) {
            self.inodes.remove(&number);
        }
    }

    pub(super) fn new_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        self.dead = false;
        self.fail_from = None;
        self.fail_sync = None;
        let Self { inodes, names, .. } = self;
        for inode in inodes.values_mut() {
            inode.handles = 0;
        }
        inodes.retain(|number, _| names.leads_to(*number));
    }
}

/// The error of every operation after the injected end.
pub(super) fn gone() -> io::Error {
    io::Error::other("injected: the disk is gone")
}

/// Does `effect` as the gate allows, and reports.
pub(super) fn pass<T>(gate: &Gate, effect: impl FnOnce() -> T) -> io::Result<T> {
    match gate {
        Gate::Open => Ok(effect()),
        Gate::Last { takes_effect } => {
            if *takes_effect {
                effect();
            }
            Err(gone())
        }
    }
}
