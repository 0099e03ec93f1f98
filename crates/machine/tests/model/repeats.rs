//! What calls were told before, in lists: a repetition of a send gets its first answer, one of a receive the same jobs while it holds
//! them.

use crate::naive::{At, Queue};
use evenkeel_types::{BodyRef, JobId};
use std::collections::BTreeMap;

const CALL_LIFE: u64 = 120_000_000;
const ATTEMPT_LIFE: u64 = 300_000_000;

/// By what a receive is recognised: the numbers of the call and of the attempt.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct By {
    pub(crate) call: Option<usize>,
    pub(crate) attempt: Option<usize>,
}

/// Of a send: each job that was accepted, and `None` for one that was not.
pub(crate) type Sent = Vec<Option<(JobId, BodyRef)>>;

struct Received {
    at: u64,
    until: u64,
    jobs: Vec<(JobId, u32)>,
}

/// By the number of a queue and of a call or an attempt.
#[derive(Default)]
pub(crate) struct Repeats {
    sends: BTreeMap<(usize, usize), (u64, Sent)>,
    calls: BTreeMap<(usize, usize), Received>,
    attempts: BTreeMap<(usize, usize), Received>,
}

impl Repeats {
    /// What the send was told, if it came within two minutes.
    pub(crate) fn sent(&self, now: u64, queue: usize, call: Option<usize>) -> Option<Sent> {
        let (at, told) = self.sends.get(&(queue, call?))?;
        (now < at + CALL_LIFE).then(|| told.clone())
    }

    /// A send that added nothing may be done again.
    pub(crate) fn note_sent(&mut self, now: u64, queue: usize, call: Option<usize>, told: Sent) {
        if let Some(call) = call
            && told.iter().any(Option::is_some)
        {
            self.sends.insert((queue, call), (now, told));
        }
    }

    /// The jobs that the receive got, with their new tokens, if it still holds them: under the lease that it gave, or by an attempt's id
    /// for a new one.
    pub(crate) fn received(
        &mut self,
        now: u64,
        (number, queue): (usize, &mut Queue),
        by: By,
        new_until: u64,
    ) -> Option<Vec<(JobId, u32)>> {
        let call = by.call.and_then(|call| self.calls.get(&(number, call)));
        let call = call.filter(|told| now < told.at + CALL_LIFE && told.is_held(queue, false));
        let attempt = by.attempt.filter(|_| queue.is_fifo()).and_then(|attempt| self.attempts.get(&(number, attempt)));
        let attempt = attempt.filter(|told| now < told.at + ATTEMPT_LIFE && told.is_held(queue, true));
        let (told, until) = match (call, attempt) {
            (Some(told), _) => (told, told.until),
            (None, Some(told)) => (told, new_until),
            (None, None) => return None,
        };
        let jobs: Vec<_> = told.jobs.iter().map(|&(job, token)| (job, token + 1)).collect();
        for &(id, token) in &jobs {
            let job = queue.jobs.iter_mut().find(|job| job.id == id).unwrap();
            job.grants = token;
            if call.is_none() {
                job.at = At::Leased { until };
            }
        }
        self.note_received(now, (number, queue), by, until, &jobs);
        Some(jobs)
    }

    pub(crate) fn note_received(
        &mut self,
        at: u64,
        (number, queue): (usize, &Queue),
        by: By,
        until: u64,
        jobs: &[(JobId, u32)],
    ) {
        if jobs.is_empty() {
            return;
        }
        let told = || Received { at, until, jobs: jobs.to_vec() };
        if let Some(call) = by.call {
            self.calls.insert((number, call), told());
        }
        if let Some(attempt) = by.attempt.filter(|_| queue.is_fifo()) {
            self.attempts.insert((number, attempt), told());
        }
    }
}

impl Received {
    /// All of its jobs are leased as it left them: to the same time too, if `unchanged`.
    fn is_held(&self, queue: &Queue, unchanged: bool) -> bool {
        self.jobs.iter().all(|&(id, token)| {
            queue.jobs.iter().any(|job| {
                let lease = matches!(job.at, At::Leased { until } if !unchanged || until == self.until);
                job.id == id && job.grants == token && lease
            })
        })
    }
}
