//! What is not needed any more: floors, releases, and what must stay readable in between.

use super::{
    End, Harness, Oracle,
    rules::{owned, propose, settle},
};
use crate::{Log, LogReader, ReadError};
use evenkeel_types::LogIndex;

/// A restart with the state just below `floor`.
fn restart<H: Harness>(harness: &mut H, oracle: &mut Oracle, end: End, floor: LogIndex) {
    let node = harness.owner();
    let applied = LogIndex(floor.0 - 1);
    harness.restart(node, end, applied);
    oracle.restarted(node, applied);
    settle(harness, oracle);
}

/// Those of the entries that are gone.
fn gone<H: Harness>(harness: &mut H, oracle: &Oracle) -> Vec<u64> {
    let node = harness.owner();
    let reader = harness.log(node).reader();
    let is_gone = |index: &u64| matches!(reader.read(LogIndex(*index)), Err(ReadError::Trimmed(_)));
    (1..=oracle.last().0).filter(is_gone).collect()
}

/// A floor alone takes nothing from a reader, and a restart takes nothing either.
pub fn trimmed_entries_can_be_read_until_they_are_released<H: Harness>() {
    let (mut harness, mut oracle) = owned::<H>(7);
    propose(&mut harness, &mut oracle, 40, 3000);
    settle(&mut harness, &mut oracle);
    let node = harness.owner();
    let floor = LogIndex(30);
    assert!(oracle.trim(node, harness.log(node), floor));
    settle(&mut harness, &mut oracle);
    for end in [End::PowerCut, End::Kill] {
        oracle.check_reads(node, harness.log(node));
        assert_eq!(gone(&mut harness, &oracle), [0; 0], "nothing was released");
        restart(&mut harness, &mut oracle, end, floor);
    }
}

/// Holes may arise anywhere below the floor, releases add up, and a restart loses nothing that was not released.
pub fn released_entries_go_and_all_others_stay<H: Harness>() {
    for end in [End::PowerCut, End::Kill] {
        let (mut harness, mut oracle) = owned::<H>(12);
        propose(&mut harness, &mut oracle, 60, 3000);
        settle(&mut harness, &mut oracle);
        let node = harness.owner();
        let floor = LogIndex(50);
        assert!(oracle.trim(node, harness.log(node), floor));
        // A hole in the middle, in two pieces that touch, and then the beginning.
        for (first, last) in [(15, 24), (25, 35), (1, 9)] {
            assert!(oracle.release(node, harness.log(node), LogIndex(first), LogIndex(last)));
            settle(&mut harness, &mut oracle);
            oracle.check_reads(node, harness.log(node));
        }
        let before = gone(&mut harness, &oracle);
        assert!(before.iter().all(|index| (1..=9).contains(index) || (15..=35).contains(index)), "{before:?}");
        restart(&mut harness, &mut oracle, end, floor);
        oracle.check_reads(node, harness.log(node));
        // The rest, after the restart: what was released before is forgotten.
        assert!(oracle.trim(node, harness.log(node), floor));
        assert!(oracle.release(node, harness.log(node), LogIndex(1), LogIndex(floor.0 - 1)));
        settle(&mut harness, &mut oracle);
        assert_eq!(harness.log(node).retired(), [], "all below the floor is released, and so it goes");
        oracle.check_reads(node, harness.log(node));
    }
}

/// What may be replayed stays, whatever is released.
pub fn a_release_above_the_floor_waits_for_it<H: Harness>() {
    let (mut harness, mut oracle) = owned::<H>(13);
    propose(&mut harness, &mut oracle, 40, 3000);
    settle(&mut harness, &mut oracle);
    let node = harness.owner();
    assert!(oracle.release(node, harness.log(node), LogIndex(1), LogIndex(30)));
    settle(&mut harness, &mut oracle);
    assert_eq!(gone(&mut harness, &oracle), [0; 0], "the floor is still at the beginning");
    assert_eq!(harness.log(node).first_index(), LogIndex(1));
    assert!(oracle.trim(node, harness.log(node), LogIndex(20)));
    settle(&mut harness, &mut oracle);
    let above = gone(&mut harness, &oracle).into_iter().filter(|index| *index >= 20).count();
    assert_eq!(above, 0, "what is above the floor stays");
    assert_eq!(harness.log(node).retired(), [], "what was released before goes when the floor has passed it");
    oracle.check_reads(node, harness.log(node));
    // What is not committed yet cannot be released.
    let next = oracle.last().next();
    assert!(oracle.release(node, harness.log(node), next, LogIndex(next.0 + 10)));
    propose(&mut harness, &mut oracle, 11, 3000);
    settle(&mut harness, &mut oracle);
    let floor = oracle.last().next();
    assert!(oracle.trim(node, harness.log(node), floor));
    settle(&mut harness, &mut oracle);
    oracle.check_reads(node, harness.log(node));
}
