//! Watching what is sent, and looking at what comes next, over a fake log of several nodes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use evenkeel_engine::{
    Answer, CallId, Engine, EngineError, Look, Looked, Options, Place, Proposal, QueueName, Request, Start, Watch,
    Watched,
};
use evenkeel_log::fake::{FakeCluster, FakeLog};
use evenkeel_machine::{
    command::{Body, Command, NewJob, QueueKey, QueueSettings},
    queue::NoSuchQueue,
};
use evenkeel_types::{AccountId, LogIndex, Micros, Now, WallTime};

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };

struct House {
    cluster: FakeCluster,
    engine: Engine<FakeLog>,
    now: u64,
    calls: u64,
}

impl House {
    /// A serving owner with the queue `q`.
    fn new() -> Self {
        let cluster = FakeCluster::new(3);
        let log = cluster.start(0, LogIndex::ZERO);
        let engine = Engine::new(log, Start::default(), [9; 32], Options::default()).unwrap();
        let mut house = Self { cluster, engine, now: 1, calls: 0 };
        assert!(house.cluster.elect(0));
        house.run();
        house.make("q");
        house
    }

    fn make(&mut self, name: &str) {
        let queue = QueueKey { name, ..QUEUE };
        let settings = QueueSettings::default();
        self.propose(&Command::CreateQueue { queue, settings, papers: Default::default(), tags: vec![] });
        assert_eq!(self.run().len(), 1);
    }

    fn ask(&mut self, request: Request) -> CallId {
        self.calls += 1;
        let now = Now { monotonic: Micros(self.now), wall: WallTime(1_000_000 + self.now / 1_000) };
        self.engine.submit(CallId(self.calls), request, now);
        CallId(self.calls)
    }

    fn propose(&mut self, command: &Command<'_>) -> CallId {
        self.ask(Request::Propose(Proposal::new(command)))
    }

    fn send(&mut self, queue: &str, bodies: &[&str]) -> CallId {
        let job = |body: &&'static str| NewJob {
            group: "g",
            delay: None,
            dedup: None,
            counted_bytes: 4,
            body: Body::new(body.as_bytes()),
        };
        let bodies: Vec<&'static str> = bodies.iter().map(|body| &*body.to_string().leak()).collect();
        let jobs = bodies.iter().map(job).collect();
        self.propose(&Command::Enqueue { queue: QueueKey { name: queue, ..QUEUE }, jobs, call: None })
    }

    fn watch(&mut self, queue: &str, after: Option<Place>, seconds: u32) -> CallId {
        let queue = QueueName { account: QUEUE.account, name: queue.into() };
        self.ask(Request::Look(Look::Sent(Watch { queue, after, wait: Micros::from_secs(seconds) })))
    }

    fn run(&mut self) -> Vec<(CallId, Answer)> {
        let mut answers = Vec::new();
        for _ in 0..8 {
            let now = Now { monotonic: Micros(self.now), wall: WallTime(1_000_000 + self.now / 1_000) };
            self.engine.step(now).unwrap();
            self.cluster.settle();
            answers.extend(self.engine.take_answers());
        }
        answers
    }

    /// What a watch of `q` sees at once.
    fn seen(&mut self, after: Option<Place>) -> Watched {
        let call = self.watch("q", after, 0);
        let answers = self.run();
        answers.into_iter().find(|(answered, _)| *answered == call).map(|(_, answer)| watched(answer)).unwrap()
    }
}

fn watched(answer: Answer) -> Watched {
    match answer {
        Answer::Looked(Ok(Looked::Sent(watched))) => watched,
        other => panic!("{other:?}"),
    }
}

fn bodies(watched: &Watched) -> Vec<&str> {
    watched.jobs.iter().map(|sent| std::str::from_utf8(&sent.bytes).unwrap()).collect()
}

#[test]
fn a_watch_sees_what_is_sent_after_it_began_and_only_in_its_queue() {
    let mut house = House::new();
    house.make("other");
    house.send("q", &["before"]);
    house.run();
    let begun = house.seen(None);
    assert!(begun.jobs.is_empty());
    house.send("q", &["one", "two"]);
    house.send("other", &["elsewhere"]);
    house.send("q", &["three"]);
    house.run();
    let seen = house.seen(Some(begun.last));
    assert_eq!((bodies(&seen), seen.missed), (vec!["one", "two", "three"], false));
    assert_eq!(&*seen.jobs[0].group, "g");
    assert!(house.seen(Some(seen.last)).jobs.is_empty(), "each once");
}

#[test]
fn who_waits_is_answered_with_what_comes_once_it_is_durable() {
    let mut house = House::new();
    let begun = house.seen(None);
    let watch = house.watch("q", Some(begun.last), 20);
    assert!(house.run().is_empty());
    let send = house.send("q", &["body"]);
    let answers = house.run();
    assert_eq!(answers.iter().map(|(call, _)| *call).collect::<Vec<_>>(), [watch, send]);
    assert_eq!(bodies(&watched(answers[0].1.clone())), ["body"]);
}

#[test]
fn a_wait_ends_in_time_and_with_its_queue_and_with_its_client() {
    let mut house = House::new();
    let begun = house.seen(None);
    let watch = house.watch("q", Some(begun.last), 5);
    house.run();
    let due = house.engine.next_wake().unwrap();
    assert_eq!(due, Micros(house.now + 5_000_000));
    house.now = due.0;
    let answers = house.run();
    assert_eq!(answers[0].0, watch);
    assert_eq!(watched(answers[0].1.clone()).last, begun.last);

    let gone = house.watch("q", Some(begun.last), 5);
    house.engine.cancel(gone);
    assert_eq!(house.run().len(), 1);

    let watch = house.watch("q", Some(begun.last), 5);
    house.propose(&Command::DeleteQueue { queue: QUEUE, call: None, keep_name: false });
    let answers = house.run();
    let found = answers.iter().find(|(call, _)| *call == watch).unwrap();
    assert!(matches!(&found.1, Answer::Looked(Err(NoSuchQueue))), "{found:?}");
    house.watch("q", None, 0);
    assert!(matches!(&house.run()[..], [(_, Answer::Looked(Err(NoSuchQueue)))]));
}

#[test]
fn a_stop_answers_who_watches() {
    let mut house = House::new();
    let begun = house.seen(None);
    let watch = house.watch("q", Some(begun.last), 20);
    house.run();
    house.engine.stop();
    let answers = house.run();
    assert_eq!(answers[0].0, watch);
    assert!(matches!(answers[0].1, Answer::Failed(EngineError::Stopping)), "{answers:?}");
    assert!(house.engine.is_idle());
}

#[test]
fn watching_writes_nothing() {
    let mut house = House::new();
    house.send("q", &["one"]);
    house.run();
    let (applied, digest) = (house.engine.machine().applied(), house.engine.machine().digest());
    let begun = house.seen(None);
    house.watch("q", Some(begun.last), 1);
    let queue = QueueName { account: QUEUE.account, name: "q".into() };
    house.ask(Request::Look(Look::Next { queue, jobs_max: 10 }));
    let answers = house.run();
    assert!(matches!(&answers[..], [(_, Answer::Looked(Ok(Looked::Next(jobs))))] if jobs.len() == 1), "{answers:?}");
    assert_eq!((house.engine.machine().applied(), house.engine.machine().digest()), (applied, digest));
}
