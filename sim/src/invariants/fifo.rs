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
        let Some(&(first, before)) = lane.and_then(|lane| lane.fresh.first()) else { return Ok(()) };
        if fresh <= first || book.storms.contains(&first.0) {
            return Ok(());
        }
        let what = format!("job {} ({fresh:?}) overtook job {before} ({first:?}) of its group", grant.job);
        Err(Broken::new("fifo", what))
    }
}
