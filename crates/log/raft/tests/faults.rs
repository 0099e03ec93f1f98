//! Tests the tests: each deliberate defect makes at least one check of the suite fail.
#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod suite;

use evenkeel_log_raft::fault::{self, ALL};
use std::panic;

/// The first check that fails now, if one does.
fn failing() -> Option<&'static str> {
    suite::CHECKS.iter().find(|(_, check)| panic::catch_unwind(check).is_err()).map(|(name, _)| *name)
}

// One test: the choice of the defect is global to the process.
#[test]
fn each_defect_makes_some_check_fail() {
    assert_eq!(failing(), None, "without a defect nothing fails");
    panic::set_hook(Box::new(|_| {}));
    let mut unnoticed = Vec::new();
    for defect in ALL {
        fault::choose(Some(defect));
        let failing = failing();
        println!("{defect:?}: {failing:?}");
        if failing.is_none() {
            unnoticed.push(defect);
        }
    }
    fault::choose(None);
    let _ = panic::take_hook();
    assert_eq!(unnoticed, Vec::new(), "no check notices these");
}
