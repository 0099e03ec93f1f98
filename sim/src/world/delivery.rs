//! Delivery: requests and answers on their way, late, lost, doubled, or to clients that have gone.

use super::{Client, Event, Op, Tx, TxId, Way, World};
use crate::{
    ask::{Ask, Told},
    clock::{MILLISECOND, SECOND, Time},
    invariants::{Broken, told::broken},
    profile::Shape,
    wire::{self, Protocol},
};
use evenkeel_machine::command::QueueKey;
use evenkeel_sqs::{Caller, Response, Step};
use evenkeel_types::{AccountId, QueueId};

impl World {
    /// A client asks, by an SDK that numbers its calls or by one that does not.
    pub(crate) fn ask(&mut self, client: Client, ask: Ask) {
        let op = self.ops_made + 1;
        let is_numbered = match &ask {
            Ask::Send { .. } | Ask::DeleteQueue { .. } => self.whims.chance(500),
            Ask::Create { .. }
            | Ask::Configure { .. }
            | Ask::Purge { .. }
            | Ask::Move { .. }
            | Ask::CancelMove { .. } => op.is_multiple_of(2),
            // When hundreds of leases end in one batch, whether a lease still ran is not known.
            Ask::Receive { .. } => self.profile.shape != Shape::TimersStorm && self.whims.chance(300),
            _ => false,
        };
        let way = Way { protocol: Protocol::of(op), invocation: is_numbered.then(|| format!("call-{op}")) };
        self.ask_in(client, ask, way, false);
    }

    fn ask_in(&mut self, client: Client, ask: Ask, way: Way, is_again: bool) {
        let now = self.clocks.now;
        match &ask {
            Ask::Send { queue, messages, .. } => {
                let delay = self.witness.queue(queue).and_then(|queue| self.witness.book.queues.get(&queue));
                let delay_secs = delay.map_or(0, |queue| queue.settings.delay.0 / SECOND);
                self.oracle.sends(messages, delay_secs, now);
            }
            Ask::Delete { held, .. } => {
                held.iter().for_each(|held| self.oracle.asks_about(&held.id, held.count, true));
            }
            Ask::Change { held, .. } => self.oracle.asks_about(&held.id, held.count, false),
            _ => {}
        }
        self.counts.requests += 1;
        self.ops_made += 1;
        let op = self.ops_made;
        self.line(format_args!("op {op}: {client:?} asks {}", brief(&ask)));
        let patience = match &ask {
            Ask::Receive { wait_secs, .. } => {
                let wait = wait_secs.unwrap_or(0) * SECOND;
                // Some hang up in the middle of a long poll.
                if wait > 0 && !self.draining && self.whims.chance(100) {
                    self.whims.span(MILLISECOND, wait)
                } else {
                    wait + 8 * SECOND
                }
            }
            _ => self.whims.between(3, 9) * SECOND,
        };
        self.schedule.at(now + patience, Event::GivesUp(op));
        self.ops.insert(op, Op { client, ask, asked: now, transmissions: Vec::new(), way, is_again });
        if !self.whims.chance(self.profile.faults.request_lost) {
            self.transmit(op);
        }
        if self.whims.chance(self.profile.faults.request_doubled) {
            self.transmit(op);
        }
    }

    fn transmit(&mut self, op: u64) {
        self.txs_made += 1;
        let tx = self.txs_made;
        self.txs.insert(tx, Tx { op, open: true, call: None });
        if let Some(op) = self.ops.get_mut(&op) {
            op.transmissions.push(tx);
        }
        let arrival = self.soon();
        self.schedule.at(arrival, Event::Arrives(tx));
    }

    /// A request reaches the house.
    pub(crate) fn arrives(&mut self, tx: TxId) -> Result<(), Broken> {
        let Some(connection) = self.txs.get(&tx) else { return Ok(()) };
        let Some(op) = self.ops.get(&connection.op) else {
            // Its client has gone; the bytes arrive all the same, but what they were is gone with it.
            self.txs.remove(&tx);
            return Ok(());
        };
        let (op_id, request) = (connection.op, wire::encode(&op.ask, op.way.protocol, op.way.invocation.as_deref()));
        let receive = match &op.ask {
            Ask::Receive { queue, wait_secs, .. } => {
                // It is of the queue that has the name now, whatever becomes of it.
                Some((self.queue_now(queue), self.clocks.now + wait_secs.unwrap_or(0) * SECOND))
            }
            _ => None,
        };
        let Some(door) = self.house.as_ref().and_then(|house| house.door.as_ref()) else {
            let at = self.soon();
            self.txs.remove(&tx);
            self.schedule.at(at, Event::Broke(op_id, false));
            return Ok(());
        };
        let account = account();
        let caller = Caller { account, sender_id: wire::ACCOUNT, rights: &evenkeel_policy::EVERYTHING, is_root: false };
        let step = door.accept(caller, request.head(), &request.body);
        self.follow(tx, step, receive);
        self.pump()
    }

    fn queue_now(&self, name: &str) -> Option<QueueId> {
        let house = self.house.as_ref()?;
        house.engine.machine().queues().find(QueueKey { account: account(), name })
    }

    /// Does what the door wants next.
    pub(crate) fn follow(&mut self, tx: TxId, step: Step, receive: Option<(Option<QueueId>, Time)>) {
        match step {
            Step::Respond(response) => self.respond(tx, response),
            Step::Ask(request, pending) => {
                let call = self.new_call(Some((tx, pending)), receive);
                if let Some(tx) = self.txs.get_mut(&tx) {
                    tx.call = Some(call);
                }
                let now = self.clocks.read();
                if let Some(house) = &mut self.house {
                    house.engine.submit(call, request, now);
                }
            }
        }
    }

    /// The house answers a connection.
    fn respond(&mut self, tx: TxId, response: Response) {
        let open = self.txs.get(&tx).is_some_and(|tx| tx.open);
        if open && !self.whims.chance(self.profile.faults.reply_lost) {
            if let Some(tx) = self.txs.get_mut(&tx) {
                tx.call = None;
            }
            let at = self.soon();
            self.schedule.at(at, Event::Delivered(tx, Box::new(response)));
            return;
        }
        self.txs.remove(&tx);
        self.undelivered(response);
    }

    /// An answer found nobody. Mostly the house notices.
    fn undelivered(&mut self, response: Response) {
        if let Some(request) = response.undelivered.filter(|_| self.whims.chance(700)) {
            self.counts.given_back += 1;
            self.line(format_args!("given back undelivered"));
            self.tell_engine(request);
        }
    }

    /// An answer reaches its client.
    pub(crate) fn delivered(&mut self, tx: TxId, response: &Response) -> Result<(), Broken> {
        let connection = self.txs.remove(&tx);
        let asked = connection.filter(|tx| tx.open).and_then(|tx| self.ops.remove(&tx.op));
        let Some(op) = asked else {
            self.undelivered(response.clone());
            return self.pump();
        };
        let told = wire::decode(&op.ask, op.way.protocol, response);
        self.hang_up(&op);
        self.told(op, told)?;
        self.pump()
    }

    /// The connection broke, as its client sees it.
    pub(crate) fn broke(&mut self, op: u64, maybe_done: bool) -> Result<(), Broken> {
        let Some(op) = self.ops.remove(&op) else { return Ok(()) };
        self.hang_up(&op);
        let words = "the connection broke".to_owned();
        self.told(op, if maybe_done { Told::Unclear(words) } else { Told::Refused(words) })?;
        self.pump()
    }

    /// The client has waited long enough.
    pub(crate) fn gives_up(&mut self, op: u64) -> Result<(), Broken> {
        let Some(op) = self.ops.remove(&op) else { return Ok(()) };
        self.hang_up(&op);
        self.told(op, Told::Unclear("no answer".to_owned()))?;
        self.pump()
    }

    /// The client closes its connections. Mostly the house notices.
    fn hang_up(&mut self, op: &Op) {
        for tx in &op.transmissions {
            let Some(connection) = self.txs.get_mut(tx) else { continue };
            connection.open = false;
            let Some(call) = connection.call else { continue };
            if !self.whims.chance(700) {
                continue;
            }
            self.txs.remove(tx);
            self.counts.cancelled += 1;
            if let (Some(open), Some(house)) = (self.calls.get_mut(&call), &mut self.house) {
                open.cancelled = true;
                open.waiting = None;
                house.engine.cancel(call);
            }
        }
    }

    /// A client is told.
    fn told(&mut self, op: Op, told: Told) -> Result<(), Broken> {
        let Op { client, ask, asked, way, is_again, transmissions } = op;
        let now = self.clocks.now;
        self.line(format_args!("{client:?} is told {}", brief_told(&told)));
        if let Told::Garbled(what) = &told {
            return broken(format!("the answer to {} makes no sense: {what}", brief(&ask)));
        }
        let mut again = false;
        if matches!(&told, Told::Refused(words) if words.contains("full")) {
            self.counts.refused_full += 1;
        }
        match (&ask, &told) {
            (Ask::Send { messages, .. }, Told::Sent(results)) => {
                for (message, result) in messages.iter().zip(results) {
                    let Ok(id) = result else { continue };
                    self.oracle.acknowledged(message.number, id, ask.queue(), now)?;
                    self.to_confirm.push(message.number);
                }
                self.confirm()?;
            }
            (Ask::Receive { queue, lease_secs, .. }, Told::Received(messages)) => {
                let of_queue = self.witness.queue(queue).and_then(|queue| self.witness.book.queues.get(&queue));
                let default_secs = of_queue.map_or(0, |queue| queue.settings.lease.0 / SECOND);
                let lease_secs = lease_secs.unwrap_or(default_secs);
                let may_repeat = is_again || transmissions.len() > 1;
                for message in messages {
                    self.line(format_args!("  {} count {} of {:?}", message.id, message.count, message.group));
                    self.oracle.receives(message, queue, lease_secs, asked, now, self.life_number, may_repeat)?;
                }
                self.plan(queue, messages, lease_secs);
            }
            (Ask::Delete { held, .. }, Told::Deleted(results)) => {
                for (held, finished) in held.iter().zip(results) {
                    if *finished {
                        self.oracle.finished(&held.id, held.count, now);
                    }
                }
            }
            (Ask::Purge { queue } | Ask::DeleteQueue { queue }, Told::Done) => self.oracle.purged(queue, asked, now),
            (Ask::Move { queue, .. }, Told::Moving(handle)) => {
                self.move_handles.push((queue.clone(), handle.clone()));
            }
            (Ask::Delete { .. } | Ask::Send { .. }, _) => again = self.whims.chance(500),
            (Ask::Receive { attempt, .. }, Told::Unclear(_)) if attempt.is_some() || way.invocation.is_some() => {
                again = !self.draining && self.whims.chance(700);
            }
            _ => {}
        }
        match client {
            Client::Creator if told == Told::Done => {
                self.queues_made += 1;
                self.create_next_queue();
            }
            Client::Creator => self.schedule_again(client, ask, way),
            // Whether or not it was deleted, there must be one; if there is, it may have other settings by now.
            Client::Configurator if matches!(ask, Ask::DeleteQueue { .. }) => self.create_again(ask.queue()),
            Client::Configurator
                if matches!(ask, Ask::Create { .. })
                    && !self.draining
                    && !matches!(&told, Told::Refused(words) if words.contains("QueueNameExists"))
                    && told != Told::Done =>
            {
                self.create_again(ask.queue());
            }
            _ if again => self.schedule_again(client, ask, way),
            Client::Sender(number) => self.sender_goes_on(number),
            Client::Worker(number) => self.worker_goes_on(number),
            Client::Configurator => self.configurator_goes_on(),
            Client::Actor => {}
        }
        Ok(())
    }

    /// Whatever was acknowledged is committed; judged as soon as the witness has seen all that is.
    pub(crate) fn confirm(&mut self) -> Result<(), Broken> {
        let applied = self.house.as_ref().map(|house| house.engine.machine().applied());
        if applied != Some(self.witness.applied()) {
            return Ok(());
        }
        for number in self.to_confirm.drain(..) {
            if !self.witness.accepted.contains(&number) {
                return broken(format!("job {number} was acknowledged and is not committed"));
            }
        }
        Ok(())
    }

    /// The client retries with the same bytes, after a little.
    fn schedule_again(&mut self, client: Client, ask: Ask, way: Way) {
        match client {
            Client::Sender(_) | Client::Worker(_) | Client::Creator => self.ask_in(client, ask, way, true),
            _ => {
                let pause = self.whims.span(MILLISECOND, SECOND);
                self.schedule.at(self.clocks.now + pause, Event::Act(ask));
            }
        }
    }
}

fn account() -> AccountId {
    wire::ACCOUNT.parse().expect("twelve digits")
}

fn brief(ask: &Ask) -> String {
    match ask {
        Ask::Send { queue, messages, .. } => {
            let numbers: Vec<_> = messages.iter().map(|message| (message.number, &message.group)).collect();
            format!("{queue} to take {numbers:?}")
        }
        Ask::Delete { queue, held, .. } => {
            let held: Vec<_> = held.iter().map(|held| (&held.id, held.count)).collect();
            format!("{queue} to finish {held:?}")
        }
        Ask::Change { queue, held, lease_secs } => {
            format!("{queue} to hold {} under count {} for {lease_secs} s", held.id, held.count)
        }
        other => format!("{other:?}"),
    }
}

fn brief_told(told: &Told) -> String {
    match told {
        Told::Received(messages) => format!("{} messages", messages.len()),
        other => format!("{other:.300?}"),
    }
}
