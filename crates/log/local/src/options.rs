//! How a local log is set up, and what its opener is told.

use crate::{format::LogId, limits};
use evenkeel_types::{Epoch, LogIndex};
use std::time::Duration;

/// When an entry counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once it is synced.
    #[default]
    Sync,
    /// Once it is written; a sync follows this much later at most. A power cut loses what was
    /// acknowledged since the last sync. The death of the process alone loses nothing.
    Interval(Duration),
}

impl Durability {
    /// What is risked, in words for the server's log; `None` if nothing is.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Sync => None,
            Self::Interval(interval) => Some(format!(
                "the log is synced every {interval:?} only: a power cut or a crash of the operating system loses what was acknowledged since then, and jobs may run again"
            )),
        }
    }
}

/// How a local log is set up.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The log's own random name, kept by the caller.
    pub log: LogId,
    /// The usual length of a segment. Takes effect for new ones.
    pub segment_bytes: u64,
    /// How much one commit writes at most, unless a single entry is larger.
    pub group_bytes_max: u64,
    /// When an entry counts as durable.
    pub durability: Durability,
    /// The state at `applied` was restored from a snapshot, so it may be ahead of the log. The log then goes on after
    /// it; otherwise one that ends before `applied` is damaged.
    pub restored: bool,
}

impl Options {
    /// The usual set-up of the log of that name.
    #[must_use]
    pub fn new(log: LogId) -> Self {
        Self {
            log,
            segment_bytes: limits::SEGMENT_BYTES,
            group_bytes_max: limits::GROUP_BYTES_MAX,
            durability: Durability::Sync,
            restored: false,
        }
    }

    /// The segment length within its limits, a multiple of a sector.
    pub(crate) fn segment_bytes(&self) -> u64 {
        let clamped = self.segment_bytes.clamp(limits::SEGMENT_BYTES_MIN, limits::SEGMENT_BYTES_MAX / 2);
        clamped.next_multiple_of(limits::SECTOR_BYTES)
    }
}

/// A write that a power cut (or the process's death) interrupted. None of it was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: String,
    /// Where the entry that is not whole begins; from here on the segment was zeroed.
    pub offset: u64,
    /// How many bytes were zeroed.
    pub bytes: u64,
    /// What showed it.
    pub what: &'static str,
}

/// What was found when a log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// There was no log; one was made.
    pub fresh: bool,
    /// The first index that is there.
    pub first: LogIndex,
    /// The last entry found; 0 if there was none.
    pub last: LogIndex,
    /// The epoch that the opener now owns the log under; 0 if it does not.
    pub epoch: Epoch,
    /// How many segments there are.
    pub segments: usize,
    /// How many of them were walked through: those that hold entries after the state. Of the others the header and the sidecar were
    /// looked at.
    pub scanned: usize,
    /// Sidecars that had to be made anew, and what damage was met: below the state, so that only some bodies may be lost.
    pub sidecars: Vec<String>,
    /// Where epochs begin among the entries that were checked: each with its first index. The first of them is that of the entry
    /// before all these.
    pub epochs: Vec<(LogIndex, Epoch)>,
    /// How many bytes of entries were checked.
    pub bytes: u64,
    /// What was cut off.
    pub torn: Option<TornTail>,
    /// Late appends of deposed owners that were skipped.
    pub stale: u64,
    /// A truncation or reset that an earlier life had begun was finished.
    pub finished_intent: bool,
    /// The log was behind the state (without syncs, or when restored) and now continues after it.
    pub behind_state: bool,
    /// What the chosen durability risks.
    pub warning: Option<String>,
}
