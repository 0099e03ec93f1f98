//! The directory: every access key, as whoever checks a signature needs it.

use crate::vault::{Secret, Vault};
use evenkeel_machine::account::Key;
use evenkeel_policy::{Rights, is_read_metrics};
use evenkeel_sigv4::{Keyed, Secrets};
use evenkeel_types::{AccountId, WallTime};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};
use subtle::ConstantTimeEq as _;

/// A key that somebody holds.
#[derive(Debug)]
pub struct Known {
    /// The access key id.
    pub id: Box<str>,
    /// The account that it acts for.
    pub account: AccountId,
    /// Whose it is within the account; the account's number for the root key. Receivers see it as the sender.
    pub name: Box<str>,
    /// What people wrote about it.
    pub description: Box<str>,
    /// What it may be used for.
    pub rights: Rights,
    /// The patterns and prefixes that the rights were made of, as they were given.
    pub given: evenkeel_machine::account::Rights,
    /// It may administer keys, and everything else.
    pub is_root: bool,
    /// When it was made.
    pub created_at: WallTime,
    /// When it got its present secret.
    pub rotated_at: WallTime,
    /// From when on it counts no more.
    pub expires_at: Option<WallTime>,
    /// Until when the secret before the last rotation counts.
    pub before_until: Option<WallTime>,
    /// `None` if it could not be opened.
    secret: Option<Secret>,
    before: Option<Secret>,
}

/// Whether a key lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Active,
    /// Its time is over.
    Expired,
    /// Its secret was sealed by another sealing key. Rotate it.
    Unreadable,
}

impl Known {
    /// Whether it may read metrics, which tell of all accounts: root, and keys that name that right.
    #[must_use]
    pub fn may_read_metrics(&self) -> bool {
        self.is_root || self.given.actions.iter().any(|action| is_read_metrics(action))
    }

    /// Whether it lets in at that moment.
    #[must_use]
    pub fn standing(&self, now: WallTime) -> Standing {
        if self.expires_at.is_some_and(|end| end <= now) {
            Standing::Expired
        } else if self.secret.is_none() {
            Standing::Unreadable
        } else {
            Standing::Active
        }
    }
}

/// All keys. Read by every connection's thread, changed by the engine's.
#[derive(Debug)]
pub struct Directory {
    vault: Vault,
    root: Arc<Known>,
    keys: RwLock<Keys>,
}

/// All but root.
#[derive(Debug, Default)]
struct Keys {
    by_id: HashMap<Box<str>, Arc<Known>>,
    /// The ids, so that keys can be listed by pages.
    in_order: BTreeSet<Box<str>>,
    /// Which key was in which of the machine's slots.
    slots: HashMap<u32, Box<str>>,
}

impl Directory {
    /// Nobody but root, of that account.
    #[must_use]
    pub fn new(vault: Vault, account: AccountId, root_id: &str, root_secret: &str) -> Self {
        let root = Known {
            id: root_id.into(),
            account,
            name: account.to_string().into(),
            description: Box::default(),
            rights: Rights::default(),
            given: evenkeel_machine::account::Rights::default(),
            is_root: true,
            created_at: WallTime(0),
            rotated_at: WallTime(0),
            expires_at: None,
            before_until: None,
            secret: Some(Secret::new(root_secret.into())),
            before: None,
        };
        Self { vault, root: Arc::new(root), keys: RwLock::default() }
    }

    /// What the machine has in a slot now.
    pub fn set(&self, slot: u32, key: Option<&Key>) {
        let known = key.map(|key| Arc::new(self.known(key)));
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = keys.slots.remove(&slot) {
            keys.in_order.remove(&before);
            keys.by_id.remove(&before);
        }
        if let Some(known) = known {
            keys.slots.insert(slot, known.id.clone());
            keys.in_order.insert(known.id.clone());
            keys.by_id.insert(known.id.clone(), known);
        }
    }

    fn known(&self, key: &Key) -> Known {
        let (before, before_until) = &key.sealed_before;
        Known {
            id: key.id.clone(),
            account: key.account,
            name: key.name.clone(),
            description: key.description.clone(),
            rights: Rights::new(&key.rights.actions, &key.rights.queues),
            given: key.rights.clone(),
            is_root: false,
            created_at: key.created_at,
            rotated_at: key.rotated_at,
            expires_at: key.expires_at,
            before_until: (!before.is_empty()).then_some(*before_until),
            secret: self.vault.open(&key.id, &key.sealed).ok(),
            before: self.vault.open(&key.id, before).ok(),
        }
    }

    /// The root key.
    #[must_use]
    pub fn root(&self) -> &Arc<Known> {
        &self.root
    }

    /// Seals and opens secrets.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The key of that id, whatever its standing; a hash look-up. Root comes first: no other key can take its id's place.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Known>> {
        if *self.root.id == *id {
            return Some(Arc::clone(&self.root));
        }
        self.keys.read().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }

    /// The next keys behind the id `after`, in order of their ids; root is not among them.
    #[must_use]
    pub fn page(&self, after: &str, count_max: usize) -> Vec<Arc<Known>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let ids = keys.in_order.range::<str, _>((Excluded(after), Unbounded));
        ids.take(count_max).filter_map(|id| keys.by_id.get(id).cloned()).collect()
    }

    /// How many keys cannot be opened.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.by_id.values().filter(|known| known.secret.is_none()).count()
    }

    /// As it lets in at that moment.
    #[must_use]
    pub fn at(&self, now: WallTime) -> At<'_> {
        At { directory: self, now }
    }
}

/// The directory at a moment of the calendar.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    directory: &'a Directory,
    now: WallTime,
}

/// A key with the secrets that count at that moment.
#[derive(Debug)]
pub struct Held {
    known: Arc<Known>,
    with_before: bool,
}

impl Held {
    /// The key.
    #[must_use]
    pub fn into_known(self) -> Arc<Known> {
        self.known
    }
}

impl Keyed for Held {
    fn secret(&self) -> &[u8] {
        self.known.secret.as_ref().map_or(&[], Secret::reveal)
    }

    fn secret_before(&self) -> Option<&[u8]> {
        self.known.before.as_ref().filter(|_| self.with_before).map(Secret::reveal)
    }
}

impl At<'_> {
    /// Whose that secret is: for those who cannot sign and send it as a password. How long it takes tells nothing of the secret (which ids there are is no secret).
    #[must_use]
    pub fn who(&self, access_key_id: &str, secret: &str) -> Option<Arc<Known>> {
        let is = |held: &[u8]| !held.is_empty() & bool::from(held.ct_eq(secret.as_bytes()));
        let held = self.find(access_key_id)?;
        let is_its = is(held.secret()) | is(held.secret_before().unwrap_or_default());
        is_its.then_some(held.known)
    }
}

impl Secrets for At<'_> {
    type Key = Held;

    fn find(&self, access_key_id: &str) -> Option<Held> {
        let known = self.directory.get(access_key_id)?;
        let with_before = known.before_until.is_some_and(|until| until > self.now);
        (known.standing(self.now) == Standing::Active).then_some(Held { known, with_before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        Directory::new(Vault::new(&[1; 32]), AccountId::default(), "root", "root secret")
    }

    fn key(directory: &Directory, id: &str, secret: &str) -> Key {
        let sealed = directory.vault.seal(id, &Secret::new(secret.into())).unwrap().into();
        let mut key = Key::default();
        (key.id, key.name, key.sealed) = (id.into(), "name".into(), sealed);
        key
    }

    fn secrets(directory: &Directory, id: &str, now: u64) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let held = directory.at(WallTime(now)).find(id)?;
        Some((held.secret().to_vec(), held.secret_before().map(<[u8]>::to_vec)))
    }

    #[test]
    fn keys_come_and_go_with_their_slots() {
        let directory = directory();
        directory.set(3, Some(&key(&directory, "A", "one")));
        assert_eq!(secrets(&directory, "A", 0), Some((b"one".to_vec(), None)));
        directory.set(3, Some(&key(&directory, "B", "two")));
        assert_eq!((secrets(&directory, "A", 0), directory.page("", 9).len()), (None, 1));
        directory.set(3, None);
        assert_eq!((secrets(&directory, "B", 0), directory.page("", 9).len()), (None, 0));
        assert_eq!(secrets(&directory, "root", 0), Some((b"root secret".to_vec(), None)));
    }

    #[test]
    fn times_are_kept_to_the_millisecond() {
        let directory = directory();
        let mut key = key(&directory, "A", "new");
        key.expires_at = Some(WallTime(100));
        let before = directory.vault.seal("A", &Secret::new(b"old".to_vec())).unwrap();
        key.sealed_before = (before.into(), WallTime(50));
        directory.set(0, Some(&key));
        assert_eq!(secrets(&directory, "A", 49), Some((b"new".to_vec(), Some(b"old".to_vec()))));
        assert_eq!(secrets(&directory, "A", 50), Some((b"new".to_vec(), None)));
        assert_eq!(secrets(&directory, "A", 99), Some((b"new".to_vec(), None)));
        assert_eq!(secrets(&directory, "A", 100), None);
        assert_eq!(directory.get("A").unwrap().standing(WallTime(100)), Standing::Expired);
        let lets_in = |secret, now| directory.at(WallTime(now)).who("A", secret).is_some();
        assert!(lets_in("new", 99) && lets_in("old", 49));
        assert!(!lets_in("old", 50) && !lets_in("new", 100) && !lets_in("", 99) && !lets_in("ne", 99));
        assert!(directory.at(WallTime(0)).who("B", "new").is_none());
    }

    #[test]
    fn what_cannot_be_opened_lets_nobody_in() {
        let (directory, other) = (directory(), Directory::new(Vault::new(&[2; 32]), AccountId::default(), "r", "s"));
        directory.set(0, Some(&key(&other, "A", "secret")));
        assert_eq!((secrets(&directory, "A", 0), directory.unreadable()), (None, 1));
    }

    #[test]
    fn metrics_are_for_root_and_for_keys_that_name_them() {
        let directory = directory();
        let may = |actions: &[&str]| {
            let mut key = key(&directory, "A", "s");
            key.rights.actions = actions.iter().map(|&action| action.into()).collect();
            directory.set(0, Some(&key));
            directory.get("A").unwrap().may_read_metrics()
        };
        assert!(!may(&[]) && !may(&["*"]) && !may(&["sqs:*"]));
        assert!(may(&["sqs:SendMessage", "Evenkeel:ReadMetrics"]));
        assert!(!directory.get("A").unwrap().rights.allow_action("sqs:ReceiveMessage"));
        assert!(directory.root().may_read_metrics());
    }

    #[test]
    fn no_key_can_stand_in_for_root() {
        let directory = directory();
        directory.set(0, Some(&key(&directory, "root", "mine")));
        assert_eq!(secrets(&directory, "root", 0), Some((b"root secret".to_vec(), None)));
    }

    #[test]
    fn pages_follow_each_other() {
        let directory = directory();
        for (slot, id) in (0..).zip(["C", "A", "B"]) {
            directory.set(slot, Some(&key(&directory, id, "s")));
        }
        let ids = |after: &str| directory.page(after, 2).iter().map(|known| known.id.to_string()).collect::<Vec<_>>();
        assert_eq!((ids(""), ids("B"), ids("C")), (vec!["A".into(), "B".into()], vec!["C".into()], vec![]));
    }
}
