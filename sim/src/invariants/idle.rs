//! **An idle system writes nothing.** A batch without commands is proposed only when there is something to end: a timer,
//! which asks for at most seven (one for each level of the wheel that it moves down), or lanes that nothing is left of,
//! in a queue where nobody waits, or what was purged and is to be freed, or what was noted of calls and ids and may be forgotten.

use super::{Broken, Invariant};
use crate::book::{Book, Fact};
use evenkeel_machine::limits::{DEDUP_LIFE, RECENT_GRAIN};
use evenkeel_types::{LogTime, Micros};

/// How long anything is noted, and how late it is forgotten at most.
const MEMORY: Micros = Micros(DEDUP_LIFE.0 + 2 * RECENT_GRAIN.0);

/// Levels of the wheel.
const BATCHES_PER_TIMER_MAX: u64 = 7;

/// See the module.
#[derive(Debug, Default)]
pub struct Idle {
    timers_set: u64,
    lanes_emptied: u64,
    /// Empty batches that freeing what was purged may take: one for each lane and job, more for jobs that hang in the wheel.
    reaping: u64,
    empty_batches: u64,
    /// When something noted was last forgotten.
    forgot_at: LogTime,
    /// Empty ones in a row while no timer ran.
    in_a_row: usize,
}

impl Invariant for Idle {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        match fact {
            Fact::Batch { commands: 0, index, is_busy, log_time, .. } => {
                // A task moves jobs at its rate; jobs are dropped by the calendar.
                if *is_busy {
                    return Ok(());
                }
                let now = *log_time;
                let remembers = book.noted_at.is_some_and(|noted| now < noted + MEMORY);
                if remembers && now >= self.forgot_at + RECENT_GRAIN {
                    self.forgot_at = now;
                    return Ok(());
                }
                if self.reaping > 0 {
                    self.reaping -= 1;
                    return Ok(());
                }
                self.empty_batches += 1;
                self.in_a_row = if book.timers.is_empty() { self.in_a_row + 1 } else { 0 };
                // One for the lanes of each queue, the simulated queues having few.
                if self.in_a_row > book.queues.len() {
                    return Err(Broken::new("idle", format!("entry {index} is empty and nothing was running")));
                }
                if self.empty_batches > BATCHES_PER_TIMER_MAX * self.timers_set + self.lanes_emptied {
                    let what = format!("{} empty entries for {} timers", self.empty_batches, self.timers_set);
                    return Err(Broken::new("idle", what));
                }
            }
            Fact::Batch { .. } => self.in_a_row = 0,
            Fact::Enqueued { until: Some(_), .. }
            | Fact::Granted { .. }
            | Fact::Regranted { .. }
            | Fact::Changed { result: Ok(()), .. } => {
                self.timers_set += 1;
            }
            Fact::Purged { queue, .. } => {
                let Some(queue) = book.queues.get(queue) else { return Ok(()) };
                self.reaping += 1 + BATCHES_PER_TIMER_MAX * queue.jobs.len() as u64 + queue.lanes.len() as u64;
            }
            // A lane may have nothing left, and be forgotten.
            Fact::Acked { result: Ok(()), .. }
            | Fact::Group { .. }
            | Fact::Buried { .. }
            | Fact::Moved { .. }
            | Fact::MovedAndPurged { .. }
            | Fact::Expired { .. } => self.lanes_emptied += 1,
            _ => {}
        }
        Ok(())
    }
}
