//! Watches: what is sent to a queue, told to whoever wants to see it go by.
//!
//! A watch begins with its first question and sees what is sent from then on. Until it asks again, what comes is kept for it in a ring, one per
//! watched queue; a watch that is too slow loses the oldest and is told so. All of it is volatile: nothing is logged, no lease is touched, and
//! a queue that nobody watches costs nothing.

use crate::{CallId, limits};
use bytes::Bytes;
use evenkeel_types::{BodyRef, JobId, LogIndex, Micros, QueueId, WallTime};
use std::collections::{BTreeMap, VecDeque};

/// A place in the order of all that was ever sent: an entry, and a byte in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The entry.
    pub index: LogIndex,
    /// The first byte of a job's body there.
    pub offset: u32,
}

impl Place {
    /// Behind all of an entry.
    pub(crate) fn behind(index: LogIndex) -> Self {
        Self { index, offset: u32::MAX }
    }
}

/// A job as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The job; it may be gone by now.
    pub job: JobId,
    /// Where its body lies.
    pub body: BodyRef,
    /// Its body.
    pub bytes: Bytes,
    /// Its group; empty for none.
    pub group: Box<str>,
    /// When it was sent.
    pub sent_at: WallTime,
    /// How long it is held back, if it says so itself.
    pub delay: Option<Micros>,
}

impl Sent {
    pub(crate) fn place(&self) -> Place {
        Place { index: self.body.index, offset: self.body.offset }
    }

    /// What it takes, about.
    fn cost(&self) -> usize {
        self.bytes.len() + self.group.len() + size_of::<Self>()
    }
}

/// What a watch sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// What was sent, in order; none if nothing was while it waited.
    pub jobs: Vec<Sent>,
    /// Where to go on.
    pub last: Place,
    /// Something was sent in between that is not known any more.
    pub missed: bool,
}

/// As many queues are watched as can be, or as many questions wait. Some will be let go before long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// A question that waits for something to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitingWatch {
    pub(crate) call: CallId,
    pub(crate) queue: QueueId,
    pub(crate) after: Place,
    /// On the monotonic clock.
    pub(crate) until: Micros,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    rings: BTreeMap<QueueId, Ring>,
    waiting: Vec<WaitingWatch>,
}

#[derive(Debug)]
struct Ring {
    /// All that was sent behind this is here.
    since: Place,
    sent: VecDeque<Sent>,
    cost: usize,
    /// When somebody asked for it last, on the monotonic clock.
    asked: Micros,
}

impl Watches {
    pub(crate) fn is_empty(&self) -> bool {
        self.rings.is_empty()
    }

    pub(crate) fn watches(&self, queue: QueueId) -> bool {
        self.rings.contains_key(&queue)
    }

    /// What there is behind `after` (or from now on, which is behind `applied`). `None` if there is nothing yet.
    pub(crate) fn ask(
        &mut self,
        queue: QueueId,
        after: Option<Place>,
        applied: LogIndex,
        now: Micros,
    ) -> Result<Option<Watched>, TooMany> {
        self.forget(now);
        if !self.watches(queue) && self.rings.len() >= limits::WATCHED_QUEUES_MAX {
            return Err(TooMany);
        }
        let begun = Place::behind(applied);
        let new = || Ring { since: begun, sent: VecDeque::new(), cost: 0, asked: now };
        let ring = self.rings.entry(queue).or_insert_with(new);
        ring.asked = now;
        match after {
            Some(after) => Ok(ring.behind(after)),
            None => Ok(Some(Watched { jobs: Vec::new(), last: begun, missed: false })),
        }
    }

    pub(crate) fn wait(&mut self, waiting: WaitingWatch) -> Result<(), TooMany> {
        if self.waiting.len() >= limits::WATCHES_WAITING_MAX {
            return Err(TooMany);
        }
        self.waiting.push(waiting);
        Ok(())
    }

    /// Takes in what was sent to a watched queue.
    pub(crate) fn see(&mut self, queue: QueueId, sent: Sent) {
        if let Some(ring) = self.rings.get_mut(&queue) {
            ring.push(sent);
        }
    }

    /// Those that waited and have something to see now.
    pub(crate) fn take_woken(&mut self, now: Micros) -> Vec<(CallId, Watched)> {
        let rings = &mut self.rings;
        let mut woken = Vec::new();
        self.waiting.retain(|waiting| {
            let ring = rings.get_mut(&waiting.queue);
            let Some((ring, watched)) = ring.and_then(|ring| ring.behind(waiting.after).map(|watched| (ring, watched)))
            else {
                return true;
            };
            ring.asked = now;
            woken.push((waiting.call, watched));
            false
        });
        woken
    }

    /// Those whose time is over, and where they may go on.
    pub(crate) fn take_ended(&mut self, now: Micros) -> Vec<(CallId, Watched)> {
        let ended = self.waiting.extract_if(.., |waiting| waiting.until <= now);
        let ended: Vec<WaitingWatch> = ended.collect();
        for waiting in &ended {
            if let Some(ring) = self.rings.get_mut(&waiting.queue) {
                ring.asked = now;
            }
        }
        let nothing = |waiting: WaitingWatch| Watched { jobs: Vec::new(), last: waiting.after, missed: false };
        ended.into_iter().map(|waiting| (waiting.call, nothing(waiting))).collect()
    }

    /// All that wait, to be told that there will be nothing.
    pub(crate) fn take_all(&mut self) -> Vec<CallId> {
        self.rings.clear();
        std::mem::take(&mut self.waiting).into_iter().map(|waiting| waiting.call).collect()
    }

    /// Those that wait for a queue that is gone.
    pub(crate) fn take_of(&mut self, queue: QueueId) -> Vec<CallId> {
        self.rings.remove(&queue);
        self.waiting.extract_if(.., |waiting| waiting.queue == queue).map(|waiting| waiting.call).collect()
    }

    /// The client of this call is gone.
    pub(crate) fn cancel(&mut self, call: CallId) -> Option<Watched> {
        let at = self.waiting.iter().position(|waiting| waiting.call == call)?;
        let waiting = self.waiting.swap_remove(at);
        Some(Watched { jobs: Vec::new(), last: waiting.after, missed: false })
    }

    /// When the first one's time is over.
    pub(crate) fn next_end(&self) -> Option<Micros> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }

    /// Lets go of the rings that nobody came back for.
    pub(crate) fn forget(&mut self, now: Micros) {
        let waiting = &self.waiting;
        self.rings.retain(|queue, ring| {
            let is_awaited = waiting.iter().any(|waiting| waiting.queue == *queue);
            is_awaited || now.0.saturating_sub(ring.asked.0) < limits::WATCH_KEPT.0
        });
    }
}

impl Ring {
    fn push(&mut self, sent: Sent) {
        self.cost += sent.cost();
        self.sent.push_back(sent);
        while self.sent.len() > limits::WATCH_JOBS_KEPT || self.cost > limits::WATCH_BYTES_KEPT {
            let Some(gone) = self.sent.pop_front() else { break };
            self.cost -= gone.cost();
            self.since = gone.place();
        }
    }

    /// What came behind a place, as much as goes into an answer; `None` if nothing did.
    fn behind(&self, after: Place) -> Option<Watched> {
        let missed = after < self.since;
        let first = self.sent.partition_point(|sent| sent.place() <= after);
        let mut bytes = 0;
        let fits = |sent: &&Sent| {
            let is_first = bytes == 0;
            bytes += sent.cost();
            is_first || bytes <= limits::WATCH_ANSWER_BYTES
        };
        let jobs: Vec<Sent> =
            self.sent.range(first..).take(limits::WATCH_ANSWER_JOBS).take_while(fits).cloned().collect();
        let last = jobs.last().map_or_else(|| after.max(self.since), Sent::place);
        (missed || !jobs.is_empty()).then_some(Watched { jobs, last, missed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: QueueId = QueueId { slot: 1, generation: 2 };

    fn sent(index: u64) -> Sent {
        Sent {
            job: JobId { slot: 0, generation: 0 },
            body: BodyRef { index: LogIndex(index), offset: 40, bytes: 4 },
            bytes: Bytes::from_static(b"body"),
            group: "g".into(),
            sent_at: WallTime(0),
            delay: None,
        }
    }

    fn indices(watched: &Watched) -> Vec<u64> {
        watched.jobs.iter().map(|sent| sent.body.index.0).collect()
    }

    /// One that has begun behind entry 10, and where it goes on.
    fn begun() -> (Watches, Place) {
        let mut watches = Watches::default();
        let begun = watches.ask(QUEUE, None, LogIndex(10), Micros(0)).unwrap().unwrap();
        (watches, begun.last)
    }

    #[test]
    fn a_watch_sees_what_comes_behind_its_first_question_once() {
        let (mut watches, from) = begun();
        assert_eq!(watches.ask(QUEUE, Some(from), LogIndex(10), Micros(0)), Ok(None));
        (11..14).for_each(|index| watches.see(QUEUE, sent(index)));
        let seen = watches.ask(QUEUE, Some(from), LogIndex(13), Micros(0)).unwrap().unwrap();
        assert_eq!((indices(&seen), seen.missed), (vec![11, 12, 13], false));
        assert_eq!(watches.ask(QUEUE, Some(seen.last), LogIndex(13), Micros(0)), Ok(None));
    }

    #[test]
    fn who_waits_is_woken_by_what_comes() {
        let (mut watches, after) = begun();
        watches.wait(WaitingWatch { call: CallId(1), queue: QUEUE, after, until: Micros(9) }).unwrap();
        assert!(watches.take_woken(Micros(1)).is_empty());
        assert_eq!(watches.next_end(), Some(Micros(9)));
        watches.see(QUEUE, sent(11));
        let woken = watches.take_woken(Micros(1));
        assert_eq!((woken[0].0, indices(&woken[0].1)), (CallId(1), vec![11]));
        assert!(watches.take_woken(Micros(1)).is_empty() && watches.next_end().is_none());
    }

    #[test]
    fn a_wait_ends_where_it_began() {
        let (mut watches, after) = begun();
        watches.wait(WaitingWatch { call: CallId(1), queue: QUEUE, after, until: Micros(9) }).unwrap();
        assert!(watches.take_ended(Micros(8)).is_empty());
        let ended = watches.take_ended(Micros(9));
        assert_eq!((ended[0].0, ended[0].1.last, ended[0].1.missed), (CallId(1), after, false));
    }

    #[test]
    fn who_is_too_slow_is_told() {
        let (mut watches, from) = begun();
        let many = limits::WATCH_JOBS_KEPT as u64 + 5;
        (0..many).for_each(|at| watches.see(QUEUE, sent(11 + at)));
        let seen = watches.ask(QUEUE, Some(from), LogIndex(11 + many), Micros(0)).unwrap().unwrap();
        assert!(seen.missed);
        assert_eq!(indices(&seen).first(), Some(&16));
        let next = watches.ask(QUEUE, Some(seen.last), LogIndex(11 + many), Micros(0)).unwrap().unwrap();
        assert!(!next.missed, "only once");
    }

    #[test]
    fn a_watch_that_nobody_comes_back_to_is_let_go() {
        let (mut watches, from) = begun();
        watches.forget(Micros(limits::WATCH_KEPT.0));
        assert!(watches.is_empty());
        watches.see(QUEUE, sent(11));
        let seen = watches.ask(QUEUE, Some(from), LogIndex(11), Micros(0)).unwrap().unwrap();
        assert!(seen.missed && seen.jobs.is_empty(), "what came in between is not known");
        assert_eq!(watches.ask(QUEUE, Some(seen.last), LogIndex(11), Micros(0)), Ok(None));
    }

    #[test]
    fn not_more_queues_are_watched_than_may_be() {
        let mut watches = Watches::default();
        let queue = |slot| QueueId { slot, generation: 0 };
        let many = u32::try_from(limits::WATCHED_QUEUES_MAX).unwrap();
        (0..many).for_each(|slot| drop(watches.ask(queue(slot), None, LogIndex(1), Micros(0)).unwrap()));
        assert_eq!(watches.ask(queue(many), None, LogIndex(1), Micros(0)), Err(TooMany));
        assert!(watches.ask(queue(0), None, LogIndex(1), Micros(0)).is_ok());
    }

    #[test]
    fn not_more_questions_wait_than_may() {
        let (mut watches, after) = begun();
        let waiting = |call| WaitingWatch { call: CallId(call), queue: QUEUE, after, until: Micros(9) };
        (0..limits::WATCHES_WAITING_MAX as u64).for_each(|call| watches.wait(waiting(call)).unwrap());
        assert_eq!(watches.wait(waiting(9_999)), Err(TooMany));
        watches.cancel(CallId(0)).unwrap();
        assert_eq!(watches.wait(waiting(9_999)), Ok(()));
    }
}
