//! Waiting for something to become true, with an end.

use std::time::{Duration, Instant};

/// Asks `is` every few milliseconds until it says yes.
///
/// # Panics
/// If it has not after `at_most`; says `what` was waited for.
pub fn until(what: &str, at_most: Duration, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < at_most, "waited {at_most:?} for this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
