//! FIFO queues: a group's jobs in order, and none of them while another is with a worker.
//!
//! The lane of a group is locked as long as one of its jobs is leased, except for the receive that locked it, which takes as many as
//! it may, in order. What comes back takes its old place among what was leased with it, so that the order of sending holds
//! whatever ends first.
//!
//! AWS Developer Guide, "FIFO delivery logic".

use super::{Lane, Queues, job::Job};
use crate::{
    fault::{self, Fault},
    slab::NIL,
};
use evenkeel_types::{LogTime, Micros};

/// What the names of FIFO queues end in.
pub(super) const NAME_END: &str = ".fifo";

/// One step of the wheel, in microseconds: delays that end in different steps end in order.
const STEP: Micros = Micros(1 << 10);

impl Queues {
    pub(super) fn is_fifo(&self, queue: u32) -> bool {
        self.queues.at(queue).settings().fifo.is_some()
    }

    /// Whether a job of the group is with a worker, in a FIFO queue.
    pub(super) fn is_locked(&self, lane: &Lane) -> bool {
        lane.leased > 0 && self.is_fifo(lane.queue) && !fault::is(Fault::IgnoreLock)
    }

    /// Puts a job that was leased and is in no list back to where it was: first in its lane, in a FIFO queue behind those
    /// that were granted with it and sent before it.
    pub(super) fn put_back(&mut self, slot: u32) {
        let job = *self.jobs.at(slot);
        let lane = self.lanes.at(job.lane);
        if !self.is_fifo(lane.queue) || fault::is(Fault::LoseFifoOrder) {
            return self.push_first(slot);
        }
        let (mut before, mut next) = (NIL, lane.head);
        // One receive takes ten at most, so that no more stand before it.
        while next != NIL && goes_before(self.jobs.at(next), &job) {
            before = next;
            next = self.jobs.at(next).next;
        }
        if before == NIL { self.push_first(slot) } else { self.insert_behind(slot, before) }
    }

    /// When a delay in a FIFO queue ends: after all that the group's earlier ones end. `None` if the job need not wait.
    pub(super) fn fifo_delay(&self, lane: &Lane, now: LogTime, delay: Micros) -> Option<LogTime> {
        if delay == Micros(0) && lane.delayed == 0 {
            return None;
        }
        let after = if lane.delayed > 0 { LogTime(lane.delayed_until) + STEP } else { now };
        Some(after.max(now + delay))
    }
}

/// Whether a ready job was granted together with another and sent before it.
fn goes_before(ready: &Job, other: &Job) -> bool {
    let order = |job: &Job| (job.body().index, job.body().offset);
    ready.grants > 0 && ready.leased_at() == other.leased_at() && order(ready) < order(other)
}
