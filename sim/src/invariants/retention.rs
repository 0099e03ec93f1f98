//! **A job is granted within its queue's retention period, by the calendar, and dropped only after it.**

use super::{Broken, Invariant};
use crate::book::{Book, Fact};

/// See the module.
#[derive(Debug)]
pub struct Retention;

impl Invariant for Retention {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let (queue, job, was_granted) = match fact {
            Fact::Granted { queue, grant, .. } => (queue, grant.job, true),
            Fact::Expired { queue, job } => (queue, *job, false),
            _ => return Ok(()),
        };
        let Some(queue) = book.queues.get(queue) else { return Ok(()) };
        let Some(record) = queue.jobs.get(&job) else { return Ok(()) };
        if queue.is_expired(record, book.wall) != was_granted {
            return Ok(());
        }
        let what = if was_granted { "granted" } else { "dropped" };
        let what = format!("job {job}, sent at {}, was {what} at {}", record.sent.0, book.wall.0);
        Err(Broken::new("retention", what))
    }
}
