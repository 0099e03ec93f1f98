//! **At every moment the counts add up,** and agree with a recount, and with the book.

use super::Broken;
use crate::book::{Book, Place};
use evenkeel_machine::Machine;

/// After each batch: O(queues).
///
/// # Errors
/// A count does not add up.
pub fn check(machine: &Machine) -> Result<(), Broken> {
    machine.check_conservation().map_err(|what| Broken::new("conservation", what))
}

/// Now and then: recounts everything.
///
/// # Errors
/// A count does not add up, or differs from the book's.
pub fn audit(machine: &Machine, book: &Book) -> Result<(), Broken> {
    machine.audit().map_err(|what| Broken::new("audit", what))?;
    if machine.applied() != book.index {
        return Ok(());
    }
    if let Some(id) = book.deleted.iter().find(|&&id| machine.queues().counts(id).is_some()) {
        return Err(Broken::new("audit", format!("queue {id} was deleted and is there")));
    }
    for (id, queue) in &book.queues {
        let count = |wanted: fn(Place) -> bool| queue.jobs.values().filter(|job| wanted(job.place)).count() as u64;
        let ready = count(|place| place == Place::Ready);
        let leased = count(|place| matches!(place, Place::Leased(_)));
        let delayed = count(|place| matches!(place, Place::Delayed(_)));
        let Some(counts) = machine.queues().counts(*id) else {
            return Err(Broken::new("audit", format!("queue {id} is gone")));
        };
        let counted = [counts.ready, counts.delayed, counts.leased, counts.enqueued, counts.acked, counts.purged];
        let in_book = [ready, delayed, leased, queue.accepted, queue.finished, queue.purged];
        let gone = [counts.moved_in, counts.moved_out, counts.expired];
        if gone != [queue.moved.0, queue.moved.1, queue.expired] {
            return Err(Broken::new("audit", format!("queue {id}: moved in, moved out, expired {gone:?}")));
        }
        // Timers beyond one batch's share have ended in the book and not yet in the machine.
        let behind = book.is_storm();
        if counted != in_book && !behind {
            let what =
                format!("queue {id}: ready, delayed, leased, accepted, finished, purged {counted:?}, book {in_book:?}");
            return Err(Broken::new("audit", what));
        }
    }
    Ok(())
}
