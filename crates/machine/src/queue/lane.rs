//! A lane: the jobs of one group of one queue that are ready, in order, and its place in the turns.

use crate::{
    digest::{Digested, Mixer},
    slab::{NIL, Record},
    table::Chained,
};
use evenkeel_types::LogTime;
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
    /// The sum of the moments at which its running leases began, in milliseconds of log time.
    pub(crate) since_millis: u64,
    /// What was charged for its running leases, in milliseconds: their time so far, and in advance what is expected.
    pub(crate) charged_millis: u64,
    /// How long its leases last, as those that ended tell, in milliseconds; 0 as long as none has.
    pub(crate) estimate_millis: u64,
    /// How many more of its jobs could be granted now. Kept by `Queues::settle`; follows from the rest, and is no
    /// part of the digest.
    pub(crate) grantable: u32,
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
            since_millis: 0,
            charged_millis: 0,
            estimate_millis: 0,
            grantable: 0,
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

    /// How long its running leases have been held by now, all together, in milliseconds.
    pub(crate) fn held_millis(&self, now: LogTime) -> u64 {
        (u64::from(self.leased) * millis(now)).saturating_sub(self.since_millis)
    }

    /// Whether no job is in it, in any place.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready == 0 && self.delayed == 0 && self.leased == 0
    }
}

/// The whole milliseconds of a moment. Sums of a lane's lease times are kept in them: 120,000 leases over
/// centuries fit 64 bits.
pub(crate) fn millis(at: LogTime) -> u64 {
    at.0 / 1_000
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
            self.since_millis,
            self.charged_millis,
            self.estimate_millis,
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
    fn encode(&self, out: &mut Vec<u8>) {
        self.put(out);
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
