//! A disk without room.

use super::harness::Cluster;
use evenkeel_log::{
    Log, ProposeError, Role,
    conformance::{End, Oracle},
};
use evenkeel_types::LogIndex;

/// Proposes so many batches and lets them settle as far as they can. How many were taken.
fn propose(cluster: &mut Cluster, oracle: &mut Oracle, owner: usize, count: usize) -> usize {
    let taken = (0..count).filter(|_| oracle.propose(owner, cluster.log(owner), 900)).count();
    for _ in 0..5 {
        cluster.pump();
        cluster.tick();
        for node in 0..cluster.parts.len() {
            let parts = cluster.parts[node].as_mut().unwrap();
            oracle.listen(node, &mut parts.log);
        }
    }
    taken
}

pub(crate) fn a_follower_whose_disk_is_full_waits_and_catches_up() {
    let mut cluster = Cluster::new(3, 11);
    let mut oracle = Oracle::new(3);
    cluster.settle();
    let owner = cluster.owner().unwrap();
    propose(&mut cluster, &mut oracle, owner, 0);
    assert_eq!(propose(&mut cluster, &mut oracle, owner, 5), 5);
    let full = (owner + 1) % 3;
    cluster.disks[full].set_capacity(Some(cluster.disks[full].used()));
    assert_eq!(propose(&mut cluster, &mut oracle, owner, 60), 60, "two of three have room");
    assert_eq!(oracle.unanswered(owner), 0);
    let behind = oracle.applied(full);
    assert!(behind < oracle.last(), "it cannot have it all");
    assert_eq!(cluster.owner(), Some(owner), "it waits, and disturbs nobody");
    cluster.disks[full].set_capacity(None);
    cluster.settle();
    assert_eq!(propose(&mut cluster, &mut oracle, owner, 1), 1);
    assert_eq!(oracle.applied(full), oracle.last());
}

pub(crate) fn an_owner_whose_disk_is_full_refuses_and_goes_on_when_there_is_room() {
    let mut cluster = Cluster::new(3, 12);
    let mut oracle = Oracle::new(3);
    cluster.settle();
    let owner = cluster.owner().unwrap();
    propose(&mut cluster, &mut oracle, owner, 0);
    assert_eq!(propose(&mut cluster, &mut oracle, owner, 5), 5);
    cluster.disks[owner].set_capacity(Some(cluster.disks[owner].used() + 3 * 8192));
    let mut taken = 0;
    while propose(&mut cluster, &mut oracle, owner, 1) == 1 {
        taken += 1;
        assert!(taken < 200, "it never says that it is full");
    }
    assert_eq!(cluster.log(owner).propose(vec![1; 900].into()), Err(ProposeError::Full));
    // What was taken is committed by the others, and told here once there is room.
    cluster.disks[owner].set_capacity(None);
    cluster.settle();
    propose(&mut cluster, &mut oracle, owner, 0);
    assert_eq!(oracle.unanswered(owner), 0);
    assert!(propose(&mut cluster, &mut oracle, owner, 1) == 1 && oracle.applied(owner) > LogIndex(taken));
}

/// Three nodes in namespaces, seed 15: the leader's disk full, it cut off, its entries replaced by another's. It ended, since writing down that
/// it would remove them needed room.
pub(crate) fn one_that_is_deposed_with_a_full_disk_gives_up_its_entries_without_room() {
    let mut cluster = Cluster::new(3, 15);
    let mut oracle = Oracle::new(3);
    cluster.settle();
    let first = cluster.owner().unwrap();
    propose(&mut cluster, &mut oracle, first, 3);
    for reign in 0..4 {
        // Every other time it starts again before, on the full disk.
        let old = cluster.owner().unwrap();
        cluster.isolate(old);
        let last = cluster.node(old).node.status().last;
        (0..3).for_each(|_| assert!(oracle.propose(old, cluster.log(old), 900)));
        cluster.pump();
        assert_eq!(cluster.node(old).node.status().last.0, last.0 + 3, "reign {reign}");
        cluster.disks[old].set_capacity(Some(cluster.disks[old].used()));
        let new = loop {
            cluster.tick();
            cluster.pump();
            if let Some(new) = cluster.owner().filter(|owner| *owner != old) {
                break new;
            }
        };
        propose(&mut cluster, &mut oracle, new, 1);
        if reign % 2 == 1 {
            cluster.stop(old, End::PowerCut);
            cluster.start(old, 0);
            oracle.restarted(old, LogIndex(0));
        }
        cluster.heal();
        (0..20).for_each(|_| _ = propose(&mut cluster, &mut oracle, new, 0));
        assert_eq!(cluster.log(old).role(), Role::Follower, "reign {reign}: it has not failed");
        cluster.disks[old].set_capacity(None);
        cluster.settle();
        propose(&mut cluster, &mut oracle, new, 0);
        assert_eq!((oracle.applied(old), oracle.unanswered(old)), (oracle.last(), 0), "reign {reign}");
    }
}
