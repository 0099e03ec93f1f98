//! Errands: what takes long and must not hold up the engine. Run elsewhere, and their end reported.

use crate::{CallId, Unreadable, request::Delivery};
use evenkeel_checkpoint::Part;
use evenkeel_machine::{Grant, Leftovers};
use evenkeel_types::{BodyRef, JobId, LogIndex, QueueId};
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
    /// For a reader of bodies: one that somebody wants to see.
    ReadBody {
        /// Whose answer waits for it.
        call: CallId,
        /// Which.
        body: BodyRef,
    },
    /// For the keeper: a step of the checkpoint at that index.
    Checkpoint(LogIndex, CheckpointStep),
    /// For the keeper: copy these bodies into a file that stands for that range.
    Carry {
        /// The first index of the range.
        first: LogIndex,
        /// The last.
        last: LogIndex,
        /// All bodies there that may still live.
        bodies: Vec<BodyRef>,
    },
    /// For the keeper: let go of what a checkpoint that was given up left in memory.
    Discard(Leftovers),
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
    /// Bodies were read for a client.
    Bodies {
        /// Whose answer waits for them.
        call: CallId,
        /// Their queue.
        queue: QueueId,
        /// The jobs whose bodies could be read.
        jobs: Vec<Delivery>,
        /// The others, and why.
        unreadable: Vec<(JobId, Unreadable)>,
    },
    /// A body was read for a client that looks.
    Body {
        /// Whose answer waits for it.
        call: CallId,
        /// It, if it could be read.
        body: Option<bytes::Bytes>,
    },
    /// A part of the checkpoint at that index is written.
    CheckpointPart(LogIndex),
    /// The checkpoint is durable, and the log above `oldest` is what a start needs.
    Checkpoint {
        /// The oldest checkpoint that is kept.
        oldest: LogIndex,
        /// What is kept on the disk for the next checkpoint had to make way, and could not be made again.
        lacks_room: bool,
    },
    /// Something that checkpoints rest on is damaged: one of everything is needed, now, while the state is in memory.
    WholeWanted,
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
        /// The entry of a body that is damaged, if that was it.
        unreadable: Option<LogIndex>,
        /// Why.
        reason: String,
    },
    /// Body files could not be removed. They are looked at again at the next start.
    NotRemoved(io::Error),
}
