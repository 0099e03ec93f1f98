//! Random proposals, crashes, depositions, trims and releases, from one seed, under the oracle's eyes.

use super::{End, Harness, Oracle, Random, rules::settle};
use evenkeel_types::LogIndex;

/// Rules 1 to 5, whatever happens when.
///
/// # Panics
/// If a rule is broken; the message names the rule, and the seed repeats it.
pub fn random_crashes_lose_and_double_nothing<H: Harness>(seed: u64, rounds: usize) {
    let mut random = Random::new(seed ^ 0xC0FF_EE00);
    let mut harness = H::fresh(seed);
    let mut oracle = Oracle::new(harness.nodes());
    settle(&mut harness, &mut oracle);
    let mut floors = vec![LogIndex(1); harness.nodes()];
    for _ in 0..rounds {
        let owner = harness.owner();
        match random.below(10) {
            0..=3 => {
                for _ in 0..random.below(6) {
                    let bytes = if random.one_in(8) { random.below(9000) } else { random.below(300) };
                    oracle.propose(owner, harness.log(owner), bytes);
                }
            }
            4..=5 => harness.drive_a_bit(),
            6 => {
                for node in 0..harness.nodes() {
                    oracle.listen(node, harness.log(node));
                }
            }
            7 => settle(&mut harness, &mut oracle),
            8 => crash(&mut harness, &mut oracle, &mut random, &floors),
            _ if random.one_in(2) => {
                // Whether or not there is another node to take over.
                let _ = harness.depose();
            }
            _ => let_go(&mut harness, &mut oracle, &mut random, &mut floors),
        }
    }
    settle(&mut harness, &mut oracle);
    let owner = harness.owner();
    assert_eq!(oracle.unanswered(owner), 0, "seed {seed}: every ticket is answered");
    let last = oracle.last();
    // Once more, with everything written and no mercy: all that was committed is still there.
    crash(&mut harness, &mut oracle, &mut random, &floors);
    settle(&mut harness, &mut oracle);
    for node in 0..harness.nodes() {
        assert!(oracle.applied(node) >= last, "seed {seed}: node {node} lost entries after {}", oracle.applied(node));
        oracle.check_reads(node, harness.log(node));
    }
}

/// Moves a node's floor, or releases some of what it heard, or reads back what it must have.
fn let_go<H: Harness>(harness: &mut H, oracle: &mut Oracle, random: &mut Random, floors: &mut [LogIndex]) {
    let node = random.below(harness.nodes());
    let applied = usize::try_from(oracle.applied(node).0).unwrap_or(0);
    match random.below(4) {
        0..=1 => {
            let floor = LogIndex(applied as u64 / 2 + 1);
            if let Some(known) = floors.get_mut(node)
                && oracle.trim(node, harness.log(node), floor)
            {
                *known = floor.max(*known);
            }
        }
        2 => {
            let first = 1 + random.below(applied + 1);
            let last = first + random.below(applied + 1);
            oracle.release(node, harness.log(node), LogIndex(first as u64), LogIndex(last as u64));
        }
        _ => oracle.check_reads(node, harness.log(node)),
    }
}

/// Ends one node, which then starts again from a state somewhere between its floor and what it heard last.
fn crash<H: Harness>(harness: &mut H, oracle: &mut Oracle, random: &mut Random, floors: &[LogIndex]) {
    let node = random.below(harness.nodes());
    let end = if random.one_in(2) { End::Kill } else { End::PowerCut };
    let lowest = floors.get(node).map_or(0, |floor| floor.0 - 1).min(oracle.applied(node).0);
    let span = usize::try_from(oracle.applied(node).0 - lowest).unwrap_or(0);
    let applied = LogIndex(lowest + random.below(span + 1) as u64);
    harness.restart(node, end, applied);
    oracle.restarted(node, applied);
}
