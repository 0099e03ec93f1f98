//! **A group's wait depends on how many groups are active, never on how much the others have queued.**
//!
//! Two checks, both of `crates/machine/src/queue/turns.rs`:
//!
//! 1. *The bound.* While lane `i` may be served, lane `j` is served at most `ceil(w_j / w_i) + 1` times between two
//!    services of `i`. (For `fair_by = count`.)
//! 2. *The share.* Its rules 1 and 2, recomputed here from the stream of grants: the lane that is served is nowhere
//!    ahead of another that waits by more than what one service of each costs. This notices a weight that is ignored,
//!    which the bound cannot. (Also for `fair_by = count`: what a lane is charged in advance for its leases cannot be
//!    seen from outside. The machine's model test holds that to the letter.)

use super::{Broken, Invariant};
use crate::book::{Book, Fact, Place, Queue};
use evenkeel_machine::{
    command::FairBy,
    limits::{LANES_FORGOTTEN_PER_BATCH, LANES_FORGOTTEN_PER_COMMAND},
};
use evenkeel_types::{LogTime, QueueId};
use std::collections::BTreeMap;

/// What one job costs at weight 1, as documented.
const JOB_COST: u64 = 1 << 16;
/// What a millisecond of lease costs at weight 1, as documented.
const MILLISECOND_COST: u64 = 1 << 10;

/// See the module.
#[derive(Debug, Default)]
pub struct FairShare {
    queues: BTreeMap<QueueId, Course>,
}

#[derive(Debug, Default)]
struct Course {
    virtual_time: u64,
    lanes: BTreeMap<String, LaneCourse>,
    /// Passes of the two ways to charge cannot be compared by counting.
    was_by_lease_time: bool,
}

#[derive(Debug, Default)]
struct LaneCourse {
    pass: u64,
    in_turns: bool,
    /// The most it was ever charged at once.
    charge_max: u64,
    /// The smallest weight under which it was charged since it was served last.
    weight_min: u8,
    /// How often others were served since this one was served last.
    others: BTreeMap<String, u32>,
}

impl Invariant for FairShare {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        match fact {
            Fact::Granted { queue, grant, .. } => {
                let Some(of_book) = book.queues.get(queue) else { return Ok(()) };
                let course = self.queues.entry(*queue).or_default();
                // A FIFO queue gives many of one group in a turn; where jobs go unseen, so do lanes.
                if of_book.is_plain() {
                    course.judge(of_book, &grant.group)?;
                }
                course.serve(of_book, &grant.group);
            }
            // Leases that end are charged.
            Fact::Due { queue, job, .. } => self.lease_ends(book, *queue, *job, book.log_time),
            Fact::Acked { queue, held, result: Ok(()) } => self.lease_ends(book, *queue, held.job, book.log_time),
            Fact::Changed { queue, held, lease, result: Ok(()) } if lease.0 == 0 => {
                self.lease_ends(book, *queue, held.job, book.log_time);
            }
            _ => {}
        }
        Ok(())
    }

    fn after(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let (queue, group) = match fact {
            Fact::Due { queue, job, .. } => (queue, book.job(*queue, *job).map(|job| &*job.group)),
            Fact::Enqueued { queue, group, .. } | Fact::Group { queue, group, .. } => (queue, Some(*group)),
            Fact::Granted { queue, grant, .. } => (queue, Some(&*grant.group)),
            Fact::Changed { queue, held, .. } => (queue, book.job(*queue, held.job).map(|job| &*job.group)),
            // The job is gone; any lane may be the one.
            Fact::Acked { queue, .. } | Fact::Settings { queue, .. } | Fact::Done { queue } => (queue, None),
            Fact::TimersOver => {
                self.forget_in_one_queue(book);
                return Ok(());
            }
            // Groups start anew; virtual time goes on.
            Fact::Purged { queue, .. } => {
                self.queues.entry(*queue).or_default().lanes.clear();
                return Ok(());
            }
            Fact::Deleted { queue } => {
                self.queues.remove(queue);
                return Ok(());
            }
            Fact::Buried { from: queue, .. } | Fact::Moved { from: queue, .. } | Fact::Expired { queue, .. } => {
                (queue, None)
            }
            Fact::Batch { .. }
            | Fact::Papers { .. }
            | Fact::SentBefore { .. }
            | Fact::Sent { .. }
            | Fact::Called { .. }
            | Fact::Repeated { .. }
            | Fact::Regranted { .. }
            | Fact::MovedAndPurged { .. }
            | Fact::Received { .. }
            | Fact::Full { .. } => return Ok(()),
        };
        let Some(of_book) = book.queues.get(queue) else { return Ok(()) };
        let course = self.queues.entry(*queue).or_default();
        course.was_by_lease_time |= of_book.settings.fair_by == FairBy::LeaseTime;
        if matches!(fact, Fact::Settings { .. } | Fact::Group { .. }) {
            course.lanes.values_mut().for_each(|lane| lane.others.clear());
        }
        match group {
            Some(group) => course.settle(of_book, group),
            None => {
                let groups: Vec<String> = course.lanes.keys().cloned().collect();
                groups.iter().for_each(|group| course.settle(of_book, group));
            }
        }
        if matches!(fact, Fact::Done { .. }) {
            course.forget(of_book, LANES_FORGOTTEN_PER_COMMAND);
        }
        Ok(())
    }
}

impl FairShare {
    /// With each batch, in the first queue where nobody waits.
    fn forget_in_one_queue(&mut self, book: &Book) {
        for (queue, course) in &mut self.queues {
            let Some(of_book) = book.queues.get(queue) else { continue };
            if course.has_only_idle(of_book) {
                course.forget(of_book, LANES_FORGOTTEN_PER_BATCH);
                return;
            }
        }
    }

    fn lease_ends(&mut self, book: &Book, queue: QueueId, job: evenkeel_types::JobId, now: LogTime) {
        let (Some(of_book), Some(job)) = (book.queues.get(&queue), book.job(queue, job)) else { return };
        if of_book.settings.fair_by == FairBy::LeaseTime && matches!(job.place, Place::Leased(_)) {
            let held_millis = (now - job.leased_at).0 / 1_000;
            let course = self.queues.entry(queue).or_default();
            course.charge(of_book, &job.group, held_millis * MILLISECOND_COST);
        }
    }
}

impl Course {
    fn judge(&mut self, book: &Queue, served: &str) -> Result<(), Broken> {
        let weight_of = |group: &str| book.lanes.get(group).map_or(1, |lane| lane.weight(group, &book.settings));
        let (pass, charge_max) = self.lanes.get(served).map_or((0, 0), |lane| (lane.pass, lane.charge_max));
        let step = JOB_COST / u64::from(weight_of(served));
        let waiting = self.lanes.iter().filter(|(group, lane)| lane.in_turns && *group != served);
        for (group, lane) in waiting {
            let own_step = JOB_COST / u64::from(weight_of(group));
            let slack = 2 * (charge_max.max(step) + lane.charge_max.max(own_step));
            if pass > lane.pass.saturating_add(slack) && !self.was_by_lease_time {
                let what = format!(
                    "group {served:?} (weight {}) was served at pass {pass} while group {group:?} (weight {}) waited at {}",
                    weight_of(served),
                    weight_of(group),
                    lane.pass
                );
                return Err(Broken::new("fair_share", what));
            }
            let times = lane.others.get(served).copied().unwrap_or(0) + 1;
            let weight = weight_of(group).min(lane.weight_min.max(1));
            let most = u32::from(weight_of(served)).div_ceil(u32::from(weight)) + 1;
            if times > most && !self.was_by_lease_time {
                let what = format!(
                    "group {served:?} (weight {}) was served {times} times while group {group:?} (weight {weight}) \
                     waited, {most} is the most",
                    weight_of(served)
                );
                return Err(Broken::new("fair_share", what));
            }
        }
        Ok(())
    }

    fn serve(&mut self, book: &Queue, served: &str) {
        self.virtual_time = self.virtual_time.max(self.lanes.entry(served.to_owned()).or_default().pass);
        let cost = match book.settings.fair_by {
            FairBy::Count => JOB_COST,
            FairBy::LeaseTime => MILLISECOND_COST,
        };
        self.charge(book, served, cost);
        let weight = book.lanes.get(served).map_or(1, |lane| lane.weight(served, &book.settings));
        for (group, lane) in &mut self.lanes {
            if group == served {
                lane.others.clear();
                lane.weight_min = weight;
            } else if lane.in_turns {
                *lane.others.entry(served.to_owned()).or_default() += 1;
            }
        }
    }

    fn charge(&mut self, book: &Queue, group: &str, cost: u64) {
        let weight = book.lanes.get(group).map_or(1, |lane| lane.weight(group, &book.settings));
        let lane = self.lanes.entry(group.to_owned()).or_default();
        let charge = (cost / u64::from(weight)).max(1);
        lane.pass = lane.pass.saturating_add(charge);
        lane.charge_max = lane.charge_max.max(charge);
    }

    fn settle(&mut self, book: &Queue, group: &str) {
        let Some(of_book) = book.lanes.get(group) else { return };
        let may_be_served = of_book.is_servable(&book.settings) && !of_book.excused;
        let virtual_time = self.virtual_time;
        let lane = self.lanes.entry(group.to_owned()).or_default();
        if may_be_served && !lane.in_turns {
            lane.pass = lane.pass.max(virtual_time);
            lane.others.clear();
        }
        lane.in_turns = may_be_served;
    }

    fn has_only_idle(&self, book: &Queue) -> bool {
        self.lanes.values().all(|lane| !lane.in_turns) && self.lanes.keys().any(|group| is_idle(book, group))
    }

    /// Lanes that have nothing are forgotten once virtual time has passed them; while none waits it catches up.
    fn forget(&mut self, book: &Queue, lanes_max: u32) {
        for _ in 0..lanes_max {
            let idle = self.lanes.iter().filter(|(group, _)| is_idle(book, group));
            let first = idle.min_by_key(|(_, lane)| lane.pass).map(|(group, lane)| (group.clone(), lane.pass));
            let Some((group, pass)) = first else { break };
            if pass > self.virtual_time {
                if self.lanes.values().any(|lane| lane.in_turns) {
                    break;
                }
                self.virtual_time = pass;
            }
            self.lanes.remove(&group);
        }
    }
}

fn is_idle(book: &Queue, group: &str) -> bool {
    book.lanes.get(group).is_none_or(|lane| lane.is_empty() && lane.own.is_none())
}
