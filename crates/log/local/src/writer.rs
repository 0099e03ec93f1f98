//! The half that does the I/O.
//!
//! A commit has three parts, [`Writer::write`], [`Writer::sync`] and [`Writer::publish`], which a simulator may
//! call one by one with time in between. After an error nothing is tried again: the
//! log tells its owner, once, and every later call does nothing.

use crate::{
    fault::{self, Fault},
    format::{EntryKind, entry_extent},
    log::fence,
    options::{Durability, Options},
    segments::{Append, Appended, Segments},
    shared::Shared,
    upkeep::FULL_RETRY,
};
use bytes::Bytes;
use evenkeel_disk::Disk;
use evenkeel_log::{Entry, LogError, LogEvent, RefusedReason, Role, Ticket};
use evenkeel_types::{Epoch, LogIndex};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There was nothing to do.
    Idle,
    /// So many proposals were answered (or, at 0, a snapshot was installed).
    Done(usize),
    /// A piece of the background's work was done: of the next segment, or on those that are not written any more.
    Filled,
    /// The owner is gone and everything is written: the writer may go.
    Closed,
    /// The log has failed.
    Failed,
}

/// The half of a [`crate::LocalLog`] that does the I/O.
pub struct Writer<D: Disk> {
    shared: Arc<Shared<D>>,
    store: Segments<D>,
    options: Options,
    epoch: Epoch,
    /// Written and not published yet, in the order of proposal.
    answers: Vec<LogEvent>,
    failed: bool,
}

impl<D: Disk> Writer<D> {
    pub(crate) fn new(shared: Arc<Shared<D>>, store: Segments<D>, options: Options) -> Self {
        let epoch = store.epoch();
        let writer = Self { shared, store, options, epoch, answers: Vec::new(), failed: false };
        writer.tell_room();
        // Whoever opens a log syncs what is there.
        writer.shared.synced.store(writer.store.last().0, Ordering::Release);
        writer
    }

    /// Works until the [`crate::LocalLog`] is dropped or shut down, or the log fails. The background's work
    /// is done on a second thread.
    pub fn run(mut self) {
        let stop = AtomicBool::new(false);
        let upkeep = self.store.upkeep();
        thread::scope(|scope| {
            // If no thread can be had, the writer does it when it is idle.
            let filler = thread::Builder::new().name("log-filler".into()).spawn_scoped(scope, || upkeep.run(&stop));
            self.work(filler.is_err());
            stop.store(true, Ordering::Release);
            upkeep.wake();
        });
    }

    fn work(&mut self, fill: bool) {
        let mut last_sync = Instant::now();
        loop {
            match self.commit() {
                Step::Failed => return,
                Step::Closed => {
                    // The last interval is not over, and nobody will be there to end it.
                    self.background_sync();
                    return;
                }
                Step::Idle if !(fill && self.fill()) => self.wait(),
                _ => {}
            }
            if let Durability::Interval(interval) = self.options.durability
                && last_sync.elapsed() >= interval
            {
                self.background_sync();
                last_sync = Instant::now();
            }
        }
    }

    /// Waits until there is work, or a background sync may be due.
    fn wait(&self) {
        let longest = match self.options.durability {
            Durability::Interval(interval) if self.store.is_dirty() => interval,
            // Also to notice what failed in the background.
            _ => FULL_RETRY,
        };
        let queue = self.shared.queue();
        // Poisoning does not matter here: what to do is read anew.
        let _ = self.shared.work.wait_timeout_while(queue, longest, |queue| !queue.has_work());
    }

    /// One round: everything that is pending, in one write and one sync. When there is nothing, a piece
    /// of the background's work.
    pub fn step(&mut self) -> Step {
        match self.commit() {
            Step::Idle if self.fill() => Step::Filled,
            // Filling may have failed.
            Step::Idle if self.failed => Step::Failed,
            step => step,
        }
    }

    fn commit(&mut self) -> Step {
        if let Some(error) = self.shared.spare.failure().or_else(|| self.shared.keeper.failure()) {
            self.fail(error);
        }
        let kept = self.keep_house();
        if !self.write() {
            return if self.failed {
                Step::Failed
            } else if kept {
                Step::Done(0)
            } else if self.shared.queue().closed {
                Step::Closed
            } else {
                Step::Idle
            };
        }
        self.sync();
        let answered = self.publish();
        if self.failed { Step::Failed } else { Step::Done(answered) }
    }

    /// Writes a group of what is pending. `false` if there is nothing to sync and publish.
    pub fn write(&mut self) -> bool {
        if self.failed {
            return false;
        }
        if fault::on(Fault::AckBeforeSync) {
            self.background_sync();
        }
        let mut group = self.take_group();
        if group.is_empty() {
            return false;
        }
        let epoch = self.epoch;
        let appends: Vec<_> =
            group.iter().map(|(_, batch)| Append { epoch, kind: EntryKind::Batch, payload: batch }).collect();
        let first = self.store.last().next();
        let appended = self.store.append(&appends);
        drop(appends);
        let (count, no_room) = match appended {
            Ok(Appended::Entries(count)) => (count, false),
            Ok(Appended::NoRoom) => (0, true),
            Err(error) => {
                self.fail(error);
                return false;
            }
        };
        let rest = group.split_off(count.min(group.len()));
        for ((ticket, batch), index) in group.into_iter().zip(first.0..) {
            let entry = Entry { index: LogIndex(index), epoch, batch };
            self.answers.push(LogEvent::Committed { entry, ticket: Some(ticket) });
        }
        self.give_back(rest, no_room);
        self.tell_room();
        true
    }

    /// Makes what was written durable, if that is what committed means here.
    pub fn sync(&mut self) {
        if self.options.durability == Durability::Sync && !fault::on(Fault::AckBeforeSync) {
            self.background_sync();
        }
    }

    /// Makes what was written durable, whatever committed means here.
    pub fn background_sync(&mut self) {
        if self.failed {
            return;
        }
        if !self.store.is_dirty() {
            // A segment that was to be left behind was synced, and then there was no room for another.
            if self.shared.synced.load(Ordering::Acquire) < self.store.last().0 {
                self.tell_synced();
            }
            return;
        }
        let start = Instant::now();
        match self.store.sync() {
            Ok(()) => {
                self.shared.sync_histogram.record(start.elapsed());
                self.tell_synced();
            }
            Err(error) => self.fail(error),
        }
    }

    fn tell_synced(&self) {
        self.shared.synced.store(self.store.last().0, Ordering::Release);
        if self.options.durability != Durability::Sync {
            self.shared.wake_owner();
        }
    }

    /// Tells the owner what was written and synced. Returns how many proposals that answers.
    pub fn publish(&mut self) -> usize {
        let answered = self.answers.len();
        if self.failed || answered == 0 {
            return 0;
        }
        self.store.commit(self.store.last());
        self.shared.queue().events.extend(self.answers.drain(..));
        self.shared.wake_owner();
        answered
    }

    /// Does a piece of the background's work: see [`Segments::fill`].
    pub fn fill(&mut self) -> bool {
        if self.failed {
            return false;
        }
        self.store.fill().unwrap_or_else(|error| {
            self.fail(error);
            false
        })
    }

    /// Takes proposals for one write: as many as one group may have, and at least one.
    fn take_group(&mut self) -> Vec<(Ticket, Bytes)> {
        let mut queue = self.shared.queue();
        let mut group = Vec::new();
        let mut bytes = 0;
        while let Some((ticket, batch)) = queue.proposals.pop_front() {
            let extent = entry_extent(batch.len() as u64);
            if !group.is_empty() && bytes + extent > self.options.group_bytes_max {
                queue.proposals.push_front((ticket, batch));
                break;
            }
            bytes += extent;
            group.push((ticket, batch));
        }
        queue.proposals_bytes = queue.proposals_bytes.saturating_sub(bytes);
        group
    }

    /// What did not fit waits for the next segment; if there cannot be one, the first is refused.
    fn give_back(&mut self, rest: Vec<(Ticket, Bytes)>, no_room: bool) {
        let mut rest = rest.into_iter();
        if no_room
            && let Some((ticket, _)) = rest.next()
            && !fault::on(Fault::ForgetRefusal)
        {
            self.answers.push(LogEvent::Refused { ticket, reason: RefusedReason::Full });
        }
        let mut queue = self.shared.queue();
        for (ticket, batch) in rest.rev() {
            queue.proposals_bytes += entry_extent(batch.len() as u64);
            queue.proposals.push_front((ticket, batch));
        }
    }

    /// Installs a snapshot, if asked to. `true` if it was.
    fn keep_house(&mut self) -> bool {
        if self.failed {
            return false;
        }
        let Some((at, epoch)) = self.shared.queue().reset.take() else { return false };
        if let Err(error) = self.reset(at, epoch) {
            self.fail(error);
        }
        self.tell_room();
        true
    }

    fn reset(&mut self, at: LogIndex, epoch: Epoch) -> Result<(), LogError> {
        let epoch = epoch.max(self.epoch);
        self.store.reset_to(at, epoch)?;
        self.epoch = fence(&mut self.store)?;
        let last = self.store.last();
        self.store.commit(last);
        let mut queue = self.shared.queue();
        queue.events.clear();
        queue.events.push_back(LogEvent::SnapshotInstalled { at });
        if last > at {
            let entry = Entry { index: last, epoch: self.epoch, batch: Bytes::new() };
            queue.events.push_back(LogEvent::Committed { entry, ticket: None });
        }
        queue.events.push_back(LogEvent::RoleChanged(Role::Owner(self.epoch)));
        drop(queue);
        self.shared.wake_owner();
        Ok(())
    }

    fn tell_room(&self) {
        self.shared.room_bytes.store(self.store.room_bytes(), Ordering::Release);
    }

    fn fail(&mut self, error: LogError) {
        if self.failed {
            return;
        }
        self.failed = true;
        // What was written but not published is not answered: it may or may not be there after a restart.
        self.answers.clear();
        self.shared.queue().fail(error);
        self.shared.wake_owner();
    }
}

impl<D: Disk> Drop for Writer<D> {
    fn drop(&mut self) {
        let closed = self.shared.queue().closed;
        if !closed {
            // A panic of its thread, or a mistake of its keeper. The owner must not wait for ever.
            self.fail(LogError::Misuse("the log's writer is gone"));
        }
    }
}
