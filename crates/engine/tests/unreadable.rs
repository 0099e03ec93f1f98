//! Bodies that cannot be read: damage is told, and a process that wanted for something for a moment is not taken for it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use bytes::Bytes;
use evenkeel_bodies::Shelf;
use evenkeel_disk::MemDisk;
use evenkeel_engine::{
    Again, Answer, BodyStore, CallId, Engine, EngineError, Errand, Options, Pace, Proposal, QueueName, Receive,
    Request, Start,
};
use evenkeel_log::{
    Entry, Log, LogError, LogReader, ReadError,
    fake::{FakeCluster, FakeLog},
};
use evenkeel_machine::command::{Body, CallKey, Command, NewJob, QueueKey, QueueSettings};
use evenkeel_types::{AccountId, LogIndex, Micros, Now, WallTime};
use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
};

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };

/// A log whose every read fails as the system would make it fail.
struct Failing(fn() -> io::Error);

impl LogReader for Failing {
    fn read(&self, _: LogIndex) -> Result<Entry, ReadError> {
        let doing = "reading 00000000000000000001.seg".into();
        Err(LogError::Io { doing, source: Arc::new((self.0)()) }.into())
    }
}

/// An engine that keeps no body in memory, and what it told of damage.
struct Node {
    engine: Engine<FakeLog>,
    cluster: FakeCluster,
    told: Arc<Mutex<Vec<String>>>,
    calls: u64,
}

impl Node {
    /// With one job in its queue.
    fn new() -> Self {
        let cluster = FakeCluster::new(1);
        let log = cluster.start(0, LogIndex::ZERO);
        let options = Options { pace: Pace { tail_bytes: 0, ..Pace::default() }, ..Options::default() };
        let mut engine = Engine::new(log, Start::default(), [9; 32], options).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&told);
        engine.watch_damage(Box::new(move |what| hears.lock().unwrap().push(what.to_owned())));
        assert!(cluster.elect(0));
        let mut node = Self { engine, cluster, told, calls: 0 };
        node.run();
        let (papers, tags) = (Default::default(), vec![]);
        let create = Command::CreateQueue { queue: QUEUE, settings: QueueSettings::default(), papers, tags };
        node.ask(Request::Propose(Proposal::new(&create)));
        let job = NewJob { group: "g", delay: None, dedup: None, counted_bytes: 4, body: Body::new(b"body") };
        node.ask(Request::Propose(Proposal::new(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None })));
        node
    }

    fn run(&mut self) -> Vec<Answer> {
        for _ in 0..8 {
            self.engine.step(Now { monotonic: Micros(1), wall: WallTime(1_000_000) }).unwrap();
            self.cluster.settle();
        }
        self.engine.take_answers().map(|(_, answer)| answer).collect()
    }

    fn ask(&mut self, request: Request) -> Vec<Answer> {
        self.calls += 1;
        self.engine.submit(CallId(self.calls), request, Now { monotonic: Micros(1), wall: WallTime(1_000_000) });
        self.run()
    }

    /// Receives a job whose body is read from this log.
    fn receive(&mut self, log: impl LogReader) -> Answer {
        let queue = QueueName { account: QUEUE.account, name: QUEUE.name.into() };
        let again = Again { call: Some(CallKey([7; 2])), ..Again::default() };
        let wait = Some(Micros(0));
        assert!(self.ask(Request::Receive(Receive { queue, jobs_max: 1, lease: None, wait, again })).is_empty());
        let errand = self.engine.take_errands().next();
        let Some(Errand::ReadBodies { call, queue, jobs }) = errand else { panic!("{errand:?}") };
        let (shelf, _) = Shelf::open(MemDisk::new(0), Path::new("bodies")).unwrap();
        self.engine.errand_done(BodyStore::new(log, shelf.reader()).deliver(call, queue, jobs));
        self.run().pop().unwrap()
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

fn bodies(answer: &Answer) -> Vec<Bytes> {
    match answer {
        Answer::Received(Ok(received)) => received.jobs.iter().map(|job| job.body.clone()).collect(),
        other => panic!("{other:?}"),
    }
}

/// "Too many open files" (23, 24), out of memory (12), again (11), interrupted (4): a node put its data aside for these.
#[test]
fn what_the_process_lacks_for_a_moment_is_no_damage() {
    for lacks in [
        || io::Error::from_raw_os_error(4),
        || io::Error::from_raw_os_error(11),
        || io::Error::from_raw_os_error(12),
        || io::Error::from_raw_os_error(23),
        || io::Error::from_raw_os_error(24),
    ] {
        let mut node = Node::new();
        let answer = node.receive(Failing(lacks));
        assert!(matches!(answer, Answer::Failed(EngineError::BodyNotReadNow)), "{answer:?}");
        assert_eq!(node.told(), Vec::<String>::new(), "{}", lacks());
        let said: Vec<_> = node.engine.take_trouble().collect();
        assert!(said.iter().any(|words| words.contains("for now")), "{said:?}");
        // The same call, made again, gets the same job under the same lease.
        let reader = node.engine.log().reader();
        assert_eq!(bodies(&node.receive(reader)), ["body".as_bytes()]);
    }
}

#[test]
fn what_the_disk_cannot_give_back_is_damage() {
    for lost in [
        || io::Error::from_raw_os_error(5),
        || io::ErrorKind::UnexpectedEof.into(),
        || io::Error::from_raw_os_error(2),
        // What nobody thought of says something of the file, as far as is known.
        || io::Error::from_raw_os_error(117),
    ] {
        let mut node = Node::new();
        let answer = node.receive(Failing(lost));
        assert!(matches!(answer, Answer::Failed(EngineError::BodyUnreadable)), "{answer:?}");
        assert!(matches!(&node.told()[..], [what] if what.starts_with("the body of job")), "{:?}", node.told());
    }
}
