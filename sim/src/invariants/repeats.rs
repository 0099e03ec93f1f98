//! **A repeated call gets its first answer:** a send adds nothing, a change of a queue is not made again, a receive gets the jobs that it
//! holds, and nothing else.

use super::{Broken, Invariant};
use crate::book::{Book, Fact, Place};
use evenkeel_machine::{Enqueued, Machine, queue::EnqueueError};

/// After a batch with calls that change queues: all queues are as the first of each call left them, and those that came between.
///
/// # Errors
/// A queue is not.
pub fn check_settings(machine: &Machine, book: &Book) -> Result<(), Broken> {
    for (id, queue) in &book.queues {
        let present = machine.queues().settings(*id);
        if present != Some(&queue.settings) {
            let what = format!("queue {id} has {present:?}, and by its calls {:?}", queue.settings);
            return Err(Broken::new("repeats", what));
        }
    }
    Ok(())
}

/// See the module.
#[derive(Debug)]
pub struct Repeats;

impl Invariant for Repeats {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        match fact {
            Fact::Sent { call, results } => {
                let Some(first) = book.sent_by(*call) else { return Ok(()) };
                let told = |result: &Result<Enqueued, EnqueueError>| {
                    result.as_ref().ok().map(|enqueued| (enqueued.job, enqueued.body))
                };
                let is_new = results.iter().flatten().any(|enqueued| !enqueued.again);
                if is_new || !results.iter().map(told).eq(first.iter().copied()) {
                    let what = format!("a send was told {first:?}, and when it was repeated {results:?}");
                    return Err(Broken::new("repeats", what));
                }
            }
            Fact::Called { call, reply } => {
                let Some(first) = book.told_by(*call).filter(|first| first != reply) else { return Ok(()) };
                let what = format!("a change was told {first:?}, and when it was repeated {reply:?}");
                return Err(Broken::new("repeats", what));
            }
            Fact::Repeated { held, grants, .. } if !grants.iter().map(|grant| &grant.job).eq(*held) => {
                let grants: Vec<_> = grants.iter().map(|grant| grant.job).collect();
                return Err(Broken::new(
                    "repeats",
                    format!("a receive holds {held:?} and was repeated for {grants:?}"),
                ));
            }
            Fact::Regranted { queue, grant, .. } => {
                let place = book.job(*queue, grant.job).map(|job| job.place);
                if !matches!(place, Some(Place::Leased(_))) {
                    let what = format!("job {} was granted again to who held it, and is {place:?}", grant.job);
                    return Err(Broken::new("repeats", what));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
