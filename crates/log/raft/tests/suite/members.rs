//! Who keeps the log, and who leads.

use super::harness::{Cluster, id};
use evenkeel_log::{
    Log, LogEvent,
    conformance::{End, Oracle},
};
use evenkeel_log_raft::{Change, ChangeError, Members};
use evenkeel_types::LogIndex;

/// All nodes hear, and `count` batches are proposed and settled.
fn go_on(cluster: &mut Cluster, oracle: &mut Oracle, count: usize) {
    let rest = |cluster: &mut Cluster, oracle: &mut Oracle| {
        // What they hear may give them something to do once more.
        for _ in 0..4 {
            cluster.settle();
            listen(cluster, oracle);
        }
    };
    rest(cluster, oracle);
    let owner = cluster.owner().unwrap();
    for _ in 0..count {
        assert!(oracle.propose(owner, cluster.log(owner), 700));
    }
    rest(cluster, oracle);
}

fn listen(cluster: &mut Cluster, oracle: &mut Oracle) {
    for node in 0..cluster.parts.len() {
        if let Some(parts) = &mut cluster.parts[node] {
            oracle.listen(node, &mut parts.log);
        }
    }
}

/// These nodes' segments begin just below what was told; what they still hold in memory is older.
fn lose_the_beginning(cluster: &mut Cluster, oracle: &mut Oracle, nodes: &[usize]) {
    for &node in nodes {
        let floor = LogIndex(oracle.applied(node).0 - 2);
        assert!(oracle.trim(node, cluster.log(node), floor));
        assert!(oracle.release(node, cluster.log(node), LogIndex(1), floor));
    }
    cluster.settle();
}

fn change(cluster: &mut Cluster, change: Change) -> Result<(), ChangeError> {
    let owner = cluster.owner().unwrap();
    cluster.node(owner).node.change_members(change)
}

pub(crate) fn a_learner_joins_catches_up_votes_and_another_leaves() {
    let mut cluster = Cluster::new(3, 4);
    let mut oracle = Oracle::new(5);
    go_on(&mut cluster, &mut oracle, 20);
    let owner = cluster.owner().unwrap();
    assert_eq!(change(&mut cluster, Change::Promote(id(3))), Err(ChangeError::NotAMember(id(3))));
    assert_eq!(change(&mut cluster, Change::Remove(id(owner))), Err(ChangeError::Leads(id(owner))));
    cluster.add();
    assert_eq!(change(&mut cluster, Change::AddLearner(id(3))), Ok(()));
    assert_eq!(change(&mut cluster, Change::AddLearner(id(4))), Err(ChangeError::UnderWay));
    assert_eq!(change(&mut cluster, Change::Promote(id(3))), Err(ChangeError::UnderWay));
    go_on(&mut cluster, &mut oracle, 5);
    assert_eq!(oracle.applied(3), oracle.last(), "a learner hears everything");
    assert_eq!(cluster.node(3).node.status().members.learners, [id(3)]);
    assert_eq!(change(&mut cluster, Change::Promote(id(3))), Ok(()));
    go_on(&mut cluster, &mut oracle, 5);
    let leaving = (0..3).find(|node| *node != owner).unwrap();
    assert_eq!(change(&mut cluster, Change::Remove(id(leaving))), Ok(()));
    go_on(&mut cluster, &mut oracle, 5);
    cluster.stop(leaving, End::Kill);
    let staying: Vec<_> = (0..4).filter(|node| *node != leaving).map(id).collect();
    assert_eq!(cluster.node(3).node.status().members, Members::of(&staying));
    // The one that came votes: with it and one other there is a majority of three.
    cluster.stop(owner, End::PowerCut);
    for _ in 0..100 {
        cluster.pump();
        cluster.tick();
    }
    listen(&mut cluster, &mut oracle);
    assert!(cluster.owner().is_some(), "two of three find an owner");
}

pub(crate) fn members_survive_a_power_cut() {
    for seed in 0..20 {
        let mut cluster = Cluster::new(1, seed);
        let mut oracle = Oracle::new(2);
        go_on(&mut cluster, &mut oracle, 3);
        cluster.add();
        change(&mut cluster, Change::AddLearner(id(1))).unwrap();
        go_on(&mut cluster, &mut oracle, 2);
        assert!(!cluster.log(0).guarantees().replicated);
        change(&mut cluster, Change::Promote(id(1))).unwrap();
        go_on(&mut cluster, &mut oracle, 2);
        assert!(cluster.log(0).guarantees().replicated);
        let all = Members::of(&[id(0), id(1)]);
        for node in [0, 1] {
            // With a state that holds all that was told, so that nothing but the vote file knows of the changes.
            let applied = oracle.applied(node);
            cluster.stop(node, End::PowerCut);
            cluster.start(node, applied.0);
            oracle.restarted(node, applied);
            assert_eq!(cluster.node(node).node.status().members, all, "seed {seed}, node {node}");
        }
        go_on(&mut cluster, &mut oracle, 2);
        assert_eq!(oracle.applied(1), oracle.last());
    }
}

pub(crate) fn a_member_that_needs_a_snapshot_gets_one_and_goes_on() {
    for seed in 0..10 {
        let mut cluster = Cluster::new(3, seed);
        let mut oracle = Oracle::new(4);
        go_on(&mut cluster, &mut oracle, 40);
        lose_the_beginning(&mut cluster, &mut oracle, &[0, 1, 2]);
        // Nor in memory.
        for node in 0..3 {
            let applied = oracle.applied(node);
            cluster.stop(node, End::Kill);
            cluster.start(node, applied.0);
            oracle.restarted(node, applied);
        }
        go_on(&mut cluster, &mut oracle, 2);
        cluster.add();
        change(&mut cluster, Change::AddLearner(id(3))).unwrap();
        go_on(&mut cluster, &mut oracle, 0);
        // A part of it was told as a snapshot, and the rest as entries.
        go_on(&mut cluster, &mut oracle, 4);
        assert_eq!(oracle.applied(3), oracle.last(), "seed {seed}");
        assert!(cluster.log(3).first_index() > LogIndex(20), "seed {seed}: it came by a snapshot");
        cluster.stop(3, End::PowerCut);
        let applied = oracle.applied(3);
        cluster.start(3, applied.0);
        oracle.restarted(3, applied);
        assert!(cluster.node(3).node.status().members.learners.contains(&id(3)), "it knows that it is a member");
        go_on(&mut cluster, &mut oracle, 4);
        assert_eq!(oracle.applied(3), oracle.last(), "seed {seed}");
    }
}

/// Found by seed 98 of the simulated clusters: a leader whose fence waited for just the node that needed its state offered it to nobody, since it did not own
/// the log yet; so it never owned it.
pub(crate) fn a_leader_offers_its_state_before_it_owns_the_log() {
    let mut cluster = Cluster::new(3, 21);
    let mut oracle = Oracle::new(3);
    go_on(&mut cluster, &mut oracle, 2);
    let away = (cluster.owner().unwrap() + 1) % 3;
    cluster.stop(away, End::Kill);
    go_on(&mut cluster, &mut oracle, 40);
    let there: Vec<_> = (0..3).filter(|node| *node != away).collect();
    lose_the_beginning(&mut cluster, &mut oracle, &there);
    // One of the two that have it all is gone, and the other is needed, as well as the one that was away.
    let [gone, left] = there[..] else { panic!("two of three") };
    let applied = oracle.applied(left);
    cluster.stop(gone, End::Kill);
    cluster.stop(left, End::Kill);
    cluster.start(left, applied.0);
    oracle.restarted(left, applied);
    cluster.start(away, oracle.applied(away).0);
    for _ in 0..100 {
        cluster.pump();
        cluster.tick();
    }
    let status = cluster.node(left).node.status();
    assert!(status.leads() && status.owns.is_none(), "{status:?}");
    assert!(status.peers.iter().any(|peer| peer.node == id(away) && peer.is_there && peer.needs_snapshot));
    // Whoever looks at that offers the state.
    go_on(&mut cluster, &mut oracle, 2);
    assert_eq!(oracle.applied(away), oracle.last());
}

/// A new leader knows of nobody how far he is, until he has said so. It took that for having nothing, and kept its state for him.
pub(crate) fn one_that_a_new_leader_has_not_heard_from_is_not_called_too_far_behind() {
    let mut cluster = Cluster::new(3, 22);
    let mut oracle = Oracle::new(3);
    go_on(&mut cluster, &mut oracle, 40);
    lose_the_beginning(&mut cluster, &mut oracle, &[0, 1, 2]);
    let away = (cluster.owner().unwrap() + 1) % 3;
    // All start again, so that nobody has the beginning in memory; one stays away.
    for node in 0..3 {
        cluster.stop(node, End::Kill);
        if node != away {
            cluster.start(node, oracle.applied(node).0);
            oracle.restarted(node, oracle.applied(node));
        }
    }
    let of_it = |cluster: &Cluster| {
        let leader = cluster.owner()?;
        let status = cluster.parts[leader].as_ref()?.node.status();
        status.peers.into_iter().find(|peer| peer.node == id(away))
    };
    (0..100).for_each(|_| {
        cluster.pump();
        cluster.tick();
    });
    let peer = of_it(&cluster).expect("one leads");
    assert!(!peer.is_there && !peer.needs_snapshot && peer.matched == LogIndex::ZERO, "{peer:?}");
    // It comes back with all that there was: whatever it says, it is never in need of a state.
    cluster.start(away, oracle.applied(away).0);
    oracle.restarted(away, oracle.applied(away));
    for _ in 0..100 {
        cluster.collect();
        match cluster.under_way.is_empty() {
            true => cluster.tick(),
            false => {
                let message = cluster.under_way.remove(0);
                cluster.carry(message);
            }
        }
        for node in 0..3 {
            cluster.node(node).node.work();
            cluster.disk_part(node);
        }
        assert!(!of_it(&cluster).unwrap().needs_snapshot);
    }
    assert!(of_it(&cluster).unwrap().matched > LogIndex(40));
}

pub(crate) fn handing_over_is_one_election_and_loses_nothing() {
    let mut cluster = Cluster::new(3, 5);
    let mut oracle = Oracle::new(3);
    go_on(&mut cluster, &mut oracle, 10);
    let old = cluster.owner().unwrap();
    let term = cluster.node(old).node.status().term;
    let new = (old + 1) % 3;
    assert_eq!(cluster.node(old).node.hand_over(id(old)), Err(ChangeError::NoChange(id(old))));
    assert_eq!(cluster.node(new).node.hand_over(id(old)), Err(ChangeError::NotLeading));
    for _ in 0..5 {
        assert!(oracle.propose(old, cluster.log(old), 300));
    }
    assert_eq!(cluster.node(old).node.hand_over(id(new)), Ok(()));
    // What comes now waits, and is refused once the other reigns: it did not happen.
    assert!(oracle.propose(old, cluster.log(old), 300));
    // Without a tick: no time is lost.
    cluster.pump();
    let refused =
        oracle.listen(old, cluster.log(old)).iter().filter(|event| matches!(event, LogEvent::Refused { .. })).count();
    assert_eq!(refused, 1);
    listen(&mut cluster, &mut oracle);
    assert_eq!(cluster.owner(), Some(new));
    assert_eq!(cluster.node(new).node.status().term, term + 1);
    assert_eq!(oracle.unanswered(old), 0);
    go_on(&mut cluster, &mut oracle, 3);
    assert!(oracle.applied(old) == oracle.last());
}
