//! A queue's own record: its name, settings, counts and turns.

use super::turns::Turns;
use crate::{
    command::QueueSettings,
    digest::{Digested, Mixer},
    slab::{NIL, Record},
    table::Chained,
};
use evenkeel_types::AccountId;
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
}

impl Counts {
    /// Whether every job that was accepted is accounted for.
    #[must_use]
    pub fn are_conserved(&self) -> bool {
        self.enqueued == self.ready + self.delayed + self.leased + self.acked
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) account: AccountId,
    pub(crate) name: Arc<str>,
    pub(crate) hash: u64,
    chain: u32,
    /// How often the slot was freed: with the slot, the queue's number.
    pub(crate) generation: u32,
    pub(crate) settings: QueueSettings,
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
            settings: QueueSettings::default(),
            counts: Counts::default(),
            turns: Turns::default(),
            grantable: 0,
        }
    }
}

impl Queue {
    pub(crate) fn new(account: AccountId, name: &str, hash: u64, settings: QueueSettings, generation: u32) -> Self {
        Self { account, name: name.into(), hash, settings, generation, ..Self::default() }
    }

    /// Whether the slot holds a queue: each has a name.
    pub(crate) fn is_live(&self) -> bool {
        !self.name.is_empty()
    }
}

impl Digested for Queue {
    fn mix(&self, place: u64) -> u64 {
        let settings = &self.settings;
        // The lanes in the turns say themselves that they are.
        [
            self.account.number(),
            self.hash,
            self.generation.into(),
            settings.lease.0,
            settings.delay.0,
            settings.receive_wait.0,
            u64::from(settings.body_bytes_max) << 32 | u64::from(settings.group_in_flight_max),
            (settings.fair_by as u64) << 32 | u64::from(settings.default_weight),
            self.counts.ready,
            self.counts.delayed,
            self.counts.leased,
            self.counts.enqueued,
            self.counts.acked,
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
        self.chain
    }
    fn set_free(&mut self, next: u32) {
        *self = Self { chain: next, ..Self::default() };
    }
    fn encode(&self, out: &mut Vec<u8>) {
        self.put(out);
    }
}

impl Chained for Queue {
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
