//! The clients: what they do next. Senders send, workers receive and finish (or do not), a configurator configures.

use super::{Client, Event, World};
use crate::{
    ask::{Ask, HeldMessage, Message, NewMessage},
    clock::{MILLISECOND, SECOND, Time},
    profile::Shape,
    witness::marked,
};

/// Handles kept to be used again when they are stale.
const OLD_HANDLES: usize = 200;

fn queue_name(number: u64) -> String {
    format!("queue-{number}")
}

impl World {
    /// Makes the queues one by one; the others begin when all are there.
    pub(crate) fn create_next_queue(&mut self) {
        let number = self.queues_made;
        if number == self.profile.queues {
            for number in 0..self.profile.senders {
                self.schedule.at(self.clocks.now, Event::Sender(number));
            }
            for number in 0..self.profile.workers {
                self.schedule.at(self.clocks.now, Event::Worker(number));
            }
            self.schedule.at(self.clocks.now, Event::Configurator);
            return;
        }
        let ask = self.creation(queue_name(number.into()), number.into());
        self.ask(Client::Creator, ask);
    }

    /// A queue is made as it was before, if it was.
    fn creation(&self, queue: String, number: u64) -> Ask {
        let mut rng = crate::rng::Rng::new(self.setup.seed, 100 + number);
        let by_lease_time = rng.chance(if self.profile.shape == Shape::LongJobs { 900 } else { 200 });
        let attributes = vec![
            ("VisibilityTimeout".to_owned(), rng.between(2, 20).to_string()),
            ("DelaySeconds".to_owned(), if rng.chance(100) { "1" } else { "0" }.to_owned()),
            ("EvenkeelFairBy".to_owned(), if by_lease_time { "lease_time" } else { "count" }.to_owned()),
            ("EvenkeelDefaultWeight".to_owned(), rng.between(1, 5).to_string()),
            ("EvenkeelGroupInFlightLimit".to_owned(), (rng.below(2) * rng.between(1, 6)).to_string()),
        ];
        Ask::Create { queue, attributes }
    }

    /// Makes a queue again that may have been deleted.
    pub(crate) fn create_again(&mut self, queue: &str) {
        let number = queue.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let ask = self.creation(queue.to_owned(), number);
        self.ask(Client::Configurator, ask);
    }

    fn any_queue(&mut self) -> String {
        queue_name(self.whims.below(self.profile.queues.into()))
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
        let queue = self.any_queue();
        let batch = self.whims.chance(400);
        let count = if batch { self.whims.between(1, 10) } else { 1 };
        let mut messages = Vec::new();
        let mut room = 250_000;
        for _ in 0..count {
            let message = self.new_message(number, room);
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
        NewMessage { number, body, group: self.any_group(sender), delay_secs }
    }

    pub(crate) fn worker_acts(&mut self, number: u32) {
        if self.draining && self.witness.book.jobs() == 0 {
            // Something that was under way may still come in.
            self.schedule.at(self.clocks.now + SECOND, Event::Worker(number));
            return;
        }
        let queue = if self.draining {
            // Each queue is drained by somebody at any time.
            queue_name((u64::from(number) + self.clocks.now / SECOND) % u64::from(self.profile.queues))
        } else {
            self.any_queue()
        };
        let ask = if self.draining {
            Ask::Receive { queue, max: 10, wait_secs: Some(2), lease_secs: Some(30) }
        } else {
            let wait_secs = if self.whims.chance(self.profile.long_polls) {
                Some(self.whims.between(1, 20))
            } else if self.whims.chance(500) {
                Some(0)
            } else {
                None
            };
            let lease_secs = self.whims.chance(700).then(|| self.whims.between(1, self.profile.lease_secs));
            Ask::Receive { queue, max: self.whims.between(1, 10), wait_secs, lease_secs }
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
        let held: Vec<HeldMessage> = messages
            .iter()
            .map(|message| HeldMessage { id: message.id.clone(), count: message.count, handle: message.handle.clone() })
            .collect();
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
        let queue = self.any_queue();
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
            6 if self.whims.chance(400) => return self.ask(Client::Configurator, Ask::Purge { queue }),
            7 if self.whims.chance(250) => return self.ask(Client::Configurator, Ask::DeleteQueue { queue }),
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

    pub(crate) fn configurator_goes_on(&mut self) {
        let pause = self.whims.span(100 * MILLISECOND, 6 * SECOND);
        self.schedule.at(self.clocks.now + pause, Event::Configurator);
    }
}
