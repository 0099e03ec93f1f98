//! A queue's own record: its name, settings, counts and turns.

use super::{Papers, expire::NOTHING, turns::Turns};
use crate::{
    command::QueueSettings,
    digest::{Digested, Mixer},
    limits::{QUEUE_IN_FLIGHT_MAX, ROOM_IN_FLIGHT_TOLD},
    slab::{Ends, NIL, Record},
    table::Chained,
};
use evenkeel_types::{AccountId, WallTime};
use std::sync::Arc;

/// How many jobs of a queue are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Waiting for their turn.
    pub ready: u64,
    /// Waiting for their delay to end.
    pub delayed: u64,
    /// With workers.
    pub leased: u64,
    /// Ever accepted.
    pub enqueued: u64,
    /// Ever finished.
    pub acked: u64,
    /// Ever purged.
    pub purged: u64,
    /// Ever gone because their retention period had passed.
    pub expired: u64,
    /// Ever come from another queue: as dead letters, or moved.
    pub moved_in: u64,
    /// Ever gone to another queue.
    pub moved_out: u64,
}

impl Counts {
    /// Whether every job that was accepted is accounted for.
    #[must_use]
    pub fn are_conserved(&self) -> bool {
        let gone = self.acked + self.purged + self.expired + self.moved_out;
        self.enqueued + self.moved_in == self.present() + gone
    }

    /// How many jobs there are, wherever they are.
    #[must_use]
    pub fn present(&self) -> u64 {
        self.ready + self.delayed + self.leased
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) account: AccountId,
    pub(crate) name: Arc<str>,
    hash: u64,
    pub(super) chain: u32,
    /// How often the slot was freed: with the slot, the queue's number.
    pub(crate) generation: u32,
    /// How often this queue and those before it in the slot were purged or deleted.
    pub(crate) epoch: u64,
    /// The lanes of this epoch; in a free slot the first is the next free slot.
    pub(crate) lanes: Ends,
    /// The bytes of all jobs' bodies.
    pub(crate) bytes: u64,
    /// When it was made, and its settings or papers last changed.
    pub(crate) created_at: WallTime,
    pub(crate) modified_at: WallTime,
    /// No job was sent before this moment, in milliseconds of wall time.
    pub(crate) oldest: u64,
    papers: Option<Arc<Papers>>,
    settings: QueueSettings,
    /// A mix of what seldom changes (account, hash and settings), so that the many edits need not mix it anew.
    seldom: u64,
    pub(crate) counts: Counts,
    pub(crate) turns: Turns,
    /// The sum of its lanes' `grantable`.
    pub(crate) grantable: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            account: AccountId::default(),
            name: Arc::default(),
            hash: 0,
            chain: NIL,
            generation: 0,
            epoch: 0,
            lanes: Ends::default(),
            bytes: 0,
            created_at: WallTime::default(),
            modified_at: WallTime::default(),
            oldest: NOTHING,
            papers: None,
            settings: QueueSettings::default(),
            seldom: 0,
            counts: Counts::default(),
            turns: Turns::default(),
            grantable: 0,
        }
    }
}

impl Queue {
    /// A free slot, and the next one behind it.
    pub(crate) fn free(generation: u32, epoch: u64, next: u32) -> Self {
        Self { generation, epoch, lanes: Ends { head: next, tail: NIL }, ..Self::default() }
    }

    /// Fills a free slot.
    pub(crate) fn occupy(
        &mut self,
        account: AccountId,
        name: &str,
        hash: u64,
        settings: QueueSettings,
        created_at: WallTime,
    ) {
        debug_assert!(!self.is_live());
        let (generation, epoch, modified_at) = (self.generation, self.epoch, created_at);
        let name = name.into();
        *self = Self { account, name, hash, settings, generation, epoch, created_at, modified_at, ..Self::default() };
        self.mix_seldom();
    }

    /// How it behaves.
    pub(crate) fn settings(&self) -> &QueueSettings {
        &self.settings
    }

    pub(crate) fn set_settings(&mut self, settings: QueueSettings, modified_at: WallTime) {
        self.settings = settings;
        self.modified_at = modified_at;
        self.mix_seldom();
    }

    /// What is kept beside its settings, if there is anything.
    pub(crate) fn papers(&self) -> Option<&Arc<Papers>> {
        self.papers.as_ref()
    }

    pub(crate) fn set_papers(&mut self, papers: Papers) {
        self.papers = (!papers.is_empty()).then(|| Arc::new(papers));
        self.mix_seldom();
    }

    /// Sets the keyed hash of account and name.
    pub(crate) fn set_hash(&mut self, hash: u64) {
        self.hash = hash;
        self.mix_seldom();
    }

    fn mix_seldom(&mut self) {
        // Without `..`, so that a new setting must find its place here.
        let QueueSettings {
            lease,
            delay,
            receive_wait,
            body_bytes_max,
            fair_by,
            default_weight,
            group_in_flight_max,
            jobs_max,
            bytes_max,
            retention_secs,
            fifo,
        } = self.settings;
        let fifo = fifo.map_or(0, |fifo| {
            let flags = [fifo.dedup_by_content, fifo.dedup_scope as u8 != 0, fifo.throughput_limit as u8 != 0];
            flags.into_iter().fold(1, |bits, flag| bits << 1 | u64::from(flag))
        });
        self.seldom = [
            self.account.number(),
            self.hash,
            lease.0,
            delay.0,
            receive_wait.0,
            u64::from(body_bytes_max) << 32 | u64::from(group_in_flight_max),
            (fair_by as u64) << 32 | u64::from(default_weight),
            jobs_max,
            bytes_max,
            u64::from(retention_secs) << 32 | fifo,
            self.created_at.0,
            self.modified_at.0,
            self.papers.as_ref().map_or(0, |papers| papers.mix()),
        ]
        .into_iter()
        .fold(Mixer::new(0), Mixer::word)
        .finish();
    }

    /// Whether the slot holds a queue: each has a name.
    pub(crate) fn is_live(&self) -> bool {
        !self.name.is_empty()
    }

    /// How many jobs may be leased besides those that are.
    pub(crate) fn room_in_flight(&self) -> u64 {
        u64::from(QUEUE_IN_FLIGHT_MAX).saturating_sub(self.counts.leased)
    }

    /// How many jobs could be granted: what its lanes have, but no more than there is room for once there is not much.
    pub(crate) fn grantable_now(&self) -> u64 {
        let room = self.room_in_flight();
        if room > ROOM_IN_FLIGHT_TOLD { self.grantable } else { self.grantable.min(room) }
    }

    /// Whether somebody may wait for room, and there is some.
    pub(crate) fn is_told_of_room(&self) -> bool {
        // One more: when there is so much again, more can be granted at once.
        self.grantable > 0 && (1..=ROOM_IN_FLIGHT_TOLD + 1).contains(&self.room_in_flight())
    }
}

impl Digested for Queue {
    fn mix(&self, place: u64) -> u64 {
        // The lanes in the turns say themselves that they are.
        [
            self.seldom,
            self.generation.into(),
            self.epoch,
            u64::from(self.lanes.head) << 32 | u64::from(self.lanes.tail),
            self.bytes,
            self.counts.ready,
            self.counts.delayed,
            self.counts.leased,
            self.counts.enqueued,
            self.counts.acked,
            self.counts.purged,
            self.counts.expired,
            self.counts.moved_in,
            self.counts.moved_out,
            self.oldest,
            self.turns.virtual_time,
            self.turns.turn,
        ]
        .into_iter()
        .fold(Mixer::new(place), Mixer::word)
        .finish()
    }
}

impl Record for Queue {
    fn next_free(&self) -> u32 {
        self.lanes.head
    }
    fn set_free(&mut self, next: u32) {
        // The generation moves on when the queue leaves, not when the free list is relinked.
        let generation = self.generation.wrapping_add(self.is_live().into());
        *self = Self::free(generation, self.epoch, next);
    }
    fn encode(&self, out: &mut Vec<u8>) {
        self.put(out);
    }
}

impl Chained<0> for Queue {
    fn hash(&self) -> u64 {
        self.hash
    }
    fn chain(&self) -> u32 {
        self.chain
    }
    fn set_chain(&mut self, next: u32) {
        self.chain = next;
    }
}
