//! What is to happen when: a queue of events ordered by time, and by the order they were entered.

use crate::clock::Time;
use std::collections::BTreeMap;

/// Events to come.
#[derive(Debug)]
pub struct Schedule<E> {
    events: BTreeMap<(Time, u64), E>,
    entered: u64,
}

impl<E> Default for Schedule<E> {
    fn default() -> Self {
        Self { events: BTreeMap::new(), entered: 0 }
    }
}

impl<E> Schedule<E> {
    /// Enters an event.
    pub fn at(&mut self, time: Time, event: E) {
        self.events.insert((time, self.entered), event);
        self.entered += 1;
    }

    /// The next event.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        self.events.pop_first().map(|((time, _), event)| (time, event))
    }

    /// Strikes out what does not pass.
    pub fn retain(&mut self, mut passes: impl FnMut(&E) -> bool) {
        self.events.retain(|_, event| passes(event));
    }
}
