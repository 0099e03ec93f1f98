//! Lanes found, made and forgotten: which lane a group of a queue has.
//!
//! The lanes of a queue hang in a list of their own, so that a purge can take them all at once. It also takes the queue
//! to its next *epoch*, and lanes of an earlier one are not found any more. Two tables lead to lanes: one by queue, epoch
//! and group, and for lanes with settings of their own one by queue, life and group; by that settings outlive a purge.

use super::{Lane, Queues};
use crate::{command::GroupSettings, slab::NIL};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

impl Queues {
    pub(super) fn hash_of_lane(&self, queue: u32, group: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.hash_keys.0, self.hash_keys.1);
        hasher.write_u32(queue);
        hasher.write(group.as_bytes());
        hasher.finish()
    }

    pub(super) fn find_lane(&self, queue: u32, group: &str) -> Option<u32> {
        self.find_hashed(queue, group, self.hash_of_lane(queue, group))
    }

    fn find_hashed(&self, queue: u32, group: &str, hash: u64) -> Option<u32> {
        let epoch = self.queues.at(queue).epoch;
        let found = |lane: &Lane| lane.queue == queue && lane.epoch == epoch && *lane.group == *group;
        self.lane_names.find(&self.lanes, Lane::hash_in(hash, epoch), found)
    }

    /// The lane of a group that has its settings; it may be doomed.
    pub(super) fn find_own(&self, queue: u32, group: &str) -> Option<u32> {
        if self.own_names.is_empty() {
            return None;
        }
        let life = self.queues.at(queue).generation;
        let found = |lane: &Lane| lane.queue == queue && lane.life == life && *lane.group == *group;
        self.own_names.find(&self.lanes, Lane::hash_in(self.hash_of_lane(queue, group), life.into()), found)
    }

    /// The lane of a group, made if there is none. `None` if no more lanes can be made.
    pub(super) fn lane_of(&mut self, queue: u32, group: &str) -> Option<u32> {
        let hash = self.hash_of_lane(queue, group);
        if let Some(slot) = self.find_hashed(queue, group, hash) {
            return Some(slot);
        }
        let slot = self.lanes.allocate()?;
        let before = {
            let queue_record = self.queues.edit(queue);
            let before = std::mem::replace(&mut queue_record.lanes.tail, slot);
            if before == NIL {
                queue_record.lanes.head = slot;
            }
            *self.lanes.edit(slot) = Lane {
                life: queue_record.generation,
                epoch: queue_record.epoch,
                queue_prev: before,
                ..Lane::new(queue, group, hash)
            };
            before
        };
        if before != NIL {
            self.lanes.edit(before).queue_next = slot;
        }
        self.lane_names.insert(&mut self.lanes, slot);
        // A doomed lane of this group may still have its settings.
        if let Some(doomed) = self.find_own(queue, group) {
            let own = self.lanes.at(doomed).own();
            self.set_own(doomed, None);
            self.set_own(slot, own);
        }
        Some(slot)
    }

    /// Gives a lane settings of its own, or takes them.
    pub(super) fn set_own(&mut self, slot: u32, own: Option<GroupSettings>) {
        let had = self.lanes.at(slot).own().is_some();
        if had && own.is_none() {
            self.own_names.remove(&mut self.lanes, slot);
        }
        self.lanes.edit(slot).set_own(own);
        if !had && own.is_some() {
            self.own_names.insert(&mut self.lanes, slot);
        }
    }

    /// Forgets up to so many lanes of a queue that have nothing and owe nothing.
    pub(super) fn forget(&mut self, queue: u32, lanes_max: u32) {
        for _ in 0..lanes_max {
            let forgotten = self.queues.edit(queue).turns.forget_one(&mut self.lanes);
            let Some(slot) = forgotten else { break };
            self.walk_past(slot);
            self.unlink_lane(slot);
            self.lane_names.remove(&mut self.lanes, slot);
            self.lanes.free(slot);
        }
        self.note_forgettable(queue);
    }

    /// Takes a lane out of its queue's list.
    fn unlink_lane(&mut self, slot: u32) {
        let lane = self.lanes.at(slot);
        let (queue, prev, next) = (lane.queue, lane.queue_prev, lane.queue_next);
        match prev {
            NIL => self.queues.edit(queue).lanes.head = next,
            prev => self.lanes.edit(prev).queue_next = next,
        }
        match next {
            NIL => self.queues.edit(queue).lanes.tail = prev,
            next => self.lanes.edit(next).queue_prev = prev,
        }
    }

    /// Keeps `forgettable` true. Called wherever a queue's turns have changed.
    pub(super) fn note_forgettable(&mut self, queue: u32) {
        if self.queues.at(queue).turns.only_idle() {
            self.forgettable.insert(queue);
        } else {
            self.forgettable.remove(&queue);
        }
    }
}
