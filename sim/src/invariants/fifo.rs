//! **Within a group, first deliveries come in the order in which the jobs became ready.**
//!
//! Delays that end at the same tick have no order among themselves, and of very many that end together the machine may leave some for
//! the next batch.

use super::{Broken, Invariant};
use crate::book::{Book, Fact};

/// See the module.
#[derive(Debug)]
pub struct Fifo;

impl Invariant for Fifo {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let Fact::Granted { queue, grant, .. } = fact else { return Ok(()) };
        let Some(fresh) = book.job(*queue, grant.job).and_then(|job| job.fresh) else { return Ok(()) };
        let lane = book.queues.get(queue).and_then(|queue| queue.lanes.get(&*grant.group));
        let queue = book.queues.get(queue);
        let is_grantable =
            |id| queue.is_some_and(|queue| queue.jobs.get(id).is_some_and(|job| queue.is_grantable(job, book.wall)));
        let first = lane.and_then(|lane| lane.fresh.iter().find(|(_, id)| is_grantable(id)));
        let Some(&(first, before)) = first else { return Ok(()) };
        if fresh <= first || book.storms.contains(&first.0) {
            return Ok(());
        }
        let what = format!("job {} ({fresh:?}) overtook job {before} ({first:?}) of its group", grant.job);
        Err(Broken::new("fifo", what))
    }
}
