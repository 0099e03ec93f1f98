//! A log that calls entries committed before they are synced. A power cut takes such entries back, so nothing may be
//! done on the disk that relies on them: no checkpoint be durable before what it is made of, no body be given up before
//! what finished its job.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use bytes::Bytes;
use evenkeel_engine::{
    Answer, CallId, CarryOptions, CheckpointStep, Done, Engine, Errand, Options, Proposal, QueueName, Receive, Request,
    Start,
};
use evenkeel_log::{
    Entry, Extent, Guarantees, Log, LogError, LogEvent, LogReader, ProposeError, ReadError, Role, Ticket, Waker,
};
use evenkeel_machine::command::{Body, Command, Held, NewJob, QueueKey, QueueSettings};
use evenkeel_types::{AccountId, Epoch, LogIndex, Micros, Now, WallTime};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// A log that commits at once, and is synced as far as it is told. Each of its entries is a file.
struct Lazy {
    events: VecDeque<LogEvent>,
    last: LogIndex,
    floor: LogIndex,
    synced: Arc<AtomicU64>,
    released: Arc<Mutex<Vec<(u64, u64)>>>,
}

#[derive(Clone, Debug)]
struct NoReader;

impl LogReader for NoReader {
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError> {
        Err(ReadError::NotThere(index))
    }
}

impl Log for Lazy {
    type Reader = NoReader;

    fn guarantees(&self) -> Guarantees {
        Guarantees { synced: false, replicated: false, fenced: false }
    }
    fn role(&self) -> Role {
        Role::Owner(Epoch(1))
    }
    fn propose(&mut self, batch: Bytes) -> Result<Ticket, ProposeError> {
        self.last = self.last.next();
        let entry = Entry { index: self.last, epoch: Epoch(1), batch };
        self.events.push_back(LogEvent::Committed { entry, ticket: Some(Ticket(self.last.0)) });
        Ok(Ticket(self.last.0))
    }
    fn poll(&mut self) -> Option<LogEvent> {
        self.events.pop_front()
    }
    fn set_waker(&mut self, _waker: Waker) {}
    fn reader(&self) -> NoReader {
        NoReader
    }
    fn first_index(&self) -> LogIndex {
        LogIndex(1)
    }
    fn last_at_opening(&self) -> LogIndex {
        LogIndex::ZERO
    }
    fn synced(&self) -> LogIndex {
        LogIndex(self.synced.load(Ordering::Relaxed))
    }
    fn trim(&mut self, floor: LogIndex) -> Result<(), LogError> {
        self.floor = floor;
        Ok(())
    }
    fn release(&mut self, first: LogIndex, last: LogIndex) -> Result<(), LogError> {
        self.released.lock().unwrap().push((first.0, last.0));
        Ok(())
    }
    fn retired(&self) -> Vec<Extent> {
        (1..self.floor.0).map(|at| Extent { first: LogIndex(at), last: LogIndex(at), bytes: 1_000 }).collect()
    }
    fn install_snapshot(&mut self, _at: LogIndex, _epoch: Epoch) -> Result<(), LogError> {
        Err(LogError::Misuse("not here"))
    }
}

const NOW: Now = Now { monotonic: Micros(1), wall: WallTime(1) };

/// Steps, acknowledges parts, and tells whether the checkpoint was to be finished.
fn finishes(engine: &mut Engine<Lazy>) -> bool {
    let mut finished = false;
    for _ in 0..10 {
        engine.step(NOW).unwrap();
        for errand in engine.take_errands().collect::<Vec<_>>() {
            match errand {
                Errand::Checkpoint(index, CheckpointStep::Part(_)) => engine.errand_done(Done::CheckpointPart(index)),
                Errand::Checkpoint(_, CheckpointStep::Finish { .. }) => finished = true,
                _ => {}
            }
        }
    }
    finished
}

struct House {
    engine: Engine<Lazy>,
    synced: Arc<AtomicU64>,
    released: Arc<Mutex<Vec<(u64, u64)>>>,
    calls: u64,
}

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };

impl House {
    fn new(carry: CarryOptions) -> Self {
        let (synced, released) = (Arc::new(AtomicU64::new(0)), Arc::default());
        let events = VecDeque::from([LogEvent::RoleChanged(Role::Owner(Epoch(1)))]);
        let log = Lazy {
            events,
            last: LogIndex::ZERO,
            floor: LogIndex(1),
            synced: Arc::clone(&synced),
            released: Arc::clone(&released),
        };
        let engine = Engine::new(log, Start::default(), [1; 32], Options { carry, ..Options::default() }).unwrap();
        let mut house = Self { engine, synced, released, calls: 0 };
        house.engine.step(NOW).unwrap();
        house.engine.step(NOW).unwrap();
        house.propose(&Command::CreateQueue {
            queue: QUEUE,
            settings: QueueSettings::default(),
            papers: Default::default(),
            tags: vec![],
        });
        house
    }

    fn ask(&mut self, request: Request) -> Answer {
        self.calls += 1;
        self.engine.submit(CallId(self.calls), request, NOW);
        self.engine.step(NOW).unwrap();
        self.engine.step(NOW).unwrap();
        self.engine.take_answers().next().unwrap().1
    }

    fn propose(&mut self, command: &Command<'_>) {
        self.ask(Request::Propose(Proposal::new(command)));
    }

    fn send(&mut self) {
        let job = NewJob { group: "", delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"x") };
        self.propose(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None });
    }

    /// Receives a job and acks it.
    fn finish_one(&mut self) {
        let queue = QueueName { account: QUEUE.account, name: QUEUE.name.into() };
        let receive = Receive { queue, jobs_max: 1, lease: None, wait: None, again: Default::default() };
        let Answer::Received(Ok(received)) = self.ask(Request::Receive(receive)) else { panic!("it is there") };
        let grant = &received.jobs[0].grant;
        let held = Held { job: grant.job, token: grant.token };
        self.propose(&Command::Ack { queue: received.queue, jobs: vec![held] });
    }

    /// Makes a checkpoint, and all that is below it retire.
    fn checkpoint(&mut self) {
        let index = self.engine.machine().applied();
        let synced = self.synced.swap(index.0, Ordering::Relaxed);
        self.engine.begin_checkpoint(NOW);
        assert!(finishes(&mut self.engine));
        self.synced.store(synced.max(index.0), Ordering::Relaxed);
        self.engine.errand_done(Done::Checkpoint { oldest: index, lacks_room: false });
        self.engine.step(NOW).unwrap();
    }

    fn sync(&mut self) {
        self.synced.store(self.engine.machine().applied().0, Ordering::Relaxed);
        self.engine.step(NOW).unwrap();
    }

    fn released(&self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.released.lock().unwrap())
    }
}

#[test]
fn a_checkpoint_waits_until_the_log_is_durable_up_to_its_index() {
    let mut house = House::new(CarryOptions::default());
    house.engine.begin_checkpoint(NOW);
    let index = house.engine.machine().applied().0;
    for until in 0..index {
        house.synced.store(until, Ordering::Relaxed);
        assert!(!finishes(&mut house.engine), "synced up to {until} of {index}");
    }
    house.synced.store(index, Ordering::Relaxed);
    assert!(finishes(&mut house.engine));
}

#[test]
fn a_file_goes_only_once_it_is_durable_that_nothing_lives_in_it() {
    let mut house = House::new(CarryOptions::default());
    house.send();
    let sent_at = house.engine.machine().applied().0;
    house.checkpoint();
    assert!(house.released().iter().all(|(_, last)| *last < sent_at), "the job lives");
    house.finish_one();
    house.engine.step(NOW).unwrap();
    assert_eq!(house.released(), [], "a power cut would bring it back");
    house.sync();
    assert_eq!(house.released(), [(sent_at, sent_at)]);
}

#[test]
fn what_a_sweep_leaves_out_is_left_out_only_once_that_is_durable() {
    let small = CarryOptions { slack_bytes: 0, group_bytes_max: 10_000, small_bytes: 100, bodies_max: 100 };
    let mut house = House::new(small);
    for _ in 0..5 {
        house.send();
    }
    let index = house.engine.machine().applied();
    house.synced.store(index.0, Ordering::Relaxed);
    house.engine.begin_checkpoint(NOW);
    assert!(finishes(&mut house.engine));
    house.finish_one();
    // The sweep begins with this, and does not see the job that was just finished.
    house.engine.errand_done(Done::Checkpoint { oldest: index, lacks_room: false });
    let carries = |house: &mut House| {
        let mut carries = Vec::new();
        for _ in 0..5 {
            house.engine.step(NOW).unwrap();
            carries.extend(house.engine.take_errands().filter(|errand| matches!(errand, Errand::Carry { .. })));
        }
        carries
    };
    assert_eq!(carries(&mut house).len(), 0, "not yet");
    house.sync();
    let carries = carries(&mut house);
    let Some(Errand::Carry { bodies, .. }) = carries.first() else { panic!("{carries:?}") };
    assert_eq!(bodies.len(), 4);
}
