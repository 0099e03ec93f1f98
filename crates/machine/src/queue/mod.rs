//! Queues: jobs of many tenants, each granted in its fair turn to exactly one worker.
//!
//! 1. A job is in exactly one place: delayed, ready or leased, until it is gone.
//! 2. Every grant draws a fresh fencing token; only the holder of the newest finishes the job.
//! 3. Jobs of one group wait in one *lane*; lanes with something ready take turns ([`turns`]).
//! 4. What ends by time (a delay, a lease) hangs in the [`wheel`] and is ended by log time.
//! 5. For each queue: accepted = delayed + ready + leased + acked + purged, at every moment.
//! 6. A purge takes all jobs at once for everybody, and frees them behind ([`purge`], [`reap`]).
//!
//! Not here: waiting receivers (volatile, the engine's), bodies (the log's) and names on the wire.

mod ack;
mod audit;
mod change_lease;
mod checkpoint;
mod configure;
mod create;
mod dead;
mod dedup;
mod enqueue;
mod expire;
mod extra;
mod fifo;
mod index;
mod inspect;
mod job;
mod lane;
mod lanes;
mod moves;
mod note;
#[cfg(test)]
mod pages;
mod papers;
mod peek;
mod purge;
mod reap;
mod receive;
mod repeat;
mod state;
mod timers;
mod turns;
mod view;
mod wheel;

pub use ack::AckError;
pub use change_lease::ChangeLeaseError;
pub(crate) use checkpoint::{QueuesOutline, body_of_record};
pub use configure::ConfigureError;
pub use create::CreateQueueError;
pub use enqueue::{Cap, EnqueueError};
pub use inspect::{JobView, QueueView};
pub use moves::{MoveError, MoveStatus, MoveView};
pub use note::ReplaceNoteError;
pub use papers::{Allowed, Papers, PapersError};
pub use peek::Peeked;
pub use receive::ReceiveError;
pub use state::Counts;
pub use view::{AGE_LANES, GroupPage, GroupRow, JobDetail, JobPlace, QueueRow};

use crate::{
    command::{QueueKey, QueueSettings},
    digest::Mixer,
    event::Event,
    fault::{self, Fault},
    recent::Recent,
    slab::{NIL, Slab},
    table::Table,
};
use evenkeel_types::{BodyRef, JobId, LogIndex, LogTime, QueueId, WallTime};
use expire::Walk;
use extra::Extras;
use job::{Job, Place};
use lane::{Lane, Standing, millis};
use moves::{MoveTask, MovesBySource};
use papers::{ByName, Sources};
use purge::Doomed;
use siphasher::sip::SipHasher13;
use state::Queue;
use std::{collections::BTreeSet, hash::Hasher, ops::Range};
use turns::Turns;
use wheel::Wheel;

/// There is no queue of that name (or number).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue does not exist")]
pub struct NoSuchQueue;

/// Everything together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Jobs.
    pub jobs: u64,
    /// The bytes of their bodies.
    pub bytes: u64,
}

/// The moment at which a command is applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) index: LogIndex,
    pub(crate) log_time: LogTime,
    pub(crate) wall_time: WallTime,
}

/// All queues with their lanes and jobs.
#[derive(Debug)]
pub struct Queues {
    hash_keys: (u64, u64),
    queues: Slab<Queue>,
    queue_names: Table,
    lanes: Slab<Lane>,
    lane_names: Table,
    /// Lanes with settings of their own, doomed ones too.
    own_names: Table<1>,
    jobs: Slab<Job>,
    recent: Recent,
    extras: Extras,
    moves: Slab<MoveTask>,
    /// Follow from names, papers and tasks.
    by_name: ByName,
    sources: Sources,
    moves_by_source: MovesBySource,
    running_moves: BTreeSet<u32>,
    /// Queues by the moment at which their oldest jobs may be past their time. Follows from the queues.
    expiries: BTreeSet<(u64, u32)>,
    walk: Walk,
    wheel: Wheel,
    /// The bytes of all jobs' bodies, doomed ones too.
    bytes: u64,
    /// What was purged and is not freed yet.
    doomed: Doomed,
    /// Turns of purged queues, to be emptied slowly. No state: nothing in them is looked at again.
    graveyard: Vec<Turns>,
    /// Queues in which nobody waits and lanes can be forgotten.
    forgettable: BTreeSet<u32>,
}

impl Queues {
    /// None yet. The keys make hashes unpredictable to clients who choose names.
    pub(crate) fn new(hash_keys: (u64, u64)) -> Self {
        Self {
            hash_keys,
            queues: Slab::default(),
            queue_names: Table::default(),
            lanes: Slab::default(),
            lane_names: Table::default(),
            own_names: Table::default(),
            jobs: Slab::default(),
            recent: Recent::default(),
            extras: Extras::default(),
            moves: Slab::default(),
            by_name: ByName::default(),
            sources: Sources::default(),
            moves_by_source: MovesBySource::default(),
            running_moves: BTreeSet::new(),
            expiries: BTreeSet::new(),
            walk: Walk::default(),
            wheel: Wheel::default(),
            bytes: 0,
            doomed: Doomed::default(),
            graveyard: Vec::new(),
            forgettable: BTreeSet::new(),
        }
    }

    /// The queue of that name.
    pub fn find(&self, key: QueueKey<'_>) -> Option<QueueId> {
        let hash = self.hash_of_queue(key);
        let found = |queue: &Queue| queue.account == key.account && *queue.name == *key.name;
        self.queue_names.find(&self.queues, hash, found).map(|slot| self.id_of(slot))
    }

    /// How many jobs could be granted now, with regard to the groups' limits, and to the queue's once it is close.
    pub fn grantable(&self, queue: QueueId) -> u64 {
        self.queue(queue).map_or(0, Queue::grantable_now)
    }

    /// Whether a queue has jobs that could be granted, had it not as many in flight as can be.
    pub fn is_full_in_flight(&self, queue: QueueId) -> bool {
        self.queue(queue).is_some_and(|queue| queue.grantable > 0 && queue.room_in_flight() == 0)
    }

    /// A queue's settings.
    pub fn settings(&self, queue: QueueId) -> Option<&QueueSettings> {
        self.queue(queue).map(Queue::settings)
    }

    /// How many jobs are where.
    pub fn counts(&self, queue: QueueId) -> Option<Counts> {
        self.queue(queue).map(|queue| queue.counts)
    }

    /// The queue of that number, if it is still there.
    fn queue(&self, id: QueueId) -> Option<&Queue> {
        self.queues
            .get(id.slot)
            .filter(|queue| queue.is_live() && (queue.generation == id.generation || fault::is(Fault::StaleQueueId)))
    }

    /// The number of the queue in a slot.
    fn id_of(&self, slot: u32) -> QueueId {
        QueueId { slot, generation: self.queues.at(slot).generation }
    }

    /// How many queues, lanes and jobs there are.
    pub fn sizes(&self) -> (u32, u32, u32) {
        (self.queues.live(), self.lanes.live(), self.jobs.live())
    }

    /// The slots of jobs, used at least once. A job stays in its slot unless a task moves it ([`Event::BodyMoved`]), so whoever
    /// looks at all of them, in pieces, and listens, has seen each job that lived all the while.
    pub fn job_slots(&self) -> Range<u32> {
        0..self.jobs.used()
    }

    /// How many jobs there are and how large, with those that were purged and are not freed yet.
    pub fn totals(&self) -> Totals {
        Totals { jobs: self.jobs.live().into(), bytes: self.bytes }
    }

    /// Whether this job is in this queue still.
    pub fn is_there(&self, queue: QueueId, job: JobId) -> bool {
        self.job_of(queue, job).is_some()
    }

    /// The bodies of the jobs in these slots. O(slots).
    pub fn bodies(&self, slots: Range<u32>) -> impl Iterator<Item = BodyRef> + '_ {
        let jobs = slots.filter_map(|slot| self.jobs.get(slot));
        jobs.filter(|job| job.place() != Place::Free).map(Job::body)
    }

    /// When something next needs attention: a delay or lease, never later than the first that ends, what was done lately and
    /// may be forgotten, or lanes to be forgotten or what was purged to be freed, at once.
    /// `now` and `wall` are the last batch's.
    pub fn next_due(&self, now: LogTime, wall: WallTime) -> Option<LogTime> {
        let at_once = !self.forgettable.is_empty() || self.has_doomed();
        if at_once {
            return Some(LogTime(0));
        }
        let dues = [self.wheel.next_due(), self.recent.next_due(), self.move_due(), self.expiry_due(now, wall)];
        dues.into_iter().flatten().min()
    }

    /// One number for the whole state.
    pub(crate) fn digest(&self) -> u64 {
        let records = [self.queues.digest(), self.lanes.digest(), self.jobs.digest(), self.recent.digest()];
        let beside = [self.extras.records.digest(), self.moves.digest(), self.wheel.tick()];
        let walk = [u64::from(self.walk.queue) << 32 | u64::from(self.walk.lane), self.walk.oldest];
        let parts = records.into_iter().chain(beside).chain(walk);
        parts.chain(self.doomed.words()).fold(Mixer::new(0), Mixer::word).finish()
    }

    fn hash_of_queue(&self, key: QueueKey<'_>) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.hash_keys.0, self.hash_keys.1);
        hasher.write_u64(key.account.number());
        hasher.write(key.name.as_bytes());
        hasher.finish()
    }

    /// The slot of a job of this queue, if that very job is still there.
    fn job_of(&self, queue: QueueId, id: JobId) -> Option<u32> {
        let epoch = self.queue(queue)?.epoch;
        let job = self.jobs.get(id.slot)?;
        let purged_but_held = job.place() == Place::Leased && fault::is(Fault::PurgeForgetsLeased);
        let in_queue = |lane: &Lane| lane.queue == queue.slot && (lane.epoch == epoch || purged_but_held);
        let here = job.place() != Place::Free
            && job.generation == id.generation
            && self.lanes.get(job.lane).is_some_and(in_queue);
        here.then_some(id.slot)
    }

    fn weight(&self, lane: &Lane) -> u8 {
        if fault::is(Fault::IgnoreWeight) {
            return 1;
        }
        match lane.own() {
            Some(own) => own.weight,
            None if lane.group.is_empty() => self.queues.at(lane.queue).settings().default_weight,
            None => 1,
        }
    }

    fn in_flight_max(&self, lane: &Lane) -> u32 {
        lane.own()
            .map(|own| own.in_flight_max)
            .filter(|&max| max != 0)
            .unwrap_or_else(|| self.queues.at(lane.queue).settings().group_in_flight_max)
    }

    fn may_be_served(&self, lane: &Lane) -> bool {
        if self.is_locked(lane) {
            return false;
        }
        let limit = self.in_flight_max(lane);
        lane.ready > 0 && (limit == 0 || lane.leased < limit || fault::is(Fault::IgnoreGroupLimit))
    }

    /// How many of a lane's jobs could be granted before it is empty or at its limit.
    fn grantable_of(&self, lane: &Lane) -> u32 {
        if self.is_locked(lane) {
            return 0;
        }
        match self.in_flight_max(lane) {
            0 => lane.ready,
            limit => lane.ready.min(limit.saturating_sub(lane.leased)),
        }
    }

    /// Gives a lane the standing that its jobs call for. Every change of a lane's jobs ends here.
    fn settle(&mut self, slot: u32, events: &mut Vec<Event>) {
        let lane = self.lanes.at(slot);
        let queue = lane.queue;
        let grantable = self.grantable_of(lane);
        let grantable_before = lane.grantable;
        let may_be_served = self.may_be_served(lane) && !(lane.leased > 0 && fault::is(Fault::LoseTurn));
        let standing = if may_be_served {
            Standing::InTurns
        } else if lane.is_empty() && lane.own().is_none() {
            Standing::Idle
        } else {
            Standing::Resting
        };
        self.lanes.derived(slot).grantable = grantable;
        let is_freed = {
            let queue = self.queues.edit(queue);
            queue.grantable = queue.grantable + u64::from(grantable) - u64::from(grantable_before);
            queue.turns.stand(&mut self.lanes, slot, standing);
            queue.is_told_of_room()
        };
        // Also if it is other lanes' jobs that the end of a lease made room for.
        if grantable > grantable_before || is_freed {
            tell_ready(self.id_of(queue), events);
        }
        self.note_forgettable(queue);
    }

    /// Appends a job that is in no list to its lane's list of ready jobs.
    fn push_last(&mut self, slot: u32) {
        if fault::is(Fault::LoseOrder) {
            return self.push_first(slot);
        }
        let last = self.lanes.at(self.jobs.at(slot).lane).tail;
        self.link(slot, last, NIL);
    }

    /// Puts a job that is in no list at the head of its lane: it was there before the others.
    fn push_first(&mut self, slot: u32) {
        let first = self.lanes.at(self.jobs.at(slot).lane).head;
        self.link(slot, NIL, first);
    }

    /// Puts a job that is in no list into its lane's, between two neighbours there; [`NIL`] for an end of the list.
    fn link(&mut self, slot: u32, before: u32, behind: u32) {
        let lane_slot = self.jobs.at(slot).lane;
        let lane = self.lanes.edit(lane_slot);
        lane.ready += 1;
        match before {
            NIL => lane.head = slot,
            before => self.jobs.edit(before).next = slot,
        }
        match behind {
            NIL => lane.tail = slot,
            behind => self.jobs.edit(behind).prev = slot,
        }
        let job = self.jobs.edit(slot);
        job.prev = before;
        job.next = behind;
        job.set_place(Place::Ready);
        self.queues.edit(lane.queue).counts.ready += 1;
    }

    /// Takes a ready job out of its lane's list.
    fn unlink(&mut self, slot: u32) {
        let job = *self.jobs.at(slot);
        assert_eq!(job.place(), Place::Ready, "only ready jobs are in their lane's list");
        let lane = self.lanes.edit(job.lane);
        match job.prev {
            NIL => lane.head = job.next,
            prev => self.jobs.edit(prev).next = job.next,
        }
        match job.next {
            NIL => lane.tail = job.prev,
            next => self.jobs.edit(next).prev = job.prev,
        }
        lane.ready -= 1;
        self.queues.edit(lane.queue).counts.ready -= 1;
    }

    /// Makes a job that is in no list a leased one, from now until its deadline.
    fn lease(&mut self, slot: u32, now: LogTime, deadline: LogTime) {
        let (lane_slot, since) = {
            let job = self.jobs.edit(slot);
            job.deadline = deadline.0;
            job.set_place(Place::Leased);
            (job.lane, millis(LogTime(job.leased_at)))
        };
        self.wheel.insert(&mut self.jobs, slot);
        let lane = self.lanes.edit(lane_slot);
        lane.leased += 1;
        lane.since_millis += since;
        // A lease taken up again was charged for the time before when it ran out.
        lane.charged_millis += millis(now) - since;
        self.queues.edit(lane.queue).counts.leased += 1;
    }

    /// Ends the lease of a job that is out of the wheel: charges its time and counts it off.
    fn end_lease(&mut self, slot: u32, now: LogTime) {
        let job = *self.jobs.at(slot);
        let queue = self.lanes.at(job.lane).queue;
        self.accrue(job.lane, now);
        self.queues.edit(queue).counts.leased -= 1;
        let since = millis(LogTime(job.leased_at));
        let held = millis(now) - since;
        let lane = self.lanes.edit(job.lane);
        lane.leased -= 1;
        lane.since_millis -= since;
        lane.charged_millis -= held;
        lane.estimate_millis = match lane.estimate_millis {
            0 => held,
            estimate => (3 * estimate + held) / 4,
        };
        let weight = self.weight(self.lanes.at(job.lane));
        self.queues.edit(queue).turns.refund(&mut self.lanes, job.lane, now, weight);
    }

    /// Charges a lane for what its running leases were held beyond what was charged, if time is what counts. Whether
    /// that moved its place in the turns.
    fn accrue(&mut self, slot: u32, now: LogTime) -> bool {
        let lane = self.lanes.at(slot);
        let (queue, weight) = (lane.queue, self.weight(lane));
        let queue = self.queues.edit(queue);
        let fair_by = queue.settings().fair_by;
        queue.turns.accrue(&mut self.lanes, slot, now, fair_by, weight)
    }
}

/// Says that a queue has something to grant, once for many jobs in a row.
fn tell_ready(queue: QueueId, events: &mut Vec<Event>) {
    let ready = Event::Ready(queue);
    if events.last() != Some(&ready) {
        events.push(ready);
    }
}
