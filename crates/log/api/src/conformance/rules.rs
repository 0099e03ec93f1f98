//! One behaviour each, through the public face of a log.

use super::{End, Harness, Oracle};
use crate::{Log, LogError, LogEvent, LogReader, ProposeError, ReadError, Role};
use bytes::Bytes;
use evenkeel_types::{Epoch, LogIndex, limits::ENTRY_BYTES_MAX};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// A fresh log whose owner has heard that it is.
pub(super) fn owned<H: Harness>(seed: u64) -> (H, Oracle) {
    let mut harness = H::fresh(seed);
    let mut oracle = Oracle::new(harness.nodes());
    settle(&mut harness, &mut oracle);
    let owner = harness.owner();
    assert!(matches!(harness.log(owner).role(), Role::Owner(_)), "a driven log has an owner");
    (harness, oracle)
}

/// Works and listens until nothing is left.
pub(super) fn settle<H: Harness>(harness: &mut H, oracle: &mut Oracle) {
    // What nodes hear may give them something to do once more.
    for _ in 0..3 {
        harness.drive();
        for node in 0..harness.nodes() {
            oracle.listen(node, harness.log(node));
        }
    }
}

pub(super) fn propose<H: Harness>(harness: &mut H, oracle: &mut Oracle, count: usize, bytes: usize) {
    let owner = harness.owner();
    for _ in 0..count {
        assert!(oracle.propose(owner, harness.log(owner), bytes), "the owner may propose");
    }
}

/// Rules 1 and 3.
pub fn proposals_come_back_in_order_with_consecutive_indexes<H: Harness>() {
    let (mut harness, mut oracle) = owned::<H>(1);
    let before = oracle.last();
    for bytes in [8, 63, 64, 65, 511, 512, 513, 4096, 20_000] {
        propose(&mut harness, &mut oracle, 5, bytes);
        settle(&mut harness, &mut oracle);
    }
    assert_eq!(oracle.last(), LogIndex(before.0 + 45));
    assert_eq!(oracle.unanswered(harness.owner()), 0, "every ticket is answered");
}

/// The role comes first.
pub fn nothing_can_be_proposed_before_the_log_is_owned<H: Harness>() {
    let mut harness = H::fresh(2);
    for node in 0..harness.nodes() {
        let refused = harness.log(node).propose(Bytes::from_static(b"early"));
        assert_eq!(refused, Err(ProposeError::NotOwner));
        assert_eq!(harness.log(node).role(), Role::Follower);
    }
}

/// Nothing of what is refused at once is ever heard of.
pub fn an_empty_batch_and_one_too_large_are_refused<H: Harness>() {
    let (mut harness, mut oracle) = owned::<H>(3);
    let last = oracle.last();
    let owner = harness.owner();
    assert_eq!(harness.log(owner).propose(Bytes::new()), Err(ProposeError::Empty));
    let bytes = ENTRY_BYTES_MAX + 1;
    assert_eq!(harness.log(owner).propose(Bytes::from(vec![1; bytes])), Err(ProposeError::TooLarge { bytes }));
    settle(&mut harness, &mut oracle);
    assert_eq!(oracle.last(), last);
}

/// Rule 5.
pub fn ownership_begins_with_a_fence_of_a_higher_epoch<H: Harness>() {
    let (mut harness, mut oracle) = owned::<H>(4);
    let mut epochs = vec![Epoch(0)];
    for _ in 0..4 {
        let owner = harness.owner();
        let Role::Owner(epoch) = harness.log(owner).role() else { panic!("a driven log has an owner") };
        assert!(epoch > *epochs.last().unwrap_or(&epoch), "a new reign has a higher epoch: {epoch} after {epochs:?}");
        epochs.push(epoch);
        propose(&mut harness, &mut oracle, 3, 100);
        settle(&mut harness, &mut oracle);
        let applied = oracle.applied(owner);
        harness.restart(owner, End::Kill, applied);
        oracle.restarted(owner, applied);
        settle(&mut harness, &mut oracle);
    }
}

/// Rules 1 and 2: the same entries again, and only those asked for.
pub fn a_restart_replays_what_comes_after_the_applied_state<H: Harness>(end: End) {
    for applied in [0, 1, 7, 11] {
        let (mut harness, mut oracle) = owned::<H>(5);
        propose(&mut harness, &mut oracle, 10, 700);
        settle(&mut harness, &mut oracle);
        let (node, last) = (harness.owner(), oracle.last());
        let applied = LogIndex(applied);
        harness.restart(node, end, applied);
        oracle.restarted(node, applied);
        let last_at_opening = harness.log(node).last_at_opening();
        assert!(last_at_opening >= last, "an earlier life had as much");
        settle(&mut harness, &mut oracle);
        assert!(oracle.applied(node) >= last_at_opening, "all of it is told");
        assert!(oracle.applied(node) > last, "all that was committed is there, and a new fence");
    }
}

/// What is committed can be read, and nothing else.
pub fn committed_entries_read_back_whole_and_in_part<H: Harness>() {
    let (mut harness, mut oracle) = owned::<H>(6);
    propose(&mut harness, &mut oracle, 10, 1500);
    settle(&mut harness, &mut oracle);
    let node = harness.owner();
    let reader = harness.log(node).reader();
    for index in (1..=oracle.last().0).map(LogIndex) {
        let entry = oracle.entry(index).expect("heard of");
        assert_eq!(&reader.read(index).expect("it is committed"), entry);
        if !entry.batch.is_empty() {
            let part = reader.read_range(index, 3, 600).expect("it is long enough");
            assert_eq!(part, entry.batch.slice(3..603));
            // What is just beyond need not be noticed: the caller checks what it gets.
            let beyond = reader.read_range(index, 1000, 50_000_000);
            assert!(matches!(beyond, Err(ReadError::Log(LogError::Misuse(_)))), "{beyond:?}");
        }
    }
    let next = oracle.last().next();
    propose(&mut harness, &mut oracle, 1, 10);
    assert!(matches!(reader.read(next), Err(ReadError::NotThere(index)) if index == next), "not committed yet");
    settle(&mut harness, &mut oracle);
    assert!(reader.read(next).is_ok(), "a reader sees what is committed later");
}

/// A restored log has nothing from before, and goes on.
pub fn a_snapshot_replaces_the_log_which_goes_on_after_it<H: Harness>() {
    for at in [8, 1000] {
        let (mut harness, mut oracle) = owned::<H>(8);
        propose(&mut harness, &mut oracle, 7, 900);
        settle(&mut harness, &mut oracle);
        let node = harness.owner();
        let (at, epoch) = (LogIndex(at), Epoch(70));
        harness.log(node).install_snapshot(at, epoch).expect("nothing is in the way");
        harness.drive();
        let first = harness.log(node).poll();
        assert!(matches!(first, Some(LogEvent::SnapshotInstalled { at: told }) if told == at), "{first:?}");
        oracle.restarted(node, at);
        settle(&mut harness, &mut oracle);
        assert_eq!(harness.log(node).first_index(), at.next());
        assert!(matches!(harness.log(node).role(), Role::Owner(now) if now > epoch));
        assert!(matches!(harness.log(node).reader().read(at), Err(ReadError::Trimmed(_))));
        propose(&mut harness, &mut oracle, 5, 900);
        settle(&mut harness, &mut oracle);
        let last = oracle.last();
        assert!(last >= LogIndex(at.0 + 5));
        harness.restart(node, End::PowerCut, at);
        oracle.restarted(node, at);
        settle(&mut harness, &mut oracle);
        assert!(oracle.applied(node) > last);
    }
}

/// A snapshot never takes back what is committed, and a refused one changes nothing.
pub fn a_snapshot_older_than_the_log_is_refused<H: Harness>() {
    let (mut harness, mut oracle) = owned::<H>(9);
    propose(&mut harness, &mut oracle, 5, 100);
    let node = harness.owner();
    let busy = harness.log(node).install_snapshot(LogIndex(100), Epoch(9));
    assert!(matches!(busy, Err(LogError::Misuse(_))), "answers are still due: {busy:?}");
    settle(&mut harness, &mut oracle);
    let last = oracle.last();
    let old = harness.log(node).install_snapshot(LogIndex(last.0 - 1), Epoch(9));
    assert!(matches!(old, Err(LogError::Misuse(_))), "{old:?}");
    propose(&mut harness, &mut oracle, 5, 100);
    settle(&mut harness, &mut oracle);
    assert_eq!(oracle.last(), LogIndex(last.0 + 5));
}

/// An owner sleeps until it is woken.
pub fn the_waker_is_called_when_there_is_something_new<H: Harness>() {
    let (mut harness, mut oracle) = owned::<H>(10);
    let calls = Arc::new(AtomicUsize::new(0));
    let node = harness.owner();
    let counted = calls.clone();
    harness.log(node).set_waker(Arc::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    }));
    propose(&mut harness, &mut oracle, 1, 10);
    harness.drive();
    assert!(calls.load(Ordering::SeqCst) > 0, "there is something new");
    settle(&mut harness, &mut oracle);
}

/// Rules 4 and 5, with a pipeline in flight. Only for logs of several nodes.
pub fn a_deposed_owner_s_late_proposals_are_never_committed<H: Harness>() {
    for seed in 0..32 {
        let (mut harness, mut oracle) = owned::<H>(seed);
        let old = harness.owner();
        propose(&mut harness, &mut oracle, 5, 50);
        for _ in 0..seed {
            harness.drive_a_bit();
        }
        let Some(new) = harness.depose() else { return };
        assert_ne!(old, new);
        // It does not know yet, and goes on.
        for _ in 0..5 {
            oracle.propose(old, harness.log(old), 50);
            harness.drive_a_bit();
        }
        settle(&mut harness, &mut oracle);
        assert_eq!(oracle.unanswered(old), 0, "seed {seed}: every ticket is answered, also a deposed owner's");
        assert_eq!(harness.log(old).role(), Role::Follower, "seed {seed}");
        let refused = oracle.propose(old, harness.log(old), 50);
        assert!(!refused, "seed {seed}: a deposed owner cannot propose");
        propose(&mut harness, &mut oracle, 3, 50);
        settle(&mut harness, &mut oracle);
    }
}

/// Rule 1.
pub fn every_node_hears_the_same<H: Harness>() {
    let (mut harness, mut oracle) = owned::<H>(11);
    for _ in 0..5 {
        propose(&mut harness, &mut oracle, 7, 200);
        settle(&mut harness, &mut oracle);
        for node in 0..harness.nodes() {
            assert_eq!(oracle.applied(node), oracle.last(), "node {node} has heard everything, and it was equal");
        }
    }
}
