//! Clusters: the whole house on three or five hosts, each with a disk and a clock of its own, on one simulated network, from one seed.
//!
//! Each node is a machine, an engine, the replicated log in its three parts, a keeper of checkpoints and bodies, and a door, opened in the order of the
//! binary ([`host`]). What runs in threads there comes as events here ([`stepping`]). Requests come in at any node and are passed on ([`passing`]); a node
//! that is too far behind fetches a whole state ([`state`]); nodes join, leave and are replaced ([`members`]), and get a newer version ([`upgrades`]). The
//! clients are SQS clients ([`clients`]), some of whom change queues ([`changers`]), and some of whose histories are judged as a whole ([`probers`], [`linear`]). What befalls it: [`faults`], [`net`]. What must hold: [`checks`], and all that
//! the single node's log and clients are judged by.

mod account;
mod changers;
mod checks;
mod clients;
pub mod counts;
mod faults;
mod host;
mod linear;
mod members;
mod net;
mod passing;
mod poison;
mod probers;
pub mod profile;
mod state;
mod stepping;
mod upgrades;

use crate::{
    clock::{MILLISECOND, SECOND, Time},
    house::Setup,
    invariants::Broken,
    oracle::Oracle,
    rng::Rng,
    schedule::Schedule,
    trace::Trace,
    witness::Witness,
};
use account::Account;
use changers::Changes;
use clients::{Client, Op, Retry};
use counts::Counts;
use evenkeel_engine::{CallId, Errand};
use evenkeel_log_raft::{Members, NodeId};
use evenkeel_machine::Build;
use evenkeel_sqs::Response;
use evenkeel_types::{Epoch, LogIndex, Now};
use host::Host;
use net::Carried;
use passing::{Forward, Tx};
pub(crate) use poison::LEVEL as POISON_LEVEL;
use probers::Probes;
use profile::Profile;
use std::collections::BTreeMap;

/// Something that will happen.
#[derive(Debug)]
enum Event {
    /// A client's turn.
    Turn(Client),
    /// A worker does what it planned.
    Act(crate::ask::Ask),
    /// A client asks once more.
    Again(Box<Retry>),
    /// A request reaches its node.
    Arrives(u64),
    /// An answer reaches its client.
    Delivered(u64, Box<Response>),
    /// The connection breaks or is refused, as the client sees it.
    Broke(u64, bool),
    /// The client has waited long enough.
    GivesUp(u64),
    /// A request waits for a leader, or for the leader.
    LookForLeader(u64),
    /// The leader that it was passed on to is gone.
    ForwardLost(u64),
    /// Something inside a node, in that life.
    Node(usize, u64, NodeEvent),
    /// Something goes from one host to another.
    Carried(Box<Carried>),
    /// A host starts its house.
    Restart(usize),
    /// A node that is too old gets the newer version.
    NewVersion(usize),
    /// A disk has room again.
    HasRoom(usize),
    /// These ways are open again.
    Mended(Vec<(usize, usize)>),
    /// The operator looks after the cluster.
    Operator,
    /// The dice are rolled.
    Fault,
    /// A look at everything.
    Audit,
    /// From now on nothing goes wrong.
    Heal,
}

/// Something inside a node.
#[derive(Debug)]
enum NodeEvent {
    /// The log's time goes on.
    Tick,
    /// The log looks what its engine and its disk left for it.
    Log,
    /// The engine looks what there is.
    Engine,
    /// The log's writer looks for work.
    Write,
    /// What was written is synced.
    Sync,
    /// What was synced is told.
    Publish,
    /// Bodies are read.
    Bodies(Errand),
    /// The keeper looks for work.
    Keep,
    /// The node looks how it stands.
    Watch,
}

/// The world of a cluster.
pub struct World {
    profile: Profile,
    setup: Setup,
    now: Time,
    schedule: Schedule<Event>,
    trace: Trace,
    /// What clients do.
    whims: Rng,
    /// What befalls the cluster.
    fate: Rng,
    /// Those that are gone stay, so that their places are nobody else's.
    hosts: Vec<Host>,
    /// The members before the log's first entry.
    first: Members,
    /// Who was removed, and is to be switched off.
    leaving: Option<NodeId>,
    /// From where to where nothing gets through.
    cuts: BTreeMap<(usize, usize), u32>,
    leaders: BTreeMap<u64, NodeId>,
    owners: BTreeMap<Epoch, NodeId>,
    calls_made: u64,
    ops: BTreeMap<u64, Op>,
    ops_made: u64,
    txs: BTreeMap<u64, Tx>,
    txs_made: u64,
    forwards: BTreeMap<u64, Forward>,
    forwards_made: u64,
    /// The node that answered a client last.
    homes: Vec<(Client, usize)>,
    messages_made: u64,
    receives_made: u64,
    queues_made: usize,
    /// The last entry that any node applied.
    applied: LogIndex,
    /// Acknowledged, and to be found in the log.
    to_confirm: Vec<u64>,
    witness: Witness,
    oracle: Oracle,
    account: Account,
    changes: Changes,
    probes: Probes,
    draining: bool,
    healed_at: Time,
    /// When a client was answered well last.
    answered_at: Time,
    is_cut_at_end: bool,
    is_over: bool,
    counts: Counts,
}

impl World {
    /// The world of a seed, before anything has happened.
    #[must_use]
    pub fn new(seed: u64, verbose: bool) -> Self {
        let profile = Profile::of(seed);
        let Profile { segment_bytes, checkpoint_every, keeping, .. } = profile;
        let begin: Vec<NodeId> = (1..=if profile.grows { 1 } else { profile.nodes as u64 }).map(NodeId).collect();
        let mut world = Self {
            setup: Setup { segment_bytes, checkpoint_every, keeping, seed },
            now: 0,
            schedule: Schedule::default(),
            trace: Trace::new(verbose),
            whims: Rng::new(seed, 202),
            fate: Rng::new(seed, 203),
            hosts: Vec::new(),
            first: Members::of(&begin),
            leaving: None,
            cuts: BTreeMap::new(),
            leaders: BTreeMap::new(),
            owners: BTreeMap::new(),
            calls_made: 0,
            ops: BTreeMap::new(),
            ops_made: 0,
            txs: BTreeMap::new(),
            txs_made: 0,
            forwards: BTreeMap::new(),
            forwards_made: 0,
            homes: Vec::new(),
            messages_made: 0,
            receives_made: 0,
            queues_made: 0,
            applied: LogIndex::ZERO,
            to_confirm: Vec::new(),
            witness: Witness::of_a_cluster(if profile.upgrades { upgrades::NEXT } else { Build::PRESENT }),
            oracle: Oracle::default(),
            account: Account::new(profile.clocks_err),
            changes: Changes::default(),
            probes: Probes::default(),
            draining: false,
            healed_at: 0,
            answered_at: 0,
            is_cut_at_end: false,
            is_over: false,
            counts: Counts { seeds: 1, ..Counts::default() },
            profile,
        };
        for id in begin {
            let mut host = Host::new(id, seed, world.first_build());
            world.give_clock(&mut host);
            world.hosts.push(host);
        }
        world
    }

    /// Lives through it.
    ///
    /// # Errors
    /// A promise was broken.
    pub fn run(&mut self) -> Result<(), Broken> {
        let profile = self.profile.clone();
        self.line(format_args!("{profile:?}"));
        for at in 0..self.hosts.len() {
            self.schedule.at(0, Event::Restart(at));
        }
        self.schedule.at(profile.runs_for, Event::Heal);
        self.schedule.at(SECOND, Event::Operator);
        self.schedule.at(2 * SECOND, Event::Fault);
        self.schedule.at(SECOND, Event::Audit);
        self.schedule.at(500 * MILLISECOND, Event::Turn(Client::Creator));
        while let Some((time, event)) = self.schedule.pop() {
            self.now = time;
            self.counts.events += 1;
            self.happen(event)?;
            if self.is_over {
                break;
            }
        }
        self.counts.seconds = self.now / SECOND;
        self.counts.entries = self.witness.applied().0;
        self.counts.poisons = self.witness.poisoned;
        (self.counts.jobs_accepted, self.counts.jobs_finished) = self.witness.jobs;
        self.counts.received = self.oracle.received;
        self.trace.mix(self.witness.machine.digest());
        self.trace.mix(self.counts.events);
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        let event = match self.after_a_pause(event) {
            Some(event) => event,
            None => return Ok(()),
        };
        match event {
            Event::Turn(Client::Creator) => self.create_next_queue(),
            Event::Turn(client) => self.acts(client),
            Event::Act(ask) => self.ask(Client::Actor, ask),
            Event::Again(retry) => self.asks_again(*retry),
            Event::Arrives(tx) => self.arrives(tx),
            Event::Delivered(tx, response) => return self.delivered(tx, *response),
            Event::Broke(op, maybe_done) => return self.broke(op, maybe_done),
            Event::GivesUp(op) => return self.gives_up(op),
            Event::LookForLeader(number) => self.look_for_leader(number),
            Event::ForwardLost(number) => self.forward_is_lost(number),
            Event::Node(at, life, event) => {
                let host = self.host(at);
                if host.life_number == life && host.house.is_some() {
                    return self.node_event(at, event);
                }
            }
            Event::Carried(carried) => {
                let Carried { from, to, parcel } = *carried;
                return self.take_parcel(from, to, parcel);
            }
            Event::Restart(at) => return self.restart(at),
            Event::NewVersion(at) => self.new_version(at),
            Event::HasRoom(at) => self.disk_has_room(at),
            Event::Mended(cuts) => self.mend(&cuts),
            Event::Operator => self.operate(),
            Event::Fault => self.roll_the_dice(),
            Event::Audit => return self.audit(),
            Event::Heal => self.heal(),
        }
        Ok(())
    }

    /// What a node that stands still would do waits for its next moment, in any order.
    fn after_a_pause(&mut self, event: Event) -> Option<Event> {
        let at = match &event {
            Event::Node(at, ..) => Some(*at),
            Event::Carried(carried) => Some(carried.to),
            Event::Arrives(tx) => self.txs.get(tx).map(|tx| tx.at),
            Event::LookForLeader(number) | Event::ForwardLost(number) => self.node_of_forward(*number),
            _ => None,
        };
        let until = at.map_or(0, |at| self.host(at).paused_until);
        if until <= self.now {
            return Some(event);
        }
        let when = until + self.fate.span(1, 2 * MILLISECOND);
        self.schedule.at(when, event);
        None
    }

    fn host(&mut self, at: usize) -> &mut Host {
        self.hosts.get_mut(at).expect("hosts stay")
    }

    fn hosts_id(&self, at: usize) -> NodeId {
        self.hosts.get(at).map_or(NodeId(0), |host| host.id)
    }

    /// What the clocks of a host read.
    fn read(&mut self, at: usize) -> Now {
        let now = self.now;
        let clocks = &mut self.host(at).clocks;
        clocks.now = now;
        clocks.read()
    }

    fn new_call(&mut self) -> CallId {
        self.calls_made += 1;
        CallId(self.calls_made)
    }

    /// A little while, as wires take.
    fn soon(&mut self) -> Time {
        self.now + self.whims.span(50, 2 * MILLISECOND)
    }

    fn line(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.line(self.now, what);
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
