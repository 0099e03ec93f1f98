//! A few seeds with every test run; the binary runs thousands.

use evenkeel_sim::run;

#[test]
fn thirty_seeds_keep_every_promise() {
    for seed in 0..30 {
        if let Err(failure) = run(seed, seed < 5, false) {
            failure.last.iter().for_each(|line| println!("{line}"));
            panic!("seed {seed}: {}", failure.broken);
        }
    }
}
