//! Each deliberate defect is caught: `cargo test -p evenkeel-sim --features faults --test faults -- --nocapture`.
//! `EVENKEEL_DEFECT=Raft` tries only those with that in their name.
#![cfg(feature = "faults")]

use evenkeel_sim::faults::{all, hunt};
use std::time::Duration;

/// Enough for each; most are caught by the first.
const SEEDS: u64 = 200;

/// For all seeds of a defect, in a build that is not optimised, on a machine that does something else, too.
const PATIENCE: Duration = Duration::from_secs(900);

/// One test, since the log's defect is chosen for the whole process.
#[test]
fn every_deliberate_defect_is_caught() {
    let mut missed = Vec::new();
    std::panic::set_hook(Box::new(|_| {}));
    let wanted = std::env::var("EVENKEEL_DEFECT").unwrap_or_default();
    for defect in all().into_iter().filter(|defect| format!("{defect:?}").contains(&wanted)) {
        let caught = hunt(defect, SEEDS, PATIENCE).unwrap_or_else(|endless| {
            let _ = std::panic::take_hook();
            // Its thread is left behind and ends with the process.
            panic!("{defect:?}: {endless:?}")
        });
        match caught {
            Some(caught) => println!("{:<32} seed {:>3}  {:.120}", format!("{defect:?}"), caught.seed, caught.by),
            None => missed.push(defect),
        }
    }
    let _ = std::panic::take_hook();
    assert!(missed.is_empty(), "no check notices {missed:?}");
}
