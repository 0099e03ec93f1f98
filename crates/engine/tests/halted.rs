//! An entry that cannot be applied: nodes halt before it, and go on without it once the log says so.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use evenkeel_disk::{Disk, MemDisk};
use evenkeel_engine::{
    Answer, CallId, Engine, EngineError, Fatal, Options, Proposal, QueueName, Request, Skipped, Start, note_skip,
    read_skips,
};
use evenkeel_log::fake::{FakeCluster, FakeLog};
use evenkeel_machine::{
    Reply,
    command::{Body, Command, NewJob, QueueKey, QueueSettings},
    limits::FEATURE_LEVEL,
};
use evenkeel_types::{AccountId, LogIndex, Micros, Now, WallTime};
use std::path::Path;

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };
const NOW: Now = Now { monotonic: Micros(1), wall: WallTime(1_000_000) };
/// This version cannot know what it asks for.
const POISON: Command<'static> = Command::RaiseFeatureLevel { level: FEATURE_LEVEL + 1 };

/// A node, its life and what it has written down.
struct Node {
    number: usize,
    disk: MemDisk,
    engine: Engine<FakeLog>,
    calls: u64,
    fatal: Option<Fatal>,
}

impl Node {
    fn new(cluster: &FakeCluster, number: usize) -> Self {
        let disk = MemDisk::new(number as u64);
        disk.create_dir_all(Path::new("/data")).unwrap();
        let engine = Self::engine(cluster, number, &disk);
        Self { number, disk, engine, calls: 0, fatal: None }
    }

    fn engine(cluster: &FakeCluster, number: usize, disk: &MemDisk) -> Engine<FakeLog> {
        let (skips, damaged) = read_skips(disk, Path::new("/data")).unwrap();
        assert_eq!(damaged, [""; 0]);
        let start = Start { skips, ..Start::default() };
        Engine::new(cluster.start(number, LogIndex::ZERO), start, [9; 32], Options::default()).unwrap()
    }

    /// The life after one that ended because of a skip: the state from the beginning of the log.
    fn live_again(&mut self, cluster: &FakeCluster) -> Skipped {
        let Some(Fatal::Skip(skipped)) = self.fatal.take() else { panic!("it goes on") };
        note_skip(&self.disk, Path::new("/data"), skipped).unwrap();
        self.engine = Self::engine(cluster, self.number, &self.disk);
        skipped
    }

    fn ask(&mut self, request: Request) -> CallId {
        self.calls += 1;
        self.engine.submit(CallId(self.calls), request, NOW);
        CallId(self.calls)
    }

    fn propose(&mut self, command: &Command<'_>) -> CallId {
        self.ask(Request::Propose(Proposal::new(command)))
    }

    fn send(&mut self) -> CallId {
        let job = NewJob { group: "g", delay: None, dedup: None, counted_bytes: 4, body: Body::new(b"body") };
        self.propose(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None })
    }

    fn steps(&mut self) -> Vec<(CallId, Answer)> {
        if self.fatal.is_none() {
            self.fatal = self.engine.step(NOW).err();
        }
        self.engine.take_answers().collect()
    }

    fn halted_at(&self) -> Option<u64> {
        self.engine.halted().get().map(|halt| halt.entry.0)
    }
}

/// All work until nothing moves any more. Tells what the first was answered.
fn run(cluster: &FakeCluster, nodes: &mut [Node]) -> Vec<(CallId, Answer)> {
    let mut answers = Vec::new();
    for _ in 0..10 {
        for (at, node) in nodes.iter_mut().enumerate() {
            let told = node.steps();
            if at == 0 {
                answers.extend(told);
            }
        }
        cluster.settle();
    }
    answers
}

/// Three nodes, the first of which owns the log and has a queue.
fn three(cluster: &FakeCluster) -> Vec<Node> {
    let mut nodes: Vec<_> = (0..3).map(|number| Node::new(cluster, number)).collect();
    assert!(cluster.elect(0));
    run(cluster, &mut nodes);
    let (papers, tags) = Default::default();
    nodes[0].propose(&Command::CreateQueue { queue: QUEUE, settings: QueueSettings::default(), papers, tags });
    assert_eq!(run(cluster, &mut nodes).len(), 1);
    nodes
}

fn jobs(node: &Node) -> u64 {
    node.engine.machine().queues().totals().jobs
}

fn refused(answers: &[(CallId, Answer)], call: CallId) -> EngineError {
    match answers.iter().find(|(answered, _)| *answered == call) {
        Some((_, Answer::Failed(error))) => *error,
        other => panic!("{other:?}"),
    }
}

fn digests(nodes: &[Node]) -> Vec<(LogIndex, u64)> {
    nodes.iter().map(|node| (node.engine.machine().applied(), node.engine.machine().digest())).collect()
}

#[test]
fn all_halt_before_the_entry_and_go_on_without_it_once_the_log_says_so() {
    let cluster = FakeCluster::new(3);
    let mut nodes = three(&cluster);
    nodes[0].send();
    run(&cluster, &mut nodes);
    let poison = nodes[0].propose(&POISON);
    nodes[0].engine.step(NOW).unwrap();
    // It is in the log, or will be: what else is in it is not known.
    let behind = nodes[0].send();
    let answers = run(&cluster, &mut nodes);
    let at = nodes[0].halted_at().unwrap();
    assert!(nodes.iter().all(|node| node.halted_at() == Some(at)));
    assert_eq!(refused(&answers, poison), EngineError::Lost);
    assert_eq!(refused(&answers, behind), EngineError::Halted(LogIndex(at)));
    let halt = nodes[0].engine.halted().get().unwrap();
    assert!(
        halt.why.contains("feature level") && halt.contents.to_string().contains("1 RaiseFeatureLevel"),
        "{halt:?}"
    );
    assert!(nodes[0].engine.take_trouble().next().unwrap().contains("ALARM: halted before entry"));

    // Nothing is done, and a good entry is not passed over.
    let refusals = [
        (nodes[0].send(), EngineError::Halted(LogIndex(at))),
        (
            nodes[0].ask(Request::Describe(QueueName { account: QUEUE.account, name: "q".into() })),
            EngineError::Halted(LogIndex(at)),
        ),
        (nodes[0].ask(Request::Skip(LogIndex(at - 1))), EngineError::NotHalted),
        (nodes[0].ask(Request::Skip(LogIndex(at + 1))), EngineError::NotHalted),
    ];
    let answers = run(&cluster, &mut nodes);
    for (call, error) in refusals {
        assert_eq!(refused(&answers, call), error);
    }
    let call = nodes[1].ask(Request::Skip(LogIndex(at)));
    assert_eq!(refused(&nodes[1].steps(), call), EngineError::NotLeading);

    // Said twice, it is written once.
    let first = nodes[0].ask(Request::Skip(LogIndex(at)));
    let under_way = nodes[0].engine.unsynced_bytes();
    let skips = [first, nodes[0].ask(Request::Skip(LogIndex(at)))];
    assert_eq!(nodes[0].engine.unsynced_bytes(), under_way);
    let answers = run(&cluster, &mut nodes);
    let is_done =
        |(call, answer): &(CallId, Answer)| skips.contains(call) && matches!(answer, Answer::Reply(Reply::Done));
    assert!(answers.len() == 2 && answers.iter().all(is_done), "{answers:?}");
    for node in &mut nodes {
        assert_eq!(node.live_again(&cluster).entry, LogIndex(at));
    }
    assert!(cluster.elect(0));
    run(&cluster, &mut nodes);
    assert!(nodes[0].engine.is_serving());
    assert!(nodes.iter().all(|node| node.halted_at().is_none() && jobs(node) == 1));
    nodes[0].send();
    run(&cluster, &mut nodes);
    let digests = digests(&nodes);
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    assert_eq!(jobs(&nodes[2]), 2);
}

/// As a version that can apply it does, or one that comes too late: its state has taken the entry in.
#[test]
fn a_node_that_has_applied_the_entry_begins_again_without_it() {
    let cluster = FakeCluster::new(3);
    let mut nodes = three(&cluster);
    let sent = nodes[0].send();
    let answers = run(&cluster, &mut nodes);
    assert!(matches!(answers[..], [(call, Answer::Reply(_))] if call == sent));
    let at = nodes[0].engine.machine().applied();
    // Nobody has halted, so that only a program of another mind says this.
    nodes[0].propose(&Command::Skip { entry: at });
    run(&cluster, &mut nodes);
    for node in &mut nodes {
        let skipped = node.live_again(&cluster);
        assert_eq!((skipped.entry, skipped.by), (at, at.next()));
    }
    assert!(cluster.elect(0));
    run(&cluster, &mut nodes);
    nodes[0].send();
    run(&cluster, &mut nodes);
    let digests = digests(&nodes);
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
    assert_eq!(jobs(&nodes[1]), 1, "the first job is as if it had never come");
}

#[test]
fn a_node_that_comes_later_passes_over_the_entry_as_well() {
    let cluster = FakeCluster::new(3);
    let mut nodes = three(&cluster);
    let mut late = nodes.pop().unwrap();
    nodes[0].propose(&POISON);
    run(&cluster, &mut nodes);
    let at = LogIndex(nodes[0].halted_at().unwrap());
    nodes[0].ask(Request::Skip(at));
    run(&cluster, &mut nodes);
    nodes.iter_mut().for_each(|node| _ = node.live_again(&cluster));
    assert!(cluster.elect(0));
    run(&cluster, &mut nodes);
    nodes[0].send();
    run(&cluster, &mut nodes);
    // It heard nothing of all that: it halts, reads on, and finds what the log says.
    while late.fatal.is_none() {
        late.steps();
    }
    assert_eq!(late.live_again(&cluster).entry, at);
    nodes.push(late);
    run(&cluster, &mut nodes);
    let digests = digests(&nodes);
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:?}");
}

/// Such a state could not be told from one that has taken the entry in.
#[test]
fn no_checkpoint_is_made_between_the_entry_and_the_one_that_passes_over_it() {
    let cluster = FakeCluster::new(1);
    let mut nodes = vec![Node::new(&cluster, 0)];
    assert!(cluster.elect(0));
    run(&cluster, &mut nodes);
    nodes[0].propose(&POISON);
    run(&cluster, &mut nodes);
    let at = LogIndex(nodes[0].halted_at().unwrap());
    // Before the entry there may be one.
    nodes[0].engine.begin_checkpoint(NOW);
    assert_eq!(nodes[0].engine.take_errands().count(), 1);
    nodes[0].ask(Request::Skip(at));
    run(&cluster, &mut nodes);
    let skipped = nodes[0].live_again(&cluster);
    let mut checked = 0;
    for _ in 0..20 {
        nodes[0].engine.begin_checkpoint(NOW);
        let applied = nodes[0].engine.machine().applied();
        if nodes[0].engine.take_errands().count() > 0 {
            assert!(applied < skipped.entry || applied >= skipped.by, "{applied} between {skipped:?}");
            checked += 1;
        }
        nodes[0].steps();
    }
    assert!(checked > 0 && nodes[0].engine.machine().applied() >= skipped.by);
}
