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
    Bodies {
        /// Whose it is.
        call: CallId,
        /// The jobs whose bodies could be read.
        answer: Answer,
        /// What went wrong with the others: for the log.
        unreadable: Vec<String>,
    },
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
    recent_bytes: usize,
}

/// Entries that a reader keeps, in bytes.
const RECENT_BYTES: usize = 16 * 1_048_576;

impl<R: LogReader> BodyReader<R> {
    /// A reader over this log.
    pub fn new(reader: R) -> Self {
        Self { reader, recent: VecDeque::new(), recent_bytes: 0 }
    }

    /// Completes the jobs of a [`Errand::ReadBodies`]. A job whose body cannot be read does not hold back the others;
    /// it stays leased.
    pub fn read(&mut self, call: CallId, queue: QueueId, jobs: Vec<(Grant, Option<bytes::Bytes>)>) -> Done {
        let mut unreadable = Vec::new();
        let mut deliveries = Vec::with_capacity(jobs.len());
        for (grant, body) in jobs {
            match body.map_or_else(|| self.body(&grant), Ok) {
                Ok(body) => deliveries.push(Delivery { grant, body }),
                Err(reason) => unreadable.push(format!("the body of job {}: {reason}", grant.job)),
            }
        }
        let answer = if deliveries.is_empty() {
            Answer::Failed(EngineError::BodyUnreadable)
        } else {
            Answer::Received(Ok(Received { queue, jobs: deliveries }))
        };
        Done::Bodies { call, answer, unreadable }
    }

    fn body(&mut self, grant: &Grant) -> Result<bytes::Bytes, String> {
        let index = grant.body.index;
        let kept = self.recent.iter().find(|(kept, _)| *kept == index).map(|(_, batch)| batch.clone());
        let batch = match kept {
            Some(batch) => batch,
            None => {
                let entry = self.reader.read(index).map_err(|error| error.to_string())?;
                self.keep(index, entry.batch.clone());
                entry.batch
            }
        };
        slice(&batch, grant.body).ok_or_else(|| format!("entry {index} is too short for it"))
    }

    fn keep(&mut self, index: LogIndex, batch: bytes::Bytes) {
        self.recent_bytes += batch.len();
        self.recent.push_back((index, batch));
        while self.recent_bytes > RECENT_BYTES
            && let Some((_, gone)) = self.recent.pop_front()
        {
            self.recent_bytes -= gone.len();
        }
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
