//! What ends by itself: delays, leases, and lanes that nothing is left of; a bounded number at a time.

use super::{Moment, Place, Queues, wheel::Advanced};
use crate::{
    event::Event,
    fault::{self, Fault},
    limits,
};
use evenkeel_types::LogTime;

impl Queues {
    /// Ends what is due by now, at most [`limits::TIMERS_PER_BATCH`] steps of it; the rest is due
    /// still and comes with the next batch. Pushes [`Event::Ready`].
    pub(crate) fn fire_timers(&mut self, at: Moment, events: &mut Vec<Event>) {
        for _ in 0..limits::TIMERS_PER_BATCH {
            match self.wheel.advance(&mut self.jobs, at.log_time) {
                None => break,
                Some(Advanced::Moved) => {}
                Some(Advanced::Due(slot)) => self.due(slot, at, events),
            }
        }
    }

    /// Forgets what was done lately and is past its time, a bounded number.
    pub(crate) fn forget_recent(&mut self, now: LogTime) {
        self.recent.expire(now);
    }

    /// Forgets lanes in queues where nobody waits, at most [`limits::LANES_FORGOTTEN_PER_BATCH`].
    pub(crate) fn forget_lanes(&mut self) {
        if let Some(&queue) = self.forgettable.first() {
            self.forget(queue, limits::LANES_FORGOTTEN_PER_BATCH);
        }
    }

    /// Puts back a job whose lease has ended, unless its time has passed.
    pub(super) fn give_back(&mut self, slot: u32, at: Moment, events: &mut Vec<Event>) {
        let job = *self.jobs.at(slot);
        let queue = self.lanes.at(job.lane).queue;
        if self.is_expired(queue, &job, at.wall_time) {
            self.drop_expired(slot, events);
        } else {
            self.note_sent_at(queue, job.enqueued_at());
            self.put_back(slot);
        }
    }

    fn due(&mut self, slot: u32, at: Moment, events: &mut Vec<Event>) {
        let job = *self.jobs.at(slot);
        if self.is_doomed(self.lanes.at(job.lane)) {
            return self.free_loose(slot, events);
        }
        match job.place() {
            Place::Delayed => {
                let queue = {
                    let lane = self.lanes.edit(job.lane);
                    lane.delayed -= 1;
                    lane.queue
                };
                self.queues.edit(queue).counts.delayed -= 1;
                if self.is_expired(queue, &job, at.wall_time) {
                    self.drop_expired(slot, events);
                } else {
                    self.note_sent_at(queue, job.enqueued_at());
                    self.push_last(slot);
                }
            }
            Place::Leased if fault::is(Fault::LoseTimer) => {
                self.jobs.edit(slot).deadline += 3_600_000_000;
                self.wheel.insert(&mut self.jobs, slot);
            }
            Place::Leased => {
                self.end_lease(slot, at.log_time);
                self.give_back(slot, at, events);
            }
            Place::Ready | Place::Free => unreachable!("only delayed and leased jobs hang in the wheel"),
        }
        self.settle(job.lane, events);
    }
}
