//! A machine and short words for what tests do to it.

use evenkeel_machine::{
    Event, Grant, Machine, Outcome, Reply,
    batch::BatchBuilder,
    command::{Begin, Body, Command, DedupId, GroupSettings, Held, NewJob, QueueKey, QueueSettings},
    queue::{AckError, ChangeLeaseError, Counts},
};
use evenkeel_types::{AccountId, LogIndex, LogTime, Micros, QueueId, WallTime};

pub(crate) const QUEUE: QueueKey<'static> = QueueKey {
    account: match AccountId::from_number(0) {
        Some(account) => account,
        None => unreachable!(),
    },
    name: "q",
};

pub(crate) struct Script {
    /// The one queue: [`QUEUE`], or one whose name says that it is FIFO.
    queue: QueueKey<'static>,
    pub(crate) machine: Machine,
    pub(crate) outcome: Outcome,
    /// Log time, in microseconds.
    pub(crate) now: u64,
}

impl Script {
    /// A log that has begun and one queue.
    pub(crate) fn new(settings: QueueSettings) -> Self {
        let queue = QueueKey { name: if settings.fifo.is_some() { "q.fifo" } else { QUEUE.name }, ..QUEUE };
        let mut script = Self { queue, machine: Machine::default(), outcome: Outcome::default(), now: 1 };
        script.run(&Command::Begin(Begin { feature_level: 1, secret: [1; 32] }));
        script.run(&Command::CreateQueue { queue, settings, papers: Default::default(), tags: vec![] });
        script
    }

    pub(crate) fn run(&mut self, command: &Command<'_>) -> Reply {
        let mut batch = BatchBuilder::default();
        batch.push(command);
        let bytes = batch.finish(LogTime(self.now), WallTime(1_700_000_000_000 + self.now / 1_000));
        let next = LogIndex(self.machine.applied().0 + 1);
        self.machine.apply(next, &bytes, &mut self.outcome).unwrap();
        self.outcome.replies.pop().unwrap()
    }

    /// Lets time pass, and what is due happen.
    pub(crate) fn wait(&mut self, micros: u64) -> Vec<Event> {
        self.now += micros;
        let bytes = BatchBuilder::default().finish(LogTime(self.now), WallTime(1_700_000_000_000 + self.now / 1_000));
        let next = LogIndex(self.machine.applied().0 + 1);
        self.machine.apply(next, &bytes, &mut self.outcome).unwrap();
        self.outcome.events.clone()
    }

    pub(crate) fn send(&mut self, group: &str, count: usize) {
        for _ in 0..count {
            // Each job of a FIFO queue has an id of its own.
            let id = self.machine.applied().to_string();
            let dedup = self.queue.name.ends_with(".fifo").then_some(DedupId { id: &id, is_content: false });
            let job = NewJob { group, delay: None, dedup, counted_bytes: 1, body: Body::new(b"x") };
            let reply = self.run(&Command::Enqueue { queue: self.queue, jobs: vec![job], call: None });
            assert!(matches!(&reply, Reply::Enqueued(Ok(results)) if results[0].is_ok()), "{reply:?}");
        }
    }

    pub(crate) fn receive_for(&mut self, count: u8, lease: Micros) -> Vec<Grant> {
        let command = Command::Receive {
            queue: QueueId { slot: 0, generation: 0 },
            jobs_max: count,
            lease: Some(lease),
            again: Default::default(),
        };
        match self.run(&command) {
            Reply::Received(Ok(grants)) => grants,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn receive(&mut self) -> Option<Grant> {
        self.receive_for(1, Micros::from_secs(30)).pop()
    }

    /// The groups of the next jobs, each finished at once.
    pub(crate) fn serve(&mut self, count: usize) -> Vec<String> {
        let mut groups = Vec::new();
        for _ in 0..count {
            let Some(grant) = self.receive() else { break };
            groups.push(grant.group.to_string());
            assert_eq!(self.ack(&grant), Ok(()));
        }
        groups
    }

    pub(crate) fn ack(&mut self, grant: &Grant) -> Result<(), AckError> {
        match self.run(&Command::Ack { queue: QueueId { slot: 0, generation: 0 }, jobs: vec![held(grant)] }) {
            Reply::Acked(mut results) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn change_lease(&mut self, grant: &Grant, lease: Micros) -> Result<(), ChangeLeaseError> {
        match self
            .run(&Command::ChangeLease { queue: QueueId { slot: 0, generation: 0 }, jobs: vec![(held(grant), lease)] })
        {
            Reply::LeaseChanged(mut results) => results.remove(0),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn configure_group(&mut self, group: &str, weight: u8, in_flight_max: u32) {
        let settings = GroupSettings { weight, in_flight_max };
        let reply = self.run(&Command::ConfigureGroup { queue: self.queue, group, settings });
        assert_eq!(reply, Reply::Configured(Ok(())));
    }

    pub(crate) fn counts(&self) -> Counts {
        self.machine.queues().counts(QueueId { slot: 0, generation: 0 }).unwrap()
    }
}

pub(crate) fn held(grant: &Grant) -> Held {
    Held { job: grant.job, token: grant.token }
}
