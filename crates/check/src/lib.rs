//! Checks a data folder off line: every checksum, every invariant, every body of a job that is there. Changes nothing.
//!
//! 1. Nothing is written: the disk is wrapped in [`evenkeel_disk::ReadOnlyDisk`] before anything else sees it.
//! 2. Every byte of every file is read and checked, also of those that a start would not look at.
//! 3. Whether a server would start is not guessed: a start is rehearsed, by the code that starts it, on a disk whose
//!    changes stay in memory.
//! 4. The state is replayed from the oldest checkpoint that can be used, and must meet each newer one to the bit.
//! 5. Memory holds one state, whatever the number of checkpoints, and a bounded rest.
//!
//! Start reading at [`check`]. Deliberately not here: repair, and anything printed (the binary's).
#![warn(missing_docs)]

mod bodies;
mod check;
mod files;
mod replay;
mod report;
mod sort_out;

pub use check::{CheckError, Step, check};
pub use report::{
    BodiesReport, CheckpointReport, Finding, FolderReport, LosingQueue, Report, Severity, StateReport, Verdict,
};

/// The name of the lock within the data folder.
pub const LOCK: &str = "lock";
/// The file that holds the log's id, within the data folder.
pub const LOG_ID: &str = "log-id";
/// The folder of the log, within the data folder.
pub const LOG: &str = "log";
/// The folder of a snapshot that comes in, within the data folder.
pub const SNAPSHOT: &str = "snapshot";
