//! `ChangeLease`: a worker asks for more time, or gives a job back.

use super::{AckError, Moment, Place, Queues};
use crate::{command::Held, event::Event, limits};
use evenkeel_types::{LogTime, Micros, QueueId};

/// Why a lease was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeLeaseError {
    /// The job is gone or held by another.
    #[error(transparent)]
    NotHeld(#[from] AckError),
    /// It would be held for more than 12 hours in all.
    #[error("a lease lasts at most {} seconds from the grant", limits::LEASE_MAX.0 / 1_000_000)]
    TooLong,
}

impl Queues {
    /// Moves the ends of leases one by one. A time of zero gives the job back at once, first in its lane (in
    /// a FIFO queue, in the order of sending among those given back).
    pub(crate) fn change_lease(
        &mut self,
        at: Moment,
        queue: QueueId,
        jobs: &[(Held, Micros)],
        events: &mut Vec<Event>,
    ) -> Vec<Result<(), ChangeLeaseError>> {
        let replies = jobs.iter().map(|&(held, lease)| self.change_one(at, queue, held, lease, events)).collect();
        if self.queue(queue).is_some() {
            self.forget(queue.slot, limits::LANES_FORGOTTEN_PER_COMMAND);
        }
        replies
    }

    fn change_one(
        &mut self,
        at: Moment,
        queue: QueueId,
        held: Held,
        lease: Micros,
        events: &mut Vec<Event>,
    ) -> Result<(), ChangeLeaseError> {
        let slot = self.held_job(queue, held)?;
        let job = *self.jobs.at(slot);
        let until = at.log_time + lease;
        // The twelve hours count from the grant; an extension does not reset them.
        if lease > limits::LEASE_MAX || until > LogTime(job.leased_at) + limits::LEASE_MAX {
            return Err(ChangeLeaseError::TooLong);
        }
        match (job.place(), lease) {
            (Place::Leased, Micros(0)) => {
                self.end_lease_now(slot, at, events);
            }
            (Place::Leased, _) => {
                self.wheel.remove(&mut self.jobs, slot);
                self.jobs.edit(slot).deadline = until.0;
                self.wheel.insert(&mut self.jobs, slot);
            }
            // It had run out, but nobody else was granted the job: the same worker holds it again.
            // That it may go over its group's limit by this is the worker's doing, and ends with it.
            (Place::Ready, lease) if lease > Micros(0) => {
                self.unlink(slot);
                self.lease(slot, at.log_time, until);
            }
            (Place::Ready, _) => {}
            (Place::Delayed | Place::Free, _) => unreachable!("a job that was granted is leased or ready"),
        }
        self.settle(job.lane, events);
        Ok(())
    }

    /// Ends a running lease before its time; the lane is to be settled then.
    pub(super) fn end_lease_now(&mut self, slot: u32, at: Moment, events: &mut Vec<Event>) {
        self.wheel.remove(&mut self.jobs, slot);
        self.end_lease(slot, at.log_time);
        self.give_back(slot, at, events);
    }
}
