//! A few seeds with every test run; the binary runs thousands.

use evenkeel_sim::{run, run_dying_after};

#[test]
fn thirty_seeds_keep_every_promise() {
    for seed in 0..30 {
        if let Err(failure) = run(seed, seed < 5, false) {
            failure.last.iter().for_each(|line| println!("{line}"));
            panic!("seed {seed}: {}", failure.broken);
        }
    }
}

#[test]
fn the_house_may_die_at_any_write_boundary() {
    // The first start, then a spread of later moments; the binary tries each (`--boundaries`).
    for operations in (0..25).chain((25..1_000).step_by(39)) {
        if let Err(failure) = run_dying_after(11, operations, false) {
            failure.last.iter().for_each(|line| println!("{line}"));
            panic!("after {operations} operations: {}", failure.broken);
        }
    }
}
