//! What happens to jobs without a command that says so: dead letters, moves, and time that has passed.

use super::{Book, Entered, Job, Place, Queue};
use evenkeel_types::{BodyRef, JobId, QueueId};

impl Book {
    /// The queue of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<(QueueId, &Queue)> {
        self.queues.iter().find(|(_, queue)| queue.name == name).map(|(id, queue)| (*id, queue))
    }

    /// Where the job with this body is, in another queue than that.
    #[must_use]
    pub fn elsewhere(&self, body: BodyRef, here: QueueId) -> Option<(QueueId, JobId)> {
        let others = self.queues.iter().filter(|(id, queue)| **id != here && queue.has_letters);
        others
            .flat_map(|(id, queue)| queue.jobs.iter().map(|(job, record)| (*id, *job, record)))
            .find(|(.., record)| record.body == body)
            .map(|(queue, job, _)| (queue, job))
    }

    pub(super) fn enter_papers(&mut self, id: QueueId, name: &str, letters: Option<(&str, u16)>) {
        if let Some((target, _)) = letters
            && let Some(target) = self.queues.values_mut().find(|queue| queue.name == target)
        {
            target.has_letters = true;
        }
        let queue = self.queues.entry(id).or_default();
        name.clone_into(&mut queue.name);
        queue.letters = letters.map(|(target, grants_max)| (target.to_owned(), grants_max));
        queue.has_letters |= letters.is_some();
    }

    pub(super) fn bury(&mut self, from: QueueId, id: JobId, to: QueueId) {
        let Some(mut job) = self.leave_for(from, id, to) else { return };
        if self.queues.get(&to).is_some_and(|queue| queue.settings.fifo.is_some()) {
            job.sent = self.wall;
        }
        self.arrive(to, id, job);
    }

    pub(super) fn send_anew(&mut self, from: QueueId, id: JobId, to: QueueId, new: JobId) {
        let Some(job) = self.leave_for(from, id, to) else { return };
        self.arrive(to, new, Job { grants: 0, sent: self.wall, ..job });
    }

    /// A job leaves a queue for another, and is in neither.
    pub(super) fn leave_for(&mut self, from: QueueId, id: JobId, to: QueueId) -> Option<Job> {
        let job = self.take(from, id)?;
        if let Some(queue) = self.queues.get_mut(&from) {
            queue.moved.1 += 1;
        }
        if let Some(queue) = self.queues.get_mut(&to) {
            queue.moved.0 += 1;
        }
        Some(job)
    }

    fn arrive(&mut self, to: QueueId, id: JobId, job: Job) {
        // When in the batch it came is not known.
        let entered = Entered { index: self.index, from: 0, to: u64::MAX };
        let Some(queue) = self.queues.get_mut(&to) else { return };
        let lane = queue.lanes.entry(job.group.clone()).or_default();
        lane.ready += 1;
        lane.excused = false;
        queue.jobs.insert(id, Job { place: Place::Ready, fresh: None, entered, ..job });
    }

    pub(super) fn expire(&mut self, queue: QueueId, id: JobId) {
        let Some(job) = self.take(queue, id) else { return };
        self.purged.insert((job.body.index, job.body.offset));
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.expired += 1;
        }
    }
}
