//! What is let in: sends are refused when the server holds as many jobs, or bytes of them, as its settings allow, or when
//! too much waits for the disk. Everything else goes on.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use evenkeel_engine::{Answer, CallId, Engine, EngineError, Options, Proposal, QueueName, Receive, Request, Start};
use evenkeel_log::fake::{FakeCluster, FakeLog};
use evenkeel_machine::{
    Reply,
    command::{Body, Command, Held, NewJob, QueueKey, QueueSettings},
};
use evenkeel_types::{AccountId, LogIndex, Micros, Now, WallTime};

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };
const NOW: Now = Now { monotonic: Micros(1), wall: WallTime(1) };

struct Server {
    cluster: FakeCluster,
    engine: Engine<FakeLog>,
    calls: u64,
}

impl Server {
    fn new(options: Options) -> Self {
        let cluster = FakeCluster::new(3);
        let engine = Engine::new(cluster.start(0, LogIndex::ZERO), Start::default(), [9; 32], options).unwrap();
        assert!(cluster.elect(0));
        let mut server = Self { cluster, engine, calls: 0 };
        server.settle();
        let create = Command::CreateQueue {
            queue: QUEUE,
            settings: QueueSettings::default(),
            papers: Default::default(),
            tags: vec![],
        };
        server.ask(Request::Propose(Proposal::new(&create)));
        server
    }

    fn settle(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        for _ in 0..100 {
            self.engine.step(NOW).unwrap();
            self.cluster.settle();
            answers.extend(self.engine.take_answers().map(|(_, answer)| answer));
        }
        answers
    }

    fn ask(&mut self, request: Request) -> Answer {
        self.submit(request);
        self.settle().remove(0)
    }

    fn submit(&mut self, request: Request) {
        self.calls += 1;
        self.engine.submit(CallId(self.calls), request, NOW);
    }

    fn send(&mut self, body: &[u8]) -> Answer {
        let request = enqueue(body);
        self.ask(request)
    }

    fn receive_and_ack(&mut self) {
        let queue = QueueName { account: QUEUE.account, name: QUEUE.name.into() };
        let receive = Receive { queue, jobs_max: 1, lease: None, wait: None, again: Default::default() };
        let Answer::Received(Ok(received)) = self.ask(Request::Receive(receive)) else { panic!("it is there") };
        let grant = &received.jobs[0].grant;
        let ack = Command::Ack { queue: received.queue, jobs: vec![Held { job: grant.job, token: grant.token }] };
        assert!(matches!(self.ask(Request::Propose(Proposal::new(&ack))), Answer::Reply(Reply::Acked(_))));
    }
}

fn enqueue(body: &[u8]) -> Request {
    let bytes = u32::try_from(body.len()).unwrap();
    let job = NewJob { group: "g", delay: None, dedup: None, counted_bytes: bytes, body: Body::new(body) };
    Request::Propose(Proposal::new(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None }))
}

fn is_accepted(answer: &Answer) -> bool {
    matches!(answer, Answer::Reply(Reply::Enqueued(Ok(results))) if results[0].is_ok())
}

#[test]
fn no_more_jobs_than_the_settings_allow() {
    let mut server = Server::new(Options { jobs_max: 3, ..Options::default() });
    for _ in 0..3 {
        assert!(is_accepted(&server.send(b"body")));
    }
    for _ in 0..2 {
        assert!(matches!(server.send(b"body"), Answer::Failed(EngineError::Full)));
    }
    server.receive_and_ack();
    assert!(is_accepted(&server.send(b"body")));
    assert!(matches!(server.send(b"body"), Answer::Failed(EngineError::Full)));
}

#[test]
fn no_more_bytes_than_the_settings_allow_also_counting_what_is_under_way() {
    let mut server = Server::new(Options { bytes_max: 1_000, ..Options::default() });
    for _ in 0..3 {
        server.submit(enqueue(&[7; 400]));
    }
    let answers = server.settle();
    assert_eq!(answers.iter().filter(|answer| is_accepted(answer)).count(), 2);
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Answer::Failed(EngineError::Full))).count(), 1);
    assert!(is_accepted(&server.send(&[7; 200])), "that still fits");
    server.receive_and_ack();
    assert!(is_accepted(&server.send(&[7; 400])));
}

#[test]
fn a_disk_that_stands_still_costs_clients_time_and_not_the_server_its_memory() {
    let mut server = Server::new(Options::default());
    // Nothing is committed any more.
    server.cluster.isolate(0);
    let body = vec![7; 1_000_000];
    let mut refused = 0;
    for _ in 0..200 {
        server.submit(enqueue(&body));
        server.engine.step(NOW).unwrap();
        refused += server.engine.take_answers().count();
    }
    assert!((130..140).contains(&refused), "{refused} of 200 requests of a megabyte");
    server.cluster.heal();
    assert!(server.settle().iter().filter(|answer| is_accepted(answer)).count() >= 60);
    assert!(is_accepted(&server.send(&body)), "it goes on");
}
