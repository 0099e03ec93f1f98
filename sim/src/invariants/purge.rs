//! **A purge takes every job of its queue, and what was purged is gone for ever;** its body is let go, once, and so is
//! that of every other job.
//!
//! That a purged job is never granted again is judged with each grant ([`super::one_lease`]), that nobody finishes it with
//! each ack ([`super::completion`]).

use super::{Broken, Invariant};
use crate::book::{Book, Fact};
use evenkeel_machine::{Event, Machine};
use evenkeel_types::BodyRef;
use std::collections::BTreeSet;

/// See the module.
#[derive(Debug)]
pub struct Purge;

impl Invariant for Purge {
    fn before(&mut self, book: &Book, fact: &Fact<'_>) -> Result<(), Broken> {
        let Fact::Purged { queue, told: Some(told) } = fact else { return Ok(()) };
        let of_book = book.queues.get(queue);
        let present = of_book.map_or(0, |queue| queue.jobs.len() as u64);
        // Where jobs come and go unseen, the counts are compared behind the batch.
        if *told == present || of_book.is_some_and(|queue| queue.has_letters || !queue.lasts()) {
            return Ok(());
        }
        Err(Broken::new("purge", format!("a purge of queue {queue} took {told} jobs, there were {present}")))
    }
}

/// The bodies that are needed, as the machine's events tell.
#[derive(Clone, Debug, Default)]
pub struct Bodies {
    needed: BTreeSet<BodyRef>,
}

impl Bodies {
    /// Follows the events of a batch.
    ///
    /// # Errors
    /// A body was kept or let go twice, or there are jobs without bodies or bodies without jobs.
    pub fn follow(&mut self, events: &[Event], machine: &Machine) -> Result<(), Broken> {
        for event in events {
            let sound = match event {
                Event::BodyKept(body) => self.needed.insert(*body),
                Event::BodyReleased(body) => self.needed.remove(body),
                Event::BodyMoved(body) => self.needed.contains(body),
                Event::Ready(_) | Event::KeyChanged(_) | Event::NotesChanged(_) => true,
            };
            if !sound {
                return Err(Broken::new("bodies", format!("{event:?} comes a second time")));
            }
        }
        let totals = machine.queues().totals();
        if self.needed.len() as u64 == totals.jobs {
            return Ok(());
        }
        Err(Broken::new("bodies", format!("{} bodies are needed, there are {} jobs", self.needed.len(), totals.jobs)))
    }
}
