//! Retention: a job stays in its queue for so long from its sending, by the calendar, and no longer.
//!
//! 1. A job past its time is never granted: a receive that finds one at the head of a lane drops it, and one that would become
//!    ready is dropped instead.
//! 2. What nobody asks for goes too. A queue knows a moment before which none of its jobs was sent; once the retention period
//!    has passed since then, its lanes are walked through, a bounded number of steps a batch, and the heads that are past their time
//!    dropped. The walk finds when the next one will be worth while. In a queue that is being worked on that is once in a retention
//!    period; no job needs a timer of its own.
//!
//! So a job may be counted a little longer than it is granted: while it is delayed or leased, while it stands behind a younger one (which had no
//! delay), and as long as the calendar has not been looked at, since an idle log is not written to.
//!
//! AWS Developer Guide, "Amazon SQS message quotas": 60 seconds to 14 days; API Reference, SetQueueAttributes.

use super::{Moment, Queues, job::Job};
use crate::{
    event::Event,
    fault::{self, Fault},
    limits,
    slab::NIL,
};
use evenkeel_types::{LogTime, Micros, WallTime};

/// Nothing was sent before this moment: there is nothing.
pub(super) const NOTHING: u64 = u64::MAX;

/// A walk through the lanes of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    /// The queue's slot; [`NIL`] if there is no walk.
    pub(super) queue: u32,
    /// The lane to be looked at next.
    pub(super) lane: u32,
    /// The first sending among the jobs seen that stay.
    pub(super) oldest: u64,
}

impl Default for Walk {
    fn default() -> Self {
        Self { queue: NIL, lane: NIL, oldest: NOTHING }
    }
}

impl Queues {
    /// Whether a job is past its time, by the calendar.
    pub(super) fn is_expired(&self, queue: u32, job: &Job, wall: WallTime) -> bool {
        let lived = wall.0.saturating_sub(job.enqueued_at().0);
        let retention = u64::from(self.queues.at(queue).settings().retention_secs) * 1_000;
        lived >= retention && !fault::is(Fault::KeepExpired)
    }

    /// Notes that a job sent at this moment is in a queue now.
    pub(super) fn note_sent_at(&mut self, queue: u32, sent: WallTime) {
        if sent.0 < self.queues.at(queue).oldest {
            self.set_oldest(queue, sent.0);
        }
    }

    pub(super) fn set_oldest(&mut self, slot: u32, oldest: u64) {
        let queue = self.queues.at(slot);
        let (before, retention) = (queue.oldest, u64::from(queue.settings().retention_secs) * 1_000);
        if before != NOTHING {
            self.expiries.remove(&(before.saturating_add(retention), slot));
        }
        if oldest != NOTHING {
            self.expiries.insert((oldest.saturating_add(retention), slot));
        }
        self.queues.edit(slot).oldest = oldest;
    }

    /// Drops what is past its time, a bounded number of steps. Pushes [`Event::BodyReleased`] for each job.
    pub(crate) fn expire(&mut self, at: Moment, events: &mut Vec<Event>) {
        let mut steps = limits::EXPIRED_PER_BATCH;
        while steps > 0 {
            if self.walk.queue == NIL && !self.begin_walk(at.wall_time) {
                return;
            }
            steps -= 1;
            let Walk { queue, lane, .. } = self.walk;
            if lane == NIL {
                let oldest = std::mem::take(&mut self.walk).oldest;
                // What was sent meanwhile has noted itself.
                self.note_sent_at(queue, WallTime(oldest));
                continue;
            }
            let record = self.lanes.at(lane);
            let (head, next) = (record.head, record.queue_next);
            if head != NIL && self.is_expired(queue, self.jobs.at(head), at.wall_time) {
                self.unlink(head);
                self.drop_expired(head, events);
                self.settle(lane, events);
                continue;
            }
            if head != NIL {
                // What is delayed or leased notes itself when it comes back.
                self.walk.oldest = self.walk.oldest.min(self.jobs.at(head).enqueued_at().0);
            }
            self.walk.lane = next;
        }
    }

    /// Begins with the queue that is due first; false if none is.
    fn begin_walk(&mut self, wall: WallTime) -> bool {
        let Some(&(due, queue)) = self.expiries.first() else { return false };
        if due > wall.0 {
            return false;
        }
        // Meanwhile it is not due; who sends notes it anew, and the walk ends by setting what it found.
        self.set_oldest(queue, NOTHING);
        self.walk = Walk { queue, lane: self.queues.at(queue).lanes.head, oldest: NOTHING };
        true
    }

    /// A lane is about to go: the walk passes over it.
    pub(super) fn walk_past(&mut self, lane: u32) {
        if self.walk.lane == lane {
            self.walk.lane = self.lanes.at(lane).queue_next;
        }
    }

    /// A queue's lanes are about to go, all at once: a walk through them is over, and nothing is in the queue.
    pub(super) fn end_walk(&mut self, queue: u32) {
        if self.walk.queue == queue {
            self.walk = Walk::default();
        }
        self.set_oldest(queue, NOTHING);
    }

    /// Drops a job that is in no list and past its time.
    pub(super) fn drop_expired(&mut self, slot: u32, events: &mut Vec<Event>) {
        let job = *self.jobs.at(slot);
        let bytes = u64::from(job.body().bytes);
        {
            let queue = self.queues.edit(self.lanes.at(job.lane).queue);
            queue.counts.expired += 1;
            queue.bytes -= bytes;
        }
        self.bytes -= bytes;
        self.free_job(slot);
        events.push(Event::BodyReleased(job.body()));
    }

    /// When the first queue is to be walked through, on the log's clock: as far ahead as on the calendar. Each batch looks again.
    pub(super) fn expiry_due(&self, now: LogTime, wall: WallTime) -> Option<LogTime> {
        if self.walk.queue != NIL {
            return Some(LogTime(0));
        }
        // Queues that have been emptied are still among them.
        let &(due, _) = self.expiries.first().filter(|_| self.jobs.live() > 0)?;
        let ahead = Micros(due.saturating_sub(wall.0).saturating_mul(1_000));
        Some(now + ahead)
    }
}
