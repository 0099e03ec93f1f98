//! A lane: the jobs of one group of one queue that are ready, in order, and its place in the turns.

use crate::{
    digest::{Digested, Mixer},
    slab::{NIL, Record},
    table::Chained,
};
use std::sync::Arc;

/// Where a lane stands between its queue's turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The slot holds no lane.
    #[default]
    Free,
    /// It has a job ready and may be served: it is in the turns.
    InTurns,
    /// It has jobs or settings of its own but nothing that may be served now.
    Resting,
    /// It has nothing. It is kept until the turns have passed it, lest coming back pay off.
    Idle,
}

#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) queue: u32,
    pub(crate) group: Arc<str>,
    pub(crate) hash: u64,
    pub(super) chain: u32,
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) ready: u32,
    pub(crate) delayed: u32,
    pub(crate) leased: u32,
    pub(crate) standing: Standing,
    /// Virtual time at which it may next be served.
    pub(crate) pass: u64,
    /// When it took this place, to serve equals in the order they came.
    pub(crate) turn: u64,
    /// Set by `ConfigureGroup`; else the queue's settings rule.
    pub(crate) own: Option<crate::command::GroupSettings>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            queue: NIL,
            group: Arc::default(),
            hash: 0,
            chain: NIL,
            head: NIL,
            tail: NIL,
            ready: 0,
            delayed: 0,
            leased: 0,
            standing: Standing::Free,
            pass: 0,
            turn: 0,
            own: None,
        }
    }
}

impl Lane {
    pub(crate) fn new(queue: u32, group: &str, hash: u64) -> Self {
        Self { queue, group: group.into(), hash, standing: Standing::Resting, ..Self::default() }
    }

    /// Whether no job is in it, in any place.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready == 0 && self.delayed == 0 && self.leased == 0
    }
}

impl Digested for Lane {
    fn mix(&self, place: u64) -> u64 {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let own = self.own.map_or(0, |own| 1 << 63 | u64::from(own.weight) << 32 | u64::from(own.in_flight_max));
        // The name is covered by its keyed hash. The chain is not state.
        [
            pair(self.queue, self.standing as u32),
            self.hash,
            pair(self.head, self.tail),
            pair(self.ready, self.delayed),
            u64::from(self.leased),
            self.pass,
            self.turn,
            own,
        ]
        .into_iter()
        .fold(Mixer::new(place), Mixer::word)
        .finish()
    }
}

impl Record for Lane {
    fn next_free(&self) -> u32 {
        self.head
    }
    fn set_free(&mut self, next: u32) {
        *self = Self { head: next, ..Self::default() };
    }
}

impl Chained for Lane {
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
