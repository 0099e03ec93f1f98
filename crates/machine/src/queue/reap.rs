//! The reaper: frees what was purged, a bounded number of steps at a time.
//!
//! 1. It takes the doomed lanes one by one. Of a few among many jobs it frees the ready ones in their lane's order, and then the
//!    lane once none of its jobs hangs in the wheel; each job and each lane is a step.
//! 2. Where the doomed jobs are more than a sixteenth of the slots it lets a lane's ready jobs *loose* instead, all in one step, and a
//!    *sweep* over all slots frees them: at most sixteen steps for each, but in the order of memory. In a lane's order each job lies in another page.
//! 3. A doomed job that hangs in the wheel goes when it comes due. Twelve hours may be long for that, so once they are
//!    more than a sixteenth of the slots, a sweep frees them too.
//! 4. Settings of a group outlive a purge: its next lane takes them from the doomed one ([`Queues::lane_of`]), and if there
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

/// With more than one doomed job in so many slots, a sweep over all of them is worth while.
const SLOTS_PER_DOOMED: u64 = 16;

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
        self.doomed.lanes.head != NIL || self.doomed.sweep != NIL || self.wants_sweep()
    }

    /// Whether a lane was purged.
    pub(super) fn is_doomed(&self, lane: &Lane) -> bool {
        lane.epoch != self.queues.at(lane.queue).epoch
    }

    fn are_many(&self, doomed: u64) -> bool {
        doomed * SLOTS_PER_DOOMED > self.jobs.used().into()
    }

    /// Whether a sweep should begin: once all lanes are met, what is ready still is loose.
    fn wants_sweep(&self) -> bool {
        self.doomed.lanes.head == NIL && (self.doomed.ready > 0 || self.are_many(self.doomed.hanging))
    }

    fn reap_one(&mut self, slot: u32, events: &mut Vec<Event>) {
        let job = self.lanes.at(slot).head;
        if job != NIL && self.are_many(self.doomed.ready) {
            let lane = self.lanes.edit(slot);
            (lane.head, lane.tail) = (NIL, NIL);
            return self.meet(slot, events);
        }
        if job == NIL {
            return self.meet(slot, events);
        }
        // The link back from the next one stays: nobody follows it any more.
        let next = self.jobs.at(job).next;
        let lane = self.lanes.edit(slot);
        lane.head = next;
        lane.ready -= 1;
        if next == NIL {
            lane.tail = NIL;
        }
        self.doomed.ready -= 1;
        self.free_doomed(job, events);
    }

    /// Takes a lane without a list of ready jobs off that of the lanes, with its name and settings, and frees it if nothing of it is left.
    fn meet(&mut self, slot: u32, events: &mut Vec<Event>) {
        let next = self.lanes.at(slot).queue_next;
        self.doomed.lanes = if next == NIL { Ends::default() } else { Ends { head: next, ..self.doomed.lanes } };
        self.lane_names.remove(&mut self.lanes, slot);
        self.hand_on_settings(slot, events);
        if self.lanes.at(slot).is_empty() {
            self.lanes.free(slot);
        } else {
            let lane = self.lanes.edit(slot);
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

    /// Frees a doomed job that is in no list and not in the wheel, and its lane if that has nothing left.
    pub(super) fn free_loose(&mut self, slot: u32, events: &mut Vec<Event>) {
        let job = self.jobs.at(slot);
        let (lane_slot, place) = (job.lane, job.place());
        let lane = self.lanes.edit(lane_slot);
        let (of_lane, of_all) = match place {
            Place::Ready => (&mut lane.ready, &mut self.doomed.ready),
            Place::Delayed => (&mut lane.delayed, &mut self.doomed.hanging),
            Place::Leased => (&mut lane.leased, &mut self.doomed.hanging),
            Place::Free => unreachable!("a free slot holds no job"),
        };
        *of_lane -= 1;
        *of_all -= 1;
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

    /// Goes on with the sweep. What is purged behind it while lanes are let loose is left for the next one.
    fn sweep(&mut self, steps: u32, events: &mut Vec<Event>) {
        if self.doomed.sweep == NIL && self.wants_sweep() {
            self.doomed.sweep = 0;
        }
        for _ in 0..steps {
            let slot = self.doomed.sweep;
            if slot == NIL {
                break;
            }
            let at_end = slot >= self.jobs.used() || self.doomed.ready + self.doomed.hanging == 0;
            self.doomed.sweep = if at_end { NIL } else { slot + 1 };
            if !at_end {
                self.sweep_one(slot, events);
            }
        }
    }

    fn sweep_one(&mut self, slot: u32, events: &mut Vec<Event>) {
        let job = self.jobs.at(slot);
        let hangs = match job.place() {
            Place::Free => return,
            Place::Ready => false,
            Place::Delayed | Place::Leased => true,
        };
        if !self.is_doomed(self.lanes.at(job.lane)) {
            return;
        }
        if hangs {
            self.wheel.remove(&mut self.jobs, slot);
        }
        self.free_loose(slot, events);
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
