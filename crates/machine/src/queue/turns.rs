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
//! With `fair_by = lease_time` the cost is the time that leases were held, known when each ends; a small
//! charge at the grant makes lanes rotate meanwhile.

use super::lane::{Lane, Standing};
use crate::{command::FairBy, slab::Slab};
use evenkeel_types::Micros;
use std::collections::BTreeSet;

/// What one job costs a lane of weight 1 under [`FairBy::Count`]. A lane of weight 100 is charged 655, the
/// true share within 0.06 %; at 100,000 jobs/s from a single lane the pass lasts 89 years.
const JOB_COST: u64 = 1 << 16;

/// What a millisecond of lease costs a lane of weight 1 under [`FairBy::LeaseTime`].
const MILLISECOND_COST: u64 = 1 << 10;

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

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
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
        let mut lane = lanes.edit(slot);
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
            Standing::Resting | Standing::Free => {}
        }
    }

    /// Advances the virtual time to a lane that is about to be granted a job, and charges the grant.
    pub(crate) fn serve(&mut self, lanes: &mut Slab<Lane>, slot: u32, fair_by: FairBy, weight: u8) {
        self.virtual_time = self.virtual_time.max(lanes.at(slot).pass);
        let cost = match fair_by {
            FairBy::Count => JOB_COST,
            FairBy::LeaseTime => MILLISECOND_COST,
        };
        self.charge(lanes, slot, cost, weight);
    }

    /// Charges the end of a lease that was held for so long.
    pub(crate) fn lease_ended(&mut self, lanes: &mut Slab<Lane>, slot: u32, held: Micros, fair_by: FairBy, weight: u8) {
        match fair_by {
            FairBy::Count => {}
            FairBy::LeaseTime => self.charge(lanes, slot, (held.0 / 1_000).saturating_mul(MILLISECOND_COST), weight),
        }
    }

    fn charge(&mut self, lanes: &mut Slab<Lane>, slot: u32, cost: u64, weight: u8) {
        let standing = lanes.at(slot).standing;
        self.leave(lanes, slot);
        let mut lane = lanes.edit(slot);
        lane.pass = lane.pass.saturating_add((cost / u64::from(weight.max(1))).max(1));
        if standing == Standing::InTurns {
            lane.turn = self.turn;
            self.turn += 1;
            self.waiting.insert((lane.pass, lane.turn, slot));
        }
        lane.standing = match standing {
            Standing::InTurns => Standing::InTurns,
            Standing::Resting | Standing::Idle | Standing::Free => Standing::Resting,
        };
    }

    /// Takes a lane out of whichever set it is in; its standing is then `Resting`.
    fn leave(&mut self, lanes: &mut Slab<Lane>, slot: u32) {
        let mut lane = lanes.edit(slot);
        match lane.standing {
            Standing::InTurns => {
                let was_there = self.waiting.remove(&(lane.pass, lane.turn, slot));
                debug_assert!(was_there);
            }
            Standing::Idle => {
                let was_there = self.idle.remove(&(lane.pass, slot));
                debug_assert!(was_there);
            }
            Standing::Resting | Standing::Free => {}
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
            Standing::Resting | Standing::Free => {}
        }
    }
}
