//! Errands: what takes long and must not hold up the engine. Run elsewhere, and their end reported.

use crate::{
    CallId,
    checkpoint::Checkpoints,
    fault::{self, Fault},
    request::{Answer, Delivery, EngineError, Received},
    tail::slice,
};
use evenkeel_disk::Disk;
use evenkeel_log::LogReader;
use evenkeel_machine::Grant;
use evenkeel_types::{LogIndex, QueueId};
use std::{collections::VecDeque, io};

/// Something to be done off the engine's thread.
#[derive(Debug)]
pub enum Errand {
    /// Read the bodies of jobs that were leased but have left the tail.
    ReadBodies {
        /// Whose answer waits for them.
        call: CallId,
        /// Their queue.
        queue: QueueId,
        /// The jobs, those with a body at hand included.
        jobs: Vec<(Grant, Option<bytes::Bytes>)>,
    },
    /// Make a checkpoint durable.
    WriteCheckpoint {
        /// Its index.
        index: LogIndex,
        /// The encoded state.
        state: Vec<u8>,
    },
}

/// How an errand ended.
#[derive(Debug)]
pub enum Done {
    /// An answer is ready for its client.
    Answer(CallId, Answer),
    /// The checkpoint is durable, and the log above `oldest` is what a start needs.
    Checkpoint {
        /// The oldest checkpoint that is kept.
        oldest: LogIndex,
    },
    /// It could not be written; the ones before still hold.
    CheckpointFailed(io::Error),
}

/// Reads bodies back. Keeps the entries it read last, since jobs that were sent together are often
/// received together.
#[derive(Debug)]
pub struct BodyReader<R> {
    reader: R,
    recent: VecDeque<(LogIndex, bytes::Bytes)>,
}

/// Entries kept: at most some 256 KiB each.
const RECENT_ENTRIES: usize = 64;

impl<R: LogReader> BodyReader<R> {
    /// A reader over this log.
    pub fn new(reader: R) -> Self {
        Self { reader, recent: VecDeque::new() }
    }

    /// Completes the jobs of a [`Errand::ReadBodies`].
    pub fn read(&mut self, call: CallId, queue: QueueId, jobs: Vec<(Grant, Option<bytes::Bytes>)>) -> Done {
        let read = jobs.into_iter().map(|(grant, body)| {
            let body = match body {
                Some(body) => body,
                None => self.body(&grant)?,
            };
            Ok(Delivery { grant, body })
        });
        let answer = match read.collect::<Result<_, _>>() {
            Ok(jobs) => Answer::Received(Ok(Received { queue, jobs })),
            Err(error) => Answer::Failed(error),
        };
        Done::Answer(call, answer)
    }

    fn body(&mut self, grant: &Grant) -> Result<bytes::Bytes, EngineError> {
        let index = grant.body.index;
        let kept = self.recent.iter().find(|(kept, _)| *kept == index).map(|(_, batch)| batch.clone());
        let batch = match kept {
            Some(batch) => batch,
            None => {
                let entry = self.reader.read(index).map_err(|_| EngineError::BodyUnreadable)?;
                if self.recent.len() == RECENT_ENTRIES {
                    self.recent.pop_front();
                }
                self.recent.push_back((index, entry.batch.clone()));
                entry.batch
            }
        };
        slice(&batch, grant.body).ok_or(EngineError::BodyUnreadable)
    }
}

impl<D: Disk> Checkpoints<D> {
    /// Does a [`Errand::WriteCheckpoint`].
    pub fn run(&mut self, index: LogIndex, state: &[u8]) -> Done {
        match self.write(index, state) {
            Ok(()) if fault::is(Fault::TrimToNewest) => Done::Checkpoint { oldest: index },
            Ok(()) => Done::Checkpoint { oldest: self.oldest() },
            Err(error) => Done::CheckpointFailed(error),
        }
    }
}
