//! Kinds: of files in the data folder, and of work on the disk, so that the summary tells what was hit how often.

use crate::house::{BODIES, CHECKPOINTS, LOG};
use std::{fmt, ops::AddAssign, path::Path};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(usize)]
pub enum FileKind {
    /// A segment of the log that a start replays.
    Segment,
    /// A segment that is kept for bodies alone.
    Retired,
    /// Where the entries of a segment are.
    Sidecar,
    /// The next segment.
    Spare,
    /// A truncation that was begun.
    Intent,
    /// Records of a checkpoint.
    Run,
    /// What names the runs.
    Manifest,
    /// What makes room for a checkpoint.
    Ballast,
    /// A body file.
    Bodies,
    /// The log's folder.
    LogFolder,
    /// Any other.
    Other,
}

/// The kinds of files that hold bytes.
pub const FILE_KINDS: [(FileKind, &str); 9] = [
    (FileKind::Segment, "segment in use"),
    (FileKind::Retired, "retired segment"),
    (FileKind::Sidecar, "sidecar"),
    (FileKind::Spare, "spare"),
    (FileKind::Intent, "intent"),
    (FileKind::Run, "run"),
    (FileKind::Manifest, "manifest"),
    (FileKind::Ballast, "ballast"),
    (FileKind::Bodies, "body file"),
];

impl FileKind {
    /// By its path. A retired segment has the name of any other.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.strip_suffix(".new").or_else(|| name.strip_suffix(".unfinished")).unwrap_or(name);
        let folder = path.parent().unwrap_or(path);
        match name.rsplit('.').next() {
            _ if path == Path::new(LOG) => Self::LogFolder,
            Some("seg") => Self::Segment,
            Some("idx") => Self::Sidecar,
            Some("spare") if folder == Path::new(LOG) => Self::Spare,
            Some("intent") if folder == Path::new(LOG) => Self::Intent,
            Some("run") => Self::Run,
            Some("ckpt") => Self::Manifest,
            Some("ballast") if folder == Path::new(CHECKPOINTS) => Self::Ballast,
            Some("bodies") if folder == Path::new(BODIES) => Self::Bodies,
            _ => Self::Other,
        }
    }

    /// Whether it is in the log's folder.
    #[must_use]
    pub const fn is_of_the_log(self) -> bool {
        matches!(self, Self::Segment | Self::Retired | Self::Sidecar | Self::Spare | Self::Intent)
    }
}

/// A change to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file is made.
    Create,
    /// It is written, cut or synced.
    Contents,
    /// It gets this name.
    Rename,
    /// It goes.
    Remove,
    /// A folder is made or synced.
    SyncDir,
}

/// What the house is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doing {
    /// It starts.
    #[default]
    Start,
    /// The log's writer works.
    Log,
    /// The records of a checkpoint are written.
    Part,
    /// It is made durable.
    Finish,
    /// Checkpoints are merged.
    Merge,
    /// Bodies are carried out of segments alone.
    Carry,
    /// Bodies are carried, some of them out of older body files.
    CarryOver,
    /// A body file is removed.
    RemoveBodies,
}

macro_rules! boundaries {
    ($($(#[doc = $doc:literal])* $name:ident: $words:literal,)*) => {
        /// Where a house may die: before, in or after an operation of such work.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(usize)]
        pub enum Boundary {
            $($(#[doc = $doc])* $name,)*
        }

        /// All of them, in words.
        pub const BOUNDARIES: [(Boundary, &str); [$($words),*].len()] = [$((Boundary::$name, $words)),*];
    };
}

boundaries! {
    /// Opening what is there.
    Start: "starting",
    /// Entries of the log.
    Entries: "writing entries",
    /// The spare, its header, its renaming.
    MakeSegment: "making segments",
    /// The removal of a segment's files.
    ReleaseSegment: "removing segments",
    /// The making of a sidecar.
    Sidecar: "writing sidecars",
    /// The records of a checkpoint.
    Part: "writing checkpoint parts",
    /// Making a checkpoint durable.
    Finish: "finishing checkpoints",
    /// Steps of a merge.
    MergeStep: "merging runs",
    /// Its installation.
    MergeInstall: "installing merges",
    /// Carrying out of segments.
    Carry: "carrying bodies out of segments",
    /// Carrying out of body files, too.
    CarryOver: "carrying bodies out of body files",
    /// The removal of a body file in which nothing lives.
    RemoveBodies: "removing body files",
    /// The ballast.
    Ballast: "making the ballast",
    /// Whatever else.
    Other: "other",
}

impl Boundary {
    pub(crate) fn of(doing: Doing, kind: FileKind, change: Change) -> Self {
        match (doing, kind, change) {
            (_, FileKind::Ballast, _) => Self::Ballast,
            (Doing::Start, _, _) => Self::Start,
            (_, FileKind::Segment | FileKind::Sidecar, Change::Remove) => Self::ReleaseSegment,
            (_, FileKind::Sidecar, _) => Self::Sidecar,
            (_, FileKind::Spare, _) | (_, FileKind::Segment, Change::Create | Change::Rename) => Self::MakeSegment,
            (_, FileKind::Segment, _) => Self::Entries,
            (Doing::Part, _, _) => Self::Part,
            (Doing::Finish, _, _) => Self::Finish,
            (Doing::Merge, FileKind::Run, Change::Create | Change::Contents) => Self::MergeStep,
            (Doing::Merge, _, _) => Self::MergeInstall,
            (Doing::Carry, _, _) => Self::Carry,
            (Doing::CarryOver, _, _) => Self::CarryOver,
            (Doing::RemoveBodies, _, _) => Self::RemoveBodies,
            _ => Self::Other,
        }
    }
}

/// A number for each kind of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerBoundary([u64; BOUNDARIES.len()]);

impl PerBoundary {
    /// One more of these.
    pub fn add(&mut self, boundary: Boundary) {
        if let Some(count) = self.0.get_mut(boundary as usize) {
            *count += 1;
        }
    }

    /// How many.
    #[must_use]
    pub fn of(&self, boundary: Boundary) -> u64 {
        self.0.get(boundary as usize).copied().unwrap_or(0)
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl AddAssign for PerBoundary {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }
}

impl fmt::Display for PerBoundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut known = BOUNDARIES.iter().filter(|(boundary, _)| self.of(*boundary) > 0);
        known.try_for_each(|(boundary, words)| writeln!(f, "{:>12}  while {words}", self.of(*boundary)))
    }
}

/// Flipped bits by the kind of file: how many, and how many of them were noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerFile([(u64, u64); FILE_KINDS.len()]);

impl PerFile {
    /// A bit of such a file was flipped.
    pub fn flipped(&mut self, kind: FileKind) {
        if let Some(counts) = self.0.get_mut(kind as usize) {
            counts.0 += 1;
        }
    }

    /// That was noticed.
    pub fn noticed(&mut self, kind: FileKind) {
        if let Some(counts) = self.0.get_mut(kind as usize) {
            counts.1 += 1;
        }
    }
}

impl AddAssign for PerFile {
    fn add_assign(&mut self, other: Self) {
        for (counts, more) in self.0.iter_mut().zip(other.0) {
            counts.0 += more.0;
            counts.1 += more.1;
        }
    }
}

impl fmt::Display for PerFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((_, words), (flipped, noticed)) in FILE_KINDS.iter().zip(self.0).filter(|(_, (flipped, _))| *flipped > 0) {
            writeln!(f, "{flipped:>12}  of them in a {words}, {noticed} noticed, the others harmless")?;
        }
        Ok(())
    }
}
