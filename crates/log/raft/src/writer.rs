//! The half that does the I/O of a node's log: jobs in, in order, one sync for all that waits.
//!
//! Three parts, as a single node's writer has: [`Writer::write`], [`Writer::sync`] and [`Writer::publish`], which a simulator may call one by one
//! with time in between. After an error nothing is tried again.

use crate::{
    fault::{self, Fault},
    shared::{Job, Shared},
    votes::Votes,
};
use evenkeel_disk::Disk;
use evenkeel_log::LogError;
use evenkeel_log_local::{Append, Appended, Segments};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

/// The half of a node's log that does the I/O.
pub struct Writer<D: Disk> {
    shared: Arc<Shared<D>>,
    store: Segments<D>,
    votes: Votes<D::File>,
    /// Begun, and not written wholly: the disk is full.
    begun: Option<(Job, usize)>,
    /// The last job that is written.
    written: u64,
    published: u64,
    group_bytes_max: u64,
    failed: bool,
}

impl<D: Disk> Writer<D> {
    pub(crate) fn new(shared: Arc<Shared<D>>, store: Segments<D>, votes: Votes<D::File>, group_bytes_max: u64) -> Self {
        let (begun, written, published, failed) = (None, 0, 0, false);
        let writer = Self { shared, store, votes, begun, written, published, group_bytes_max, failed };
        writer.tell_room();
        writer
    }

    /// One round: what waits, up to a group, in one write and one sync; or else a piece of the background's work. `false` if there is nothing to do.
    pub fn step(&mut self) -> bool {
        if self.write() {
            self.sync();
            self.publish();
            return true;
        }
        self.fill()
    }

    /// Whether the log has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Writes what waits, up to a group. `false` if there is nothing to sync and publish.
    pub fn write(&mut self) -> bool {
        if let Some(error) = self.shared.upkeep.failure() {
            self.fail(error);
        }
        let mut bytes = 0;
        while !self.failed && bytes < self.group_bytes_max {
            let next = self.begun.take().or_else(|| Some((self.shared.queue().jobs.pop_front()?, 0)));
            let Some((job, from)) = next else { break };
            bytes += job.entries.iter().skip(from).map(|entry| entry.payload.len() as u64 + 128).sum::<u64>();
            match self.begin(job, from) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => self.fail(error),
            }
        }
        self.tell_room();
        !self.failed && self.written > self.published
    }

    /// Makes what was written durable.
    pub fn sync(&mut self) {
        if self.failed {
            return;
        }
        let start = Instant::now();
        match self.store.sync() {
            Ok(()) => self.shared.sync_times.record(start.elapsed()),
            Err(error) => self.fail(error),
        }
    }

    /// Tells the node what is durable. `true` if it is news.
    pub fn publish(&mut self) -> bool {
        if self.failed || self.written == self.published {
            return false;
        }
        self.published = self.written;
        self.shared.queue().done = self.written;
        self.shared.for_node.notify_all();
        true
    }

    /// Does a piece of the background's work; `false` if there is none.
    pub fn fill(&mut self) -> bool {
        if self.failed {
            return false;
        }
        self.store.fill().unwrap_or_else(|error| {
            self.fail(error);
            false
        })
    }

    /// Writes a job, from one of its entries on. `false` if the disk has no room for the rest, which waits.
    fn begin(&mut self, job: Job, from: usize) -> Result<bool, LogError> {
        if from == 0 {
            // First: an entry's term is known before the entry.
            if let Some(record) = &job.votes {
                self.votes.save(record)?;
            }
            if let Some((at, epoch)) = job.reset {
                self.store.reset_to(at, epoch)?;
            }
            if let Some(after) = job.truncate_after
                && !fault::on(Fault::SkipTruncation)
            {
                self.store.truncate_after(after)?;
            }
        }
        let appends: Vec<_> = job
            .entries
            .iter()
            .map(|entry| Append { epoch: entry.epoch, kind: entry.kind, payload: &entry.payload })
            .collect();
        let mut done = from;
        while let Some(rest) = appends.get(done..).filter(|rest| !rest.is_empty()) {
            match self.store.append(rest)? {
                Appended::Entries(count) => done += count,
                Appended::NoRoom => {
                    drop(appends);
                    self.begun = Some((job, done));
                    return Ok(false);
                }
            }
        }
        self.written = job.number;
        Ok(true)
    }

    fn tell_room(&self) {
        self.shared.room_bytes.store(self.store.room_bytes(), Ordering::Release);
    }

    fn fail(&mut self, error: LogError) {
        if !self.failed {
            self.failed = true;
            self.shared.fail(error);
        }
    }
}

impl<D: Disk> Drop for Writer<D> {
    fn drop(&mut self) {
        let closed = self.shared.queue().closed;
        if !closed {
            // A panic of its thread, or a mistake of its keeper. The owner must not wait for ever.
            self.fail(LogError::Misuse("the log's disk half is gone"));
        }
    }
}
