//! What can go wrong, and what the caller can do.

use crate::{FormatError, Position};
use evenkeel_bodies::ShelfError;
use evenkeel_checkpoint::LoadError;
use evenkeel_types::{BodyRef, LogIndex};
use std::io;

/// Why a snapshot or a chunk could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The snapshot has no such position: the receiver holds another one. Offer this one's manifest.
    #[error("this snapshot has no {0}")]
    NoSuchPosition(Position),
    /// The checkpoint cannot be read. If it is damaged, take another one.
    #[error("the checkpoint to be sent: {0}")]
    Checkpoint(#[from] LoadError),
    /// The disk would not read one of the checkpoint's files.
    #[error("reading {file}: {source}")]
    Io {
        /// Its name in the folder of checkpoints.
        file: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A body is damaged or cannot be read. This machine cannot give the snapshot; another may.
    #[error("the body at entry {}, offset {}: {why}", .body.index, .body.offset)]
    Body {
        /// Which.
        body: BodyRef,
        /// With file and byte, if they are known.
        why: String,
    },
}

/// Why a chunk was not taken, or a snapshot not installed. What was in the folder before still counts.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The chunk is damaged or too new; nothing was changed. Have it sent again.
    #[error("a chunk that came is refused: {0}")]
    Format(#[from] FormatError),
    /// The chunk is another snapshot's; nothing was changed.
    #[error("a chunk of another snapshot came")]
    AnotherSnapshot,
    /// Another chunk comes next; nothing was changed. Go on from there.
    #[error("the chunk at {came} came, and the one at {expected} comes next")]
    OutOfTurn {
        /// What came.
        came: Position,
        /// What comes next.
        expected: Position,
    },
    /// The chunk's contents, or those of its part with it, contradict the manifest. The part begins anew; this sender is not to
    /// be trusted.
    #[error("a chunk contradicts the snapshot's manifest: {0}")]
    Contradiction(&'static str),
    /// Not everything has come. Go on from there.
    #[error("not all of the snapshot is here; go on from {0}")]
    Incomplete(Position),
    /// There is a checkpoint here that is as new.
    #[error("the checkpoint at {here} is here, and the snapshot is of {received}")]
    NotNewer {
        /// The newest here.
        here: LogIndex,
        /// The snapshot's.
        received: LogIndex,
    },
    /// An earlier snapshot was installed, and its log was not reset yet: see [`crate::settle`].
    #[error("an earlier snapshot is installed, and its log was not reset yet; settle that first")]
    Unsettled,
    /// What was received of the checkpoint is not one. What is damaged was thrown away: go on from where the receiver then is.
    #[error(transparent)]
    Checkpoint(#[from] evenkeel_checkpoint::ReceiveError),
    /// A body file that was received cannot be used: discard what has come, and begin anew.
    #[error("a body file that was received: {0}. Discard what has come, and begin anew")]
    Bodies(#[from] ShelfError),
    /// A body file that was received does not check any more: discard what has come, and begin anew.
    #[error("the body file {file} that was received does not check: {what}. Discard what has come, and begin anew")]
    Damaged {
        /// Its name.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// The disk fails or is full. Open the receiver again and go on.
    #[error("receiving a snapshot: {0}")]
    Io(#[from] io::Error),
    /// Everything is here and counts, but could not be moved in: [`crate::settle`] goes on with it.
    #[error(transparent)]
    Install(#[from] InstallError),
}

/// Why an installation could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The disk fails. Try again; the installation goes on where it was.
    #[error("installing a snapshot: {0}. Restart once the disk is healthy")]
    Io(#[from] io::Error),
    /// The mark is damaged or too new: it says what counts, so nothing can be opened. Restore the data folder, or empty it and
    /// receive a snapshot anew.
    #[error("snapshot/{file}: {source}. Restore the data folder from a copy, or empty it and have a snapshot sent")]
    Mark {
        /// Its name in the folder.
        file: &'static str,
        /// What is wrong with it.
        source: FormatError,
    },
    /// A file of the snapshot is gone or has another length.
    #[error(
        "{file}, which the snapshot has, is missing or cut. Restore the data folder from a copy, or empty it and have a snapshot sent"
    )]
    Missing {
        /// Its name in the data folder.
        file: String,
    },
}
