use super::*;
use crate::{
    Log, LogEvent, ProposeError, Role,
    conformance::{self, End, Harness, Random},
};
use bytes::Bytes;
use evenkeel_types::LogIndex;

/// A cluster under the suite. `NODES` and the seed decide how deliveries go.
struct FakeHarness<const NODES: usize> {
    cluster: FakeCluster,
    logs: Vec<FakeLog>,
    random: Random,
}

impl<const NODES: usize> Harness for FakeHarness<NODES> {
    type Log = FakeLog;

    fn fresh(seed: u64) -> Self {
        let cluster = FakeCluster::new(NODES);
        let logs = (0..NODES).map(|number| cluster.start(number, LogIndex::ZERO)).collect();
        assert!(cluster.elect(0));
        Self { cluster, logs, random: Random::new(seed) }
    }

    fn nodes(&self) -> usize {
        NODES
    }

    fn owner(&self) -> usize {
        self.cluster.owner().unwrap_or(0)
    }

    fn log(&mut self, node: usize) -> &mut FakeLog {
        &mut self.logs[node]
    }

    fn drive(&mut self) {
        self.cluster.heal();
        if self.cluster.owner().is_none() {
            let elected = (0..NODES).any(|node| self.cluster.elect(node));
            assert!(elected, "with all nodes up, one has the newest log");
        }
        self.cluster.settle();
    }

    fn drive_a_bit(&mut self) {
        let [from, to] = [self.random.below(NODES), self.random.below(NODES)];
        let entries = self.random.below(3);
        self.cluster.deliver(from, to, entries);
    }

    fn restart(&mut self, node: usize, _end: End, applied: LogIndex) {
        self.logs[node] = self.cluster.start(node, applied);
    }

    fn depose(&mut self) -> Option<usize> {
        let old = self.cluster.owner()?;
        self.cluster.isolate(old);
        let new = (0..NODES).filter(|node| *node != old).find(|node| self.cluster.elect(*node));
        self.cluster.heal();
        new
    }
}

#[test]
fn one_node_conforms() {
    conformance::check_all::<FakeHarness<1>>();
}

#[test]
fn three_nodes_conform() {
    conformance::check_all::<FakeHarness<3>>();
}

#[test]
fn five_nodes_conform() {
    conformance::check_all::<FakeHarness<5>>();
}

fn drain(log: &mut FakeLog) -> Vec<LogEvent> {
    std::iter::from_fn(|| log.poll()).collect()
}

#[test]
fn a_deposed_owner_s_pipeline_is_refused_by_every_node() {
    let mut harness = FakeHarness::<3>::fresh(0);
    harness.drive();
    drain(harness.log(0));
    harness.cluster.isolate(0);
    assert!(harness.cluster.elect(1));
    let tickets: Vec<_> = (0..5u8).map(|n| harness.log(0).propose(Bytes::from(vec![n])).unwrap()).collect();
    harness.cluster.deliver(1, 2, usize::MAX);
    harness.cluster.heal();
    // The old owner speaks first: its five entries would fit by position alone.
    harness.cluster.deliver(0, 2, usize::MAX);
    assert_eq!(harness.cluster.refused_appends(), 5);
    assert_eq!(harness.log(0).propose(Bytes::from_static(b"late")), Err(ProposeError::NotOwner));
    harness.drive();
    let refused: Vec<_> = drain(harness.log(0))
        .into_iter()
        .filter_map(|event| if let LogEvent::Refused { ticket, .. } = event { Some(ticket) } else { None })
        .collect();
    assert_eq!(refused, tickets);
    assert_eq!(harness.log(0).role(), Role::Follower);
}

#[test]
fn a_follower_that_is_too_far_behind_is_sent_a_snapshot() {
    let mut harness = FakeHarness::<3>::fresh(0);
    harness.drive();
    drain(harness.log(0));
    harness.cluster.isolate(2);
    for n in 0..10u8 {
        harness.log(0).propose(Bytes::from(vec![n])).unwrap();
    }
    harness.cluster.settle();
    drain(harness.log(0));
    harness.log(0).trim(LogIndex(8)).unwrap();
    drain(harness.log(2));
    harness.drive();
    let events = drain(harness.log(2));
    assert!(matches!(events.first(), Some(LogEvent::SnapshotInstalled { at: LogIndex(7) })), "{events:?}");
    assert_eq!(events.len(), 5, "and then entries 8 to 11: {events:?}");
}
