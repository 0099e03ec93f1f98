//! The clients: what they do next. Senders send, workers receive and finish (or do not), a configurator configures.

use super::{Client, Event, World};
use crate::{
    ask::{Ask, HeldMessage, Message, NewMessage},
    clock::{MILLISECOND, SECOND, Time},
    profile::{Role, Shape},
    wire,
    witness::marked,
};

/// Handles kept to be used again when they are stale.
const OLD_HANDLES: usize = 200;

/// Ids kept to be used again.
const OLD_IDS: usize = 30;

impl World {
    /// Makes the queues one by one; the others begin when all are there.
    pub(crate) fn create_next_queue(&mut self) {
        // Those that take dead letters come first.
        let Some(number) = self.profile.queues.len().checked_sub(1 + self.queues_made) else {
            for number in 0..self.profile.senders {
                self.schedule.at(self.clocks.now, Event::Sender(number));
            }
            for number in 0..self.profile.workers {
                self.schedule.at(self.clocks.now, Event::Worker(number));
            }
            self.schedule.at(self.clocks.now, Event::Configurator);
            return;
        };
        let ask = self.creation(number);
        self.ask(Client::Creator, ask);
    }

    fn queue_name(&self, number: usize) -> String {
        let end = if self.role(number).is_fifo { ".fifo" } else { "" };
        format!("queue-{number}{end}")
    }

    fn role(&self, number: usize) -> Role {
        self.profile.queues.get(number).copied().unwrap_or_default()
    }

    /// Each queue that has dead letters, with the one that takes them.
    fn letters(&self) -> Vec<(usize, usize)> {
        let roles = self.profile.queues.iter().enumerate();
        roles.filter_map(|(number, role)| Some((number, role.letters?))).collect()
    }

    fn redrive_policy(&self, letters: usize, receives: u64) -> String {
        let arn = wire::arn(&self.queue_name(letters));
        format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":{receives}}}")
    }

    /// A queue is made as it was before, if it was.
    fn creation(&self, number: usize) -> Ask {
        let role = self.role(number);
        let mut rng = crate::rng::Rng::new(self.setup.seed, 100 + number as u64);
        let by_lease_time = rng.chance(if self.profile.shape == Shape::LongJobs { 900 } else { 200 });
        let is_delayed = rng.chance(100) && (!role.is_fifo || self.profile.shape == Shape::Quiet);
        let mut attributes = vec![
            ("VisibilityTimeout".to_owned(), rng.between(2, 20).to_string()),
            ("DelaySeconds".to_owned(), if is_delayed { "1" } else { "0" }.to_owned()),
            ("EvenkeelFairBy".to_owned(), if by_lease_time { "lease_time" } else { "count" }.to_owned()),
            ("EvenkeelDefaultWeight".to_owned(), rng.between(1, 5).to_string()),
            ("EvenkeelGroupInFlightLimit".to_owned(), (rng.below(2) * rng.between(1, 6)).to_string()),
        ];
        let mut add = |name: &str, value: &str| attributes.push((name.to_owned(), value.to_owned()));
        if let Some(letters) = role.letters {
            add("RedrivePolicy", &self.redrive_policy(letters, rng.between(1, 4)));
        }
        if role.is_short_lived {
            add("MessageRetentionPeriod", "60");
        }
        if role.is_fifo {
            add("FifoQueue", "true");
            add("ContentBasedDeduplication", if role.by_content { "true" } else { "false" });
            add("DeduplicationScope", if role.by_group { "messageGroup" } else { "queue" });
            add("FifoThroughputLimit", if role.by_group { "perMessageGroupId" } else { "perQueue" });
        }
        Ask::Create { queue: self.queue_name(number), attributes }
    }

    /// Makes a queue again that may have been deleted.
    pub(crate) fn create_again(&mut self, queue: &str) {
        let number = queue.trim_end_matches(".fifo").rsplit('-').next().and_then(|number| number.parse().ok());
        let ask = self.creation(number.unwrap_or(0));
        self.ask(Client::Configurator, ask);
    }

    fn any_queue(&mut self) -> usize {
        usize::try_from(self.whims.below(self.profile.queues.len() as u64)).unwrap_or(0)
    }

    fn any_group(&mut self, sender: u32) -> Option<String> {
        let groups = u64::from(self.profile.groups);
        let number = match self.profile.shape {
            // The first senders are one tenant, which sends far more than the others.
            Shape::Flood if sender < 3 => 0,
            _ if self.whims.chance(200) => return None,
            _ => self.whims.below(groups),
        };
        Some(format!("group-{number}"))
    }

    pub(crate) fn sender_acts(&mut self, number: u32) {
        if self.draining {
            return;
        }
        let to = self.any_queue();
        let queue = self.queue_name(to);
        let batch = self.whims.chance(400);
        let count = if batch { self.whims.between(1, 10) } else { 1 };
        let mut messages = Vec::new();
        let mut room = 250_000;
        for _ in 0..count {
            let message = self.new_message(number, room);
            let message = if self.role(to).is_fifo { self.in_order(message, &queue, to) } else { message };
            room = room.saturating_sub(message.body.len() as u64);
            messages.push(message);
        }
        self.ask(Client::Sender(number), Ask::Send { queue, messages, batch });
    }

    fn new_message(&mut self, sender: u32, room: u64) -> NewMessage {
        self.messages_made += 1;
        let number = self.messages_made;
        let mut body = marked(number);
        let most = self.profile.body_bytes.min(room);
        let length = if self.whims.chance(300) { 0 } else { self.whims.span(1, most.max(1)) };
        // Text that JSON has to escape, and that is no ASCII, comes through as well.
        let filler = *self.whims.pick(&["a", "\"\\/\n", "\u{e9}\u{1F6A2}", "0123456789abcdef"]);
        while body.len() as u64 + (filler.len() as u64) < length {
            body.push_str(filler);
        }
        let delay_secs = match self.profile.shape {
            // Many end together.
            Shape::TimersStorm if self.whims.chance(self.profile.delayed) => Some(10 - self.clocks.now / SECOND % 10),
            // These outlive the segment that they came in, by more or by less.
            Shape::LongLived if self.whims.chance(self.profile.delayed) => {
                Some(self.whims.span(1, self.profile.delay_secs))
            }
            _ if self.whims.chance(self.profile.delayed) => Some(self.whims.between(0, self.profile.delay_secs)),
            _ => None,
        };
        NewMessage { number, body, group: self.any_group(sender), delay_secs, dedup: None }
    }

    /// A message for a FIFO queue. Some senders use an id once more.
    fn in_order(&mut self, message: NewMessage, queue: &str, number: usize) -> NewMessage {
        let dedup = if self.role(number).by_content && self.whims.chance(500) {
            None
        } else if self.whims.chance(100) && !self.old_ids.is_empty() {
            let at = usize::try_from(self.whims.below(self.old_ids.len() as u64)).unwrap_or(0);
            self.old_ids.get(at).cloned()
        } else {
            let id = format!("{queue}-{}", message.number);
            if self.old_ids.len() == OLD_IDS {
                self.old_ids.pop_front();
            }
            self.old_ids.push_back(id.clone());
            Some(id)
        };
        let group = message.group.or_else(|| Some("group-0".to_owned()));
        NewMessage { group, delay_secs: None, dedup, ..message }
    }

    pub(crate) fn worker_acts(&mut self, number: u32) {
        if self.draining && self.witness.book.jobs() == 0 {
            // Something that was under way may still come in.
            self.schedule.at(self.clocks.now + SECOND, Event::Worker(number));
            return;
        }
        let queue = if self.draining {
            // Each queue is drained by somebody at any time.
            let turn = u64::from(number) + self.clocks.now / (3 * SECOND);
            usize::try_from(turn % self.profile.queues.len() as u64).unwrap_or(0)
        } else {
            self.any_queue()
        };
        let is_fifo = self.role(queue).is_fifo;
        let queue = self.queue_name(queue);
        let ask = if self.draining {
            Ask::Receive { queue, max: 10, wait_secs: Some(2), lease_secs: Some(30), attempt: None }
        } else {
            let wait_secs = if self.whims.chance(self.profile.long_polls) {
                Some(self.whims.between(1, 20))
            } else if self.whims.chance(500) {
                Some(0)
            } else {
                None
            };
            let lease_secs = self.whims.chance(700).then(|| self.whims.between(1, self.profile.lease_secs));
            let attempt = (is_fifo && self.whims.chance(500)).then(|| format!("attempt-{}", self.ops_made));
            Ask::Receive { queue, max: self.whims.between(1, 10), wait_secs, lease_secs, attempt }
        };
        self.ask(Client::Worker(number), ask);
    }

    /// A sender goes on after an answer, or after none.
    pub(crate) fn sender_goes_on(&mut self, number: u32) {
        let pause = self.whims.span(MILLISECOND, self.profile.sender_pause);
        self.schedule.at(self.clocks.now + pause, Event::Sender(number));
    }

    /// A worker goes on after an answer, or after none.
    pub(crate) fn worker_goes_on(&mut self, number: u32) {
        let pause = self.whims.span(MILLISECOND, self.profile.worker_pause);
        self.schedule.at(self.clocks.now + pause, Event::Worker(number));
    }

    /// A worker plans what becomes of the messages it received.
    pub(crate) fn plan(&mut self, queue: &str, messages: &[Message], lease_secs: u64) {
        let held: Vec<HeldMessage> = messages.iter().map(HeldMessage::from).collect();
        if held.is_empty() {
            return;
        }
        for held in &held {
            if self.old_handles.len() == OLD_HANDLES {
                self.old_handles.pop_front();
            }
            self.old_handles.push_back((queue.to_owned(), held.clone()));
        }
        if self.draining {
            return self.act_after(MILLISECOND, Ask::Delete { queue: queue.to_owned(), held, batch: true });
        }
        if self.whims.chance(300) {
            let takes = self.whims.span(MILLISECOND, self.profile.job_takes);
            return self.act_after(takes, Ask::Delete { queue: queue.to_owned(), held, batch: true });
        }
        held.into_iter().for_each(|held| self.plan_one(queue, held, lease_secs * SECOND));
        if self.whims.chance(100) {
            self.use_an_old_handle();
        }
    }

    fn plan_one(&mut self, queue: &str, held: HeldMessage, lease: Time) {
        let queue = queue.to_owned();
        let takes = self.whims.span(MILLISECOND, self.profile.job_takes);
        let delete = Ask::Delete { queue: queue.clone(), held: vec![held.clone()], batch: false };
        match self.whims.below(100) {
            // Done, mostly in time.
            0..=69 => self.act_after(takes, delete),
            // More time is asked for first.
            70..=77 => {
                let lease_secs = self.whims.between(1, self.profile.lease_secs);
                self.act_after(lease / 2, Ask::Change { queue, held, lease_secs });
                self.act_after(lease / 2 + takes, delete);
            }
            // Given back.
            78..=85 => self.act_after(takes, Ask::Change { queue, held, lease_secs: 0 }),
            // Forgotten.
            86..=91 => {}
            // Late.
            92..=96 => {
                let late = lease + self.whims.span(MILLISECOND, 3 * SECOND);
                self.act_after(late, delete);
            }
            // Renewed when it is too late, or nearly.
            _ => {
                let late = lease + self.whims.span(MILLISECOND, SECOND);
                let lease_secs = self.whims.between(1, self.profile.lease_secs);
                self.act_after(late, Ask::Change { queue, held, lease_secs });
            }
        }
    }

    fn use_an_old_handle(&mut self) {
        let at = usize::try_from(self.whims.below(self.old_handles.len() as u64)).unwrap_or(0);
        let Some((queue, held)) = self.old_handles.get(at).cloned() else { return };
        let ask = if self.whims.chance(500) {
            Ask::Delete { queue, held: vec![held], batch: false }
        } else {
            Ask::Change { queue, held, lease_secs: self.whims.below(5) }
        };
        self.act_after(SECOND, ask);
    }

    fn act_after(&mut self, span: Time, ask: Ask) {
        self.schedule.at(self.clocks.now + span, Event::Act(ask));
    }

    pub(crate) fn actor_acts(&mut self, ask: Ask) {
        self.ask(Client::Actor, ask);
    }

    pub(crate) fn configurator_acts(&mut self) {
        if self.draining {
            return;
        }
        let number = self.any_queue();
        let queue = self.queue_name(number);
        let letters = self.letters();
        let takes_letters = letters.iter().any(|&(_, target)| target == number);
        if !letters.is_empty() && self.whims.chance(250) {
            let &(source, target) = self.whims.pick(&letters);
            let ask = self.about_letters(source, target);
            return self.ask(Client::Configurator, ask);
        }
        let (name, value) = match self.whims.below(13) {
            0 => {
                ("EvenkeelGroupInFlightLimit".to_owned(), (self.whims.below(2) * self.whims.between(1, 8)).to_string())
            }
            1 => ("EvenkeelDefaultWeight".to_owned(), self.whims.between(1, 20).to_string()),
            2 if self.whims.chance(200) => {
                let by = *self.whims.pick(&["count", "lease_time"]);
                ("EvenkeelFairBy".to_owned(), by.to_owned())
            }
            3 => return self.ask(Client::Configurator, Ask::Counts { queue }),
            4 => ("EvenkeelJobsMax".to_owned(), (self.whims.below(2) * self.whims.between(5, 300)).to_string()),
            5 => ("EvenkeelBytesMax".to_owned(), (self.whims.below(2) * self.whims.span(500, 300_000)).to_string()),
            6 if !takes_letters && self.whims.chance(400) => {
                return self.ask(Client::Configurator, Ask::Purge { queue });
            }
            7 if !takes_letters && self.whims.chance(250) => {
                return self.ask(Client::Configurator, Ask::DeleteQueue { queue });
            }
            _ => {
                let group = self.whims.below(self.profile.groups.into());
                let weight = self.whims.span(1, 100);
                let limit = self.whims.below(2) * self.whims.between(1, 5);
                let share = format!("{{\"weight\":{weight},\"in_flight_limit\":{limit}}}");
                (format!("EvenkeelGroup.group-{group}"), share)
            }
        };
        self.ask(Client::Configurator, Ask::Configure { queue, attributes: vec![(name, value)] });
    }

    /// Another policy, or a move task.
    fn about_letters(&mut self, source: usize, target: usize) -> Ask {
        let (from, to) = (self.queue_name(target), self.queue_name(source));
        match self.whims.below(10) {
            0..=2 => {
                let receives = self.whims.between(0, 4);
                // None ends it.
                let policy = if receives == 0 { String::new() } else { self.redrive_policy(target, receives) };
                Ask::Configure { queue: to, attributes: vec![("RedrivePolicy".to_owned(), policy)] }
            }
            3 if !self.move_handles.is_empty() => {
                let (queue, handle) = self.whims.pick(&self.move_handles).clone();
                Ask::CancelMove { queue, handle }
            }
            _ => {
                let rate = self.whims.chance(500).then(|| self.whims.span(1, 500));
                Ask::Move { queue: from, destination: self.whims.chance(400).then_some(to), rate }
            }
        }
    }

    pub(crate) fn configurator_goes_on(&mut self) {
        let pause = self.whims.span(100 * MILLISECOND, 6 * SECOND);
        self.schedule.at(self.clocks.now + pause, Event::Configurator);
    }
}
