//! Waiters: receives that found nothing and wait for something.
//!
//! They are volatile: never logged, gone with the process. Each queue serves its own in the order they came;
//! one ready job wakes one of them.

use crate::{CallId, request::Receive};
use evenkeel_types::{Micros, QueueId};
use std::collections::{BTreeMap, BTreeSet};

/// A receive that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) call: CallId,
    pub(crate) queue: QueueId,
    pub(crate) receive: Receive,
    /// On the monotonic clock.
    pub(crate) until: Micros,
}

/// All waiters.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// By queue and arrival.
    waiting: BTreeMap<(QueueId, u64), Waiter>,
    by_call: BTreeMap<CallId, (QueueId, u64)>,
    ends: BTreeSet<(Micros, QueueId, u64)>,
    arrivals: u64,
}

impl Waiters {
    pub(crate) fn push(&mut self, waiter: Waiter) {
        let key = (waiter.queue, self.arrivals);
        self.arrivals += 1;
        self.by_call.insert(waiter.call, key);
        self.ends.insert((waiter.until, key.0, key.1));
        self.waiting.insert(key, waiter);
    }

    /// The one that has waited longest for this queue.
    pub(crate) fn pop(&mut self, queue: QueueId) -> Option<Waiter> {
        let (&key, _) = self.waiting.range((queue, 0)..=(queue, u64::MAX)).next()?;
        self.take(key)
    }

    /// One whose time is over.
    pub(crate) fn pop_ended(&mut self, now: Micros) -> Option<Waiter> {
        let &(until, queue, arrival) = self.ends.first()?;
        if until > now { None } else { self.take((queue, arrival)) }
    }

    /// The waiter of this call, whose client has gone.
    pub(crate) fn cancel(&mut self, call: CallId) -> Option<Waiter> {
        let key = *self.by_call.get(&call)?;
        self.take(key)
    }

    /// When the first one's time is over.
    pub(crate) fn next_end(&self) -> Option<Micros> {
        self.ends.first().map(|&(until, ..)| until)
    }

    /// Any one.
    pub(crate) fn pop_any(&mut self) -> Option<Waiter> {
        let (&key, _) = self.waiting.first_key_value()?;
        self.take(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn take(&mut self, key: (QueueId, u64)) -> Option<Waiter> {
        let waiter = self.waiting.remove(&key)?;
        self.by_call.remove(&waiter.call);
        self.ends.remove(&(waiter.until, key.0, key.1));
        Some(waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::QueueName;

    fn waiter(call: u64, queue: u32, until: u64) -> Waiter {
        let name = QueueName { account: Default::default(), name: "q".into() };
        let receive = Receive { queue: name, jobs_max: 1, lease: None, wait: None, again: Default::default() };
        Waiter { call: CallId(call), queue: QueueId { slot: queue, generation: 0 }, receive, until: Micros(until) }
    }

    #[test]
    fn each_queue_serves_its_waiters_in_the_order_they_came() {
        let mut waiters = Waiters::default();
        for (call, queue, until) in [(1, 7, 90), (2, 8, 50), (3, 7, 10), (4, 7, 20)] {
            waiters.push(waiter(call, queue, until));
        }
        assert_eq!(waiters.next_end(), Some(Micros(10)));
        assert_eq!(waiters.cancel(CallId(1)).map(|waiter| waiter.call), Some(CallId(1)));
        assert_eq!(waiters.pop(QueueId { slot: 7, generation: 0 }).map(|waiter| waiter.call), Some(CallId(3)));
        assert_eq!(waiters.pop_ended(Micros(19)).map(|waiter| waiter.call), None);
        assert_eq!(waiters.pop_ended(Micros(20)).map(|waiter| waiter.call), Some(CallId(4)));
        assert_eq!(waiters.pop(QueueId { slot: 7, generation: 0 }).map(|waiter| waiter.call), None);
        assert_eq!(waiters.len(), 1);
    }
}
