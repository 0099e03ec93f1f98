//! **Only the holder of the newest lease finishes a job or changes its lease, and it always can.**

use super::{Broken, Invariant};
use crate::book::{Book, Fact, Place};
use evenkeel_machine::{
    command::Held,
    queue::{AckError, ChangeLeaseError},
};
use evenkeel_types::QueueId;

/// See the module.
#[derive(Debug)]
pub struct Completion;

impl Invariant for Completion {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        match fact {
            Fact::Acked { queue, held, result } => judge(book, *queue, *held, result.err()),
            Fact::Changed { queue, held, result, .. } => match result {
                Ok(()) => judge(book, *queue, *held, None),
                Err(ChangeLeaseError::NotHeld(error)) => judge(book, *queue, *held, Some(*error)),
                // The simulated workers never ask for twelve hours.
                Err(ChangeLeaseError::TooLong) => Err(Broken::new("completion", "a short lease was called too long")),
            },
            _ => Ok(()),
        }
    }
}

fn judge(book: &Book, queue: QueueId, held: Held, refused: Option<AckError>) -> Result<(), Broken> {
    let job = book.job(queue, held.job).filter(|job| job.grants > 0);
    let newest = job.map(|job| job.grants);
    // In a FIFO queue a lease that has ended is lost, whether or not another was granted.
    let is_fifo = book.queues.get(&queue).is_some_and(|queue| queue.settings.fifo.is_some());
    let has_ended = is_fifo && job.is_some_and(|job| job.place == Place::Ready);
    let is_right = match refused {
        None => newest == Some(held.token.0) && (!has_ended || book.is_storm()),
        Some(AckError::Expired { .. }) => newest == Some(held.token.0) && has_ended,
        Some(AckError::NotThere { .. }) => newest.is_none(),
        Some(AckError::LeaseLost { .. }) => newest.is_some_and(|newest| newest != held.token.0),
    };
    if is_right {
        return Ok(());
    }
    let what = format!("job {} under token {}: newest is {newest:?}, answered {refused:?}", held.job, held.token);
    Err(Broken::new("completion", what))
}
