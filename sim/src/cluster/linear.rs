//! **What clients did with a small queue is explained by some order in which each call took effect at one moment between its beginning and its end.**
//!
//! The search of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993) with Lowe's memory of what was tried, against the plainest
//! queue: first in, first out, leases without end, counts that are exact. A call without an answer may have taken effect at any moment after its
//! beginning, or never.

use crate::clock::Time;
use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
};

/// Steps of a search before it is given up.
const STEPS_MAX: u32 = 300_000;
/// Calls of a history that can be judged.
const CALLS_MAX: usize = 64;

/// What a client did, and was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// This job was taken.
    Send(u64),
    /// This job was handed out.
    Receive(u64),
    /// Some job may have been handed out to nobody.
    MaybeReceive,
    /// This job is finished.
    Delete(u64),
    /// So many were there.
    Counts { ready: u64, leased: u64 },
}

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) from: Time,
    /// When it was answered, if it was.
    pub(crate) to: Option<Time>,
    pub(crate) what: What,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..", self.from)?;
        match self.to {
            Some(to) => write!(f, "{to} {:?}", self.what),
            None => write!(f, " {:?}", self.what),
        }
    }
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is such an order.
    Linearizable,
    /// There is none.
    Not,
    /// It takes too long to say.
    Undecided,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Queue {
    ready: VecDeque<u64>,
    leased: BTreeSet<u64>,
}

impl Queue {
    /// The queue after a call, if the call can have been answered so.
    fn after(&self, what: What) -> Option<Self> {
        let mut next = self.clone();
        match what {
            What::Send(job) => next.ready.push_back(job),
            What::Receive(job) => {
                (next.ready.pop_front()? == job).then_some(())?;
                next.leased.insert(job);
            }
            What::MaybeReceive => {
                let job = next.ready.pop_front()?;
                next.leased.insert(job);
            }
            // One that is repeated changes nothing.
            What::Delete(job) => drop(next.leased.remove(&job)),
            What::Counts { ready, leased } => {
                let is_it = (next.ready.len() as u64, next.leased.len() as u64) == (ready, leased);
                is_it.then_some(())?;
            }
        }
        Some(next)
    }
}

/// Looks for an order.
pub(crate) fn judge(calls: &[Call]) -> Verdict {
    if calls.len() > CALLS_MAX {
        return Verdict::Undecided;
    }
    let answered = (0..calls.len()).filter(|&at| calls.get(at).is_some_and(|call| call.to.is_some()));
    let all: u64 = answered.map(|at| 1u64 << at).sum();
    let mut tried = BTreeSet::new();
    let mut open = vec![(0u64, Queue::default())];
    let mut steps = 0;
    while let Some((done, queue)) = open.pop() {
        if done & all == all {
            return Verdict::Linearizable;
        }
        steps += 1;
        if steps > STEPS_MAX {
            return Verdict::Undecided;
        }
        let left = || calls.iter().enumerate().filter(move |(at, _)| done >> at & 1 == 0);
        // Whoever began after another's end comes after it.
        let first_end = left().filter_map(|(_, call)| call.to).min().unwrap_or(Time::MAX);
        for (at, call) in left().filter(|(_, call)| call.from <= first_end) {
            let Some(next) = queue.after(call.what) else { continue };
            let state = (done | 1 << at, next);
            if tried.insert(state.clone()) {
                open.push(state);
            }
        }
    }
    Verdict::Not
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(calls: &[(Time, Option<Time>, What)]) -> Verdict {
        let calls: Vec<Call> = calls.iter().map(|&(from, to, what)| Call { from, to, what }).collect();
        judge(&calls)
    }

    #[test]
    fn calls_at_the_same_time_may_come_in_any_order() {
        let calls = [
            (0, Some(10), What::Send(1)),
            (0, Some(10), What::Send(2)),
            (11, Some(20), What::Receive(2)),
            (11, Some(20), What::Counts { ready: 1, leased: 1 }),
            (21, Some(30), What::Delete(2)),
            (31, Some(40), What::Counts { ready: 1, leased: 0 }),
        ];
        assert_eq!(judged(&calls), Verdict::Linearizable);
    }

    #[test]
    fn a_call_without_an_answer_may_have_been_done_or_not() {
        let send = (0, None, What::Send(1));
        assert_eq!(judged(&[send, (5, Some(6), What::Counts { ready: 0, leased: 0 })]), Verdict::Linearizable);
        assert_eq!(judged(&[send, (5, Some(6), What::Receive(1))]), Verdict::Linearizable);
        let taken = [
            (0, Some(1), What::Send(1)),
            (2, None, What::MaybeReceive),
            (5, Some(6), What::Counts { ready: 0, leased: 1 }),
        ];
        assert_eq!(judged(&taken), Verdict::Linearizable);
    }

    #[test]
    fn what_no_queue_does_is_seen() {
        let [one, two] = [(0, Some(1), What::Send(1)), (2, Some(3), What::Send(2))];
        // Out of order.
        assert_eq!(judged(&[one, two, (4, Some(5), What::Receive(2))]), Verdict::Not);
        // Handed out twice.
        assert_eq!(judged(&[one, (4, Some(5), What::Receive(1)), (6, Some(7), What::Receive(1))]), Verdict::Not);
        // Lost.
        assert_eq!(judged(&[one, (4, Some(5), What::Counts { ready: 0, leased: 0 })]), Verdict::Not);
        // An old state: what was counted was so before the second came.
        assert_eq!(judged(&[one, two, (4, Some(5), What::Counts { ready: 1, leased: 0 })]), Verdict::Not);
        // Never sent.
        assert_eq!(judged(&[(4, Some(5), What::Receive(9))]), Verdict::Not);
    }
}
