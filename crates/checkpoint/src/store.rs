//! The checkpoints of a folder: which are kept, and what may be done with them.

mod files;
mod install;
mod merge;
mod open;
mod write;

use crate::{LoadError, Options, Pinned, Sink, ballast::Ballast, format::manifest::Manifest, pinned, run::merged};
use evenkeel_disk::Disk;
use evenkeel_types::LogIndex;
use std::sync::Arc;

pub(crate) use files::{Folder, prove};
pub(crate) use install::Installed;
pub use merge::Merge;
pub use open::{DamagedManifest, OpenReport};
pub use write::Source;

/// How many checkpoints are kept: the second is for the case that the newest does not check.
const KEPT: usize = 2;

/// A folder of checkpoints. One process at a time opens it; which, the lock of the log decides.
pub struct Checkpoints<D: Disk> {
    folder: Folder<D>,
    options: Options,
    ballast: Ballast<D>,
    /// Usable as far as known, oldest first.
    kept: Vec<Arc<Manifest>>,
    kept_indexes: Vec<LogIndex>,
    next_number: u64,
    writing: Option<write::Writing<D>>,
    merging: Option<merge::Merging<D>>,
    /// Runs that a manifest may name on the disk although it does not here, since a rename was
    /// perhaps not durable. They stay as long as that checkpoint is kept.
    doubtful: Vec<(LogIndex, u64)>,
    /// A merge found damage.
    wants_whole: bool,
    /// There are manifests that are not kept. Until the next checkpoint is installed nothing is merged, so
    /// that their runs stay: better a damaged checkpoint than none.
    unsettled: bool,
}

impl<D: Disk> Checkpoints<D> {
    /// The checkpoints that are there, oldest first. The log above the oldest must be kept.
    #[must_use]
    pub fn kept(&self) -> &[LogIndex] {
        &self.kept_indexes
    }

    /// The oldest that is there, ZERO if none: what the log may be trimmed to.
    #[must_use]
    pub fn oldest(&self) -> LogIndex {
        self.kept_indexes.first().copied().unwrap_or(LogIndex::ZERO)
    }

    /// Streams the state at a kept checkpoint to `sink`: the meta, then each slot's newest record, ascending.
    ///
    /// Every byte is checked before it is handed out. Large runs are read ahead by threads that end with this call.
    ///
    /// # Errors
    /// See [`LoadError`]; on damage take the checkpoint before, and call [`Checkpoints::forget_newer_than`].
    pub fn load(&self, index: LogIndex, sink: &mut impl Sink) -> Result<(), LoadError> {
        let manifest = self.kept.iter().find(|manifest| manifest.index == index);
        let manifest = manifest.ok_or(LoadError::Unknown(index))?;
        let runs = self.folder.open_runs(manifest)?;
        merged::load(pinned::readers(manifest, &runs)?, &manifest.meta, sink)
    }

    /// Checkpoints above `index` did not check: they are kept no longer, and what the next one installs
    /// goes on from `index`. Their files go then, too.
    pub fn forget_newer_than(&mut self, index: LogIndex) {
        let before = self.kept.len();
        self.kept.retain(|manifest| manifest.index <= index);
        self.count_kept();
        if self.kept.len() < before {
            self.unsettled = true;
            self.abandon();
            self.drop_merge();
        }
    }

    /// Opens the files of a kept checkpoint for sending; they stay readable when their names go.
    ///
    /// `None` if it is not kept or its files cannot be opened.
    #[must_use]
    pub fn pin(&self, index: LogIndex) -> Option<Pinned<D>> {
        let manifest = self.kept.iter().find(|manifest| manifest.index == index)?;
        let runs = self.folder.open_runs(manifest).ok()?;
        Some(Pinned::new(Arc::clone(manifest), runs))
    }

    /// Whether the ballast is there.
    #[must_use]
    pub fn lacks_ballast(&self) -> bool {
        self.options.ballast_bytes > 0 && !self.has_ballast()
    }

    /// Whether the ballast is there.
    #[must_use]
    pub fn has_ballast(&self) -> bool {
        self.ballast.is_there()
    }

    /// Whether the next checkpoint should be whole: there is none to go on from, or a merge found one damaged.
    #[must_use]
    pub fn wants_whole(&self) -> bool {
        self.wants_whole || self.kept.is_empty()
    }

    /// How many runs the newest checkpoint has, and their bytes.
    #[must_use]
    pub fn newest_runs(&self) -> (usize, u64) {
        self.kept.last().map_or((0, 0), |newest| (newest.runs.len(), newest.runs.iter().map(|run| run.bytes).sum()))
    }

    /// Bytes of all runs that are kept, those of a checkpoint or merge under way not counted.
    #[must_use]
    pub fn run_bytes(&self) -> u64 {
        let mut runs: Vec<_> = self.kept.iter().flat_map(|manifest| &manifest.runs).collect();
        runs.sort_by_key(|run| run.number);
        runs.dedup_by_key(|run| run.number);
        runs.iter().map(|run| run.bytes).sum()
    }

    fn count_kept(&mut self) {
        self.kept_indexes = self.kept.iter().map(|manifest| manifest.index).collect();
    }

    /// The number of a new run, and a seed that no other run here has.
    fn new_run(&mut self, index: LogIndex) -> (u64, u64) {
        let number = self.next_number;
        self.next_number += 1;
        let last = self.kept.last().and_then(|newest| newest.runs.last()).map_or(0, |run| run.checksum);
        let mut bytes = Vec::with_capacity(32);
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(&index.0.to_le_bytes());
        bytes.extend_from_slice(&last.to_le_bytes());
        (number, xxhash_rust::xxh3::xxh3_64(&bytes))
    }
}
