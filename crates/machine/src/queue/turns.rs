//! Turns: whose job is granted next. This is where fairness is made.
//!
//! Each lane has a *pass*, a moment of virtual time; the lane with the smallest pass is served, and
//! its pass then grows by what the service cost divided by its weight (stride scheduling, Waldspurger
//! and Weihl 1995). Among lanes that all have jobs ready this is weighted round robin with the turns
//! of a heavy lane spread evenly between those of the others. Rules:
//!
//! 1. Virtual time is the pass of the lane served last. It never falls.
//! 2. A lane that comes (back) starts at its old pass or at the virtual time, whichever is later:
//!    nobody saves up turns by staying away, and nobody gains turns by leaving and returning.
//! 3. Equal passes are served in the order in which the lanes took them.
//!
//! **The bound.** While lane `i` of weight `w_i` has a job ready and stays below its limit, lane `j` of weight
//! `w_j` is served at most `ceil(w_j / w_i) + 1` times between two services of `i`, whatever
//! `j` has queued. With equal weights that is one round: at most one service of each other active lane,
//! and one more for those that took the same pass just before.
//!
//! With `fair_by = lease_time` the cost is the time that leases are held, to the millisecond, once each has ended. A cost
//! that came only then would come too late: meanwhile one tenant could take every worker. So a grant is charged in
//! advance what the lane's leases have lasted so far, and a lane that comes up for a turn first pays for what its
//! running leases took beyond that, and is served only if it still comes first. What turns out to have been charged
//! too much when a lease ends is paid back.

use super::lane::{Lane, Standing};
use crate::{command::FairBy, slab::Slab};
use evenkeel_types::LogTime;
use std::collections::BTreeSet;

/// What one job costs a lane of weight 1 under [`FairBy::Count`]. A lane of weight 100 is charged 655, the
/// true share within 0.06 %; at 100,000 jobs/s from a single lane the pass lasts 89 years.
const JOB_COST: u64 = 1 << 16;

/// What a millisecond of lease costs a lane of weight 1 under [`FairBy::LeaseTime`].
const MILLISECOND_COST: u64 = 1 << 10;

/// By how much a grant moves a lane's pass; `estimate_millis` is how long its leases last, if that is what counts.
pub(super) fn price(fair_by: FairBy, estimate_millis: u64, weight: u8) -> u64 {
    let cost = match fair_by {
        FairBy::Count => JOB_COST,
        // Lanes of which nothing is known yet rotate by a millisecond.
        FairBy::LeaseTime => estimate_millis.max(1).saturating_mul(MILLISECOND_COST),
    };
    share(cost, weight)
}

fn share(cost: u64, weight: u8) -> u64 {
    (cost / u64::from(weight.max(1))).max(1)
}

/// The turns of one queue.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Lanes that may be served: pass, turn, slot.
    waiting: BTreeSet<(u64, u64, u32)>,
    /// Empty lanes whose pass is still ahead of the virtual time: pass, slot.
    idle: BTreeSet<(u64, u32)>,
    pub(crate) virtual_time: u64,
    pub(crate) turn: u64,
}

impl Turns {
    /// The lane to be served next.
    pub(crate) fn next(&self) -> Option<u32> {
        self.waiting.first().map(|&(_, _, slot)| slot)
    }

    /// The lanes that are served first, as it looks now: so many at most.
    pub(crate) fn first(&self, lanes_max: usize) -> impl Iterator<Item = u32> + '_ {
        self.waiting.iter().take(lanes_max).map(|&(_, _, slot)| slot)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The lanes that may be served, as they come: pass, turn, slot.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (u64, u64, u32)> + '_ {
        self.waiting.iter().copied()
    }

    /// Whether nobody waits, and there are lanes to be forgotten.
    pub(crate) fn only_idle(&self) -> bool {
        self.waiting.is_empty() && !self.idle.is_empty()
    }

    /// Moves a lane to another standing.
    pub(crate) fn stand(&mut self, lanes: &mut Slab<Lane>, slot: u32, standing: Standing) {
        if lanes.at(slot).standing == standing {
            return;
        }
        self.leave(lanes, slot);
        let lane = lanes.edit(slot);
        lane.standing = standing;
        match standing {
            Standing::InTurns => {
                lane.pass = lane.pass.max(self.virtual_time);
                lane.turn = self.turn;
                self.turn += 1;
                self.waiting.insert((lane.pass, lane.turn, slot));
            }
            Standing::Idle => {
                self.idle.insert((lane.pass, slot));
            }
            Standing::Resting | Standing::Doomed | Standing::Free => {}
        }
    }

    /// Advances the virtual time to a lane that is about to be granted a job, and charges the grant.
    ///
    /// The lane counts the new lease already.
    pub(crate) fn serve(&mut self, lanes: &mut Slab<Lane>, slot: u32, fair_by: FairBy, weight: u8) {
        self.virtual_time = self.virtual_time.max(lanes.at(slot).pass);
        if fair_by == FairBy::LeaseTime {
            let lane = lanes.edit(slot);
            lane.charged_millis += lane.estimate_millis;
        }
        let price = price(fair_by, lanes.at(slot).estimate_millis, weight);
        self.move_to(lanes, slot, lanes.at(slot).pass.saturating_add(price));
    }

    /// Charges a lane for one more grant in the same turn.
    pub(crate) fn serve_more(&mut self, lanes: &mut Slab<Lane>, slot: u32, fair_by: FairBy, weight: u8) {
        let virtual_time = self.virtual_time;
        self.serve(lanes, slot, fair_by, weight);
        self.virtual_time = virtual_time;
    }

    /// Charges what a lane's running leases were held beyond what was charged for them. Whether that moved the lane's
    /// place.
    pub(crate) fn accrue(
        &mut self,
        lanes: &mut Slab<Lane>,
        slot: u32,
        now: LogTime,
        fair_by: FairBy,
        weight: u8,
    ) -> bool {
        let lane = lanes.at(slot);
        let held = lane.held_millis(now);
        let owed = held.saturating_sub(lane.charged_millis);
        if owed == 0 {
            return false;
        }
        lanes.edit(slot).charged_millis = held;
        match fair_by {
            FairBy::Count => false,
            FairBy::LeaseTime => {
                self.charge(lanes, slot, owed.saturating_mul(MILLISECOND_COST), weight);
                true
            }
        }
    }

    /// Pays back what was charged in advance beyond what the lane's running leases are expected to take. Comes
    /// after a lease has ended.
    pub(crate) fn refund(&mut self, lanes: &mut Slab<Lane>, slot: u32, now: LogTime, weight: u8) {
        let lane = lanes.at(slot);
        let expected = lane.held_millis(now).saturating_add(lane.estimate_millis.saturating_mul(lane.leased.into()));
        let excess = lane.charged_millis.saturating_sub(expected);
        if excess == 0 {
            return;
        }
        lanes.edit(slot).charged_millis -= excess;
        let paid_back = excess.saturating_mul(MILLISECOND_COST) / u64::from(weight.max(1));
        self.move_to(lanes, slot, lanes.at(slot).pass.saturating_sub(paid_back));
    }

    fn charge(&mut self, lanes: &mut Slab<Lane>, slot: u32, cost: u64, weight: u8) {
        self.move_to(lanes, slot, lanes.at(slot).pass.saturating_add(share(cost, weight)));
    }

    /// Gives a lane another pass, and its place among equals anew.
    fn move_to(&mut self, lanes: &mut Slab<Lane>, slot: u32, pass: u64) {
        let was_in_turns = lanes.at(slot).standing == Standing::InTurns;
        self.leave(lanes, slot);
        let lane = lanes.edit(slot);
        lane.pass = pass;
        if was_in_turns {
            lane.standing = Standing::InTurns;
            lane.turn = self.turn;
            self.turn += 1;
            self.waiting.insert((lane.pass, lane.turn, slot));
        }
    }

    /// Takes a lane out of whichever set it is in; its standing is then `Resting`.
    fn leave(&mut self, lanes: &mut Slab<Lane>, slot: u32) {
        let lane = lanes.edit(slot);
        match lane.standing {
            Standing::InTurns => {
                let was_there = self.waiting.remove(&(lane.pass, lane.turn, slot));
                debug_assert!(was_there);
            }
            Standing::Idle => {
                let was_there = self.idle.remove(&(lane.pass, slot));
                debug_assert!(was_there);
            }
            Standing::Resting | Standing::Doomed | Standing::Free => {}
        }
        lane.standing = Standing::Resting;
    }

    /// An idle lane that the virtual time has passed, taken out: it may be forgotten.
    ///
    /// While nobody waits there is nobody to be fair to, so then every idle lane qualifies and the virtual
    /// time catches up with it.
    pub(crate) fn forget_one(&mut self, lanes: &mut Slab<Lane>) -> Option<u32> {
        let &(pass, slot) = self.idle.first()?;
        if pass > self.virtual_time {
            if !self.is_empty() {
                return None;
            }
            self.virtual_time = pass;
        }
        self.leave(lanes, slot);
        Some(slot)
    }

    /// Lets all lanes go; time stays. What they are taken out of is handed over if it is anything, to be emptied slowly.
    pub(crate) fn begin_anew(&mut self) -> Option<Self> {
        let anew = Self { virtual_time: self.virtual_time, turn: self.turn, ..Self::default() };
        let old = std::mem::replace(self, anew);
        (!old.waiting.is_empty() || !old.idle.is_empty()).then_some(old)
    }

    /// Empties the sets of at most so many entries. True if nothing is left.
    pub(crate) fn empty(&mut self, entries: &mut u32) -> bool {
        while *entries > 0 && (self.waiting.pop_first().is_some() || self.idle.pop_first().is_some()) {
            *entries -= 1;
        }
        self.waiting.is_empty() && self.idle.is_empty()
    }

    /// Whether the sets say what the lane says of itself.
    pub(crate) fn agrees_with(&self, slot: u32, lane: &Lane) -> bool {
        self.waiting.contains(&(lane.pass, lane.turn, slot)) == (lane.standing == Standing::InTurns)
            && self.idle.contains(&(lane.pass, slot)) == (lane.standing == Standing::Idle)
    }

    /// How many lanes are in the turns and how many idle.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.waiting.len(), self.idle.len())
    }

    /// Enters a lane of a checkpoint as its own fields say.
    pub(crate) fn restore(&mut self, slot: u32, lane: &Lane) {
        match lane.standing {
            Standing::InTurns => {
                self.waiting.insert((lane.pass, lane.turn, slot));
            }
            Standing::Idle => {
                self.idle.insert((lane.pass, slot));
            }
            Standing::Resting | Standing::Doomed | Standing::Free => {}
        }
    }
}
