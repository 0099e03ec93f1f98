//! What a node may start with, and what it must not.

use super::harness::{Cluster, LOG, dir, id, open, options};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_log::{
    Log, LogError, LogEvent, Role,
    conformance::{End, Oracle},
};
use evenkeel_log_local::{LocalLog, Step};
use evenkeel_log_raft::{Change, Members, Start};
use evenkeel_types::{Epoch, LogIndex};

/// What a single node's log of eight batches leaves.
fn single() -> MemDisk {
    let disk = MemDisk::new(0);
    let usual = evenkeel_log_local::Options { segment_bytes: 8192, ..evenkeel_log_local::Options::new(LOG) };
    let (mut log, mut writer, _) = LocalLog::open(disk.clone(), dir(), usual, LogIndex::ZERO).unwrap();
    while log.poll().is_some() {}
    for n in 1..=8u8 {
        log.propose(vec![n; 2000].into()).unwrap();
        while matches!(writer.step(), Step::Done(_) | Step::Filled) {}
    }
    disk
}

pub(crate) fn a_single_node_s_folder_becomes_the_first_of_a_cluster() {
    let disk = single();
    let others = Members::of(&[id(0), id(1)]);
    let refused = open(&disk, &options(0, Start::New(others), 0), 0);
    assert!(matches!(refused, Err(LogError::Misuse(_))), "others know nothing of what it has");
    let alone = Start::New(Members::of(&[id(0)]));
    let (mut parts, opened) = open(&disk, &options(0, alone, 0), 3).unwrap();
    assert!(opened.is_new);
    while parts.writer.step() || parts.node.work() {}
    let events: Vec<_> = std::iter::from_fn(|| parts.log.poll()).collect();
    let told = |event: &LogEvent| match event {
        LogEvent::Committed { entry, ticket: None } => Some((entry.index.0, entry.epoch.0, entry.batch.len())),
        _ => None,
    };
    let entries: Vec<_> = events.iter().filter_map(told).collect();
    assert_eq!(
        entries,
        [(4, 1, 2000), (5, 1, 2000), (6, 1, 2000), (7, 1, 2000), (8, 1, 2000), (9, 1, 2000), (10, 2, 0)]
    );
    assert!(matches!(events.last(), Some(LogEvent::RoleChanged(Role::Owner(Epoch(2))))), "{events:?}");
    // It goes on, also after a power cut.
    parts.log.propose(vec![9; 100].into()).unwrap();
    while parts.node.work() || parts.writer.step() {}
    assert!(matches!(parts.log.poll(), Some(LogEvent::Committed { ticket: Some(_), .. })));
    drop(parts);
    disk.crash();
    let (parts, opened) = open(&disk, &options(0, Start::Again, 0), 10).unwrap();
    assert!(!opened.is_new);
    assert_eq!(parts.node.status().last, LogIndex(12), "the batch and a new fence");
}

pub(crate) fn a_node_without_its_vote_file_does_not_start() {
    let mut cluster = Cluster::new(3, 1);
    cluster.settle();
    cluster.stop(1, End::Kill);
    cluster.disks[1].lose(&dir().join("votes")).unwrap();
    let refused = open(&cluster.disks[1], &options(1, Start::Again, 1), 0);
    assert!(matches!(&refused, Err(LogError::Damaged { file, .. }) if file == "votes"), "it could vote twice");
}

/// A node whose log is gone, while its vote file is not: nothing on its own disk proves what it acknowledged, but its leader knows.
pub(crate) fn a_node_that_lost_its_log_says_so_when_its_leader_speaks() {
    let mut cluster = Cluster::new(3, 2);
    let mut oracle = Oracle::new(3);
    cluster.settle();
    let owner = cluster.owner().unwrap();
    oracle.listen(owner, cluster.log(owner));
    for _ in 0..5 {
        assert!(oracle.propose(owner, cluster.log(owner), 500));
    }
    cluster.settle();
    let victim = (owner + 1) % 3;
    let empty = MemDisk::new(9);
    empty.create_dir_all(dir()).unwrap();
    let votes = cluster.disks[victim].contents(&dir().join("votes")).unwrap();
    let file = empty.open(&dir().join("votes"), OpenMode::CreateNew).unwrap();
    file.write_all_at(&votes, 0).unwrap();
    file.sync().unwrap();
    empty.sync_dir(dir()).unwrap();
    // The leader still is in the same term, and does not know.
    cluster.parts[victim] = None;
    cluster.disks[victim] = empty;
    match open(&cluster.disks[victim], &options(victim, Start::Again, 2), 0) {
        // The vote file itself proves it.
        Err(LogError::Damaged { .. }) => {}
        Err(error) => panic!("{error}"),
        Ok((parts, _)) => {
            cluster.parts[victim] = Some(parts);
            for _ in 0..10 {
                cluster.pump();
                cluster.tick();
            }
            let failed = std::iter::from_fn(|| cluster.log(victim).poll()).last();
            assert!(matches!(failed, Some(LogEvent::Failed(LogError::Damaged { .. }))), "{failed:?}");
        }
    }
}

pub(crate) fn an_older_vote_file_is_found_by_the_entries() {
    let mut cluster = Cluster::new(1, 3);
    cluster.settle();
    let old = cluster.disks[0].contents(&dir().join("votes")).unwrap();
    for _ in 0..3 {
        cluster.stop(0, End::Kill);
        cluster.start(0, 0);
        cluster.settle();
    }
    cluster.stop(0, End::Kill);
    let file = cluster.disks[0].open(&dir().join("votes"), OpenMode::ReadWrite).unwrap();
    file.write_all_at(&old, 0).unwrap();
    file.sync().unwrap();
    let refused = open(&cluster.disks[0], &options(0, Start::Again, 3), 0);
    assert!(matches!(&refused, Err(LogError::Damaged { file, .. }) if file == "votes"));
}

/// What the one that is left had not heard to be committed counts, and a change of members that was under way does not.
pub(crate) fn one_that_is_left_of_a_lost_majority_goes_on_alone() {
    let mut cluster = Cluster::new(3, 5);
    cluster.settle();
    let left = cluster.owner().unwrap();
    cluster.isolate(left);
    let log = cluster.log(left);
    while log.poll().is_some() {}
    log.propose(vec![7; 300].into()).unwrap();
    cluster.node(left).node.change_members(Change::AddLearner(id(3))).unwrap();
    cluster.pump();
    let last = cluster.node(left).node.status().last;
    cluster.stop(left, End::PowerCut);
    let (mut parts, _) = open(&cluster.disks[left], &options(left, Start::Alone, 5), 0).unwrap();
    while parts.writer.step() || parts.node.work() {}
    let status = parts.node.status();
    assert_eq!((&status.members, status.owns.is_some()), (&Members::of(&[id(left)]), true), "{status:?}");
    let told: Vec<_> = std::iter::from_fn(|| parts.log.poll()).collect();
    let is_there = |event: &LogEvent| matches!(event, LogEvent::Committed { entry, .. } if entry.batch.len() == 300);
    assert!(told.iter().any(is_there) && status.committed > last, "{told:?}");
    drop(parts);
    cluster.disks[left].crash();
    let (mut parts, opened) = open(&cluster.disks[left], &options(left, Start::Again, 5), 0).unwrap();
    while parts.writer.step() || parts.node.work() {}
    assert_eq!((opened.members, parts.node.status().owns.is_some()), (Members::of(&[id(left)]), true));
}
