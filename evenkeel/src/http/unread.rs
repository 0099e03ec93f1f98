//! Answers that their clients have not read yet: bounded, however many clients ask for much and read nothing.
//!
//! An answer may be 10 MiB and more (ten jobs of 1 MiB), and it waits here for as long as its client does not read. A
//! thousand such clients must not take the memory of all. So large answers are counted, and when they are more together than
//! they may be, the one that has waited longest is given up: its connection is closed, and what it was to bring goes back to its
//! queue. A client that reads at all is rarely the one, for an answer is uncounted as soon as the system has taken it.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// Answers below this size are not counted, in bytes: with 16,000 connections they take 256 MiB at most.
pub(super) const COUNTED_BYTES: usize = 16 * 1024;
/// How long an answer waits for others to go, should a connection not end.
const GOING_MAX: Duration = Duration::from_secs(1);

/// The unread answers of one thread.
#[derive(Debug)]
pub(super) struct Unread {
    bytes_max: usize,
    pile: RefCell<Pile>,
    /// One large answer is made at a time.
    turns: Semaphore,
    /// One that was given up is gone.
    gone: Notify,
}

#[derive(Debug, Default)]
struct Pile {
    bytes: usize,
    /// Of those that were given up and are not gone yet.
    going: usize,
    made: u64,
    /// By age: their sizes, and whom to tell that one is given up.
    answers: BTreeMap<u64, (usize, Rc<Notify>)>,
}

/// Says that an answer is unread. It counts until this is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    unread: Rc<Unread>,
    number: u64,
    bytes: usize,
}

impl Unread {
    pub(super) fn new(bytes_max: usize) -> Rc<Self> {
        Rc::new(Self { bytes_max, pile: RefCell::default(), turns: Semaphore::new(1), gone: Notify::new() })
    }

    /// Counts an answer; `None` for a small one. Tells older ones that they are given up, through `give_up` of theirs, until
    /// there is room for this one or it is the only one.
    pub(super) fn count(self: &Rc<Self>, bytes: usize, give_up: &Rc<Notify>) -> Option<Rc<Ticket>> {
        if bytes < COUNTED_BYTES {
            return None;
        }
        let mut pile = self.pile.borrow_mut();
        while pile.bytes.saturating_add(bytes) > self.bytes_max {
            let Some((_, (freed, oldest))) = pile.answers.pop_first() else { break };
            pile.bytes -= freed;
            pile.going += freed;
            oldest.notify_one();
        }
        let number = pile.made;
        pile.made += 1;
        pile.bytes += bytes;
        pile.answers.insert(number, (bytes, Rc::clone(give_up)));
        Some(Rc::new(Ticket { unread: Rc::clone(self), number, bytes }))
    }

    /// The right to make a large answer, to be held while it is made; `None` if it takes a wait.
    pub(super) fn turn_at_once(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.try_acquire().ok().filter(|_| self.pile.borrow().going == 0)
    }

    /// The right to make a large answer, when those that were given up are gone. A thousand receives may be answered in one
    /// turn of the event loop: without this, all would be made before the first connection is closed.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = self.turns.acquire().await.ok();
        while self.pile.borrow().going > 0 {
            // It is the next thing that each of those connections does.
            if tokio::time::timeout(GOING_MAX, self.gone.notified()).await.is_err() {
                break;
            }
        }
        turn
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut pile = self.unread.pile.borrow_mut();
        match pile.answers.remove(&self.number) {
            Some(_) => pile.bytes -= self.bytes,
            None => {
                pile.going -= self.bytes;
                self.unread.gone.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Waker},
    };

    fn is_told(notify: &Notify) -> bool {
        pin!(notify.notified()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn the_oldest_are_given_up_and_those_that_were_read_are_not() {
        let unread = Unread::new(100 * 1024);
        let tell: Vec<Rc<Notify>> = (0..4).map(|_| Rc::default()).collect();
        let small = unread.count(COUNTED_BYTES - 1, &tell[0]);
        assert!(small.is_none());
        let read = unread.count(40 * 1024, &tell[0]);
        let old = unread.count(40 * 1024, &tell[1]);
        drop(read);
        assert!(unread.turn_at_once().is_some());
        let young = unread.count(60 * 1024, &tell[2]);
        assert!(!is_told(&tell[0]) && !is_told(&tell[1]) && !is_told(&tell[2]));
        let large = unread.count(200 * 1024, &tell[3]);
        assert!(is_told(&tell[1]) && is_told(&tell[2]) && !is_told(&tell[3]), "one that is too large alone is let be");
        assert_eq!(unread.pile.borrow().going, 100 * 1024);
        assert!(unread.turn_at_once().is_none(), "the next has to wait for them to go");
        drop((old, young));
        assert_eq!((unread.pile.borrow().bytes, unread.pile.borrow().going), (200 * 1024, 0));
        drop(large);
        assert_eq!(unread.pile.borrow().bytes, 0);
    }
}
