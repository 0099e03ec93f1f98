//! Peeking: the jobs that would be granted next, in their order, without granting them.
//!
//! It is what one receive of so many jobs would get at this moment: the same turns, weights, limits and locks, played through on copies of
//! the few fields that they take. Nobody's lease, turn or count changes. With turns by lease time (`FairBy::LeaseTime`) a receive also charges lanes for leases that
//! are still running; a peek does not, so there the order is as far as it can be foretold.
//!
//! O(jobs asked for · log), whatever waits.

use super::{Queues, turns};
use crate::{limits, slab::NIL};
use evenkeel_types::{BodyRef, JobId, QueueId, WallTime};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A job that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peeked {
    /// Its number.
    pub id: JobId,
    /// Its group; empty for none.
    pub group: Arc<str>,
    /// Its body.
    pub body: BodyRef,
    /// How often it was granted.
    pub grants: u32,
    /// When it was sent.
    pub enqueued_at: WallTime,
}

/// How far a lane was played through.
struct Cursor {
    /// Its next job; `NIL` at the end.
    next: u32,
    /// Jobs that may still be leased.
    room: usize,
}

impl Queues {
    /// The next jobs, [`limits::PEEK_JOBS_MAX`] at most. `now`: what the calendar says, since jobs whose time has passed are not granted.
    /// `None` if there is no such queue.
    pub fn peek(&self, queue: QueueId, jobs_max: usize, now: WallTime) -> Option<Vec<Peeked>> {
        let record = self.queue(queue)?;
        let (fair_by, is_fifo) = (record.settings().fair_by, record.settings().fifo.is_some());
        let jobs_max = jobs_max.min(limits::PEEK_JOBS_MAX);
        // Each lane that is served gives a job, so no more lanes than jobs come into question, but for those that give none.
        let looks = jobs_max.saturating_add(limits::LANES_LOOKED_AT_PER_RECEIVE as usize);
        let mut turns: BTreeSet<(u64, u64, u32)> = record.turns.in_order().take(looks).collect();
        let mut turn = record.turns.turn;
        let mut cursors = BTreeMap::new();
        let mut passed = 0;
        let mut peeked = Vec::new();
        while peeked.len() < jobs_max && passed < limits::PASSED_PER_RECEIVE {
            let Some((pass, _, slot)) = turns.pop_first() else { break };
            let lane = self.lanes.at(slot);
            let start = || Cursor { next: lane.head, room: self.room_in_flight(slot) };
            let cursor = cursors.entry(slot).or_insert_with(start);
            while cursor.next != NIL
                && cursor.room > 0
                && peeked.len() < jobs_max
                && passed < limits::PASSED_PER_RECEIVE
            {
                let job = self.jobs.at(cursor.next);
                let at = cursor.next;
                cursor.next = job.next;
                if self.is_expired(queue.slot, job, now) || self.grave_of(queue.slot, at).is_some() {
                    passed += 1;
                    continue;
                }
                cursor.room -= 1;
                peeked.push(Peeked {
                    id: job.id(at),
                    group: Arc::clone(&lane.group),
                    body: job.body(),
                    grants: job.grants,
                    enqueued_at: job.enqueued_at(),
                });
                if !is_fifo {
                    break;
                }
            }
            // A FIFO group is locked as soon as one of its jobs is leased, so its turn comes once.
            if !is_fifo && cursor.next != NIL && cursor.room > 0 {
                let price = turns::price(fair_by, lane.estimate_millis, self.weight(lane));
                turns.insert((pass.saturating_add(price), turn, slot));
                turn += 1;
            }
        }
        Some(peeked)
    }
}
