//! **In a FIFO queue a group's jobs are given out in the order in which they came, and none while another is with a worker:** but for
//! those that one receive takes together.
//!
//! What comes back from a worker keeps its place. Of what came unseen in the same entry (dead letters, moves) the order is not known.

use super::{Broken, Invariant};
use crate::book::{Book, Fact, Place};
use evenkeel_types::JobId;
use std::collections::BTreeSet;

/// See the module.
#[derive(Debug, Default)]
pub struct GroupOrder {
    /// What the present receive got so far.
    together: BTreeSet<JobId>,
}

impl Invariant for GroupOrder {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let (queue, grant) = match fact {
            Fact::Granted { queue, grant, .. } => (queue, grant),
            Fact::Received { .. } => {
                self.together.clear();
                return Ok(());
            }
            _ => return Ok(()),
        };
        let Some(queue) = book.queues.get(queue).filter(|queue| queue.settings.fifo.is_some()) else { return Ok(()) };
        let Some(granted) = queue.jobs.get(&grant.job) else { return Ok(()) };
        for (id, job) in queue.jobs.iter().filter(|(id, job)| job.group == granted.group && **id != grant.job) {
            let broken = |what: &str| {
                let what = format!("job {} was granted while job {id} of its group {what}", grant.job);
                Err(Broken::new("group_order", what))
            };
            match job.place {
                Place::Leased(_) if !self.together.contains(id) => return broken("was with another worker"),
                Place::Ready if job.entered.is_before(&granted.entered) && queue.is_grantable(job, book.wall) => {
                    return broken("waited before it");
                }
                _ => {}
            }
        }
        self.together.insert(grant.job);
        Ok(())
    }
}
