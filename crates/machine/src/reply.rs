//! Replies: the result of each command, the same on every node.

use crate::account::{CreateKeyError, NoSuchKey};
use crate::queue::{
    AckError, ChangeLeaseError, ConfigureError, CreateQueueError, EnqueueError, MoveError, NoSuchQueue, PapersError,
    ReceiveError, ReplaceNoteError,
};
use evenkeel_types::{BodyRef, JobId, LeaseToken, QueueId, WallTime};
use std::sync::Arc;

/// What a command did. One per command, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To `Begin` and `RaiseFeatureLevel`.
    Done,
    /// The level asked for lies below the present one.
    FeatureLevelRefused {
        /// The level in force.
        present: u32,
    },
    /// To `CreateQueue`.
    QueueCreated(Result<QueueId, CreateQueueError>),
    /// To `ConfigureQueue` and `ConfigureGroup`.
    Configured(Result<(), ConfigureError>),
    /// To `ReplaceNote`.
    NoteReplaced(Result<(), ReplaceNoteError>),
    /// To `TagQueue` and `UntagQueue`.
    Tagged(Result<Result<(), PapersError>, NoSuchQueue>),
    /// To `StartMove`: the task's number.
    MoveStarted(Result<u64, MoveError>),
    /// To `CancelMove`: how many jobs were moved.
    MoveCancelled(Result<u64, MoveError>),
    /// To `PurgeQueue`: how many jobs there were.
    Purged(Result<u64, NoSuchQueue>),
    /// To `DeleteQueue`: the number that the queue had.
    QueueDeleted(Result<QueueId, NoSuchQueue>),
    /// To `Enqueue`: job by job.
    Enqueued(Result<Vec<Result<Enqueued, EnqueueError>>, NoSuchQueue>),
    /// To `Receive`; may be empty.
    Received(Result<Vec<Grant>, ReceiveError>),
    /// To `Ack`: job by job.
    Acked(Vec<Result<(), AckError>>),
    /// To `ChangeLease`: job by job.
    LeaseChanged(Vec<Result<(), ChangeLeaseError>>),
    /// To `CreateKey`.
    KeyCreated(Result<(), CreateKeyError>),
    /// To `RotateKey` and `RevokeKey`.
    KeyChanged(Result<(), NoSuchKey>),
}

/// A job that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The job.
    pub job: JobId,
    /// Where its body lies, and by that its place in the order of all things.
    pub body: BodyRef,
    /// It had been sent before: nothing was added, and this is what was told then. The job may be gone.
    pub again: bool,
}

/// A job that was leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The job.
    pub job: JobId,
    /// This lease of it; also how often the job was granted so far.
    pub token: LeaseToken,
    /// Where its body lies.
    pub body: BodyRef,
    /// Its group; empty for the default lane.
    pub group: Arc<str>,
    /// From which queue it came as a dead letter.
    pub source: Option<Arc<str>>,
    /// When it was sent.
    pub enqueued_at: WallTime,
    /// When it was first granted.
    pub first_granted_at: WallTime,
}
