//! **Nothing hangs: each call is answered, and no job waits beside a receiver that waits for it.**

use super::Broken;
use crate::{book::Book, clock::Time};
use evenkeel_types::QueueId;

/// A call that the engine has not answered yet.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// Where it waits for jobs, if it is a receive that waits in the engine.
    pub receives_from: Option<QueueId>,
    /// When its wait is over, or when it was submitted.
    pub until: Time,
}

/// Judges the open calls of an engine that has nothing collected, proposed or to be read.
///
/// # Errors
/// One should have been answered.
pub fn check(open: impl Iterator<Item = Open>, book: &Book, now: Time) -> Result<(), Broken> {
    for call in open {
        if now > call.until {
            return Err(Broken::new("waiting", format!("a call that was over at {} is not answered", call.until)));
        }
        let Some(queue) = call.receives_from.and_then(|queue| book.queues.get(&queue)) else { continue };
        if let Some((group, lane)) = queue.servable(book.wall).next() {
            let what = format!("a receiver waits while group {group:?} has {} ready", lane.ready);
            return Err(Broken::new("waiting", what));
        }
    }
    Ok(())
}
