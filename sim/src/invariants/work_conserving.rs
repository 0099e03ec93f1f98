//! **A job that may be granted is granted to whoever asks: a receive comes back short only if nothing is left.**

use super::{Broken, Invariant};
use crate::book::{Book, Fact, Job, Place};
use evenkeel_machine::limits::{LANES_FORGOTTEN_PER_COMMAND, PASSED_PER_RECEIVE};

/// See the module.
#[derive(Debug)]
pub struct WorkConserving;

impl Invariant for WorkConserving {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let Fact::Received { queue, asked, granted } = fact else { return Ok(()) };
        let Some(queue) = book.queues.get(queue) else { return Ok(()) };
        // Only so many timers end per batch (a job moves down up to seven times); the rest is ready with the next.
        if *granted >= usize::from(*asked) || book.is_storm() {
            return Ok(());
        }
        // Lanes that met a limit lowered under them are put aside as they are met, so many per receive.
        let blocked = queue.lanes.values().filter(|lane| lane.ready > 0 && !lane.is_servable(&queue.settings)).count();
        if blocked > LANES_FORGOTTEN_PER_COMMAND as usize {
            return Ok(());
        }
        // Jobs that are not granted are put aside as they are met, so many per receive.
        let is_passed = |job: &&Job| job.place == Place::Ready && !queue.is_grantable(job, book.wall);
        if !queue.is_plain() && queue.jobs.values().filter(is_passed).count() >= PASSED_PER_RECEIVE as usize {
            return Ok(());
        }
        let Some((group, lane)) = queue.servable(book.wall).next() else { return Ok(()) };
        let what = format!("a receive of {asked} got {granted} while group {group:?} had {} ready", lane.ready);
        Err(Broken::new("work_conserving", what))
    }
}
