//! What a member says that no sound one would: it may be believed, and what it leaves on the disk is sound all the same.

use super::harness::{Cluster, id};
use evenkeel_log::{Log, LogEvent, conformance::End};
use evenkeel_log_raft::Message;

/// An entry: its kind (1 batch, 2 fence, 3 membership), its epoch, its payload.
type Entry<'a> = (u8, u64, &'a [u8]);

/// A message from node 1 to node 0: the table is in `src/message.rs`.
fn message(
    kind: u8,
    term: u64,
    (behind, term_there): (u64, u64),
    committed: u64,
    entries: u32,
    rest: &[u8],
) -> Message {
    let mut bytes = vec![0; 8];
    bytes.extend_from_slice(&[1, kind, 0, 0]);
    bytes.extend_from_slice(&entries.to_le_bytes());
    for number in [id(0).0, id(1).0, term, term_there, behind, committed, 0, 0, 0, 0] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(rest);
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[8..]).to_le_bytes();
    bytes[..8].copy_from_slice(&checksum);
    Message::decode(bytes.into()).unwrap()
}

/// Entries behind the last that node 0 has.
fn append(cluster: &mut Cluster, term: u64, entries: &[Entry<'_>], are_committed: bool) -> Message {
    let status = cluster.node(0).node.status();
    let behind = status.last.0;
    let committed = if are_committed { behind + entries.len() as u64 } else { status.committed.0 };
    let mut bytes = Vec::new();
    for (kind, epoch, payload) in entries {
        bytes.extend_from_slice(&[*kind, 0, 0, 0]);
        bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&epoch.to_le_bytes());
        bytes.extend_from_slice(payload);
    }
    let count = u32::try_from(entries.len()).unwrap();
    message(3, term, (behind, status.term), committed, count, &bytes)
}

fn settled(seed: u64) -> Cluster {
    let mut cluster = Cluster::new(3, seed);
    cluster.settle();
    cluster
}

/// The next start would take it for damage: the log's segments begin each epoch with a fence.
pub(crate) fn an_epoch_that_begins_without_a_fence_is_not_taken() {
    let mut cluster = settled(3);
    let before = cluster.node(0).node.status();
    let term = before.term + 1;
    for entries in [&[(1, term, b"a batch".as_slice())][..], &[(1, before.term, b"a"), (3, term, b"\0\0")]] {
        let lie = append(&mut cluster, term, entries, false);
        cluster.node(0).node.step(lie);
        cluster.pump();
        assert_eq!(cluster.node(0).node.status().last, before.last);
    }
    let sound = append(&mut cluster, term, &[(1, before.term, b"a"), (2, term, b""), (1, term, b"b")], false);
    cluster.node(0).node.step(sound);
    cluster.node(0).node.work();
    assert_eq!(cluster.node(0).node.status().last.0, before.last.0 + 3);
    cluster.pump();
    cluster.stop(0, End::PowerCut);
    cluster.start(0, 0);
}

/// The vote file has room for so many; it would have been cut, and the node never started again.
pub(crate) fn more_members_than_there_can_be_stop_a_node_and_are_not_written_down() {
    let mut cluster = settled(4);
    let before = cluster.node(0).node.status();
    let term = before.term + 1;
    let learners: Vec<_> = (10..23_u64).map(|node| [&[0, 1, 2], &node.to_le_bytes()[..]].concat()).collect();
    let entries: Vec<Entry<'_>> = learners.iter().map(|change| (3, term, change.as_slice())).collect();
    let entries = [&[(2, term, b"".as_slice())], &entries[..]].concat();
    let lie = append(&mut cluster, term, &entries, true);
    cluster.node(0).node.step(lie);
    for _ in 0..4 {
        while cluster.node(0).writer.step() {}
        cluster.node(0).node.work();
    }
    let mut failures = 0;
    while let Some(event) = cluster.log(0).poll() {
        failures += usize::from(matches!(event, LogEvent::Failed(_)));
    }
    assert_eq!(failures, 1, "it says so");
    cluster.stop(0, End::PowerCut);
    cluster.start(0, 0);
    assert!(cluster.node(0).node.status().members.learners.len() <= 12);
}

/// The core takes term 0 for that of every entry that it does not have.
pub(crate) fn entries_behind_one_of_term_0_and_a_snapshot_of_epoch_0_are_dropped() {
    let mut cluster = settled(5);
    let before = cluster.node(0).node.status();
    let (term, beyond) = (before.term + 1, before.last.0 + 5);
    let batch = [&[1, 0, 0, 0, 1, 0, 0, 0], &term.to_le_bytes()[..], b"x"].concat();
    let voters: Vec<u8> = (0..3).flat_map(|node| id(node).0.to_le_bytes()).collect();
    let offer = [&beyond.to_le_bytes()[..], &[0; 8], &[3, 0, 0, 0, 0, 0, 0, 0], &voters].concat();
    for lie in [
        message(3, term, (beyond, 0), 0, 1, &batch),
        message(3, term, (beyond, 0), beyond, 0, &[]),
        message(7, term, (0, 0), 0, 0, &offer),
    ] {
        cluster.node(0).node.step(lie);
        cluster.pump();
        let now = cluster.node(0).node.status();
        assert_eq!((now.last, now.committed), (before.last, before.committed));
    }
}

/// Nobody has one. A node that is new would have refused its vote for that, in a term that it does not have, which the core does not bear.
pub(crate) fn a_candidate_with_a_priority_is_not_heard() {
    let asks_early_vote = message(17, 1, (0, 0), 0, 0, &[]);
    for priority in [-1_i64, i64::MIN, 1] {
        let mut bytes = asks_early_vote.encode();
        bytes[88..96].copy_from_slice(&priority.to_le_bytes());
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[8..]).to_le_bytes();
        bytes[..8].copy_from_slice(&checksum);
        let mut cluster = Cluster::new(3, 6);
        cluster.node(0).node.step(Message::decode(bytes.into()).unwrap());
        assert!(cluster.node(0).node.take_messages().is_empty());
        cluster.node(0).node.step(asks_early_vote.clone());
        assert_eq!(cluster.node(0).node.take_messages().len(), 1, "without one it is");
    }
}
