//! The checkpoints under their whole suite: lives, crashes, damage, full and failing disks, transfers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "a test may panic")]

mod suite;

suite::tests!();

#[test]
fn each_check_is_listed_once() {
    let names: std::collections::BTreeSet<_> = suite::CHECKS.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), suite::CHECKS.len());
}
