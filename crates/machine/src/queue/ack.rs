//! `Ack`: a job leaves for good.

use super::{Moment, Place, Queues};
use crate::{
    command::Held,
    event::Event,
    fault::{self, Fault},
    limits,
};
use evenkeel_types::{JobId, LeaseToken, QueueId};

/// Why an ack was refused. Final: repeating the call cannot succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// The job was acked before, or was never granted in this queue.
    #[error("job {job} is not there")]
    NotThere {
        /// The job.
        job: JobId,
    },
    /// The lease ran out, and this is a FIFO queue, where the job then counts as given back; drop the result.
    #[error("the lease of job {job} has ended")]
    Expired {
        /// The job.
        job: JobId,
    },
    /// The lease ran out and the job was granted again; drop the result.
    #[error("the lease of job {job} is lost: token {given}, now held under {held}")]
    LeaseLost {
        /// The job.
        job: JobId,
        /// The token given.
        given: LeaseToken,
        /// The newest.
        held: LeaseToken,
    },
}

impl Queues {
    /// Finishes jobs one by one. Pushes [`Event::BodyReleased`] for each. O(1) each, but for the turns.
    ///
    /// A lease past its time may still be acked while the job was not granted again: the work is done, and
    /// refusing it would only have it done once more.
    pub(crate) fn ack(
        &mut self,
        at: Moment,
        queue: QueueId,
        jobs: &[Held],
        events: &mut Vec<Event>,
    ) -> Vec<Result<(), AckError>> {
        let replies = jobs.iter().map(|&held| self.ack_one(at, queue, held, events)).collect();
        if self.queue(queue).is_some() {
            self.forget(queue.slot, limits::LANES_FORGOTTEN_PER_COMMAND);
        }
        replies
    }

    fn ack_one(&mut self, at: Moment, queue: QueueId, held: Held, events: &mut Vec<Event>) -> Result<(), AckError> {
        let slot = self.held_job(queue, held)?;
        let job = *self.jobs.at(slot);
        match job.place() {
            Place::Leased => {
                self.wheel.remove(&mut self.jobs, slot);
                self.end_lease(slot, at.log_time);
            }
            Place::Ready => self.unlink(slot),
            Place::Delayed | Place::Free => unreachable!("a job that was granted is leased or ready"),
        }
        {
            let queue = self.queues.edit(queue.slot);
            queue.counts.acked += u64::from(!fault::is(Fault::LeakCount));
            queue.bytes -= u64::from(job.body().bytes);
        }
        self.bytes -= u64::from(job.body().bytes);
        self.free_job(slot);
        self.settle(job.lane, events);
        events.push(Event::BodyReleased(job.body()));
        Ok(())
    }

    /// The slot of a job whose newest grant this is; in a FIFO queue, only while it lasts.
    pub(super) fn held_job(&self, queue: QueueId, held: Held) -> Result<u32, AckError> {
        let slot = self.job_of(queue, held.job).ok_or(AckError::NotThere { job: held.job })?;
        let newest = self.jobs.at(slot).token();
        if newest == LeaseToken(0) {
            return Err(AckError::NotThere { job: held.job });
        }
        if newest != held.token && !fault::is(Fault::AcceptStaleToken) {
            return Err(AckError::LeaseLost { job: held.job, given: held.token, held: newest });
        }
        if self.jobs.at(slot).place() != Place::Leased && self.is_fifo(queue.slot) {
            return Err(AckError::Expired { job: held.job });
        }
        Ok(slot)
    }
}
