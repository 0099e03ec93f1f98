//! The clients: senders, workers, one who looks and configures. Each speaks to the node that answered it last, or to any, and asks again with the
//! same number when it was told nothing, or that nothing was done.

use super::{
    Event, World,
    passing::{Place, Tx},
};
use crate::{
    ask::{Ask, HeldMessage, Message, NewMessage, Told},
    clock::{MILLISECOND, SECOND, Time},
    invariants::{Broken, told::broken},
    profile::Role,
    wire::{self, Protocol},
    witness::marked,
};
use evenkeel_sqs::Response;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Makes the queues first of all.
    Creator,
    Sender(u32),
    Worker(u32),
    /// Looks at queues, and changes their settings.
    Keeper,
    /// Makes, changes and deletes queues that others do not use.
    Changer(u32),
    /// One whose small history is judged.
    Prober(u32),
    /// A worker's planned act.
    Actor,
}

/// A question under way.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) client: Client,
    pub(crate) ask: Ask,
    pub(crate) asked: Time,
    pub(crate) way: Way,
    /// It was asked before, in just this way.
    pub(crate) again: u32,
    pub(crate) txs: Vec<u64>,
}

/// How a question is sent.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) protocol: Protocol,
    /// The SDK's number for the call, if it gives one.
    pub(crate) invocation: Option<String>,
}

impl World {
    /// Makes the queues one by one; the others begin when all are there.
    pub(super) fn create_next_queue(&mut self) {
        let made = self.queues_made;
        let Some(ask) = self.creation(made) else {
            (0..self.profile.senders).for_each(|number| self.turn(Client::Sender(number), SECOND));
            (0..self.profile.workers).for_each(|number| self.turn(Client::Worker(number), SECOND));
            (0..self.profile.changers).for_each(|number| self.turn(Client::Changer(number), SECOND));
            (0..self.profile.probers).for_each(|number| self.turn(Client::Prober(number), SECOND));
            return self.turn(Client::Keeper, SECOND);
        };
        self.ask(Client::Creator, ask);
    }

    /// A client's next turn comes within a while.
    pub(super) fn turn(&mut self, client: Client, within: Time) {
        let pause = self.whims.span(MILLISECOND, within);
        self.schedule.at(self.now + pause, Event::Turn(client));
    }

    fn role(&self, number: usize) -> Role {
        self.profile.queues.get(number).copied().unwrap_or_default()
    }

    pub(super) fn queue_name(&self, number: usize) -> String {
        format!("queue-{number}{}", if self.role(number).is_fifo { ".fifo" } else { "" })
    }

    fn creation(&mut self, number: usize) -> Option<Ask> {
        let mut attributes: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: &str| attributes.push((name.to_owned(), value.to_owned()));
        if number == self.profile.queues.len() && self.profile.probers > 0 {
            // Longer than any simulation: what was received is gone until it is finished.
            add("VisibilityTimeout", "40000");
            return Some(Ask::Create { queue: super::probers::QUEUE.to_owned(), attributes });
        }
        let role = *self.profile.queues.get(number)?;
        add("VisibilityTimeout", &self.whims.between(2, 20).to_string());
        add("EvenkeelGroupInFlightLimit", &(self.whims.below(2) * self.whims.between(1, 6)).to_string());
        if role.is_fifo {
            add("FifoQueue", "true");
            add("DeduplicationScope", if role.by_group { "messageGroup" } else { "queue" });
            add("FifoThroughputLimit", if role.by_group { "perMessageGroupId" } else { "perQueue" });
        }
        Some(Ask::Create { queue: self.queue_name(number), attributes })
    }

    /// A client has its turn.
    pub(super) fn acts(&mut self, client: Client) {
        match client {
            Client::Sender(_) if !self.draining => {
                let ask = self.sending();
                self.ask(client, ask);
            }
            Client::Worker(number) => {
                let ask = self.receiving(number);
                self.ask(client, ask);
            }
            Client::Keeper if !self.draining => {
                let queue = self.any_queue();
                let ask = match self.whims.below(4) {
                    0 => {
                        let group = self.whims.below(self.profile.groups.into());
                        let share = format!("{{\"weight\":{},\"in_flight_limit\":0}}", self.whims.span(1, 50));
                        let attributes = vec![(format!("EvenkeelGroup.group-{group}"), share)];
                        Ask::Configure { queue: self.queue_name(queue), attributes }
                    }
                    _ => Ask::Counts { queue: self.queue_name(queue) },
                };
                self.ask(client, ask);
            }
            Client::Prober(number) => self.prober_acts(number),
            Client::Changer(_) if !self.draining => self.changer_acts(client),
            Client::Sender(_) | Client::Keeper | Client::Changer(_) | Client::Creator | Client::Actor => {}
        }
    }

    fn any_queue(&mut self) -> usize {
        usize::try_from(self.whims.below(self.profile.queues.len() as u64)).unwrap_or(0)
    }

    fn sending(&mut self) -> Ask {
        let to = self.any_queue();
        let queue = self.queue_name(to);
        let is_fifo = self.role(to).is_fifo;
        let batch = self.whims.chance(400);
        let count = if batch { self.whims.between(1, 10) } else { 1 };
        let mut messages = Vec::new();
        for _ in 0..count {
            let mut message = self.new_message(self.profile.body_bytes);
            message.group = (is_fifo || self.whims.chance(800))
                .then(|| format!("group-{}", self.whims.below(self.profile.groups.into())));
            message.dedup = is_fifo.then(|| format!("{queue}-{}", message.number));
            message.delay_secs = (!is_fifo && self.whims.chance(100)).then(|| self.whims.between(0, 8));
            messages.push(message);
        }
        Ask::Send { queue, messages, batch }
    }

    pub(super) fn new_message(&mut self, bytes_max: u64) -> NewMessage {
        self.messages_made += 1;
        let number = self.messages_made;
        let mut body = marked(number);
        let length = self.whims.span(1, bytes_max.max(1));
        while (body.len() as u64) < length {
            body.push_str("0123456789abcdef");
        }
        NewMessage { number, body, group: None, delay_secs: None, dedup: None }
    }

    fn receiving(&mut self, number: u32) -> Ask {
        if self.draining {
            let turn = u64::from(number) + self.now / (3 * SECOND);
            let queue = usize::try_from(turn % self.profile.queues.len() as u64).unwrap_or(0);
            let queue = self.queue_name(queue);
            return Ask::Receive { queue, max: 10, wait_secs: Some(2), lease_secs: Some(30), attempt: None };
        }
        let queue = self.any_queue();
        let is_fifo = self.role(queue).is_fifo;
        let wait_secs = if self.whims.chance(500) { Some(self.whims.between(1, 10)) } else { Some(0) };
        let lease_secs = self.whims.chance(700).then(|| self.whims.between(1, self.profile.lease_secs));
        let attempt = (is_fifo && self.whims.chance(500)).then(|| format!("attempt-{}", self.ops_made));
        Ask::Receive { queue: self.queue_name(queue), max: self.whims.between(1, 10), wait_secs, lease_secs, attempt }
    }

    /// A client asks, by an SDK that numbers its calls or by one that does not.
    pub(super) fn ask(&mut self, client: Client, ask: Ask) {
        let op = self.ops_made + 1;
        let is_numbered = match (&ask, client) {
            (_, Client::Prober(_)) => !matches!(ask, Ask::Counts { .. } | Ask::Delete { .. }),
            (_, Client::Changer(_)) => true,
            (Ask::Send { .. }, _) => self.whims.chance(700),
            (Ask::Receive { .. }, _) => self.whims.chance(300),
            _ => false,
        };
        let way = Way { protocol: Protocol::of(op), invocation: is_numbered.then(|| format!("call-{op}")) };
        if matches!(client, Client::Changer(_)) {
            self.changer_asks(&ask, &way);
        }
        self.ask_in(client, ask, way, 0, self.now);
    }

    fn ask_in(&mut self, client: Client, ask: Ask, way: Way, again: u32, first_asked: Time) {
        let now = self.now;
        let is_prober = matches!(client, Client::Prober(_));
        match &ask {
            Ask::Send { messages, .. } => {
                self.account.sends(messages, way.invocation.is_some() || messages.iter().all(|m| m.dedup.is_some()));
                if !is_prober {
                    self.oracle.sends(messages, 0, now);
                }
            }
            Ask::Delete { held, .. } => {
                held.iter().for_each(|held| self.oracle.asks_about(&held.id, held.count, true));
            }
            Ask::Change { held, .. } => self.oracle.asks_about(&held.id, held.count, false),
            _ => {}
        }
        self.counts.requests += 1;
        self.counts.retries += u64::from(again > 0 && way.invocation.is_some());
        self.ops_made += 1;
        let op = self.ops_made;
        let patience = match &ask {
            Ask::Receive { wait_secs, .. } => wait_secs.unwrap_or(0) * SECOND + 8 * SECOND,
            _ => self.whims.between(3, 9) * SECOND,
        };
        let patience = match &ask {
            // Some hang up in the middle of a long poll.
            Ask::Receive { .. } if !self.draining && !is_prober && self.whims.chance(60) => {
                self.whims.span(MILLISECOND, patience)
            }
            _ => patience,
        };
        self.schedule.at(now + patience, Event::GivesUp(op));
        let asked = if is_prober { first_asked } else { now };
        self.ops.insert(op, Op { client, ask, asked, way, again, txs: Vec::new() });
        let at = self.chosen_node(client, again);
        self.line(format_args!("op {op}: {client:?} asks node {}: {}", self.hosts_id(at), self.brief(op)));
        self.transmit(op, at);
        if !is_prober && self.whims.chance(self.profile.faults.request_doubled) {
            let other = self.any_host();
            self.transmit(op, other);
        }
    }

    fn any_host(&mut self) -> usize {
        let hosts: Vec<usize> = (0..self.hosts.len()).filter(|&at| self.is_reachable(at)).collect();
        if hosts.is_empty() { 0 } else { *self.whims.pick(&hosts) }
    }

    fn is_reachable(&self, at: usize) -> bool {
        self.hosts.get(at).is_some_and(|host| !host.is_gone && host.papers.has_started)
    }

    /// The node that answered a client last, or any.
    fn chosen_node(&mut self, client: Client, again: u32) -> usize {
        let known = self.homes.iter().find(|(of, _)| *of == client).map(|(_, at)| *at);
        match known.filter(|&at| self.is_reachable(at)) {
            Some(at) if again == 0 && self.whims.chance(700) => at,
            _ => self.any_host(),
        }
    }

    fn transmit(&mut self, op: u64, at: usize) {
        self.txs_made += 1;
        let tx = self.txs_made;
        let mut is_probe = false;
        if let Some(op) = self.ops.get_mut(&op) {
            op.txs.push(tx);
            is_probe = matches!(op.client, Client::Prober(_));
        }
        self.txs.insert(tx, Tx { op, at, is_open: true, is_probe, place: Place::UnderWay });
        let soon = self.soon();
        self.schedule.at(soon, Event::Arrives(tx));
    }

    /// An answer reaches its client.
    pub(super) fn delivered(&mut self, tx: u64, response: Response) -> Result<(), Broken> {
        let Some(connection) = self.txs.remove(&tx) else { return Ok(()) };
        let op = if connection.is_open { self.ops.remove(&connection.op) } else { None };
        let Some(op) = op else {
            if !connection.is_probe {
                self.undelivered(connection.at, response);
            }
            return Ok(());
        };
        let told = wire::decode(&op.ask, op.way.protocol, &response);
        if response.status == 200 {
            self.homes.retain(|(of, _)| *of != op.client);
            self.homes.push((op.client, connection.at));
            self.answered_at = self.answered_at.max(self.now);
        }
        self.hang_up(&op);
        self.told(op, told)
    }

    /// The connection broke, as its client sees it.
    pub(super) fn broke(&mut self, op: u64, maybe_done: bool) -> Result<(), Broken> {
        let Some(op) = self.ops.remove(&op) else { return Ok(()) };
        let words = "the connection broke".to_owned();
        // What arrived twice may be under way by the other connection.
        let maybe_done = maybe_done || op.txs.len() > 1;
        self.hang_up(&op);
        self.told(op, if maybe_done { Told::Unclear(words) } else { Told::Refused(words) })
    }

    /// The client has waited long enough.
    pub(super) fn gives_up(&mut self, op: u64) -> Result<(), Broken> {
        let Some(op) = self.ops.remove(&op) else { return Ok(()) };
        self.hang_up(&op);
        self.told(op, Told::Unclear("no answer".to_owned()))
    }

    /// The client closes its connections. Mostly nodes notice.
    fn hang_up(&mut self, op: &Op) {
        for number in &op.txs {
            let Some(tx) = self.txs.get_mut(number) else { continue };
            tx.is_open = false;
            let (at, place) = (tx.at, tx.place);
            if tx.is_probe || !self.whims.chance(700) {
                continue;
            }
            match place {
                Place::UnderWay => {}
                Place::Here(call) => {
                    self.txs.remove(number);
                    self.cancel(at, call);
                }
                Place::There(forward) => {
                    self.txs.remove(number);
                    self.withdraw(at, forward);
                }
            }
        }
    }

    /// A client is told.
    fn told(&mut self, op: Op, told: Told) -> Result<(), Broken> {
        let Op { client, ask, asked, way, again, txs } = op;
        let now = self.now;
        self.line(format_args!("{client:?} is told {}", brief_told(&told)));
        match &told {
            Told::Garbled(what) => return broken(format!("an answer makes no sense: {what}")),
            Told::Refused(words) if words.contains("ServiceUnavailable") => self.counts.unavailable += 1,
            Told::Unclear(_) => self.counts.unclear += 1,
            _ => {}
        }
        let mut is_open = matches!(&told, Told::Unclear(_))
            || matches!(&told, Told::Refused(words) if words.contains("ServiceUnavailable") || words.contains("broke"));
        if let Client::Prober(number) = client {
            return self.prober_is_told(number, ask, told, way, again, asked);
        }
        if let Client::Changer(_) = client {
            return self.changer_is_told(client, ask, &told, way, again, is_open);
        }
        match (&ask, &told) {
            (Ask::Send { messages, .. }, Told::Sent(results)) => {
                for (message, result) in messages.iter().zip(results) {
                    let Ok(id) = result else { continue };
                    self.account.is_known_as(message.number, id)?;
                    self.oracle.acknowledged(message.number, id, ask.queue(), now)?;
                    self.to_confirm.push(message.number);
                }
                self.confirm()?;
            }
            (Ask::Receive { queue, lease_secs, .. }, Told::Received(messages)) => {
                self.receives(queue, *lease_secs, messages, asked, again > 0 || txs.len() > 1)?;
            }
            (Ask::Delete { held, .. }, Told::Deleted(results)) => {
                for (held, _) in held.iter().zip(results).filter(|(_, finished)| **finished) {
                    self.oracle.finished(&held.id, held.count, now);
                }
            }
            _ => {}
        }
        is_open &= match &ask {
            Ask::Receive { attempt, .. } => way.invocation.is_some() || attempt.is_some(),
            Ask::Send { .. } | Ask::Delete { .. } => true,
            _ => false,
        };
        match client {
            Client::Creator if told == Told::Done => {
                self.queues_made += 1;
                self.create_next_queue();
            }
            Client::Creator => self.again(client, ask, way, again, now),
            _ if is_open && again < 12 && self.whims.chance(850) => self.again(client, ask, way, again, now),
            Client::Actor => {}
            _ => self.turn(client, self.profile.pause),
        }
        Ok(())
    }

    /// The client asks the same again, after a little.
    pub(super) fn again(&mut self, client: Client, ask: Ask, way: Way, again: u32, first_asked: Time) {
        let pause = self.whims.span(5 * MILLISECOND, 400 * MILLISECOND);
        let retry = Retry { client, ask, way, again: again + 1, first_asked };
        self.schedule.at(self.now + pause, Event::Again(Box::new(retry)));
    }

    pub(super) fn asks_again(&mut self, retry: Retry) {
        let Retry { client, ask, way, again, first_asked } = retry;
        self.ask_in(client, ask, way, again, first_asked);
    }

    fn receives(
        &mut self,
        queue: &str,
        lease_secs: Option<u64>,
        messages: &[Message],
        asked: Time,
        may_repeat: bool,
    ) -> Result<(), Broken> {
        let of_queue = self.witness.queue(queue).and_then(|queue| self.witness.book.queues.get(&queue));
        let default_secs = of_queue.map_or(0, |queue| queue.settings.lease.0 / SECOND);
        let lease_secs = lease_secs.unwrap_or(default_secs);
        // Leases last over a change of the leader, as long as all clocks go right.
        self.receives_made += 1;
        let life = if self.profile.clocks_err { 1 + self.receives_made } else { 0 };
        for message in messages {
            self.line(format_args!("  {} count {} of {:?}", message.id, message.count, message.group));
            self.oracle.receives(message, queue, lease_secs, asked, self.now, life, may_repeat)?;
            if let Some(number) = crate::witness::number_in(message.body.as_bytes()) {
                self.account.is_known_as(number, &message.id)?;
            }
        }
        self.plan(queue, messages, lease_secs * SECOND);
        Ok(())
    }

    /// A worker plans what becomes of the messages it received.
    fn plan(&mut self, queue: &str, messages: &[Message], lease: Time) {
        let held: Vec<HeldMessage> = messages.iter().map(HeldMessage::from).collect();
        if held.is_empty() {
            return;
        }
        let queue = queue.to_owned();
        if self.draining || self.whims.chance(300) {
            let takes = if self.draining { MILLISECOND } else { self.whims.span(MILLISECOND, SECOND) };
            return self.act_after(takes, Ask::Delete { queue, held, batch: true });
        }
        for held in held {
            let takes = self.whims.span(MILLISECOND, 2 * SECOND);
            let delete = Ask::Delete { queue: queue.clone(), held: vec![held.clone()], batch: false };
            match self.whims.below(100) {
                0..=69 => self.act_after(takes, delete),
                70..=77 => {
                    let lease_secs = self.whims.between(1, self.profile.lease_secs);
                    self.act_after(lease / 2, Ask::Change { queue: queue.clone(), held, lease_secs });
                    self.act_after(lease / 2 + takes, delete);
                }
                78..=85 => self.act_after(takes, Ask::Change { queue: queue.clone(), held, lease_secs: 0 }),
                86..=92 => {}
                _ => self.act_after(lease + takes, delete),
            }
        }
    }

    fn act_after(&mut self, span: Time, ask: Ask) {
        self.schedule.at(self.now + span, Event::Act(ask));
    }

    fn brief(&self, op: u64) -> String {
        match self.ops.get(&op).map(|op| &op.ask) {
            Some(Ask::Send { queue, messages, .. }) => {
                let numbers: Vec<_> = messages.iter().map(|message| message.number).collect();
                format!("{queue} to take {numbers:?}")
            }
            Some(Ask::Delete { queue, held, .. }) => {
                let held: Vec<_> = held.iter().map(|held| (&held.id, held.count)).collect();
                format!("{queue} to finish {held:?}")
            }
            Some(Ask::Change { queue, held, lease_secs }) => {
                format!("{queue} to hold {} under count {} for {lease_secs} s", held.id, held.count)
            }
            other => format!("{other:?}"),
        }
    }
}

/// A question to be asked once more.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) client: Client,
    pub(crate) ask: Ask,
    pub(crate) way: Way,
    pub(crate) again: u32,
    pub(crate) first_asked: Time,
}

fn brief_told(told: &Told) -> String {
    match told {
        Told::Received(messages) => format!("{} messages", messages.len()),
        other => format!("{other:.300?}"),
    }
}
