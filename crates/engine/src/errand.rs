//! Errands: what takes long and must not hold up the engine. Run elsewhere, and their end reported.

use crate::{CallId, request::Answer};
use evenkeel_checkpoint::Part;
use evenkeel_machine::Grant;
use evenkeel_types::{BodyRef, LogIndex, QueueId};
use std::io;

/// Something to be done off the engine's thread. Those for the keeper are to be done in their order.
#[derive(Debug)]
pub enum Errand {
    /// For a reader of bodies: those of jobs that were leased but have left the tail.
    ReadBodies {
        /// Whose answer waits for them.
        call: CallId,
        /// Their queue.
        queue: QueueId,
        /// The jobs, those with a body at hand included.
        jobs: Vec<(Grant, Option<bytes::Bytes>)>,
    },
    /// For the keeper: a step of the checkpoint at that index.
    Checkpoint(LogIndex, CheckpointStep),
    /// For the keeper: copy these bodies, in order, into a file that stands for that range.
    Carry {
        /// The first index of the range.
        first: LogIndex,
        /// The last.
        last: LogIndex,
        /// All bodies there that may still live.
        bodies: Vec<BodyRef>,
    },
    /// For the keeper: remove the body files in that range; nothing lives there.
    RemoveBodies {
        /// The first index of the range.
        first: LogIndex,
        /// The last.
        last: LogIndex,
    },
}

/// A step of a checkpoint.
#[derive(Debug)]
pub enum CheckpointStep {
    /// It begins.
    Begin {
        /// It holds all records, not only those that changed.
        whole: bool,
    },
    /// Some of its records.
    Part(Part),
    /// That was all: make it durable.
    Finish {
        /// The machine's head.
        head: Vec<u8>,
    },
}

/// How an errand ended.
#[derive(Debug)]
pub enum Done {
    /// An answer is ready for its client.
    Bodies {
        /// Whose it is.
        call: CallId,
        /// The jobs whose bodies could be read.
        answer: Answer,
        /// What went wrong with the others: for the log.
        unreadable: Vec<String>,
    },
    /// A part of the checkpoint at that index is written.
    CheckpointPart(LogIndex),
    /// The checkpoint is durable, and the log above `oldest` is what a start needs.
    Checkpoint {
        /// The oldest checkpoint that is kept.
        oldest: LogIndex,
    },
    /// The checkpoint at that index could not be written; the ones before still hold.
    CheckpointFailed(LogIndex, io::Error),
    /// The bodies of a range are durable in a file of their own.
    Carried {
        /// The first index of the range.
        first: LogIndex,
        /// The last.
        last: LogIndex,
        /// The file's length; 0 if there was nothing to write.
        disk_bytes: u64,
    },
    /// They could not be copied, and are where they were.
    NotCarried {
        /// The first index of the range.
        first: LogIndex,
        /// The last.
        last: LogIndex,
        /// Why.
        reason: String,
    },
    /// Body files could not be removed. They are looked at again at the next start.
    NotRemoved(io::Error),
}
