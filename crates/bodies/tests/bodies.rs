//! The shelf under its whole suite: crashes, damage, full and failing disks, and what it is for.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod suite;

suite::tests!();

#[test]
fn each_check_is_listed_once() {
    let names: std::collections::BTreeSet<_> = suite::CHECKS.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), suite::CHECKS.len());
}
