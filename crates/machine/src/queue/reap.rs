//! The reaper: frees what was purged, a bounded number of steps at a time.
//!
//! 1. It takes the doomed lanes one by one, frees their ready jobs, and then the lane once none of its jobs hangs in the
//!    wheel; each job and each lane is a step.
//! 2. A doomed job that hangs in the wheel goes when it comes due. Twelve hours may be long for that, so once they are
//!    more than a sixteenth of the job slots, a *sweep* looks at every slot and frees them: at most sixteen steps for each.
//! 3. Settings of a group outlive a purge: its next lane takes them from the doomed one ([`Queues::lane_of`]), and if there
//!    is none when the reaper comes, it makes that lane.
//!
//! The sets of old turns are no state, and they hold no more than the doomed lanes do; they are emptied at the same pace,
//! since dropping a set of a million entries would stop the machine.

use super::{Lane, Place, Queues, Standing};
use crate::{
    event::Event,
    fault::{self, Fault},
    limits,
    slab::{Ends, NIL},
};

/// One doomed job in so many slots may hang in the wheel until it comes due.
const SLOTS_PER_HANGING: u64 = 16;

impl Queues {
    /// Takes at most [`limits::REAPED_PER_BATCH`] steps. Pushes [`Event::BodyReleased`] for each job freed.
    pub(crate) fn reap(&mut self, events: &mut Vec<Event>) {
        let mut steps = limits::REAPED_PER_BATCH;
        while steps > 0 && self.doomed.lanes.head != NIL {
            self.reap_one(self.doomed.lanes.head, events);
            steps -= 1;
        }
        self.sweep(steps, events);
        self.empty_graveyard();
    }

    /// Whether there is something to free that no timer will.
    pub(super) fn has_doomed(&self) -> bool {
        self.doomed.lanes.head != NIL || self.doomed.sweep != NIL || self.many_hang()
    }

    /// Whether a lane was purged.
    pub(super) fn is_doomed(&self, lane: &Lane) -> bool {
        lane.epoch != self.queues.at(lane.queue).epoch
    }

    fn many_hang(&self) -> bool {
        self.doomed.hanging * SLOTS_PER_HANGING > self.jobs.used().into()
    }

    fn reap_one(&mut self, slot: u32, events: &mut Vec<Event>) {
        let lane = self.lanes.at(slot);
        if lane.head == NIL {
            return self.meet(slot, events);
        }
        let job = lane.head;
        // The link back from the next one stays: nobody follows it any more.
        let next = self.jobs.at(job).next;
        let mut lane = self.lanes.edit(slot);
        lane.head = next;
        lane.ready -= 1;
        if next == NIL {
            lane.tail = NIL;
        }
        drop(lane);
        self.doomed.ready -= 1;
        self.free_doomed(job, events);
    }

    /// Takes a lane without ready jobs off the list, with its name and settings, and frees it if nothing of it is left.
    fn meet(&mut self, slot: u32, events: &mut Vec<Event>) {
        let next = self.lanes.at(slot).queue_next;
        self.doomed.lanes = if next == NIL { Ends::default() } else { Ends { head: next, ..self.doomed.lanes } };
        self.lane_names.remove(&mut self.lanes, slot);
        self.hand_on_settings(slot, events);
        if self.lanes.at(slot).is_empty() {
            self.lanes.free(slot);
        } else {
            let mut lane = self.lanes.edit(slot);
            lane.standing = Standing::Doomed;
            lane.queue_prev = NIL;
            lane.queue_next = NIL;
        }
    }

    fn hand_on_settings(&mut self, slot: u32, events: &mut Vec<Event>) {
        let lane = self.lanes.at(slot);
        if lane.own().is_none() {
            return;
        }
        let (queue, group) = (lane.queue, lane.group.clone());
        let record = self.queues.at(queue);
        if record.is_live() && record.generation == lane.life {
            // It takes them over. There is none yet: it would have done so when it was made.
            if let Some(heir) = self.lane_of(queue, &group) {
                self.settle(heir, events);
            }
        }
        if self.lanes.at(slot).own().is_some() {
            self.set_own(slot, None);
        }
    }

    /// Frees a doomed job that hung in the wheel and is out of it, and its lane if that has nothing left.
    pub(super) fn free_hanging(&mut self, slot: u32, events: &mut Vec<Event>) {
        let job = self.jobs.at(slot);
        let (lane_slot, place) = (job.lane, job.place());
        let mut lane = self.lanes.edit(lane_slot);
        match place {
            Place::Delayed => lane.delayed -= 1,
            Place::Leased => lane.leased -= 1,
            Place::Ready | Place::Free => unreachable!("only delayed and leased jobs hang in the wheel"),
        }
        drop(lane);
        self.doomed.hanging -= 1;
        self.free_doomed(slot, events);
        let lane = self.lanes.at(lane_slot);
        if lane.standing == Standing::Doomed && lane.is_empty() {
            self.lanes.free(lane_slot);
        }
    }

    fn free_doomed(&mut self, slot: u32, events: &mut Vec<Event>) {
        let body = self.jobs.at(slot).body();
        self.doomed.bytes -= u64::from(body.bytes);
        self.bytes -= u64::from(body.bytes);
        self.free_job(slot);
        if !fault::is(Fault::ReapLeaks) {
            events.push(Event::BodyReleased(body));
        }
    }

    fn sweep(&mut self, steps: u32, events: &mut Vec<Event>) {
        if self.doomed.sweep == NIL && self.many_hang() {
            self.doomed.sweep = 0;
        }
        for _ in 0..steps {
            let slot = self.doomed.sweep;
            if slot == NIL {
                break;
            }
            let at_end = slot >= self.jobs.used() || self.doomed.hanging == 0;
            self.doomed.sweep = if at_end { NIL } else { slot + 1 };
            if !at_end && self.hangs_doomed(slot) {
                self.wheel.remove(&mut self.jobs, slot);
                self.free_hanging(slot, events);
            }
        }
    }

    fn hangs_doomed(&self, slot: u32) -> bool {
        let job = self.jobs.at(slot);
        matches!(job.place(), Place::Delayed | Place::Leased) && self.is_doomed(self.lanes.at(job.lane))
    }

    fn empty_graveyard(&mut self) {
        let mut entries = limits::REAPED_PER_BATCH;
        while let Some(turns) = self.graveyard.last_mut() {
            if turns.empty(&mut entries) {
                self.graveyard.pop();
            } else {
                break;
            }
        }
    }
}
