//! `Enqueue`: jobs come in, each into its group's lane or first into the wheel.

use super::{
    Moment, NoSuchQueue, Queues,
    job::{BODY_BYTES_LIMIT, Place},
};
use crate::{
    command::{CallKey, NewJob, QueueKey},
    event::Event,
    fault::{self, Fault},
    limits,
    reply::Enqueued,
};
use evenkeel_types::{BodyRef, LogTime, Micros, QueueId};
use std::fmt;

/// Why a job was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnqueueError {
    /// The body is larger than the queue allows.
    #[error("the body has {bytes} bytes, the queue takes {max}")]
    BodyTooLarge {
        /// What it counts.
        bytes: u32,
        /// What the queue takes.
        max: u32,
    },
    /// The delay is longer than 15 minutes.
    #[error("the delay is longer than {} seconds", limits::DELAY_MAX.0 / 1_000_000)]
    DelayTooLong,
    /// A FIFO queue takes jobs of groups only.
    #[error("a job for a FIFO queue needs a group")]
    NoGroup,
    /// A FIFO queue does not go by content, and the job has no de-duplication id.
    #[error("a job for this FIFO queue needs a de-duplication id")]
    NoDedupId,
    /// In a FIFO queue all jobs are delayed alike.
    #[error("a job for a FIFO queue has no delay of its own")]
    OwnDelay,
    /// This call came before, and the job was refused then. Send it again in a call of its own.
    #[error("this was refused when the call came first; send it again")]
    RefusedBefore,
    /// The queue holds as much as its settings allow. Finish some jobs first, or raise the limit.
    #[error("the queue holds {present} {cap} and takes no more than {max}")]
    QueueFull {
        /// Which limit it is.
        cap: Cap,
        /// What the queue holds without the job.
        present: u64,
        /// The limit.
        max: u64,
    },
    /// There are as many jobs or groups as can be.
    #[error("there are as many jobs or groups as can be")]
    Full,
}

/// What a queue can hold only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// Jobs.
    Jobs,
    /// Bytes of bodies.
    Bytes,
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jobs => "jobs",
            Self::Bytes => "bytes of bodies",
        })
    }
}

impl Queues {
    /// Accepts jobs one by one, but for those that the same call or another brought before. Pushes [`Event::BodyKept`] for each
    /// that is added, and [`Event::Ready`].
    pub(crate) fn enqueue(
        &mut self,
        at: Moment,
        key: QueueKey<'_>,
        jobs: &[NewJob<'_>],
        call: Option<CallKey>,
        events: &mut Vec<Event>,
    ) -> Result<Vec<Result<Enqueued, EnqueueError>>, NoSuchQueue> {
        let queue = self.find(key).ok_or(NoSuchQueue)?;
        if let Some(replies) = self.sent_by(at, call) {
            return Ok(replies);
        }
        let replies: Vec<_> = jobs.iter().map(|job| self.enqueue_one(at, queue, job, events)).collect();
        self.note_call(at, call, &replies);
        self.forget(queue.slot, limits::LANES_FORGOTTEN_PER_COMMAND);
        Ok(replies)
    }

    fn enqueue_one(
        &mut self,
        at: Moment,
        queue: QueueId,
        new: &NewJob<'_>,
        events: &mut Vec<Event>,
    ) -> Result<Enqueued, EnqueueError> {
        let settings = *self.queues.at(queue.slot).settings();
        let delay = new.delay.filter(|_| settings.fifo.is_none()).unwrap_or(settings.delay);
        let max = settings.body_bytes_max;
        if new.counted_bytes > max {
            return Err(EnqueueError::BodyTooLarge { bytes: new.counted_bytes, max });
        }
        // The door may add to what is counted; the record bounds what it can add.
        let bytes = u32::try_from(new.body.bytes.len()).unwrap_or(u32::MAX);
        if bytes > BODY_BYTES_LIMIT {
            return Err(EnqueueError::BodyTooLarge { bytes, max: BODY_BYTES_LIMIT });
        }
        if delay > limits::DELAY_MAX {
            return Err(EnqueueError::DelayTooLong);
        }
        let dedup = match settings.fifo {
            None => None,
            Some(_) if new.group.is_empty() => return Err(EnqueueError::NoGroup),
            Some(_) if new.delay.is_some_and(|delay| delay > Micros(0)) => return Err(EnqueueError::OwnDelay),
            Some(fifo) => Some(self.dedup_key(queue.slot, fifo, new)?),
        };
        if let Some(told) = dedup.and_then(|key| self.sent_before(at, key)) {
            return Ok(told);
        }
        self.check_caps(queue.slot, bytes)?;
        let lane = self.lane_of(queue.slot, new.group).ok_or(EnqueueError::Full)?;
        let Some(slot) = self.jobs.allocate() else {
            self.settle(lane, events);
            return Err(EnqueueError::Full);
        };
        let body = BodyRef { index: at.index, offset: new.body.offset, bytes };
        let job = {
            let job = self.jobs.edit(slot);
            job.occupy(lane, body, at.wall_time);
            job.id(slot)
        };
        {
            let queue = self.queues.edit(queue.slot);
            queue.counts.enqueued += 1;
            queue.bytes += u64::from(bytes);
        }
        self.bytes += u64::from(bytes);
        self.note_sent_at(queue.slot, at.wall_time);
        events.push(Event::BodyKept(body));
        let delay = if fault::is(Fault::EndDelayEarly) { Micros(delay.0 / 2) } else { delay };
        let until = match settings.fifo {
            Some(_) => self.fifo_delay(self.lanes.at(lane), at.log_time, delay),
            None => (delay > Micros(0)).then(|| at.log_time + delay),
        };
        match until {
            None => self.push_last(slot),
            Some(until) => self.delay(slot, until),
        }
        self.settle(lane, events);
        let enqueued = Enqueued { job, body, again: false };
        if let Some(key) = dedup {
            self.note_sent(at, key, &enqueued);
        }
        Ok(enqueued)
    }

    pub(super) fn check_caps(&self, queue: u32, bytes: u32) -> Result<(), EnqueueError> {
        let queue = self.queues.at(queue);
        let caps = [
            (Cap::Jobs, queue.counts.present(), 1, queue.settings().jobs_max),
            (Cap::Bytes, queue.bytes, u64::from(bytes), queue.settings().bytes_max),
        ];
        for (cap, present, more, max) in caps {
            if max != 0 && present + more > max && !fault::is(Fault::IgnoreCaps) {
                return Err(EnqueueError::QueueFull { cap, present, max });
            }
        }
        Ok(())
    }

    fn delay(&mut self, slot: u32, until: LogTime) {
        let lane_slot = {
            let job = self.jobs.edit(slot);
            job.deadline = until.0;
            job.set_place(Place::Delayed);
            job.lane
        };
        self.wheel.insert(&mut self.jobs, slot);
        let lane = self.lanes.edit(lane_slot);
        lane.delayed += 1;
        lane.delayed_until = until.0;
        self.queues.edit(lane.queue).counts.delayed += 1;
    }
}
