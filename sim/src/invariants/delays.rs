//! **A delay or lease never ends early, and while the house is up it ends at most two ticks late.**
//!
//! That it is never early is judged with each grant ([`super::one_lease`]). Here: a batch that ends something must have
//! been proposed as soon as that was due and the engine was free to.

use super::{Broken, Invariant};
use crate::book::{Book, Fact, TICK_BITS, Timing};
use evenkeel_types::LogTime;

/// A tick to round up to, and one for the clock's own grain.
const LATE_MAX: u64 = 2 << TICK_BITS;

/// See the module.
#[derive(Debug, Default)]
pub struct Delays {
    batch: Option<(LogTime, Timing)>,
    timers_left_over: bool,
}

impl Invariant for Delays {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        match fact {
            Fact::Batch { log_time, timing, .. } => {
                self.batch = timing.map(|timing| (*log_time, timing));
                self.timers_left_over = book.is_storm();
                Ok(())
            }
            Fact::Due { job, deadline, .. } => {
                let Some((log_time, timing)) = self.batch else { return Ok(()) };
                let earliest = (*deadline).max(timing.free_since);
                let late = (log_time - earliest).0;
                if late <= LATE_MAX || self.timers_left_over {
                    return Ok(());
                }
                let what = format!("job {job} was due at {} and ended {late} us after it could have", deadline.0);
                Err(Broken::new("delays", what))
            }
            _ => Ok(()),
        }
    }
}
