//! A lane: the jobs of one group of one queue that are ready, in order, and its place in the turns.

use crate::{
    command::GroupSettings,
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
    /// It was purged, and the reaper has been there; it is kept until the last of its jobs that hang in the wheel or are loose is gone.
    Doomed,
}

#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) queue: u32,
    /// The generation of its queue.
    pub(crate) life: u32,
    /// Of its queue when it was made; a lane of an earlier one is doomed.
    pub(crate) epoch: u64,
    pub(crate) group: Arc<str>,
    /// Of queue and group.
    pub(crate) hash: u64,
    /// In the two tables that lead to lanes.
    pub(super) chains: [u32; 2],
    /// In the list of its queue's lanes, or of the doomed.
    pub(crate) queue_prev: u32,
    pub(crate) queue_next: u32,
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
    /// When the last of its delayed jobs is ready, in microseconds of log time: in a FIFO queue none is before it.
    pub(crate) delayed_until: u64,
    /// How many more of its jobs could be granted now. Kept by `Queues::settle`; follows from the rest, and is no
    /// part of the digest.
    pub(crate) grantable: u32,
    /// Virtual time at which it may next be served.
    pub(crate) pass: u64,
    /// When it took this place, to serve equals in the order they came.
    pub(crate) turn: u64,
    /// Set by `ConfigureGroup`; else the queue's settings rule, and the weight is 0.
    pub(super) own_weight: u8,
    pub(super) own_in_flight_max: u32,
}

const _: () = assert!(size_of::<Lane>() == 136, "what a lane takes; the group's name comes to that");

impl Default for Lane {
    fn default() -> Self {
        Self {
            queue: NIL,
            life: 0,
            epoch: 0,
            group: Arc::default(),
            hash: 0,
            chains: [NIL; 2],
            queue_prev: NIL,
            queue_next: NIL,
            head: NIL,
            tail: NIL,
            ready: 0,
            delayed: 0,
            leased: 0,
            standing: Standing::Free,
            since_millis: 0,
            charged_millis: 0,
            estimate_millis: 0,
            delayed_until: 0,
            grantable: 0,
            pass: 0,
            turn: 0,
            own_weight: 0,
            own_in_flight_max: 0,
        }
    }
}

impl Lane {
    pub(crate) fn new(queue: u32, group: &str, hash: u64) -> Self {
        Self { queue, group: group.into(), hash, standing: Standing::Resting, ..Self::default() }
    }

    /// The settings of its own, if it has any.
    pub(crate) fn own(&self) -> Option<GroupSettings> {
        let settings = GroupSettings { weight: self.own_weight, in_flight_max: self.own_in_flight_max };
        (settings.weight != 0).then_some(settings)
    }

    pub(crate) fn set_own(&mut self, own: Option<GroupSettings>) {
        self.own_weight = own.map_or(0, |own| own.weight);
        self.own_in_flight_max = own.map_or(0, |own| own.in_flight_max);
    }

    /// A hash of queue and group together with an epoch or a life, so that doomed lanes are in nobody's way.
    pub(crate) fn hash_in(hash: u64, era: u64) -> u64 {
        Mixer::new(hash).word(era).finish()
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
        let own = u64::from(self.own_weight) << 32 | u64::from(self.own_in_flight_max);
        // The name is covered by its keyed hash. The chain is not state.
        [
            pair(self.queue, self.standing as u32),
            self.hash,
            self.epoch,
            pair(self.life, self.leased),
            pair(self.queue_prev, self.queue_next),
            pair(self.head, self.tail),
            pair(self.ready, self.delayed),
            self.since_millis,
            self.charged_millis,
            self.estimate_millis,
            self.delayed_until,
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

/// The table by queue, epoch and group.
impl Chained<0> for Lane {
    fn hash(&self) -> u64 {
        Self::hash_in(self.hash, self.epoch)
    }
    fn chain(&self) -> u32 {
        let [chain, _] = self.chains;
        chain
    }
    fn set_chain(&mut self, next: u32) {
        let [chain, _] = &mut self.chains;
        *chain = next;
    }
}

/// The table by queue, life and group, of lanes with settings of their own.
impl Chained<1> for Lane {
    fn hash(&self) -> u64 {
        Self::hash_in(self.hash, self.life.into())
    }
    fn chain(&self) -> u32 {
        let [_, chain] = self.chains;
        chain
    }
    fn set_chain(&mut self, next: u32) {
        let [_, chain] = &mut self.chains;
        *chain = next;
    }
}
