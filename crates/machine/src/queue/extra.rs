//! What only few jobs have, beside their records: from which queue they came here as dead letters.

use super::Queues;
use crate::{
    codec::{DecodeError, Plain, Reader, put_bytes},
    digest::{Digested, Mixer},
    limits,
    slab::{NIL, Record, Slab},
    table::{Chained, Table},
};
use std::sync::Arc;

/// A job's.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    /// The job's slot; in a free slot, the next free one.
    job: u32,
    /// The queue from which it came, of the same account; empty in a free slot.
    source: Arc<str>,
    chain: u32,
}

impl Default for Extra {
    fn default() -> Self {
        Self { job: NIL, source: Arc::default(), chain: NIL }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub(super) records: Slab<Extra>,
    table: Table,
}

impl Extras {
    fn slot(&self, job: u32) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        self.table.find(&self.records, hash(job), |extra| extra.job == job)
    }

    /// From which queue the job in this slot came.
    pub(super) fn source(&self, job: u32) -> Option<&Arc<str>> {
        self.slot(job).map(|slot| &self.records.at(slot).source)
    }

    /// Notes it. False if no more can be noted.
    pub(super) fn set_source(&mut self, job: u32, source: Arc<str>) -> bool {
        if let Some(slot) = self.slot(job) {
            self.records.edit(slot).source = source;
            return true;
        }
        let Some(slot) = self.records.allocate() else { return false };
        *self.records.edit(slot) = Extra { job, source, chain: NIL };
        self.table.insert(&mut self.records, slot);
        true
    }

    /// Forgets what is noted of a job, if anything.
    pub(super) fn remove(&mut self, job: u32) {
        if let Some(slot) = self.slot(job) {
            self.table.remove(&mut self.records, slot);
            self.records.free(slot);
        }
    }

    /// Makes the table of the records of a checkpoint.
    pub(super) fn restored(&mut self) {
        for slot in 0..self.records.used() {
            if !self.records.at(slot).source.is_empty() {
                self.table.insert(&mut self.records, slot);
            }
        }
    }
}

impl Queues {
    /// Frees a job's slot, and what was noted of it.
    pub(super) fn free_job(&mut self, slot: u32) {
        self.extras.remove(slot);
        self.jobs.free(slot);
    }

    /// Whether each record is of a job that is there. O(records).
    pub(super) fn audit_extras(&self) -> Result<(), String> {
        for extra in (0..self.extras.records.used()).map(|slot| self.extras.records.at(slot)) {
            let is_there = self.jobs.get(extra.job).is_some_and(|job| job.place() != super::Place::Free);
            if !extra.source.is_empty() && !is_there {
                return Err(format!("something is noted of job slot {}, which is free", extra.job));
            }
        }
        Ok(())
    }
}

fn hash(job: u32) -> u64 {
    Mixer::new(1).word(job.into()).finish()
}

impl Extra {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let job = u32::get(reader)?;
        Ok(Self { job, source: reader.text(limits::QUEUE_NAME_BYTES_MAX, "a queue's name")?.into(), chain: NIL })
    }
}

impl Digested for Extra {
    fn mix(&self, place: u64) -> u64 {
        Mixer::new(place).word(self.job.into()).bytes(self.source.as_bytes()).finish()
    }
}

impl Record for Extra {
    fn next_free(&self) -> u32 {
        self.job
    }
    fn set_free(&mut self, next: u32) {
        *self = Self { job: next, ..Self::default() };
    }
    fn encode(&self, out: &mut Vec<u8>) {
        self.job.put(out);
        put_bytes(self.source.as_bytes(), out);
    }
}

impl Chained<0> for Extra {
    fn hash(&self) -> u64 {
        hash(self.job)
    }
    fn chain(&self) -> u32 {
        self.chain
    }
    fn set_chain(&mut self, next: u32) {
        self.chain = next;
    }
}
