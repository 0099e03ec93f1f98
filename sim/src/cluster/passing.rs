//! Requests and answers: at the node that a client chose, passed on to the one that leads, and back.
//!
//! As in the binary (`http/service.rs`, `cluster/forward.rs`, `http/forwarded.rs`): a node that leads answers; another asks whoever leads, once
//! there is somebody, and says what it knows if the leader is lost: that nothing was done, or that it may have been.

use super::{
    Event, World,
    host::{Asker, Call},
    net::Parcel,
};
use crate::{
    clock::{MILLISECOND, SECOND, Time},
    invariants::Broken,
    wire::{self, Wire},
};
use evenkeel_engine::{CallId, EngineError};
use evenkeel_sqs::{Caller, Response, Step};
use evenkeel_types::AccountId;

/// How long a request waits for somebody to lead.
const LEADER_WAIT: Time = 4 * SECOND;
/// How long one that leads no more may take to answer what it was asked before.
const LAST_WORDS: Time = 500 * MILLISECOND;
/// Between two looks at who leads.
const LOOK_EVERY: Time = 50 * MILLISECOND;

/// A connection of a client to a node.
#[derive(Debug)]
pub(crate) struct Tx {
    /// What its client asks.
    pub(crate) op: u64,
    /// The node that it came to.
    pub(crate) at: usize,
    /// Its client still listens.
    pub(crate) is_open: bool,
    /// It is part of a small history: nothing is taken back of what it got.
    pub(crate) is_probe: bool,
    /// How it is being answered.
    pub(crate) place: Place,
}

/// How a request is being answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// It is under way to its node.
    UnderWay,
    /// The engine of its node has it.
    Here(CallId),
    /// It waits for somebody to lead, or was passed on.
    There(u64),
}

/// A request that is not answered where it came in.
#[derive(Debug)]
pub(crate) struct Forward {
    tx: u64,
    wire: Wire,
    since: Time,
    /// Whom it was passed on to.
    to: Option<usize>,
    /// When another led first, as far as its node knows.
    moved_on: Option<Time>,
}

impl World {
    /// A request reaches its node.
    pub(super) fn arrives(&mut self, tx: u64) {
        let Some(connection) = self.txs.get(&tx) else { return };
        let (at, op_id) = (connection.at, connection.op);
        let Some(op) = self.ops.get(&op_id) else {
            self.txs.remove(&tx);
            return;
        };
        let wire = wire::encode(&op.ask, op.way.protocol, op.way.invocation.as_deref());
        if self.host(at).house.is_none() {
            self.txs.remove(&tx);
            let soon = self.soon();
            self.schedule.at(soon, Event::Broke(op_id, false));
            return;
        }
        self.serve(at, tx, wire);
    }

    fn serve(&mut self, at: usize, tx: u64, wire: Wire) {
        if self.host(at).house.as_ref().is_some_and(super::host::House::leads) {
            self.accept(at, Asker::Client(tx), wire);
            return;
        }
        self.forwards_made += 1;
        let number = self.forwards_made;
        self.forwards.insert(number, Forward { tx, wire, since: self.now, to: None, moved_on: None });
        if let Some(connection) = self.txs.get_mut(&tx) {
            connection.place = Place::There(number);
        }
        self.look_for_leader(number);
    }

    /// The node whose house leads takes a request at its door.
    pub(super) fn accept(&mut self, at: usize, asker: Asker, wire: Wire) {
        let account: AccountId = wire::ACCOUNT.parse().expect("twelve digits");
        let caller = Caller { account, sender_id: wire::ACCOUNT, rights: &evenkeel_policy::EVERYTHING, is_root: false };
        let door = self.host(at).house.as_ref().and_then(|house| house.door.as_ref());
        let step = match door {
            Some(door) => door.accept(caller, wire.head(), &wire.body),
            None => Step::Respond(evenkeel_sqs::engine_error(EngineError::NotLeading, &wire.head())),
        };
        self.follow(at, asker, wire, step);
    }

    /// Does what a door wants next.
    pub(super) fn follow(&mut self, at: usize, asker: Asker, wire: Wire, step: Step) {
        match step {
            Step::Ask(request, pending) => {
                let tx = if let Asker::Client(tx) = &asker { Some(*tx) } else { None };
                let call = Call { asker: Some((asker, pending, wire)), reads_from: None };
                let number = self.ask_engine(at, request, call);
                if let Some(tx) = tx.and_then(|tx| self.txs.get_mut(&tx)) {
                    tx.place = Place::Here(number);
                }
            }
            Step::Respond(response) => {
                // Nothing was done: whoever leads now may.
                let was_deposed =
                    response.status == 503 && !self.host(at).house.as_ref().is_some_and(super::host::House::leads);
                match asker {
                    Asker::Client(tx) if was_deposed => self.serve(at, tx, wire),
                    Asker::Client(tx) => self.respond(at, tx, response),
                    Asker::Peer(by, number) => {
                        let answer = (!was_deposed).then(|| Box::new(response));
                        self.send(at, by, Parcel::Answered(number, answer));
                    }
                }
            }
        }
    }

    /// A node looks whom to pass a request on to, or whether it is lost.
    pub(super) fn look_for_leader(&mut self, number: u64) {
        let Some(forward) = self.forwards.get(&number) else { return };
        let Some(at) = self.txs.get(&forward.tx).map(|tx| tx.at) else {
            self.forwards.remove(&number);
            return;
        };
        let (tx, since, to) = (forward.tx, forward.since, forward.to);
        let Some(status) = self.host(at).house.as_ref().map(|house| house.node.status()) else { return };
        let leader = status.leader.filter(|leader| *leader != status.node).and_then(|leader| self.host_of(leader));
        if to.is_none() {
            if status.owns.is_some() {
                if let Some(forward) = self.forwards.remove(&number) {
                    self.accept(at, Asker::Client(tx), forward.wire);
                }
                return;
            }
            if let Some(leader) = leader {
                self.counts.forwarded += 1;
                let Some(forward) = self.forwards.get_mut(&number) else { return };
                (forward.to, forward.moved_on) = (Some(leader), None);
                let wire = forward.wire.clone();
                self.send(at, leader, Parcel::Asked(number, wire));
            } else if self.now > since + LEADER_WAIT {
                return self.give_up_forward(at, number, EngineError::NotLeading);
            }
        } else if leader.is_some() && leader != to || status.owns.is_some() {
            let now = self.now;
            let Some(forward) = self.forwards.get_mut(&number) else { return };
            if now > *forward.moved_on.get_or_insert(now) + LAST_WORDS {
                return self.give_up_forward(at, number, EngineError::Lost);
            }
        }
        self.schedule.at(self.now + LOOK_EVERY, Event::LookForLeader(number));
    }

    /// At which node a request waits.
    pub(super) fn node_of_forward(&self, number: u64) -> Option<usize> {
        let forward = self.forwards.get(&number)?;
        self.txs.get(&forward.tx).map(|tx| tx.at)
    }

    fn give_up_forward(&mut self, at: usize, number: u64, error: EngineError) {
        let Some(Forward { tx, wire, .. }) = self.forwards.remove(&number) else { return };
        let response = evenkeel_sqs::engine_error(error, &wire.head());
        self.respond(at, tx, response);
    }

    /// The connections to a host that ended break: what was passed on to it may have been done.
    pub(super) fn lose_forwards_to(&mut self, host: usize) {
        let lost: Vec<u64> =
            self.forwards.iter().filter(|(_, forward)| forward.to == Some(host)).map(|(number, _)| *number).collect();
        for number in lost {
            let soon = self.soon();
            self.schedule.at(soon, Event::ForwardLost(number));
        }
    }

    pub(super) fn forward_is_lost(&mut self, number: u64) {
        if let Some(at) = self.node_of_forward(number) {
            self.give_up_forward(at, number, EngineError::Lost);
        }
    }

    /// A host takes what another sent.
    pub(super) fn take_parcel(&mut self, from: usize, to: usize, parcel: Parcel) -> Result<(), Broken> {
        if self.host(to).house.is_none() {
            // There is no connection: nothing was done.
            if let Parcel::Asked(number, _) = parcel
                && let Some(forward) = self.forwards.get_mut(&number)
            {
                forward.to = None;
            }
            return Ok(());
        }
        match parcel {
            Parcel::Log(bytes) => {
                let by = self.hosts_id(from);
                let Some(house) = &mut self.host(to).house else { return Ok(()) };
                let status = house.node.status();
                // Others are not let in.
                if status.members.may_contain(by, status.node, status.committed) {
                    match evenkeel_log_raft::Message::decode(bytes) {
                        Ok(message) => house.node.step(message),
                        Err(error) => return Err(Broken::new("messages", error.to_string())),
                    }
                }
                self.log_worked(to)?;
            }
            Parcel::Asked(number, wire) => {
                if self.host(to).house.as_ref().is_some_and(super::host::House::leads) {
                    self.accept(to, Asker::Peer(from, number), wire);
                } else {
                    self.send(to, from, Parcel::Answered(number, None));
                }
            }
            Parcel::Answered(number, Some(response)) => {
                if let Some(forward) = self.forwards.remove(&number) {
                    self.respond(to, forward.tx, *response);
                }
            }
            Parcel::Answered(number, None) => {
                // It is looked after again with the next look.
                if let Some(forward) = self.forwards.get_mut(&number) {
                    forward.to = None;
                }
            }
            Parcel::Withdrawn(number) => {
                let is_it = |call: &Call| matches!(&call.asker, Some((Asker::Peer(by, asked), ..)) if (*by, *asked) == (from, number));
                let call = self.host(to).life.calls.iter().find(|(_, call)| is_it(call)).map(|(call, _)| *call);
                if let Some(call) = call {
                    self.cancel(to, call);
                }
            }
            Parcel::GivenBack(request) => self.tell_engine(to, request),
            Parcel::LevelAsked(since) => self.level_asked(to, from, since),
            Parcel::LevelTold(since, level) => self.level_told(to, from, since, level)?,
            Parcel::Wanted { at, epoch, position } => self.part_wanted(to, from, at, epoch, position),
            Parcel::Part { at, position, bytes } => self.part_comes(to, at, position, &bytes)?,
        }
        Ok(())
    }

    /// The client of a call has gone.
    pub(super) fn cancel(&mut self, at: usize, number: CallId) {
        if let Some(call) = self.host(at).life.calls.get_mut(&number) {
            call.asker = None;
        }
        if let Some(house) = &mut self.host(at).house {
            house.engine.cancel(number);
        }
        self.wake_engine_soon(at);
    }

    /// The client of a request that was passed on has gone.
    pub(super) fn withdraw(&mut self, at: usize, number: u64) {
        if let Some(Forward { to: Some(to), .. }) = self.forwards.remove(&number) {
            self.send(at, to, Parcel::Withdrawn(number));
        }
    }

    /// A node answers a connection.
    fn respond(&mut self, at: usize, tx: u64, response: Response) {
        let is_open = self.txs.get(&tx).is_some_and(|tx| tx.is_open);
        if is_open && !self.fate.chance(self.profile.faults.reply_lost) {
            let soon = self.soon();
            self.schedule.at(soon, Event::Delivered(tx, Box::new(response)));
            return;
        }
        if self.txs.remove(&tx).is_some_and(|tx| !tx.is_probe) {
            self.undelivered(at, response);
        }
    }

    /// An answer found nobody. Mostly its node notices, and what it handed out is given back where it leads.
    pub(super) fn undelivered(&mut self, at: usize, response: Response) {
        let Some(request) = response.undelivered.filter(|_| self.fate.chance(700)) else { return };
        match self.leader() {
            Some(leader) if leader == at => self.tell_engine(at, request),
            Some(leader) => self.send(at, leader, Parcel::GivenBack(request)),
            None => {}
        }
    }
}
