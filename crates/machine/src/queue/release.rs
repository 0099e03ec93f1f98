//! `Release`: jobs go back at once because nobody was there to take what a receive was told.
//!
//! A receive that is repeated is told of the same leases, and of two that were told one may be there. So what was given out once
//! more stays leased until its time ends: taking it away from who works on it would have two at work on one job.

use super::{Moment, Place, Queues};
use crate::{command::Held, event::Event, limits};
use evenkeel_types::QueueId;

impl Queues {
    /// Gives back what is still held under these leases, first in its lane (in a FIFO queue, in its old place).
    pub(crate) fn release(&mut self, at: Moment, queue: QueueId, jobs: &[Held], events: &mut Vec<Event>) {
        // The last first, so that the first is the first again.
        for &held in jobs.iter().rev() {
            let Ok(slot) = self.held_job(queue, held) else { continue };
            let job = *self.jobs.at(slot);
            if job.place() != Place::Leased || job.was_given_again() {
                continue;
            }
            self.wheel.remove(&mut self.jobs, slot);
            self.end_lease(slot, at.log_time);
            self.give_back(slot, at, events);
            self.settle(job.lane, events);
        }
        if self.queue(queue).is_some() {
            self.forget(queue.slot, limits::LANES_FORGOTTEN_PER_COMMAND);
        }
    }
}
