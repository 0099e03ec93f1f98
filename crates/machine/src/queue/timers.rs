//! What ends by itself: delays, leases, and lanes that nothing is left of; a bounded number at a time.

use super::{Place, Queues, wheel::Advanced};
use crate::{
    event::Event,
    fault::{self, Fault},
    limits,
};
use evenkeel_types::LogTime;

impl Queues {
    /// Ends what is due at `now`, at most [`limits::TIMERS_PER_BATCH`] steps of it; the rest is due
    /// still and comes with the next batch. Pushes [`Event::Ready`].
    pub(crate) fn fire_timers(&mut self, now: LogTime, events: &mut Vec<Event>) {
        for _ in 0..limits::TIMERS_PER_BATCH {
            match self.wheel.advance(&mut self.jobs, now) {
                None => break,
                Some(Advanced::Moved) => {}
                Some(Advanced::Due(slot)) => self.due(slot, now, events),
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

    fn due(&mut self, slot: u32, now: LogTime, events: &mut Vec<Event>) {
        let job = *self.jobs.at(slot);
        if self.is_doomed(self.lanes.at(job.lane)) {
            return self.free_hanging(slot, events);
        }
        match job.place() {
            Place::Delayed => {
                let queue = {
                    let mut lane = self.lanes.edit(job.lane);
                    lane.delayed -= 1;
                    lane.queue
                };
                self.queues.edit(queue).counts.delayed -= 1;
                self.push_last(slot);
            }
            Place::Leased if fault::is(Fault::LoseTimer) => {
                self.jobs.edit(slot).deadline += 3_600_000_000;
                self.wheel.insert(&mut self.jobs, slot);
            }
            Place::Leased => {
                self.end_lease(slot, now);
                self.put_back(slot);
            }
            Place::Ready | Place::Free => unreachable!("only delayed and leased jobs hang in the wheel"),
        }
        self.settle(job.lane, events);
    }
}
