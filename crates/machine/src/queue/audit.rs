//! The audit: a recount of everything, against every number that is kept up along the way.
//!
//! It walks the whole state, so it is for tests, the simulator and checks off line.

use super::{Doomed, Lane, Place, Queues, Standing, state::Counts};
use crate::slab::NIL;
use std::collections::{BTreeMap, BTreeSet};

/// What the lanes of a queue add up to.
#[derive(Default)]
struct Recount {
    counts: Counts,
    bytes: u64,
    grantable: u64,
    /// Lanes in the turns, and idle ones.
    in_sets: (usize, usize),
    lanes: u32,
}

/// What the jobs of a lane add up to.
#[derive(Default)]
struct LaneJobs {
    delayed: u32,
    ready: u32,
    leased: u32,
    bytes: u64,
}

impl Queues {
    /// Whether every queue's accepted jobs are accounted for. O(queues).
    pub(crate) fn conserved(&self) -> Result<(), String> {
        let mut present = self.doomed.ready + self.doomed.hanging;
        let mut bytes = self.doomed.bytes;
        for slot in 0..self.queues.used() {
            let queue = self.queues.at(slot);
            if !queue.counts.are_conserved() {
                return Err(format!("queue {:?} has lost count: {:?}", queue.name, queue.counts));
            }
            present += queue.counts.present();
            bytes += queue.bytes;
        }
        if present != u64::from(self.jobs.live()) {
            return Err(format!("queues and the doomed count {present} jobs, there are {}", self.jobs.live()));
        }
        if bytes != self.bytes {
            return Err(format!("queues and the doomed count {bytes} bytes, there are {}", self.bytes));
        }
        Ok(())
    }

    /// Recounts all jobs, lists and turns. O(everything).
    pub(crate) fn audit(&self) -> Result<(), String> {
        self.conserved()?;
        self.recent.audit()?;
        self.audit_extras()?;
        let mut jobs = self.count_jobs();
        let mut queues: BTreeMap<u32, Recount> = BTreeMap::new();
        let mut doomed = Doomed { lanes: self.doomed.lanes, sweep: self.doomed.sweep, ..Doomed::default() };
        let mut not_met = BTreeSet::new();
        let mut lanes = 0;
        for slot in 0..self.lanes.used() {
            let lane = self.lanes.at(slot);
            if lane.standing == Standing::Free {
                continue;
            }
            lanes += 1;
            let counted = jobs.remove(&slot).unwrap_or_default();
            if [counted.delayed, counted.ready, counted.leased] != [lane.delayed, lane.ready, lane.leased] {
                return Err(format!("lane {:?} has lost count of its jobs", lane.group));
            }
            self.audit_list(lane)?;
            self.audit_names(slot, lane)?;
            if self.is_doomed(lane) {
                doomed.ready += u64::from(counted.ready);
                doomed.hanging += u64::from(counted.delayed) + u64::from(counted.leased);
                doomed.bytes += counted.bytes;
                if lane.standing != Standing::Doomed {
                    not_met.insert(slot);
                } else if lane.is_empty() || lane.own().is_some() {
                    return Err(format!("lane {:?} is kept though it was purged", lane.group));
                }
            } else {
                self.audit_turns(slot, lane)?;
                queues.entry(lane.queue).or_default().add(lane, &counted);
            }
        }
        if lanes != self.lanes.live() {
            return Err(format!("{lanes} lanes are there, not {}", self.lanes.live()));
        }
        if let Some((lane, _)) = jobs.first_key_value() {
            return Err(format!("jobs point at lane {lane}, which is not there"));
        }
        if doomed != self.doomed {
            return Err(format!("doomed are {doomed:?}, not {:?}", self.doomed));
        }
        let mut at = self.doomed.lanes.head;
        while at != NIL {
            if !not_met.remove(&at) {
                return Err(format!("lane {at} is on the list of the doomed and is not one"));
            }
            at = self.lanes.at(at).queue_next;
        }
        if let Some(lane) = not_met.first() {
            return Err(format!("doomed lane {lane} is not on the list"));
        }
        (0..self.queues.used()).try_for_each(|slot| self.audit_queue(slot, queues.remove(&slot).unwrap_or_default()))
    }

    fn count_jobs(&self) -> BTreeMap<u32, LaneJobs> {
        let mut lanes: BTreeMap<u32, LaneJobs> = BTreeMap::new();
        for job in (0..self.jobs.used()).map(|slot| self.jobs.at(slot)) {
            let place = job.place();
            if place == Place::Free {
                continue;
            }
            let lane = lanes.entry(job.lane).or_default();
            lane.bytes += u64::from(job.body().bytes);
            match place {
                Place::Delayed => lane.delayed += 1,
                Place::Ready => lane.ready += 1,
                Place::Leased => lane.leased += 1,
                Place::Free => {}
            }
        }
        lanes
    }

    fn audit_queue(&self, slot: u32, counted: Recount) -> Result<(), String> {
        let queue = self.queues.at(slot);
        let Counts { ready, delayed, leased, .. } = queue.counts;
        if (counted.counts.ready, counted.counts.delayed, counted.counts.leased) != (ready, delayed, leased) {
            return Err(format!("queue {:?} counts {:?}, there are {:?}", queue.name, queue.counts, counted.counts));
        }
        if queue.bytes != counted.bytes {
            return Err(format!("queue {:?} counts {} bytes, there are {}", queue.name, queue.bytes, counted.bytes));
        }
        if queue.grantable != counted.grantable {
            return Err(format!("queue {:?} is wrong about what it could grant", queue.name));
        }
        if queue.turns.only_idle() != self.forgettable.contains(&slot) {
            return Err(format!("queue {:?} has lanes that nobody will forget", queue.name));
        }
        if queue.turns.counts() != counted.in_sets {
            return Err(format!("the turns of queue {:?} hold lanes that are not there", queue.name));
        }
        if !queue.is_live() {
            return Ok(());
        }
        if self.by_name.get(&(queue.account, queue.name.clone())) != Some(&slot) {
            return Err(format!("queue {:?} is not found by its name", queue.name));
        }
        let (mut at, mut before, mut lanes) = (queue.lanes.head, NIL, 0);
        while at != NIL && lanes <= counted.lanes {
            let lane = self.lanes.at(at);
            if lane.queue != slot || lane.queue_prev != before || self.is_doomed(lane) {
                return Err(format!("the lanes of queue {:?} are not linked at {at}", queue.name));
            }
            (before, at, lanes) = (at, lane.queue_next, lanes + 1);
        }
        if lanes != counted.lanes || queue.lanes.tail != before {
            return Err(format!("queue {:?} links {lanes} lanes, there are {}", queue.name, counted.lanes));
        }
        Ok(())
    }

    fn audit_turns(&self, slot: u32, lane: &Lane) -> Result<(), String> {
        let queue = self.queues.at(lane.queue);
        if !queue.is_live() || lane.life != queue.generation {
            return Err(format!("lane {:?} is of no queue", lane.group));
        }
        if !queue.turns.agrees_with(slot, lane) {
            return Err(format!("lane {:?} does not stand where it says", lane.group));
        }
        // A lane that rests with jobs ready is at its limit (or was, before the limit was changed):
        // the end of one of its leases wakes it.
        let sound = match lane.standing {
            Standing::InTurns => lane.ready > 0,
            Standing::Resting => (lane.ready == 0 || lane.leased > 0) && lane.grantable == 0,
            Standing::Idle => lane.is_empty() && lane.grantable == 0,
            Standing::Free | Standing::Doomed => false,
        };
        if sound {
            Ok(())
        } else {
            Err(format!("lane {:?} is {:?} with {} ready", lane.group, lane.standing, lane.ready))
        }
    }

    fn audit_names(&self, slot: u32, lane: &Lane) -> Result<(), String> {
        let found = self.find_lane(lane.queue, &lane.group);
        if (found == Some(slot)) == self.is_doomed(lane) {
            return Err(format!("lane {:?} is found as {found:?}, it is {slot}", lane.group));
        }
        let of_this_life = self.queues.at(lane.queue).generation == lane.life;
        let found = if of_this_life { self.find_own(lane.queue, &lane.group) } else { None };
        if (found == Some(slot)) != (lane.own().is_some() && of_this_life) {
            return Err(format!("the settings of lane {:?} are found as {found:?}, it is {slot}", lane.group));
        }
        Ok(())
    }

    fn audit_list(&self, lane: &Lane) -> Result<(), String> {
        if lane.standing == Standing::Doomed {
            // What is ready is loose.
            let has_list = lane.head != NIL || lane.tail != NIL;
            return if has_list { Err(format!("lane {:?} has a list though it was met", lane.group)) } else { Ok(()) };
        }
        let (mut at, mut count) = (lane.head, 0);
        // The reaper takes the first without telling the next.
        let mut before = if at != NIL && self.is_doomed(lane) { self.jobs.at(at).prev } else { NIL };
        while at != NIL && count <= lane.ready {
            let job = self.jobs.at(at);
            if job.place() != Place::Ready || job.prev != before {
                return Err(format!("the list of lane {:?} is broken at job {}", lane.group, job.id(at)));
            }
            (before, at, count) = (at, job.next, count + 1);
        }
        if (count, before) != (lane.ready, lane.tail) {
            return Err(format!("the list of lane {:?} has {count} jobs, not {}", lane.group, lane.ready));
        }
        Ok(())
    }
}

impl Recount {
    fn add(&mut self, lane: &Lane, jobs: &LaneJobs) {
        self.counts.delayed += u64::from(jobs.delayed);
        self.counts.ready += u64::from(jobs.ready);
        self.counts.leased += u64::from(jobs.leased);
        self.bytes += jobs.bytes;
        self.grantable += u64::from(lane.grantable);
        let (waiting, idle) = &mut self.in_sets;
        *waiting += usize::from(lane.standing == Standing::InTurns);
        *idle += usize::from(lane.standing == Standing::Idle);
        self.lanes += 1;
    }
}
