//! A few seeds with every test run; the binary runs thousands.

use evenkeel_sim::{
    kinds::{BOUNDARIES, Boundary},
    run, run_cluster, run_dying_after, run_without_dying,
};

const BOUNDARIES_SEED: u64 = 11;

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
    let there = match run_without_dying(BOUNDARIES_SEED, false) {
        Ok(counts) => counts.boundaries,
        Err(failure) => panic!("{}", failure.broken),
    };
    for (boundary, words) in BOUNDARIES.into_iter().filter(|(boundary, _)| *boundary != Boundary::Other) {
        assert!(there.of(boundary) > 0, "nobody can die while {words}:\n{there}");
    }
    // The first start, then a spread of later moments; the binary tries each (`--boundaries`).
    for operations in (0..25).chain((25..there.total()).step_by(61)) {
        if let Err(failure) = run_dying_after(BOUNDARIES_SEED, operations, false) {
            failure.last.iter().for_each(|line| println!("{line}"));
            panic!("after {operations} operations: {}", failure.broken);
        }
    }
}

#[test]
fn ten_clusters_keep_every_promise_and_go_the_same_way_again() {
    for seed in 0..10 {
        if let Err(failure) = run_cluster(seed, true, false) {
            failure.last.iter().for_each(|line| println!("{line}"));
            panic!("cluster of seed {seed}: {}", failure.broken);
        }
    }
}
