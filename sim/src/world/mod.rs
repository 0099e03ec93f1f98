//! The world: one house, its clients, the wires between them and what befalls them, in one thread, from one seed.

mod clients;
mod damage;
mod delivery;
mod faults;
mod house;
mod keeper;
mod restart;
mod what_if;

use crate::{
    ask::{Ask, HeldMessage},
    clock::{Clocks, MILLISECOND, SECOND, Time},
    counts::Counts,
    disk::Watched,
    house::{House, Setup},
    invariants::{Broken, conservation},
    kinds::FileKind,
    oracle::Oracle,
    profile::Profile,
    rng::Rng,
    schedule::Schedule,
    trace::Trace,
    wire::Protocol,
    witness::Witness,
};
use evenkeel_disk::MemDisk;
use evenkeel_engine::{CallId, Errand, Request};
use evenkeel_sqs::{Pending, Response};
use evenkeel_types::{Epoch, LogTime, QueueId};
use std::collections::{BTreeMap, VecDeque};

/// A client's question from its asking to its end.
pub(crate) type OpId = u64;
/// One transmission of a question: a connection.
pub(crate) type TxId = u64;

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Event {
    /// A sender's turn.
    Sender(u32),
    /// A worker's turn.
    Worker(u32),
    /// The configurator's turn.
    Configurator,
    /// A worker does what it planned for a message.
    Act(Ask),
    /// A request reaches the house.
    Arrives(TxId),
    /// An answer reaches its client.
    Delivered(TxId, Box<Response>),
    /// The connection breaks or is refused, as the client sees it.
    Broke(OpId, bool),
    /// The client has waited long enough.
    GivesUp(OpId),
    /// Something inside the house, in that life.
    House(u64, HouseEvent),
    /// The dice are rolled.
    Fault,
    /// The disk has room again.
    DiskHasRoom,
    /// The house is started again.
    Restart,
    /// A look at everything.
    Audit,
    /// From now on nothing goes wrong.
    Heal,
}

/// Something inside the house.
#[derive(Debug)]
pub(crate) enum HouseEvent {
    /// The engine asked to be woken.
    Wake,
    /// The log's writer looks for work.
    Write,
    /// What was written is synced.
    Sync,
    /// What was synced is told.
    Publish,
    /// Bodies were read.
    Errand(Errand),
    /// The keeper looks for work.
    Keep,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Makes the queues first of all.
    Creator,
    Sender(u32),
    Worker(u32),
    Configurator,
    /// A worker's planned act.
    Actor,
}

/// A question under way.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) client: Client,
    pub(crate) ask: Ask,
    pub(crate) asked: Time,
    pub(crate) transmissions: Vec<TxId>,
    /// How it is sent, and so sent again.
    pub(crate) way: Way,
    /// It was asked before, in just this way.
    pub(crate) is_again: bool,
}

/// How a question is sent.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) protocol: Protocol,
    /// The SDK's number for the call, if it gives one.
    pub(crate) invocation: Option<String>,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Tx {
    pub(crate) op: OpId,
    /// Its client still listens.
    pub(crate) open: bool,
    /// The call that the engine has of it, in this life.
    pub(crate) call: Option<CallId>,
}

/// A call that the engine has not answered.
#[derive(Debug)]
pub(crate) struct OpenCall {
    /// Who is to be answered; nobody if it was the house's own.
    pub(crate) waiting: Option<(TxId, Pending)>,
    /// The queue of a receive and the end of its wait.
    pub(crate) receive: Option<(Option<QueueId>, Time)>,
    /// Its bodies are being read.
    pub(crate) reading: bool,
    /// Its client has gone.
    pub(crate) cancelled: bool,
}

/// When a batch was proposed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proposed {
    pub(crate) at: Time,
    pub(crate) free_since: Time,
}

/// How the present life began, and how its log goes.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) serving_since: Time,
    pub(crate) log_time_before: LogTime,
    pub(crate) proposed: VecDeque<Proposed>,
    pub(crate) proposed_count: u64,
    pub(crate) committed_count: u64,
    pub(crate) free_since: Time,
    /// Nothing was refused, so that entries and proposals can be matched.
    pub(crate) timing_known: bool,
    /// The writer is in the middle of a commit.
    pub(crate) writer_busy: bool,
    pub(crate) wake_at: Option<Time>,
    /// What the keeper was asked to do, in order.
    pub(crate) errands: VecDeque<Errand>,
    /// It is at work.
    pub(crate) keeper_busy: bool,
    /// It may have something to do of its own accord.
    pub(crate) keeper_curious: bool,
}

/// See the module.
#[derive(Debug)]
pub struct World {
    pub(crate) profile: Profile,
    pub(crate) setup: Setup,
    pub(crate) clocks: Clocks,
    pub(crate) schedule: Schedule<Event>,
    pub(crate) trace: Trace,
    /// What clients do.
    pub(crate) whims: Rng,
    /// What befalls the house.
    pub(crate) fate: Rng,
    pub(crate) disk: Watched,
    pub(crate) house: Option<House>,
    pub(crate) life_number: u64,
    pub(crate) life: Life,
    pub(crate) calls: BTreeMap<CallId, OpenCall>,
    pub(crate) calls_made: u64,
    pub(crate) ops: BTreeMap<OpId, Op>,
    pub(crate) ops_made: u64,
    pub(crate) txs: BTreeMap<TxId, Tx>,
    pub(crate) txs_made: u64,
    pub(crate) messages_made: u64,
    pub(crate) queues_made: usize,
    /// De-duplication ids that were used.
    pub(crate) old_ids: VecDeque<String>,
    /// Move tasks, with their queues.
    pub(crate) move_handles: Vec<(String, String)>,
    /// Acknowledged, and to be found in the log.
    pub(crate) to_confirm: Vec<u64>,
    pub(crate) old_handles: VecDeque<(String, HeldMessage)>,
    pub(crate) witness: Witness,
    pub(crate) oracle: Oracle,
    pub(crate) draining: bool,
    pub(crate) healed_at: Time,
    pub(crate) slow_until: Time,
    pub(crate) full_until: Time,
    /// An injected failure may show in the next calls to the disk.
    pub(crate) disk_is_ill: bool,
    /// A bit was flipped and has not been detected.
    pub(crate) damaged: Option<String>,
    /// In such a file, unless that was counted.
    pub(crate) damaged_kind: Option<FileKind>,
    pub(crate) ended: bool,
    /// The disk dies once after so many operations.
    pub(crate) dies_after: Option<u64>,
    /// Under which the house owned its log last.
    pub(crate) epoch: Epoch,
    pub(crate) counts: Counts,
}

/// How long draining may take: every lease and delay is shorter than a minute.
const DRAIN_MAX: Time = 300 * SECOND;
/// Between two audits.
const AUDIT_EVERY: Time = SECOND;

impl World {
    /// The world of a seed, before anything has happened.
    #[must_use]
    pub fn new(seed: u64, verbose: bool) -> Self {
        Self::of(seed, Profile::of(seed), verbose)
    }

    fn of(seed: u64, profile: Profile, verbose: bool) -> Self {
        let Profile { segment_bytes, checkpoint_every, keeping, .. } = profile;
        let setup = Setup { segment_bytes, checkpoint_every, keeping, seed };
        Self {
            setup,
            clocks: Clocks::new(),
            schedule: Schedule::default(),
            trace: Trace::new(verbose),
            whims: Rng::new(seed, 2),
            fate: Rng::new(seed, 3),
            disk: Watched::new(MemDisk::new(seed)),
            house: None,
            life_number: 0,
            life: Life::default(),
            calls: BTreeMap::new(),
            calls_made: 0,
            ops: BTreeMap::new(),
            ops_made: 0,
            txs: BTreeMap::new(),
            txs_made: 0,
            messages_made: 0,
            queues_made: 0,
            old_ids: VecDeque::new(),
            move_handles: Vec::new(),
            to_confirm: Vec::new(),
            old_handles: VecDeque::new(),
            witness: Witness::default(),
            oracle: Oracle::default(),
            draining: false,
            healed_at: 0,
            slow_until: 0,
            full_until: 0,
            disk_is_ill: false,
            damaged: None,
            damaged_kind: None,
            ended: false,
            dies_after: None,
            epoch: Epoch::default(),
            counts: Counts { seeds: 1, ..Counts::default() },
            profile,
        }
    }

    /// A short day of a seed without chance; the disk dies after so many operations that change something, or not.
    #[must_use]
    pub fn dying_after(seed: u64, operations: Option<u64>, verbose: bool) -> Self {
        Self { dies_after: operations, ..Self::of(seed, Profile::of_boundaries(seed), verbose) }
    }

    /// Lives through it.
    ///
    /// # Errors
    /// A promise was broken.
    pub fn run(&mut self) -> Result<(), Broken> {
        let profile = self.profile.clone();
        self.line(format_args!("{profile:?}"));
        let now = self.clocks.now;
        self.schedule.at(now, Event::Restart);
        self.schedule.at(self.profile.runs_for, Event::Heal);
        self.schedule.at(SECOND, Event::Fault);
        self.schedule.at(AUDIT_EVERY, Event::Audit);
        for &at in &profile.purges {
            self.schedule.at(at, Event::Act(Ask::Purge { queue: "queue-0".to_owned() }));
        }
        self.create_next_queue();
        while let Some((time, event)) = self.schedule.pop() {
            self.clocks.now = time;
            self.counts.events += 1;
            self.happen(event)?;
            if self.ended {
                break;
            }
        }
        self.counts.seconds = self.clocks.now / SECOND;
        self.counts.batches = self.witness.batches;
        self.counts.boundaries = self.disk.boundaries();
        (self.counts.jobs_accepted, self.counts.jobs_finished) = self.witness.jobs;
        (self.counts.jobs_purged, self.counts.queues_deleted) = self.witness.purged;
        self.counts.received = self.oracle.received;
        self.trace.mix(self.witness.machine.digest());
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Sender(number) => self.sender_acts(number),
            Event::Worker(number) => self.worker_acts(number),
            Event::Configurator => self.configurator_acts(),
            Event::Act(ask) => self.actor_acts(ask),
            Event::Arrives(tx) => return self.arrives(tx),
            Event::Delivered(tx, response) => return self.delivered(tx, &response),
            Event::Broke(op, maybe_done) => return self.broke(op, maybe_done),
            Event::GivesUp(op) => return self.gives_up(op),
            Event::House(life, event) => {
                if life == self.life_number {
                    return self.house_event(event);
                }
            }
            Event::Fault => self.roll_the_dice(),
            Event::DiskHasRoom => self.disk_has_room(),
            Event::Restart => return self.restart(),
            Event::Audit => return self.audit(),
            Event::Heal => self.heal(),
        }
        Ok(())
    }

    fn audit(&mut self) -> Result<(), Broken> {
        if let Some(house) = &self.house {
            conservation::audit(house.engine.machine(), &self.witness.book)?;
        }
        self.confirm()?;
        self.audit_files()?;
        if self.fate.chance(150) {
            self.what_if(false)?;
        }
        if self.fate.chance(150) {
            self.what_if_damaged()?;
        }
        if self.draining {
            // What was purged must be freed as well.
            let jobs = self.witness.book.jobs() as u64 + self.witness.machine.queues().totals().jobs;
            let nothing_left = self.queues_made == self.profile.queues.len() && jobs == 0;
            if nothing_left && self.txs.is_empty() && self.ops.is_empty() && self.house.is_some() {
                return self.end();
            }
            if self.clocks.now > self.healed_at + DRAIN_MAX {
                if let Some(damage) = self.damaged.take() {
                    self.detected(&format!("jobs cannot be delivered any more: {damage}"));
                    return Ok(());
                }
                let left = self.witness.book.jobs();
                let first = self.witness.book.queues.values().find_map(|queue| queue.jobs.iter().next());
                let what = format!(
                    "{left} jobs and {} requests do not end long after all is well, such as {first:?} at {:?}",
                    self.ops.len(),
                    self.witness.book.log_time
                );
                return Err(Broken::new("nothing_hangs", what));
            }
        }
        self.schedule.at(self.clocks.now + AUDIT_EVERY, Event::Audit);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Broken> {
        let ids = self.house.as_ref().and_then(|house| house.door.as_ref()).map(|door| door.ids());
        let place = |id: &str| ids?.message_place(id).map(|place| (place.index, place.offset));
        self.oracle.check_end(place, &self.witness.book.purged)?;
        self.what_if(true)?;
        self.ended = true;
        Ok(())
    }

    /// Whether calls to the disk may fail.
    pub(crate) fn is_ill(&self) -> bool {
        self.disk_is_ill || self.disk.has_died()
    }

    /// The damage was noticed; nothing more can be asked of this seed.
    pub(crate) fn detected(&mut self, what: &str) {
        self.damaged = None;
        self.line(format_args!("detected: {what}"));
        self.counts.damage_detected += 1;
        self.counts.ended_by_refusal += 1;
        if let Some(kind) = self.damaged_kind.take() {
            self.counts.files.noticed(kind);
        }
        self.ended = true;
    }

    /// Writes into the trace.
    pub(crate) fn line(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.line(self.clocks.now, what);
    }

    /// A little while, as wires and schedulers take.
    pub(crate) fn soon(&mut self) -> Time {
        self.clocks.now + self.whims.span(50, 2 * MILLISECOND)
    }

    /// Gives the engine a request that no client waits for.
    pub(crate) fn tell_engine(&mut self, request: Request) {
        // A house that is down hears nothing, and a call that nobody took is never answered.
        if self.house.is_none() {
            return;
        }
        let call = self.new_call(None, None);
        let now = self.clocks.read();
        if let Some(house) = &mut self.house {
            house.engine.submit(call, request, now);
        }
    }

    pub(crate) fn new_call(
        &mut self,
        waiting: Option<(TxId, Pending)>,
        receive: Option<(Option<QueueId>, Time)>,
    ) -> CallId {
        self.calls_made += 1;
        let call = CallId(self.calls_made);
        self.calls.insert(call, OpenCall { waiting, receive, reading: false, cancelled: false });
        call
    }

    /// The trace so far.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
