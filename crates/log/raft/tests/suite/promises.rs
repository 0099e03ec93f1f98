//! What a node says, and when it may.

use super::harness::{Cluster, id};
use bytes::Bytes;
use evenkeel_log::{
    Log, LogEvent, Role,
    conformance::{End, Oracle},
};
use evenkeel_log_raft::{Change, Message, limits::CATCH_UP_BYTES};

/// How many messages a node has to say now. They go on.
fn says(cluster: &mut Cluster, node: usize) -> usize {
    cluster.collect();
    cluster.under_way.iter().filter(|(from, ..)| *from == node).count()
}

/// Carries all that is under way, without any disk's work.
fn carry_all(cluster: &mut Cluster) {
    cluster.collect();
    for message in std::mem::take(&mut cluster.under_way) {
        cluster.carry(message);
    }
}

fn write_all(cluster: &mut Cluster, node: usize) {
    let parts = cluster.node(node);
    while parts.writer.step() {}
    parts.node.work();
}

pub(crate) fn no_promise_leaves_before_it_is_synced() {
    let mut cluster = Cluster::new(3, 6);
    // A candidate's own vote is one.
    cluster.node(0).node.campaign();
    assert_eq!(says(&mut cluster, 0), 0, "its vote for itself is not synced");
    write_all(&mut cluster, 0);
    assert_eq!(says(&mut cluster, 0), 2);
    carry_all(&mut cluster);
    assert_eq!((says(&mut cluster, 1), says(&mut cluster, 2)), (0, 0), "their votes are not synced");
    write_all(&mut cluster, 1);
    assert_eq!(says(&mut cluster, 1), 1);
    carry_all(&mut cluster);
    assert_eq!(cluster.node(0).node.status().leader, Some(id(0)), "two of three");
    // Entries are the same.
    carry_all(&mut cluster);
    assert_eq!(says(&mut cluster, 1), 0, "the fence is not synced");
    write_all(&mut cluster, 1);
    assert_eq!(says(&mut cluster, 1), 1);
}

pub(crate) fn a_leader_s_entries_leave_beside_its_own_sync() {
    let mut cluster = Cluster::new(3, 7);
    cluster.settle();
    let owner = cluster.owner().unwrap();
    while cluster.log(owner).poll().is_some() {}
    for n in 0..10u8 {
        cluster.log(owner).propose(Bytes::from(vec![n; 100])).unwrap();
        cluster.node(owner).node.work();
    }
    assert_eq!(says(&mut cluster, owner), 20, "ten are under way to each of two, and nothing is written yet");
    // They commit it without the leader's own disk; the leader tells it only once it has it, too.
    carry_all(&mut cluster);
    (0..3).filter(|node| *node != owner).for_each(|node| write_all(&mut cluster, node));
    carry_all(&mut cluster);
    let status = cluster.node(owner).node.status();
    assert_eq!(status.committed, status.last);
    assert!(cluster.log(owner).poll().is_none());
    write_all(&mut cluster, owner);
    assert_eq!(std::iter::from_fn(|| cluster.log(owner).poll()).count(), 10);
}

pub(crate) fn a_lone_voter_sends_nothing_under_a_term_that_is_not_synced() {
    let mut cluster = Cluster::new(1, 8);
    cluster.settle();
    cluster.add();
    while cluster.log(0).poll().is_some() {}
    cluster.node(0).node.change_members(Change::AddLearner(id(1))).unwrap();
    cluster.settle();
    cluster.stop(0, End::Kill);
    cluster.start(0, 0);
    cluster.under_way.clear();
    for _ in 0..5 {
        cluster.node(0).node.tick();
    }
    assert_eq!(says(&mut cluster, 0), 0, "it leads at once, and its term is not synced");
    write_all(&mut cluster, 0);
    assert!(says(&mut cluster, 0) > 0);
}

pub(crate) fn a_proposal_of_an_earlier_reign_is_refused() {
    let mut cluster = Cluster::new(3, 9);
    let mut oracle = Oracle::new(3);
    cluster.settle();
    let owner = cluster.owner().unwrap();
    oracle.listen(owner, cluster.log(owner));
    let Role::Owner(first) = cluster.log(owner).role() else { panic!("it was told") };
    // Another reigns, and then this one again; its engine was busy and has heard of neither.
    let other = (owner + 1) % 3;
    cluster.node(owner).node.hand_over(id(other)).unwrap();
    cluster.pump();
    assert_eq!(cluster.owner(), Some(other));
    cluster.node(other).node.hand_over(id(owner)).unwrap();
    cluster.pump();
    assert_eq!(cluster.owner(), Some(owner));
    assert_eq!(cluster.log(owner).role(), Role::Owner(first));
    assert!(oracle.propose(owner, cluster.log(owner), 50));
    cluster.pump();
    let events = oracle.listen(owner, cluster.log(owner));
    assert!(matches!(events.last(), Some(LogEvent::Refused { .. })), "{events:?}");
    assert!(matches!(cluster.log(owner).role(), Role::Owner(now) if now > first));
}

/// Found by seed 4269 of `seeds`: a node that had just heard of a new leader took one more proposal, the core passed it on and said that it had it, and the
/// answer of the new leader's entry at that index went to who had proposed here.
pub(crate) fn a_proposal_that_meets_the_news_of_a_new_leader_is_refused() {
    let mut cluster = Cluster::new(3, 10);
    let mut oracle = Oracle::new(3);
    cluster.settle();
    let owner = cluster.owner().unwrap();
    oracle.listen(owner, cluster.log(owner));
    cluster.isolate(owner);
    // Longer than a follower trusts a leader of whom it hears nothing.
    for _ in 0..25 {
        (0..3).filter(|node| *node != owner).for_each(|node| cluster.node(node).node.tick());
        for _ in 0..6 {
            (0..3).filter(|node| *node != owner).for_each(|node| write_all(&mut cluster, node));
            carry_all(&mut cluster);
        }
    }
    assert!(cluster.owner().is_some_and(|new| new != owner), "one of the others reigns");
    cluster.heal();
    cluster.under_way.clear();
    for _ in 0..3 {
        (0..3).filter(|node| *node != owner).for_each(|node| cluster.node(node).node.tick());
    }
    // The proposal waits at the node when the message comes.
    assert!(oracle.propose(owner, cluster.log(owner), 50));
    carry_all(&mut cluster);
    cluster.settle();
    let events = oracle.listen(owner, cluster.log(owner));
    assert!(events.iter().any(|event| matches!(event, LogEvent::Refused { .. })), "{events:?}");
    let new = cluster.owner().unwrap();
    oracle.listen(new, cluster.log(new));
    assert!(oracle.propose(new, cluster.log(new), 50));
    cluster.settle();
    (0..3).for_each(|node| drop(oracle.listen(node, cluster.log(node))));
    assert_eq!((oracle.unanswered(owner), oracle.unanswered(new)), (0, 0));
}

/// A node that is broken says whatever it likes. Who believes it may be wrong; nobody ends by a panic.
pub(crate) fn what_cannot_be_is_dropped_and_harms_nobody() {
    // Kind, whether it refuses, and all numbers but the term: a lie about that is a campaign.
    const FIELDS: [usize; 9] = [9, 10, 40, 48, 56, 64, 72, 80, 88];
    for seed in 0..400 {
        let mut cluster = Cluster::new(3, seed);
        cluster.settle();
        let owner = cluster.owner().unwrap();
        while cluster.log(owner).poll().is_some() {}
        let mut said: Vec<(usize, usize, Bytes)> = Vec::new();
        for n in 0..4u8 {
            cluster.log(owner).propose(Bytes::from(vec![n; 60])).unwrap();
            for _ in 0..3 {
                cluster.tick();
                (0..3).for_each(|node| write_all(&mut cluster, node));
                cluster.collect();
                said.extend(cluster.under_way.iter().cloned());
                carry_all(&mut cluster);
            }
        }
        let (_, to, bytes) = said[cluster.random.below(said.len())].clone();
        let mut bytes = bytes.to_vec();
        let field = FIELDS[cluster.random.below(FIELDS.len())];
        let lie = [1, 2, 5, 15, 0x80, 0xFF][cluster.random.below(6)];
        bytes[field] = bytes[field].wrapping_add(lie);
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[8..]).to_le_bytes();
        bytes[..8].copy_from_slice(&checksum);
        if let Ok(message) = Message::decode(bytes.into()) {
            cluster.node(to).node.step(message);
            write_all(&mut cluster, to);
            cluster.node(to).node.tick();
        }
    }
}

/// Those who work must not wait behind one that is far behind: what is read from the disk for it comes in pieces, by time.
pub(crate) fn a_follower_that_is_far_behind_catches_up_in_pieces() {
    const ENTRY_BYTES: u64 = 20_000;
    let mut cluster = Cluster::new(3, 12);
    cluster.settle();
    let owner = cluster.owner().unwrap();
    let behind = (owner + 1) % 3;
    cluster.stop(behind, End::Kill);
    while cluster.log(owner).poll().is_some() {}
    for _ in 0..60 {
        cluster.log(owner).propose(vec![1; 20_000].into()).unwrap();
        cluster.pump();
    }
    // What is in memory is not what this is about.
    let others: Vec<_> = (0..3).filter(|node| *node != behind).collect();
    for &node in &others {
        cluster.stop(node, End::Kill);
        cluster.start(node, 0);
    }
    for _ in 0..60 {
        cluster.pump();
        cluster.tick();
    }
    cluster.start(behind, 0);
    let last = cluster.node(cluster.owner().unwrap()).node.status().last;
    let (mut had, mut leaves) = (cluster.node(behind).node.status().last, 0);
    while had < last {
        cluster.pump();
        let has = cluster.node(behind).node.status().last;
        let most = CATCH_UP_BYTES / ENTRY_BYTES + 2;
        assert!(has.0 - had.0 <= most, "{had} to {has} of {last} at once");
        had = has;
        leaves += 1;
        assert!(leaves < 200, "it does not catch up: {has} of {last}");
        cluster.tick();
    }
    assert!(leaves > 5, "{leaves}");
}
