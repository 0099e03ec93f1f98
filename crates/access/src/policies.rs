//! The policies of queues, read and at hand for the threads that let requests in.
//!
//! The texts among the machine's papers are the truth, and this follows them as the directory does the keys. A policy is read when it
//! changes, not when it is asked; where there is none at all, asking costs one load.

use evenkeel_machine::{command::QueueKey, queue::Papers};
use evenkeel_policy::{Asked, Policy, PolicyError, Verdict};
use evenkeel_types::{AccountId, WallTime};
use std::{
    collections::HashMap,
    fmt::Display,
    net::IpAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// All queues that have a policy. Read by every connection's thread, changed by the engine's.
#[derive(Debug)]
pub struct Policies {
    /// The name of the note that holds a queue's policy.
    note: &'static str,
    count: AtomicUsize,
    held: RwLock<Held>,
}

/// An account's, by their names, each with its slot.
type ByName = HashMap<Box<str>, (u32, Arc<Guard>)>;

#[derive(Debug, Default)]
struct Held {
    by_account: HashMap<AccountId, ByName>,
    /// Which queue was in which of the machine's slots. Only the engine's thread asks.
    slots: HashMap<u32, (AccountId, Box<str>)>,
}

/// What stands before a queue.
#[derive(Debug)]
pub struct Guard(Result<Policy, PolicyError>);

impl Guard {
    /// What the policy says. One that this version cannot read lets nobody in: it may forbid just that.
    #[must_use]
    pub fn verdict(&self, asked: &Asked<'_>) -> Verdict {
        self.0.as_ref().map_or(Verdict::Denied, |policy| policy.verdict(asked))
    }
}

/// Who asks, as policies see them.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The account of the key that signed.
    pub account: AccountId,
    /// The key's name; `None` for the root key.
    pub user: Option<&'a str>,
    /// From which address, as far as the connection shows.
    pub source_ip: Option<IpAddr>,
    /// Whether the connection is encrypted.
    pub is_secure: bool,
    /// What the calendar says.
    pub now: WallTime,
}

impl Policies {
    /// No policies yet; they will be in the notes of that name.
    #[must_use]
    pub fn new(note: &'static str) -> Self {
        Self { note, count: AtomicUsize::new(0), held: RwLock::default() }
    }

    /// The queue with notes that the machine has in a slot now, and its papers.
    pub fn set(&self, slot: u32, found: Option<(QueueKey<'_>, &Papers)>) {
        let found = found.and_then(|(queue, papers)| Some((queue, papers.notes.get(self.note)?)));
        let guard = found.map(|(queue, text)| (queue, Arc::new(Guard(Policy::parse(text)))));
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let Held { by_account, slots } = &mut *held;
        if let Some((account, name)) = slots.remove(&slot)
            && let Some(queues) = by_account.get_mut(&account)
            // Another slot may have the name by now.
            && queues.get(&name).is_some_and(|(holder, _)| *holder == slot)
        {
            queues.remove(&name);
            if queues.is_empty() {
                by_account.remove(&account);
            }
        }
        if let Some((queue, guard)) = guard {
            slots.insert(slot, (queue.account, queue.name.into()));
            by_account.entry(queue.account).or_default().insert(queue.name.into(), (slot, guard));
        }
        self.count.store(slots.len(), Ordering::Release);
    }

    /// What the policy of a queue says to somebody who wants to do that, such as `sqs:SendMessage`; silent, and nothing is written
    /// out, if it has none.
    #[must_use]
    pub fn verdict(&self, signer: &Signer<'_>, action: impl Display, queue: QueueKey<'_>) -> Verdict {
        let Some(guard) = self.of(queue) else { return Verdict::Silent };
        guard.verdict(&Asked {
            account: &signer.account.to_string(),
            user: signer.user,
            action: &action.to_string(),
            owner: &queue.account.to_string(),
            queue: queue.name,
            source_ip: signer.source_ip,
            is_secure: signer.is_secure,
            unix_seconds: i64::try_from(signer.now.0 / 1_000).unwrap_or(i64::MAX),
        })
    }

    /// What stands before a queue; `None` if it has no policy. Two hash look-ups, or none where no queue has one.
    #[must_use]
    pub fn of(&self, queue: QueueKey<'_>) -> Option<Arc<Guard>> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.by_account.get(&queue.account)?.get(queue.name).map(|(_, guard)| Arc::clone(guard))
    }

    /// How many policies this version cannot read.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.by_account.values().flat_map(HashMap::values).filter(|(_, guard)| guard.0.is_err()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: &str = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}}"#;

    fn queue(name: &str) -> QueueKey<'_> {
        QueueKey { account: AccountId::default(), name }
    }

    fn noted(note: &str, text: &str) -> Papers {
        Papers { notes: [(note.into(), text.into())].into(), ..Papers::default() }
    }

    fn verdict(policies: &Policies, name: &str) -> Option<Verdict> {
        let asked = Asked {
            account: "000000000002",
            user: None,
            action: "sqs:SendMessage",
            owner: "000000000000",
            queue: name,
            source_ip: None,
            is_secure: false,
            unix_seconds: 0,
        };
        policies.of(queue(name)).map(|guard| guard.verdict(&asked))
    }

    #[test]
    fn policies_come_and_go_with_their_slots() {
        let policies = Policies::new("Policy");
        let allow = noted("Policy", ALLOW);
        assert_eq!(verdict(&policies, "a"), None);
        policies.set(3, Some((queue("a"), &allow)));
        assert_eq!((verdict(&policies, "a"), verdict(&policies, "b")), (Some(Verdict::Allowed), None));
        let other = QueueKey { account: AccountId::from_number(7).unwrap(), name: "a" };
        assert!(policies.of(other).is_none());
        policies.set(3, Some((queue("b"), &allow)));
        assert_eq!((verdict(&policies, "a"), verdict(&policies, "b")), (None, Some(Verdict::Allowed)));
        // Deleted and made anew in another slot.
        policies.set(4, Some((queue("b"), &allow)));
        policies.set(3, None);
        assert_eq!(verdict(&policies, "b"), Some(Verdict::Allowed));
        policies.set(4, Some((queue("b"), &noted("Other", ALLOW))));
        assert_eq!(verdict(&policies, "b"), None);
    }

    #[test]
    fn what_cannot_be_read_lets_nobody_in() {
        let policies = Policies::new("Policy");
        policies.set(0, Some((queue("a"), &noted("Policy", "{}"))));
        assert_eq!((verdict(&policies, "a"), policies.unreadable()), (Some(Verdict::Denied), 1));
    }
}
