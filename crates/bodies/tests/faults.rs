//! Tests the tests: each deliberate defect makes at least one check of the suite fail.
#![cfg(feature = "faults")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod suite;

use evenkeel_bodies::fault::{self, ALL};
use std::panic;

/// The checks that fail now.
fn failing() -> Vec<&'static str> {
    suite::CHECKS.iter().filter(|(_, check)| panic::catch_unwind(check).is_err()).map(|(name, _)| *name).collect()
}

// One test: the choice of the defect is global to the process.
#[test]
fn each_defect_makes_some_check_fail() {
    assert_eq!(failing(), Vec::<&str>::new(), "without a defect nothing fails");
    panic::set_hook(Box::new(|_| {}));
    let mut unnoticed = Vec::new();
    for defect in ALL {
        fault::choose(Some(defect));
        let failing = failing();
        println!("{defect:?}: {failing:?}");
        if failing.is_empty() {
            unnoticed.push(defect);
        }
    }
    fault::choose(None);
    let _ = panic::take_hook();
    assert_eq!(unnoticed, Vec::new(), "no check notices these");
}
