//! What a log tells its owner.

use crate::{LogError, Ticket};
use bytes::Bytes;
use evenkeel_types::{Epoch, LogIndex};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its position.
    pub index: LogIndex,
    /// Under whose reign it was written.
    pub epoch: Epoch,
    /// What was proposed; empty in a fence.
    pub batch: Bytes,
}

/// Whether this node owns the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It may propose, under this epoch.
    Owner(Epoch),
    /// It only hears what others committed (or has not caught up yet).
    Follower,
    /// The log failed and stays so until the process starts again.
    Failed,
}

/// Why a proposal will never be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedReason {
    /// Another owner took over before it was durable. Retry with the new owner.
    Deposed,
    /// The disk turned out to be full before any of it was written. Retry once there is room.
    Full,
}

/// What happened, in order.
#[derive(Clone, Debug)]
pub enum LogEvent {
    /// An entry is durable: apply it. `ticket` is present if this owner proposed it in this life.
    Committed {
        /// The entry.
        entry: Entry,
        /// Whose answer it is.
        ticket: Option<Ticket>,
    },
    /// The proposal will never be committed.
    Refused {
        /// Which one.
        ticket: Ticket,
        /// Why.
        reason: RefusedReason,
    },
    /// Uncommitted entries from this index on were removed in favour of another owner's.
    Truncated {
        /// The first that is gone.
        from: LogIndex,
    },
    /// The log now continues after this index; load the state of that index before the next entry.
    SnapshotInstalled {
        /// The last index that the snapshot covers.
        at: LogIndex,
    },
    /// Ownership changed. `Owner` comes after everything that was committed before it.
    RoleChanged(Role),
    /// The log failed; it is the last event.
    Failed(LogError),
}
