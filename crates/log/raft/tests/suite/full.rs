//! A disk without room.

use super::harness::Cluster;
use evenkeel_log::{Log, ProposeError, conformance::Oracle};
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
