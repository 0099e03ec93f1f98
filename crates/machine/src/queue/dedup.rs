//! De-duplication in FIFO queues: a job that was sent within the last five minutes is not added again.
//!
//! An id counts from the first send, whatever becomes of the job. The sender's own ids and the hashes of bodies share one space. A
//! purge begins a new one, since the queue's epoch is part of what is looked up.
//!
//! AWS Developer Guide, "Exactly-once processing in Amazon SQS"; API Reference, SendMessage.

use super::{EnqueueError, Moment, Queues};
use crate::{
    command::{DedupScope, FifoSettings, NewJob, QueueKey},
    fault::{self, Fault},
    recent::{Key, Kind},
    reply::Enqueued,
};
use evenkeel_types::{BodyRef, JobId, LogIndex};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

impl Queues {
    /// What a job of a FIFO queue is looked up by.
    pub(super) fn dedup_key(&self, queue: u32, fifo: FifoSettings, new: &NewJob<'_>) -> Result<Key, EnqueueError> {
        let dedup = new.dedup.filter(|dedup| !dedup.is_content || fifo.dedup_by_content);
        let dedup = dedup.filter(|dedup| !dedup.id.is_empty()).ok_or(EnqueueError::NoDedupId)?;
        let scope = match fifo.dedup_scope {
            DedupScope::Queue => "",
            DedupScope::Group => new.group,
        };
        Ok(self.hash_of_parts(queue, &[scope, dedup.id]))
    }

    /// What was told of a job that was sent before.
    pub(super) fn sent_before(&self, at: Moment, key: Key) -> Option<Enqueued> {
        if fault::is(Fault::ForgetDedup) {
            return None;
        }
        let entry = self.recent.find(Kind::Sent, key, at.log_time)?;
        let &item = entry.items().first()?;
        Some(told_before(entry.number, item))
    }

    pub(super) fn note_sent(&mut self, at: Moment, key: Key, enqueued: &Enqueued) {
        self.recent.note(Kind::Sent, key, at.log_time, enqueued.body.index.0, &[item_of(enqueued)]);
    }

    /// What a deleted queue's name is looked up by.
    pub(super) fn name_key(&self, key: QueueKey<'_>) -> Key {
        let mut hasher = SipHasher13::new_with_keys(self.hash_keys.0, self.hash_keys.1);
        hasher.write_u64(key.account.number());
        hasher.write(key.name.as_bytes());
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }

    /// A keyed hash of texts within this life of a queue.
    pub(super) fn hash_of_parts(&self, queue: u32, parts: &[&str]) -> Key {
        let record = self.queues.at(queue);
        let mut hasher = SipHasher13::new_with_keys(self.hash_keys.0, self.hash_keys.1);
        hasher.write_u32(queue);
        hasher.write_u64(record.epoch);
        for part in parts {
            hasher.write_u64(part.len() as u64);
            hasher.write(part.as_bytes());
        }
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }
}

/// A job as a record keeps it. The index of its entry is kept apart.
pub(super) fn item_of(enqueued: &Enqueued) -> [u32; 4] {
    [enqueued.job.slot, enqueued.job.generation, enqueued.body.offset, enqueued.body.bytes]
}

pub(super) fn told_before(index: u64, [slot, generation, offset, bytes]: [u32; 4]) -> Enqueued {
    Enqueued { job: JobId { slot, generation }, body: BodyRef { index: LogIndex(index), offset, bytes }, again: true }
}
