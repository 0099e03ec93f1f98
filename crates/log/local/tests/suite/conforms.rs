//! The suite that every log passes, and many more random crashes.

use super::harness::{LocalHarness, Setup};
use evenkeel_log::conformance;

/// Segments that hold little more than their header.
struct OneSector;

impl Setup for OneSector {
    const SEGMENT_BYTES: u64 = 4608;
}

/// Segments of several entries, so that groups and rolls mix.
struct Small;

impl Setup for Small {
    const SEGMENT_BYTES: u64 = 16 * 1024;
}

pub(crate) fn conforms_with_segments_of_one_sector() {
    conformance::check_all::<LocalHarness<OneSector>>();
}

pub(crate) fn conforms_with_small_segments() {
    conformance::check_all::<LocalHarness<Small>>();
}

pub(crate) fn many_random_crashes_lose_and_double_nothing() {
    for seed in 100..500 {
        conformance::random_crashes_lose_and_double_nothing::<LocalHarness<Small>>(seed, 80);
    }
}
