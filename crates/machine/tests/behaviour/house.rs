//! Several queues, and short words for what tests do to them. Time on the calendar goes with the log's, unless a test moves it.

use evenkeel_machine::{
    Enqueued, Event, Grant, Machine, Outcome, Reply,
    batch::BatchBuilder,
    command::{
        Begin, Body, Command, DedupId, FifoSettings, Held, NewJob, PapersEdit, QueueEdit, QueueKey, QueueSettings,
        Redrive, Repeatable,
    },
    queue::{ConfigureError, Counts, MoveError, MoveStatus, MoveView, NoSuchQueue},
};
use evenkeel_types::{AccountId, LogIndex, LogTime, Micros, QueueId, WallTime};

pub(crate) const SECOND: u64 = 1_000_000;
const EPOCH_MILLIS: u64 = 1_700_000_000_000;

pub(crate) struct House {
    pub(crate) machine: Machine,
    pub(crate) outcome: Outcome,
    /// Log time, in microseconds.
    pub(crate) now: u64,
    /// How far the calendar is ahead of that, in milliseconds.
    pub(crate) ahead_millis: u64,
    numbers: u64,
}

pub(crate) fn key(name: &str) -> QueueKey<'_> {
    QueueKey { account: AccountId::from_number(0).unwrap(), name }
}

pub(crate) fn settings(name: &str) -> QueueSettings {
    let fifo = name.ends_with(".fifo").then(FifoSettings::default);
    QueueSettings { fifo, ..QueueSettings::default() }
}

impl House {
    pub(crate) fn new(queues: &[&str]) -> Self {
        let mut house =
            Self { machine: Machine::default(), outcome: Outcome::default(), now: SECOND, ahead_millis: 0, numbers: 0 };
        house.run(&Command::Begin(Begin { feature_level: 1, secret: [1; 32] }));
        for name in queues {
            house.create(name, settings(name));
        }
        house
    }

    pub(crate) fn create(&mut self, name: &str, settings: QueueSettings) {
        let command = Command::CreateQueue { queue: key(name), settings, papers: PapersEdit::default(), tags: vec![] };
        assert!(matches!(self.run(&command), Reply::QueueCreated(Ok(_))));
    }

    pub(crate) fn run(&mut self, command: &Command<'_>) -> Reply {
        let mut batch = BatchBuilder::default();
        batch.push(command);
        self.apply(batch);
        self.outcome.replies.pop().unwrap()
    }

    fn apply(&mut self, batch: BatchBuilder) {
        let wall = WallTime(EPOCH_MILLIS + self.now / 1_000 + self.ahead_millis);
        let bytes = batch.finish(LogTime(self.now), wall);
        self.machine.apply(LogIndex(self.machine.applied().0 + 1), &bytes, &mut self.outcome).unwrap();
        self.machine.audit().unwrap();
    }

    /// Lets time pass, and what is due happen.
    pub(crate) fn wait(&mut self, micros: u64) -> Vec<Event> {
        self.now += micros;
        self.apply(BatchBuilder::default());
        self.outcome.events.clone()
    }

    /// The state of a checkpoint taken now.
    pub(crate) fn restart(&mut self) {
        let mut bytes = Vec::new();
        let digest = self.machine.digest();
        self.machine.encode(&mut bytes);
        self.machine = Machine::decode(&bytes).unwrap();
        assert_eq!(self.machine.digest(), digest);
        self.machine.audit().unwrap();
    }

    pub(crate) fn id(&self, name: &str) -> QueueId {
        self.machine.queues().find(key(name)).unwrap()
    }

    pub(crate) fn counts(&self, name: &str) -> Counts {
        self.machine.queues().counts(self.id(name)).unwrap()
    }

    pub(crate) fn send(&mut self, name: &str, group: &str) -> Enqueued {
        self.numbers += 1;
        let id = self.numbers.to_string();
        let dedup = name.ends_with(".fifo").then_some(DedupId { id: &id, is_content: false });
        let job = NewJob { group, delay: None, dedup, counted_bytes: 1, body: Body::new(b"body") };
        match self.run(&Command::Enqueue { queue: key(name), jobs: vec![job], call: None }) {
            Reply::Enqueued(Ok(mut results)) => results.remove(0).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn receive(&mut self, name: &str, jobs_max: u8) -> Vec<Grant> {
        let again = Repeatable::default();
        let command = Command::Receive { queue: self.id(name), jobs_max, lease: Some(Micros::from_secs(30)), again };
        match self.run(&command) {
            Reply::Received(Ok(grants)) => grants,
            other => panic!("{other:?}"),
        }
    }

    /// Receives and gives back at once, so many times.
    pub(crate) fn fail(&mut self, name: &str, times: usize) {
        for _ in 0..times {
            let grants = self.receive(name, 1);
            let held = Held { job: grants[0].job, token: grants[0].token };
            let queue = self.id(name);
            self.run(&Command::ChangeLease { queue, jobs: vec![(held, Micros(0))] });
        }
    }

    pub(crate) fn ack(&mut self, name: &str, grant: &Grant) -> bool {
        let (queue, held) = (self.id(name), Held { job: grant.job, token: grant.token });
        matches!(self.run(&Command::Ack { queue, jobs: vec![held] }), Reply::Acked(results) if results[0].is_ok())
    }

    pub(crate) fn configure(&mut self, name: &str, edit: QueueEdit<'_>) -> Result<(), ConfigureError> {
        match self.run(&Command::ConfigureQueue { queue: key(name), edit }) {
            Reply::Configured(result) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn papers(&mut self, name: &str, papers: PapersEdit<'_>) -> Result<(), ConfigureError> {
        self.configure(name, QueueEdit { papers, ..QueueEdit::default() })
    }

    pub(crate) fn redrive(&mut self, name: &str, target: &str, grants_max: u16) -> Result<(), ConfigureError> {
        let redrive = Some(Some(Redrive { target, grants_max }));
        self.papers(name, PapersEdit { redrive, ..PapersEdit::default() })
    }

    pub(crate) fn delete(&mut self, name: &str) -> Result<QueueId, NoSuchQueue> {
        match self.run(&Command::DeleteQueue { queue: key(name), call: None, keep_name: false }) {
            Reply::QueueDeleted(result) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn start_move(
        &mut self,
        source: &str,
        destination: Option<&str>,
        rate: Option<u16>,
    ) -> Result<u64, MoveError> {
        match self.run(&Command::StartMove { source: key(source), destination, rate }) {
            Reply::MoveStarted(result) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn newest_move(&self, source: &str) -> MoveView {
        self.machine.queues().moves_of(key(source)).remove(0)
    }

    pub(crate) fn move_status(&self, source: &str) -> (MoveStatus, u64) {
        let task = self.newest_move(source);
        (task.status, task.moved)
    }
}
