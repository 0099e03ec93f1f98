//! The audit: a recount of everything, against every number that is kept up along the way.
//!
//! It walks the whole state, so it is for tests, the simulator and checks off line.

use super::{Lane, Place, Queues, Standing, state::Counts};
use crate::slab::NIL;
use std::collections::BTreeMap;

impl Queues {
    /// Whether every queue's accepted jobs are accounted for. O(queues).
    pub(crate) fn conserved(&self) -> Result<(), String> {
        let mut present = 0;
        for slot in 0..self.queues.used() {
            let queue = self.queues.at(slot);
            if !queue.counts.are_conserved() {
                return Err(format!("queue {:?} has lost count: {:?}", queue.name, queue.counts));
            }
            present += queue.counts.ready + queue.counts.delayed + queue.counts.leased;
        }
        if present != u64::from(self.jobs.live()) {
            return Err(format!("queues count {present} jobs, there are {}", self.jobs.live()));
        }
        Ok(())
    }

    /// Recounts all jobs, lists and turns. O(everything).
    pub(crate) fn audit(&self) -> Result<(), String> {
        self.conserved()?;
        let mut places: BTreeMap<u32, [u32; 3]> = BTreeMap::new();
        for slot in 0..self.jobs.used() {
            let job = self.jobs.at(slot);
            let column = match job.place() {
                Place::Free => continue,
                Place::Delayed => 0,
                Place::Ready => 1,
                Place::Leased => 2,
            };
            if let Some(count) = places.entry(job.lane).or_default().get_mut(column) {
                *count += 1;
            }
        }
        let mut recounted: BTreeMap<u32, Counts> = BTreeMap::new();
        let mut grantable: BTreeMap<u32, u64> = BTreeMap::new();
        let mut in_sets: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
        for slot in 0..self.lanes.used() {
            let lane = self.lanes.at(slot);
            if lane.standing == Standing::Free {
                continue;
            }
            let [delayed, ready, leased] = places.remove(&slot).unwrap_or_default();
            if [delayed, ready, leased] != [lane.delayed, lane.ready, lane.leased] {
                return Err(format!("lane {:?} has lost count of its jobs", lane.group));
            }
            self.audit_list(lane)?;
            let queue = self.queues.at(lane.queue);
            if !queue.turns.agrees_with(slot, lane) {
                return Err(format!("lane {:?} does not stand where it says", lane.group));
            }
            // A lane that rests with jobs ready is at its limit (or was, before the limit was changed):
            // the end of one of its leases wakes it.
            let sound = match lane.standing {
                Standing::InTurns => lane.ready > 0,
                Standing::Resting => lane.ready == 0 || lane.leased > 0,
                Standing::Idle => lane.is_empty(),
                Standing::Free => true,
            };
            if !sound {
                return Err(format!("lane {:?} is {:?} with {} ready", lane.group, lane.standing, lane.ready));
            }
            *grantable.entry(lane.queue).or_default() += u64::from(lane.grantable);
            let (waiting, idle) = in_sets.entry(lane.queue).or_default();
            *waiting += usize::from(lane.standing == Standing::InTurns);
            *idle += usize::from(lane.standing == Standing::Idle);
            let counts = recounted.entry(lane.queue).or_default();
            counts.delayed += u64::from(delayed);
            counts.ready += u64::from(ready);
            counts.leased += u64::from(leased);
        }
        if let Some((lane, _)) = places.first_key_value() {
            return Err(format!("jobs point at lane {lane}, which is not there"));
        }
        for slot in 0..self.queues.used() {
            let queue = self.queues.at(slot);
            let counted = recounted.remove(&slot).unwrap_or_default();
            if (counted.delayed, counted.ready, counted.leased)
                != (queue.counts.delayed, queue.counts.ready, queue.counts.leased)
            {
                return Err(format!("queue {:?} counts {:?}, there are {counted:?}", queue.name, queue.counts));
            }
            if queue.grantable != grantable.remove(&slot).unwrap_or_default() {
                return Err(format!("queue {:?} is wrong about what it could grant", queue.name));
            }
            if queue.turns.only_idle() != self.forgettable.contains(&slot) {
                return Err(format!("queue {:?} has lanes that nobody will forget", queue.name));
            }
            if queue.turns.counts() != in_sets.remove(&slot).unwrap_or_default() {
                return Err(format!("the turns of queue {:?} hold lanes that are not there", queue.name));
            }
        }
        Ok(())
    }

    fn audit_list(&self, lane: &Lane) -> Result<(), String> {
        let (mut at, mut before, mut count) = (lane.head, NIL, 0);
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
