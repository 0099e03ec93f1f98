//! **A job that was granted as often as its queue allows goes to the dead letters, and no other does.** A dead letter that is moved counts as
//! new. That none is lost between two queues, and none in both, is judged by the witness as it looks for what is gone, by the counts, and by the
//! bodies ([`super::purge`]).
//!
//! It stays where it is, and is granted on, as long as there is no such queue, of the same kind, or that is full by its own limits.

use super::{Broken, Invariant};
use crate::book::{Book, Fact, Queue};
use evenkeel_types::{LogIndex, QueueId};
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug, Default)]
pub struct DeadLetters {
    /// When a queue's policy last changed: what went unseen in the same entry may have gone by the one before.
    changed: BTreeMap<QueueId, LogIndex>,
}

impl Invariant for DeadLetters {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        match fact {
            Fact::Papers { queue, .. } => drop(self.changed.insert(*queue, book.index)),
            Fact::Granted { queue, grant, .. } => {
                let Some(queue) = book.queues.get(queue) else { return Ok(()) };
                let Some(job) = queue.jobs.get(&grant.job).filter(|job| queue.is_dead(job)) else { return Ok(()) };
                let target = queue.letters.as_ref().and_then(|(target, _)| book.named(target));
                if target.is_some_and(|(_, target)| takes(target, queue)) {
                    let what = format!("job {} was granted once more after {} grants", grant.job, job.grants);
                    return Err(Broken::new("dead_letters", what));
                }
            }
            Fact::Buried { from, job, to } if self.changed.get(from) != Some(&book.index) => {
                let Some(queue) = book.queues.get(from) else { return Ok(()) };
                let is_dead = queue.jobs.get(job).is_some_and(|job| queue.is_dead(job));
                let target = queue.letters.as_ref().and_then(|(target, _)| book.named(target));
                if !is_dead || target.is_none_or(|(id, _)| id != *to) {
                    let what = format!("job {job} of queue {from} went to queue {to}, which its policy does not say");
                    return Err(Broken::new("dead_letters", what));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether a queue takes the dead letters of another, whatever it holds.
fn takes(target: &Queue, source: &Queue) -> bool {
    let is_bounded = target.settings.jobs_max != 0 || target.settings.bytes_max != 0;
    !is_bounded && target.settings.fifo.is_some() == source.settings.fifo.is_some() && target.name != source.name
}
