//! **Log time never falls, runs with elapsed time, and steps by at most 60 s over a take-over,** however the
//! calendar jumps.

use super::{Broken, Invariant};
use crate::book::{Book, Fact};
use evenkeel_engine::TAKEOVER_ADVANCE_MAX;

/// See the module.
#[derive(Debug, Default)]
pub struct LogTimes {
    /// The life and the offset of its clock.
    life: Option<(u64, i128)>,
}

impl Invariant for LogTimes {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let Fact::Batch { log_time, timing, index, .. } = fact else { return Ok(()) };
        if *log_time < book.log_time {
            let what = format!("it fell from {} to {} at entry {index}", book.log_time.0, log_time.0);
            return Err(Broken::new("log_time", what));
        }
        let Some(timing) = timing else { return Ok(()) };
        match self.life {
            Some((life, offset)) if life == timing.life => {
                if offset != timing.offset {
                    let what = format!("it drifted by {} us within a life", timing.offset - offset);
                    return Err(Broken::new("log_time", what));
                }
            }
            _ => {
                let step = (timing.serving_since - timing.before_life).0;
                if timing.serving_since < timing.before_life || step > TAKEOVER_ADVANCE_MAX.0 {
                    let what = format!("it stepped from {} by {step} us over a restart", timing.before_life.0);
                    return Err(Broken::new("log_time", what));
                }
            }
        }
        self.life = Some((timing.life, timing.offset));
        Ok(())
    }
}
