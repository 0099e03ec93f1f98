//! The engine's core over a fake log of several nodes: what it answers when, and what it leaves alone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use evenkeel_bodies::Shelf;
use evenkeel_disk::MemDisk;
use evenkeel_engine::{
    Again, Answer, BodyStore, CallId, Done, Engine, EngineError, Look, Options, Proposal, QueueName, Receive, Request,
    Start,
};
use evenkeel_log::{
    Log,
    fake::{FakeCluster, FakeLog},
};
use evenkeel_machine::{
    Reply,
    command::{Body, CallKey, Command, Held, NewJob, QueueKey, QueueSettings},
    queue::ReceiveError,
};
use evenkeel_types::{AccountId, LogIndex, Micros, Now, QueueId, WallTime};
use std::path::Path;

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };

fn at(micros: u64) -> Now {
    Now { monotonic: Micros(micros), wall: WallTime(1_000_000 + micros / 1_000) }
}

struct Node {
    engine: Engine<FakeLog>,
    now: u64,
    calls: u64,
}

impl Node {
    fn new(cluster: &FakeCluster, number: usize) -> Self {
        let log = cluster.start(number, LogIndex::ZERO);
        let engine = Engine::new(log, Start::default(), [9; 32], Options::default()).unwrap();
        Self { engine, now: 1, calls: 0 }
    }

    fn ask(&mut self, request: Request) -> CallId {
        self.calls += 1;
        self.engine.submit(CallId(self.calls), request, at(self.now));
        CallId(self.calls)
    }

    fn propose(&mut self, command: &Command<'_>) -> CallId {
        self.ask(Request::Propose(Proposal::new(command)))
    }

    fn send(&mut self) -> CallId {
        let job = NewJob { group: "g", delay: None, dedup: None, counted_bytes: 4, body: Body::new(b"body") };
        self.propose(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None })
    }

    fn receive(&mut self, seconds: u32) -> CallId {
        self.receive_again(seconds, None)
    }

    fn receive_again(&mut self, seconds: u32, call: Option<CallKey>) -> CallId {
        let queue = QueueName { account: QUEUE.account, name: QUEUE.name.into() };
        self.ask(Request::Receive(Receive {
            queue,
            jobs_max: 1,
            lease: None,
            wait: Some(Micros::from_secs(seconds)),
            again: Again { call, ..Again::default() },
        }))
    }

    /// Steps until nothing moves any more, and tells what was answered.
    fn run(&mut self, cluster: &FakeCluster) -> Vec<(CallId, Answer)> {
        let mut answers = Vec::new();
        for _ in 0..8 {
            self.engine.step(at(self.now)).unwrap();
            cluster.settle();
            answers.extend(self.engine.take_answers());
        }
        answers
    }
}

/// A serving owner among three nodes, with one queue.
fn owner(cluster: &FakeCluster) -> Node {
    let mut node = Node::new(cluster, 0);
    assert!(cluster.elect(0));
    node.run(cluster);
    assert!(node.engine.is_serving());
    let call = node.propose(&Command::CreateQueue {
        queue: QUEUE,
        settings: QueueSettings::default(),
        papers: Default::default(),
        tags: vec![],
    });
    let answers = node.run(cluster);
    assert!(
        matches!(&answers[..], [(answered, Answer::Reply(Reply::QueueCreated(Ok(QueueId { slot: 0, generation: 0 }))))] if *answered == call)
    );
    node
}

fn jobs(answer: &Answer) -> usize {
    match answer {
        Answer::Received(Ok(received)) => received.jobs.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_answered_before_a_majority_has_it() {
    let cluster = FakeCluster::new(3);
    let mut node = owner(&cluster);
    node.send();
    for _ in 0..3 {
        node.engine.step(at(node.now)).unwrap();
        assert_eq!(node.engine.take_answers().count(), 0, "no other node has it");
    }
    cluster.settle();
    node.engine.step(at(node.now)).unwrap();
    assert_eq!(node.engine.take_answers().count(), 1);
}

#[test]
fn what_comes_while_a_batch_is_under_way_goes_out_together() {
    let cluster = FakeCluster::new(3);
    let mut node = owner(&cluster);
    let before = node.engine.totals();
    node.send();
    node.engine.step(at(node.now)).unwrap();
    for _ in 0..50 {
        node.send();
        node.engine.step(at(node.now)).unwrap();
    }
    assert_eq!(node.run(&cluster).len(), 51);
    let after = node.engine.totals();
    assert_eq!((after.batches - before.batches, after.commands - before.commands), (2, 51));
}

#[test]
fn a_deposed_owner_answers_nothing_that_was_not_committed() {
    let cluster = FakeCluster::new(3);
    let mut old = owner(&cluster);
    let waiting = old.receive(20);
    old.run(&cluster);
    // It cannot reach the others any more; they choose another.
    cluster.isolate(0);
    let lost = old.send();
    old.engine.step(at(old.now)).unwrap();
    let mut new = Node::new(&cluster, 1);
    assert!(cluster.elect(1));
    new.run(&cluster);
    assert!(new.engine.is_serving());
    new.send();
    assert_eq!(new.run(&cluster).len(), 1);
    cluster.heal();
    let answers = old.run(&cluster);
    assert_eq!(answers.len(), 2);
    for (call, answer) in answers {
        assert!(call == lost || call == waiting);
        assert!(matches!(answer, Answer::Failed(EngineError::NotLeading)), "{answer:?}");
    }
    assert!(!old.engine.is_serving());
    // Both hold the same state at the same index.
    new.run(&cluster);
    old.run(&cluster);
    assert_eq!(old.engine.machine().applied(), new.engine.machine().applied());
    assert_eq!(old.engine.machine().digest(), new.engine.machine().digest());
    let call = old.send();
    let refused = old.run(&cluster);
    assert!(matches!(refused[..], [(answered, Answer::Failed(EngineError::NotLeading))] if answered == call));
}

/// One that was paused, or cut off, takes itself for the owner until it hears of another.
#[test]
fn a_deposed_owner_that_does_not_know_it_tells_no_old_state() {
    let cluster = FakeCluster::new(3);
    let mut old = owner(&cluster);
    let name = QueueName { account: QUEUE.account, name: QUEUE.name.into() };
    let describe = || Request::Describe(name.clone());
    let look = || Request::Look(Look::Moves { source: name.clone() });
    let asked = [old.ask(describe()), old.ask(look())];
    let batches = old.engine.totals().batches;
    let answers = old.run(&cluster);
    assert!(
        matches!(&answers[..], [(first, Answer::Described(Ok(_))), (second, Answer::Looked(Ok(_)))] if [*first, *second] == asked)
    );
    assert_eq!(old.engine.totals().batches, batches + 1, "both by one entry");
    cluster.isolate(0);
    let mut new = Node::new(&cluster, 1);
    assert!(cluster.elect(1));
    new.run(&cluster);
    let asked = [old.ask(describe()), old.ask(look())];
    assert!(old.run(&cluster).is_empty(), "it cannot know");
    let late = old.ask(describe());
    cluster.heal();
    let answers = old.run(&cluster);
    let mut refused: Vec<_> = answers.iter().map(|(call, _)| *call).collect();
    refused.sort_unstable();
    assert_eq!(refused, [asked[0], asked[1], late]);
    assert!(answers.iter().all(|(_, answer)| matches!(answer, Answer::Failed(EngineError::NotLeading))), "{answers:?}");
}

#[test]
fn a_lease_survives_the_change_of_owners() {
    let cluster = FakeCluster::new(3);
    let mut old = owner(&cluster);
    old.send();
    old.run(&cluster);
    old.receive(0);
    let answers = old.run(&cluster);
    let Answer::Received(Ok(received)) = &answers[0].1 else { panic!("{answers:?}") };
    let held = Held { job: received.jobs[0].grant.job, token: received.jobs[0].grant.token };
    assert_eq!(&received.jobs[0].body[..], b"body");

    let mut new = Node::new(&cluster, 2);
    assert!(cluster.elect(2));
    new.run(&cluster);
    new.receive(0);
    assert_eq!(jobs(&new.run(&cluster)[0].1), 0, "it is leased still");
    new.propose(&Command::Ack { queue: QueueId { slot: 0, generation: 0 }, jobs: vec![held] });
    assert!(matches!(&new.run(&cluster)[0].1, Answer::Reply(Reply::Acked(results)) if results[0].is_ok()));
}

#[test]
fn one_job_wakes_one_receiver_and_the_first_that_came() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    let first = node.receive(20);
    node.receive(20);
    node.receive(20);
    assert_eq!(node.run(&cluster).len(), 0);
    node.send();
    let answers = node.run(&cluster);
    let received: Vec<_> = answers.iter().filter(|(call, _)| *call == first).collect();
    assert_eq!((answers.len(), received.len(), jobs(&received[0].1)), (2, 1, 1));
    assert_eq!(node.engine.waiting(), 2);
}

/// Both of a call's transmissions waited. The job that woke the second was set aside for it, and then it got the first one's again: the
/// third was left waiting beside a job that was ready. Found by the simulator.
#[test]
fn a_repetition_that_waited_leaves_its_job_to_the_next() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    let call = Some(CallKey([1, 2]));
    let repeated = [node.receive_again(20, call), node.receive_again(20, call)];
    let other = node.receive(20);
    assert_eq!(node.run(&cluster).len(), 0);
    let received = |answers: Vec<(CallId, Answer)>| {
        let one = |(call, answer)| match answer {
            Answer::Received(Ok(received)) => Some((call, received.jobs[0].grant.job)),
            _ => None,
        };
        answers.into_iter().filter_map(one).collect::<Vec<_>>()
    };
    node.send();
    let first = received(node.run(&cluster));
    node.send();
    let second = received(node.run(&cluster));
    assert_eq!((first[0].0, second[0].0, second[1].0), (repeated[0], repeated[1], other));
    assert!(second[0].1 == first[0].1 && second[1].1 != first[0].1);
}

#[test]
fn a_receiver_that_is_gone_takes_nothing() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    let gone = node.receive(20);
    let stays = node.receive(20);
    node.run(&cluster);
    node.engine.cancel(gone);
    node.send();
    let answers = node.run(&cluster);
    // It is told all the same, so that whoever carries its answer can forget it.
    assert!(answers.iter().any(|(call, answer)| *call == gone && jobs(answer) == 0));
    assert!(answers.iter().any(|(call, answer)| *call == stays && jobs(answer) == 1));
}

#[test]
fn a_wait_ends_when_its_queue_is_deleted() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    let waits = [node.receive(20), node.receive(20)];
    assert_eq!(node.run(&cluster).len(), 0);
    let deleted = node.propose(&Command::DeleteQueue { queue: QUEUE, call: None, keep_name: false });
    let answers = node.run(&cluster);
    for (call, answer) in &answers {
        match answer {
            Answer::Received(Err(ReceiveError::NoSuchQueue(_))) => assert!(waits.contains(call)),
            Answer::Reply(Reply::QueueDeleted(Ok(_))) => assert_eq!(*call, deleted),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((answers.len(), node.engine.waiting()), (3, 0));
}

#[test]
fn a_wait_ends_empty_and_on_time() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    let call = node.receive(2);
    assert_eq!(node.run(&cluster).len(), 0);
    assert_eq!(node.engine.next_wake(), Some(Micros(2_000_001)));
    node.now = 2_000_000;
    assert_eq!(node.run(&cluster).len(), 0, "not early");
    node.now = 2_000_001;
    let answers = node.run(&cluster);
    assert_eq!((answers[0].0, jobs(&answers[0].1)), (call, 0));
}

#[test]
fn an_idle_engine_writes_only_when_a_lease_is_due() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    node.send();
    node.run(&cluster);
    node.receive(0);
    node.run(&cluster);
    let before = node.engine.totals().batches;
    let mut wakes = 0;
    let day = 86_400_000_000;
    // Days later the job's retention ends.
    while let Some(wake) = node.engine.next_wake().filter(|wake| wake.0 < day) {
        assert!(wake.0 > node.now, "it would spin");
        node.now = wake.0 - 1;
        node.run(&cluster);
        assert_eq!(node.engine.totals().batches, before + wakes, "early");
        node.now = wake.0;
        node.run(&cluster);
        wakes += 1;
    }
    assert!((1..=4).contains(&wakes), "{wakes} batches to end one lease");
    assert_eq!(node.engine.machine().queues().counts(QueueId { slot: 0, generation: 0 }).unwrap().ready, 1);
}

#[test]
fn receivers_that_met_no_job_after_all_wait_on() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    // Both are proposed for the one job of a group that takes one at a time.
    let settings = QueueSettings { group_in_flight_max: 1, ..QueueSettings::default() };
    node.propose(&Command::ConfigureQueue { queue: QUEUE, edit: settings.into() });
    node.send();
    node.send();
    node.run(&cluster);
    let calls = [node.receive(5), node.receive(5)];
    let answers = node.run(&cluster);
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].0, jobs(&answers[0].1)), (calls[0], 1));
    assert_eq!(node.engine.waiting(), 1, "the other waits, and does not spin");
    node.now += 5_000_000;
    assert_eq!(jobs(&node.run(&cluster)[0].1), 0);
}

#[test]
fn a_queue_with_too_much_in_flight_lets_long_polls_wait_for_room_and_refuses_others() {
    const FULL: usize = evenkeel_machine::limits::QUEUE_IN_FLIGHT_MAX as usize;
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    for _ in 0..FULL / 10 + 1 {
        let job = || NewJob { group: "g", delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"b") };
        let jobs = std::iter::repeat_with(job).take(10).collect();
        node.propose(&Command::Enqueue { queue: QUEUE, jobs, call: None });
    }
    node.run(&cluster);
    let (queue, lease) = (QueueId { slot: 0, generation: 0 }, Some(Micros::from_secs(3_600)));
    for _ in 0..FULL / 10 {
        node.propose(&Command::Receive { queue, jobs_max: 10, lease, again: Default::default() });
    }
    let mut granted = Vec::new();
    while granted.len() < FULL {
        let received = node.run(&cluster).into_iter().filter_map(|(_, answer)| match answer {
            Answer::Reply(Reply::Received(received)) => Some(received.unwrap()),
            _ => None,
        });
        granted.extend(received.flatten());
    }
    assert_eq!(granted.len(), FULL);
    let applied = node.engine.totals().batches;

    let short = node.receive(0);
    let refused = node.run(&cluster);
    let expected = ReceiveError::TooManyInFlight;
    assert!(
        matches!(&refused[..], [(call, Answer::Received(Err(error)))] if *call == short && *error == expected),
        "{refused:?}"
    );
    let (first, second, third) = (node.receive(20), node.receive(20), node.receive(1));
    assert!(node.run(&cluster).is_empty(), "they wait");
    assert_eq!(node.engine.totals().batches, applied, "and nothing is written for them");
    node.now += 1_000_000;
    let ended = node.run(&cluster);
    assert!(matches!(&ended[..], [(call, answer)] if *call == third && jobs(answer) == 0), "{ended:?}");

    let mut finish = |count: usize, node: &mut Node| {
        let held = granted.drain(..count).map(|grant| Held { job: grant.job, token: grant.token }).collect();
        node.propose(&Command::Ack { queue, jobs: held });
        node.run(&cluster)
    };
    let woken = finish(1, &mut node);
    assert!(woken.iter().any(|(call, answer)| *call == first && jobs(answer) == 1), "{woken:?}");
    assert!(woken.iter().all(|(call, _)| *call != second), "there was room for one");
    let woken = finish(2, &mut node);
    assert!(woken.iter().any(|(call, answer)| *call == second && jobs(answer) == 1), "{woken:?}");
    let last = node.receive(0);
    let answers = node.run(&cluster);
    assert!(matches!(&answers[..], [(call, answer)] if *call == last && jobs(answer) == 1), "{answers:?}");
}

#[test]
fn a_stopping_engine_ends_waits_and_refuses() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    let waiting = node.receive(20);
    node.run(&cluster);
    node.engine.stop();
    let refused = node.send();
    for (call, answer) in node.run(&cluster) {
        match answer {
            Answer::Received(Ok(received)) => assert!(call == waiting && received.jobs.is_empty()),
            Answer::Failed(EngineError::Stopping) => assert_eq!(call, refused),
            other => panic!("{other:?}"),
        }
    }
    assert!(!node.engine.is_drained(at(node.now)), "the last checkpoint comes first");
    assert_eq!(node.engine.take_errands().count(), 1);
}

#[test]
fn an_end_of_a_lease_wakes_as_many_receivers_as_it_lets_jobs_through() {
    // A limit on groups keeps a hundred jobs back; what one ack lets through is one job for one receiver.
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    let settings = QueueSettings { group_in_flight_max: 1, ..QueueSettings::default() };
    node.propose(&Command::ConfigureQueue { queue: QUEUE, edit: settings.into() });
    for _ in 0..100 {
        node.send();
    }
    node.run(&cluster);
    node.receive(0);
    let answers = node.run(&cluster);
    let Answer::Received(Ok(received)) = &answers[0].1 else { panic!("{answers:?}") };
    let held = Held { job: received.jobs[0].grant.job, token: received.jobs[0].grant.token };
    for _ in 0..50 {
        node.receive(20);
    }
    assert_eq!(node.run(&cluster).len(), 0);
    assert_eq!(node.engine.waiting(), 50);
    let before = node.engine.totals().commands;
    node.propose(&Command::Ack { queue: QueueId { slot: 0, generation: 0 }, jobs: vec![held] });
    node.run(&cluster);
    assert_eq!(node.engine.totals().commands - before, 2, "the ack and one receive");
    assert_eq!(node.engine.waiting(), 49);
}

#[test]
fn a_stopping_engine_ends_no_more_leases() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    node.send();
    node.run(&cluster);
    node.receive(0);
    node.run(&cluster);
    node.engine.stop();
    let before = node.engine.totals().batches;
    node.now += 60_000_000;
    node.run(&cluster);
    assert_eq!(node.engine.totals().batches, before);
    assert_eq!(
        node.engine.machine().queues().counts(QueueId { slot: 0, generation: 0 }).unwrap().leased,
        1,
        "it ends after the next start"
    );
}

#[test]
fn a_body_that_cannot_be_read_does_not_hold_back_the_others() {
    let cluster = FakeCluster::new(1);
    let mut node = owner(&cluster);
    node.send();
    node.run(&cluster);
    node.receive(0);
    let answers = node.run(&cluster);
    let Answer::Received(Ok(received)) = &answers[0].1 else { panic!("{answers:?}") };
    let good = received.jobs[0].grant.clone();
    let mut gone = good.clone();
    gone.body.index = LogIndex(999);
    let (shelf, _) = Shelf::open(MemDisk::new(0), Path::new("bodies")).unwrap();
    let store = BodyStore::new(node.engine.log().reader(), shelf.reader());
    let Done::Bodies { jobs, unreadable, .. } =
        store.deliver(CallId(1), received.queue, vec![(gone.clone(), None), (good, None)])
    else {
        panic!("bodies were asked for")
    };
    assert_eq!((jobs.len(), unreadable.len()), (1, 1), "{unreadable:?}");
}
