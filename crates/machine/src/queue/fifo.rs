//! FIFO queues: a group's jobs in order, and none of them while another is with a worker.
//!
//! The lane of a group is locked as long as one of its jobs is leased, except for the receive that locked it, which takes as many as
//! it may, in order. What comes back takes its old place among what was leased with it, so that the order in which the jobs came into
//! the lane holds whatever ends first.
//!
//! For that each job keeps its *rank*, its place in the receive that granted it last. Ranks suffice: as long as a job is with a worker the
//! lane grants nothing else, so those before it in the lane were granted with it, under smaller ranks. Those behind it have larger
//! ones: from the same receive, or from an earlier one, in which as many stood before them as do now or more; or none yet.
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
    /// that stood before it.
    pub(super) fn put_back(&mut self, slot: u32) {
        let job = *self.jobs.at(slot);
        let lane = self.lanes.at(job.lane);
        if !self.is_fifo(lane.queue) || fault::is(Fault::LoseFifoOrder) {
            return self.push_first(slot);
        }
        let (mut before, mut next) = (NIL, lane.head);
        // One receive takes ten at most, so that no more stand before it.
        while next != NIL && stands_before(self.jobs.at(next), &job) {
            before = next;
            next = self.jobs.at(next).next;
        }
        self.link(slot, before, next);
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

/// Whether a ready job stood before another in the receive that granted both.
fn stands_before(ready: &Job, other: &Job) -> bool {
    (1..other.rank()).contains(&ready.rank())
}
