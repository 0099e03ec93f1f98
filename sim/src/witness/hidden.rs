//! What no command and no reply says: dead letters, moves, and jobs whose time has passed. The witness finds it out by what is elsewhere
//! behind the batch, no later than something else depends on it, and the invariants judge whether it was right.

use super::Witness;
use crate::{
    book::{Fact, Place},
    invariants::Broken,
};
use evenkeel_machine::{Grant, command::QueueKey, queue::MoveStatus};
use evenkeel_types::{AccountId, BodyRef, JobId, QueueId};
use std::collections::BTreeMap;

/// The jobs behind a batch, by their bodies; without a queue if they were purged.
pub(super) type Places = BTreeMap<BodyRef, (JobId, Option<QueueId>)>;

impl Witness {
    /// Whether batches may be proposed for what no command asks for.
    pub(super) fn is_busy(&self) -> bool {
        let account: AccountId = crate::wire::ACCOUNT.parse().expect("twelve digits");
        let is_moving = |name: &str| {
            let moves = self.machine.queues().moves_of(QueueKey { account, name });
            moves.first().is_some_and(|task| task.status == MoveStatus::Running)
        };
        let queues = self.book.queues.values();
        queues.into_iter().any(|queue| !queue.lasts() || (queue.has_letters && is_moving(&queue.name)))
    }

    /// A job is about to be granted in a queue that the book has in another.
    pub(super) fn find_before_a_grant(&mut self, queue: QueueId, grant: &Grant) -> Result<(), Broken> {
        if self.book.job(queue, grant.job).is_some() {
            return Ok(());
        }
        let Some((from, job)) = self.book.elsewhere(grant.body, queue) else { return Ok(()) };
        self.found(from, job, queue, grant.job)
    }

    /// A command did not find a job that the book has there.
    pub(super) fn find_if_gone(&mut self, queue: QueueId, job: JobId) -> Result<(), Broken> {
        if self.book.queues.get(&queue).is_none_or(|book| book.has_letters || !book.lasts()) {
            self.find(queue, job)?;
        }
        Ok(())
    }

    /// A queue is about to be purged or deleted: what is elsewhere by the end of the batch had left it.
    pub(super) fn find_hidden_before_a_purge(&mut self, queue: QueueId) -> Result<(), Broken> {
        self.purged_now.push(queue);
        let Some(book) = self.book.queues.get(&queue).filter(|book| book.has_letters) else { return Ok(()) };
        for (job, body) in book.jobs.iter().map(|(job, record)| (*job, record.body)).collect::<Vec<_>>() {
            if let Some(&(same, Some(to))) = self.places().get(&body)
                && same == job
                && to != queue
            {
                self.found(queue, job, to, same)?;
            }
        }
        Ok(())
    }

    /// What was moved at the beginning of the batch.
    pub(super) fn find_moved(&mut self) -> Result<(), Broken> {
        let sources = self.book.queues.iter().filter(|(_, queue)| queue.has_letters);
        let jobs = sources.flat_map(|(id, queue)| queue.jobs.iter().map(|(job, record)| (*id, *job, record.body)));
        for (from, job, body) in jobs.collect::<Vec<_>>() {
            if !self.machine.queues().is_there(from, job)
                && let Some(&(new, Some(to))) = self.places().get(&body)
                && new != job
            {
                self.found(from, job, to, new)?;
            }
        }
        Ok(())
    }

    /// All that happened unseen in this batch.
    pub(super) fn find_hidden(&mut self) -> Result<(), Broken> {
        let queues: Vec<QueueId> = self.book.queues.keys().copied().collect();
        for &queue in &queues {
            let (Some(book), Some(counts)) = (self.book.queues.get(&queue), self.machine.queues().counts(queue)) else {
                continue;
            };
            if (book.moved.1, book.expired) == (counts.moved_out, counts.expired) {
                continue;
            }
            let jobs: Vec<JobId> = book.jobs.keys().copied().collect();
            jobs.into_iter().try_for_each(|job| self.find(queue, job))?;
        }
        for queue in queues {
            let (Some(book), Some(counts)) = (self.book.queues.get(&queue), self.machine.queues().counts(queue)) else {
                continue;
            };
            let counted = (counts.moved_in, counts.moved_out, counts.expired);
            let in_book = (book.moved.0, book.moved.1, book.expired);
            if counted != in_book {
                let what = format!("queue {queue}: moved in, moved out, expired {counted:?}, book {in_book:?}");
                return Err(Broken::new("dead_letters", what));
            }
        }
        Ok(())
    }

    /// Finds out where a job of the book went, if it is not there any more.
    fn find(&mut self, queue: QueueId, job: JobId) -> Result<(), Broken> {
        if self.machine.queues().is_there(queue, job) {
            return Ok(());
        }
        let Some((body, wall)) = self.book.job(queue, job).map(|record| (record.body, self.book.wall)) else {
            return Ok(());
        };
        if let Some(&(new, Some(to))) = self.places().get(&body) {
            return self.found(queue, job, to, new);
        }
        let Some(book) = self.book.queues.get(&queue) else { return Ok(()) };
        if book.jobs.get(&job).is_some_and(|record| book.is_expired(record, wall)) {
            return self.fact(&Fact::Expired { queue, job });
        }
        // It went where all was purged then.
        match self.purged_now.iter().find(|&&purged| purged != queue).copied() {
            Some(to) if book.has_letters => self.fact(&Fact::MovedAndPurged { from: queue, job, to }),
            _ => Err(Broken::new("dead_letters", format!("job {job} of queue {queue} is lost"))),
        }
    }

    /// A job is in another queue: as it was, or sent anew.
    fn found(&mut self, from: QueueId, job: JobId, to: QueueId, new: JobId) -> Result<(), Broken> {
        if new == job {
            return self.fact(&Fact::Buried { from, job, to });
        }
        if let Some(record) = self.book.job(from, job).filter(|record| record.place != Place::Ready) {
            return Err(Broken::new("dead_letters", format!("job {job} was moved though it is {:?}", record.place)));
        }
        self.fact(&Fact::Moved { from, job, to, new })
    }

    fn places(&mut self) -> &Places {
        let queues = self.machine.queues();
        let all = || queues.jobs(queues.job_slots()).map(|job| (job.body, (job.id, job.queue))).collect();
        self.places.get_or_insert_with(all)
    }
}
