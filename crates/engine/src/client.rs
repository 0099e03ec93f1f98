//! The client: how a door's thread asks the engine's.
//!
//! Crossing threads is what costs, so both ways are crossed in bundles: requests made in one turn of the
//! reactor go over together, and so do the answers of one batch. [`Client::pump`] is the task that does it; it
//! must run on the client's own thread for as long as the client is used.
//!
//! A call that is dropped unfinished is cancelled. If jobs were already leased for it, they are given
//! back at once.

use crate::{
    CallId,
    request::{Answer, EngineError, Proposal, Received, Request},
    thread::{Inbox, Letter},
};
use evenkeel_machine::command::{Command, Held};
use evenkeel_types::Micros;
use std::{
    cell::RefCell,
    collections::HashMap,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

/// Where the engine leaves a client's answers.
#[derive(Debug, Default)]
pub struct Mailbox {
    inner: Mutex<MailboxInner>,
}

#[derive(Debug, Default)]
struct MailboxInner {
    answers: Vec<(CallId, Answer)>,
    waker: Option<Waker>,
    closed: bool,
}

impl Mailbox {
    /// Leaves answers, emptying the vector, and wakes the client.
    pub(crate) fn put(&self, answers: &mut Vec<(CallId, Answer)>) {
        let waker = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.answers.append(answers);
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Says that no more answers will come.
    pub(crate) fn close(&self) {
        let waker = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.closed = true;
            inner.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A door's thread's way to the engine. Cheap to clone; stays on its thread.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inbox: Arc<Inbox>,
    mailbox: Arc<Mailbox>,
    /// The mailbox's number in the high bits of each call's.
    number: u64,
    local: RefCell<Local>,
}

#[derive(Debug, Default)]
struct Local {
    calls: u64,
    outgoing: Vec<Letter>,
    pump: Option<Waker>,
    /// The engine has ended.
    gone: bool,
    waiting: HashMap<CallId, Slot>,
    taken: Vec<(CallId, Answer)>,
}

#[derive(Debug)]
enum Slot {
    Waiting(Option<Waker>),
    Answered(Answer),
}

/// How many low bits of a call's number count the calls of one client.
pub(crate) const CALL_BITS: u32 = 48;

impl Client {
    pub(crate) fn new(inbox: Arc<Inbox>, mailbox: Arc<Mailbox>, number: u64) -> Self {
        Self { shared: Rc::new(Shared { inbox, mailbox, number, local: RefCell::default() }) }
    }

    /// Asks the engine. The request is on its way even if the call is not polled yet.
    #[must_use]
    pub fn call(&self, request: Request) -> Call {
        let mut local = self.shared.local.borrow_mut();
        let id = local.next_id(self.shared.number);
        let slot = if local.gone { Slot::Answered(Answer::Failed(EngineError::Stopping)) } else { Slot::Waiting(None) };
        local.waiting.insert(id, slot);
        local.send(Letter::Submit(id, request));
        Call { shared: Rc::clone(&self.shared), id: Some(id) }
    }

    /// Asks the engine without waiting for the answer.
    pub fn tell(&self, request: Request) {
        let mut local = self.shared.local.borrow_mut();
        let id = local.next_id(self.shared.number);
        local.send(Letter::Submit(id, request));
    }

    /// Carries requests and answers over, until the engine is gone.
    pub async fn pump(self) {
        poll_fn(|context| self.poll_pump(context)).await;
    }

    fn poll_pump(&self, context: &Context<'_>) -> Poll<()> {
        loop {
            let mut local = self.shared.local.borrow_mut();
            local.pump = Some(context.waker().clone());
            // If the engine is gone its last answers are in the mailbox, which says so when it is empty.
            if !local.outgoing.is_empty() && !self.shared.inbox.put(&mut local.outgoing) {
                local.outgoing.clear();
            }
            {
                let mut inner = self.shared.mailbox.inner.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::swap(&mut inner.answers, &mut local.taken);
                if local.taken.is_empty() {
                    if inner.closed {
                        drop(inner);
                        self.engine_is_gone(&mut local);
                        return Poll::Ready(());
                    }
                    inner.waker = Some(context.waker().clone());
                    return Poll::Pending;
                }
            }
            let mut taken = std::mem::take(&mut local.taken);
            for (id, answer) in taken.drain(..) {
                local.arrived(self.shared.number, id, answer);
            }
            local.taken = taken;
        }
    }

    fn engine_is_gone(&self, local: &mut Local) {
        local.gone = true;
        // Those that are answered keep their answers, whether or not anybody has come for them.
        let is_waiting = |(id, slot): (&CallId, &Slot)| matches!(slot, Slot::Waiting(_)).then_some(*id);
        let ids: Vec<CallId> = local.waiting.iter().filter_map(is_waiting).collect();
        for id in ids {
            local.arrived(self.shared.number, id, Answer::Failed(EngineError::Stopping));
        }
        local.outgoing.clear();
    }
}

impl Local {
    fn next_id(&mut self, number: u64) -> CallId {
        self.calls += 1;
        CallId(number << CALL_BITS | self.calls)
    }

    fn send(&mut self, letter: Letter) {
        if self.gone {
            return;
        }
        self.outgoing.push(letter);
        if self.outgoing.len() == 1
            && let Some(pump) = self.pump.take()
        {
            pump.wake();
        }
    }

    fn arrived(&mut self, number: u64, id: CallId, answer: Answer) {
        let Some(slot) = self.waiting.get_mut(&id) else {
            // Nobody waits for it any more, or ever did.
            return self.give_back(number, &answer);
        };
        if let Slot::Waiting(waker) = std::mem::replace(slot, Slot::Answered(answer))
            && let Some(waker) = waker
        {
            waker.wake();
        }
    }

    /// Nobody is there to take what was leased: give it back.
    fn give_back(&mut self, number: u64, answer: &Answer) {
        let Answer::Received(Ok(received)) = answer else { return };
        if let Some(request) = release(received) {
            let id = self.next_id(number);
            self.send(Letter::Submit(id, request));
        }
    }
}

/// The request that gives leased jobs back at once; `None` if there are none.
#[must_use]
pub fn release(received: &Received) -> Option<Request> {
    let jobs: Vec<_> =
        received.jobs.iter().map(|job| (Held { job: job.grant.job, token: job.grant.token }, Micros(0))).collect();
    (!jobs.is_empty()).then(|| Request::Propose(Proposal::new(&Command::ChangeLease { queue: received.queue, jobs })))
}

/// A question on its way. Dropping it cancels it.
#[derive(Debug)]
pub struct Call {
    shared: Rc<Shared>,
    /// `None` once it is answered.
    id: Option<CallId>,
}

impl Future for Call {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let shared = Rc::clone(&self.shared);
        let mut local = shared.local.borrow_mut();
        let Some(id) = self.id else { return Poll::Ready(Answer::Failed(EngineError::Stopping)) };
        match local.waiting.get_mut(&id) {
            Some(Slot::Waiting(waker)) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => {
                self.id = None;
                match local.waiting.remove(&id) {
                    Some(Slot::Answered(answer)) => Poll::Ready(answer),
                    _ => Poll::Ready(Answer::Failed(EngineError::Stopping)),
                }
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let mut local = self.shared.local.borrow_mut();
        match local.waiting.remove(&id) {
            Some(Slot::Answered(answer)) => local.give_back(self.shared.number, &answer),
            Some(Slot::Waiting(_)) => local.send(Letter::Cancel(id)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Look;
    use evenkeel_machine::Reply;
    use std::pin::pin;

    /// An engine that ends answers first: what it answered was done, and saying otherwise would have it done again.
    #[test]
    fn what_the_engine_answered_last_is_not_forgotten_because_it_is_gone() {
        let (inbox, mailbox) = (Arc::<Inbox>::default(), Arc::<Mailbox>::default());
        let client = Client::new(inbox, Arc::clone(&mailbox), 0);
        let (answered, unanswered) = (client.call(Request::Look(Look::House)), client.call(Request::Look(Look::House)));
        let mut context = Context::from_waker(Waker::noop());
        mailbox.put(&mut vec![(CallId(1), Answer::Reply(Reply::Done))]);
        mailbox.close();
        assert!(pin!(client.pump()).poll(&mut context).is_ready());
        let mut told = |call: Call| match pin!(call).poll(&mut context) {
            Poll::Ready(answer) => format!("{answer:?}"),
            Poll::Pending => "nothing".into(),
        };
        let told: Vec<_> = [answered, unanswered].map(&mut told).into();
        assert_eq!(told, ["Reply(Done)", "Failed(Stopping)"]);
    }
}
