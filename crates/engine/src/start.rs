//! What a start finds on the disk: the newest state that can be loaded, and where bodies lie.

use crate::{
    limits,
    skips::{Skips, Stumble, read_skips},
};
use evenkeel_bodies::{Shelf, ShelfError};
use evenkeel_checkpoint::{CheckpointError, Checkpoints, LoadError, Sink};
use evenkeel_disk::Disk;
use evenkeel_log::{Extent, LogError};
use evenkeel_machine::{Build, Machine, Restorer, feature_level_of};
use evenkeel_snapshot::{InstallError, Installed};
use evenkeel_types::LogIndex;
use std::{io, path::Path};

/// The folder of checkpoints, within the data folder.
pub const CHECKPOINTS: &str = "checkpoints";
/// The folder of body files, within the data folder.
pub const BODIES: &str = "bodies";

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The checkpoints' folder cannot be used.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointError),
    /// No checkpoint can be loaded although there are some.
    #[error("no checkpoint can be used: {}", .0.join("; "))]
    AllDamaged(Vec<String>),
    /// A checkpoint cannot be read for now, or this version is too old for it.
    #[error(transparent)]
    Load(LoadError),
    /// A newer version wrote the checkpoint, under a feature level that this one does not know.
    #[error("checkpoint {index} is at feature level {level}, and this version knows {known}: use the newer version")]
    TooNew {
        /// Which.
        index: LogIndex,
        /// Its level.
        level: u32,
        /// What this version knows.
        known: u32,
    },
    /// The body files cannot be used.
    #[error(transparent)]
    Bodies(#[from] ShelfError),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What is to be passed over cannot be read for now.
    #[error("reading which entries are passed over: {0}")]
    Skips(io::Error),
    /// A snapshot that is being installed cannot be.
    #[error(transparent)]
    Snapshot(#[from] InstallError),
}

impl StartError {
    /// Whether the disk would not do what was asked of it; else what it gave was wrong.
    #[must_use]
    pub fn is_io(&self) -> bool {
        match self {
            Self::Checkpoints(error) => matches!(error, CheckpointError::Io { .. }),
            Self::Load(error) => matches!(error, LoadError::Io { .. }),
            Self::Bodies(error) => matches!(error, ShelfError::Io { .. }),
            Self::Log(error) => matches!(error, LogError::Io { .. }),
            Self::Snapshot(error) => matches!(error, InstallError::Io(_)),
            Self::Skips(_) => true,
            Self::AllDamaged(_) | Self::TooNew { .. } => false,
        }
    }

    /// Whether files are not what was written, so that only a copy of them helps.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::AllDamaged(_) => true,
            Self::Load(error) => matches!(error, LoadError::Damaged { .. }),
            Self::Bodies(error) => matches!(error, ShelfError::Damaged { .. }),
            Self::Log(error) => matches!(error, LogError::Damaged { .. }),
            // Of a newer version: that one reads it, as it is sound.
            Self::Checkpoints(_) | Self::Skips(_) | Self::Snapshot(_) | Self::TooNew { .. } => false,
        }
    }
}

/// What an engine begins with.
#[derive(Debug)]
pub struct Start {
    /// The state of the newest checkpoint that checks, else the empty state.
    pub machine: Machine,
    /// The oldest checkpoint that could be started from: the log above it must be kept.
    pub oldest_checkpoint: LogIndex,
    /// No checkpoint was found, so the next one must hold everything.
    pub whole: bool,
    /// The body files.
    pub body_files: Vec<Extent>,
    /// Entries that are passed over.
    pub skips: Skips,
    /// The entry at which the machine panicked so often that it is not given it again. `None` for whoever does not know what panicked.
    pub stumble: Option<Stumble>,
}

impl Default for Start {
    /// Of a new log.
    fn default() -> Self {
        let (machine, oldest_checkpoint) = (Machine::default(), LogIndex::ZERO);
        Self { machine, oldest_checkpoint, whole: true, body_files: Vec::new(), skips: Skips::default(), stumble: None }
    }
}

/// What was found in a data folder, beside the log.
pub struct Found<D: Disk> {
    /// For the engine.
    pub start: Start,
    /// Checkpoints that cannot be used, each with its reason.
    pub damaged: Vec<String>,
    /// What cannot be read of entries that are passed over, and need not be.
    pub unread: Vec<String>,
    /// The checkpoints.
    pub checkpoints: Checkpoints<D>,
    /// The body files.
    pub shelf: Shelf<D>,
    /// The state came in a snapshot, and the log was perhaps not reset to go on behind it. It must be before it is opened: see
    /// [`evenkeel_snapshot`], "The order of the steps".
    pub snapshot: Option<Installed>,
}

/// Opens the checkpoints and body files of a data folder, making what is missing, and loads the newest state that checks.
/// A snapshot whose installation was cut short is installed first.
///
/// # Errors
/// The disk fails, there are checkpoints and none can be loaded, or the newest is of a newer version.
pub fn find<D: Disk>(disk: D, folder: &Path) -> Result<Found<D>, StartError> {
    find_with(
        disk,
        folder,
        evenkeel_checkpoint::Options {
            ballast_bytes: limits::BALLAST_BYTES,
            ..evenkeel_checkpoint::Options::default()
        },
        Build::PRESENT,
    )
}

/// As [`find`], with other sizes of checkpoints, in a version of this program.
///
/// # Errors
/// As [`find`].
pub fn find_with<D: Disk>(
    disk: D,
    folder: &Path,
    options: evenkeel_checkpoint::Options,
    build: Build,
) -> Result<Found<D>, StartError> {
    let snapshot = evenkeel_snapshot::settle(&disk, folder)?;
    let (mut checkpoints, report) = Checkpoints::open(disk.clone(), &folder.join(CHECKPOINTS), options)?;
    let mut damaged: Vec<_> =
        report.damaged.iter().map(|damaged| format!("{}: {}", damaged.file, damaged.why)).collect();
    let (skips, unreadable) = read_skips(&disk, folder).map_err(StartError::Skips)?;
    let mut machine = None;
    for index in checkpoints.kept().to_vec().into_iter().rev() {
        if skips.spoil(index) {
            damaged.push(format!("checkpoint {index} has taken in an entry that is passed over"));
            continue;
        }
        match load_in(&checkpoints, index, build) {
            Ok(loaded) => {
                // What does not check must not count as proven.
                checkpoints.forget_newer_than(index);
                machine = Some(loaded);
                break;
            }
            Err(StartError::Load(LoadError::Damaged { file, offset, what })) => {
                damaged.push(format!("{file} at byte {offset}: {what}"));
            }
            Err(StartError::Load(LoadError::Refused(reason))) => damaged.push(format!("checkpoint {index}: {reason}")),
            Err(error) => return Err(error),
        }
    }
    if machine.is_none() && !damaged.is_empty() {
        return Err(StartError::AllDamaged(damaged));
    }
    let (shelf, _) = Shelf::open(disk, &folder.join(BODIES))?;
    let body_files = shelf.extents();
    let body_files = body_files.iter().map(|e| Extent { first: e.first, last: e.last, bytes: e.bytes }).collect();
    let start = Start {
        whole: machine.is_none(),
        machine: machine.unwrap_or_else(|| Machine::of(build)),
        oldest_checkpoint: checkpoints.oldest(),
        body_files,
        skips,
        stumble: None,
    };
    Ok(Found { start, damaged, unread: unreadable, checkpoints, shelf, snapshot })
}

/// Takes in a checkpoint's records.
#[derive(Default)]
struct Loader {
    build: Build,
    restorer: Option<Restorer>,
    /// Its level, if this version does not know that.
    too_new: Option<u32>,
}

impl Sink for Loader {
    fn meta(&mut self, head: &[u8]) -> Result<(), String> {
        let words = |error: evenkeel_machine::codec::DecodeError| error.to_string();
        self.too_new = Some(feature_level_of(head).map_err(words)?).filter(|level| *level > self.build.feature_level);
        self.restorer = Some(Restorer::of(self.build, head).map_err(words)?);
        Ok(())
    }

    fn record(&mut self, section: u8, slot: u32, bytes: &[u8]) -> Result<(), String> {
        let restorer = self.restorer.as_mut().ok_or("records came before the head")?;
        restorer.record(section, slot, bytes).map_err(|error| error.to_string())
    }
}

/// The state of a checkpoint.
///
/// # Errors
/// It does not check, cannot be read, or is of a newer version.
pub fn load<D: Disk>(checkpoints: &Checkpoints<D>, index: LogIndex) -> Result<Machine, StartError> {
    load_in(checkpoints, index, Build::PRESENT)
}

fn load_in<D: Disk>(checkpoints: &Checkpoints<D>, index: LogIndex, build: Build) -> Result<Machine, StartError> {
    let mut loader = Loader { build, ..Loader::default() };
    let loaded = checkpoints.load(index, &mut loader);
    match loader.too_new {
        Some(level) if loaded.is_err() => {
            return Err(StartError::TooNew { index, level, known: build.feature_level });
        }
        _ => loaded.map_err(StartError::Load)?,
    }
    let refused = |what: String| StartError::Load(LoadError::Refused(what));
    let restorer = loader.restorer.ok_or_else(|| refused("it has no head".into()))?;
    let machine = restorer.finish().map_err(|error| refused(error.to_string()))?;
    if machine.applied() == index {
        Ok(machine)
    } else {
        Err(refused(format!("it holds the state at {}", machine.applied())))
    }
}
