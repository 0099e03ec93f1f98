//! An access key as it is kept.

use crate::{
    digest::Digested,
    slab::{NIL, Record},
    table::Chained,
};
use evenkeel_types::{AccountId, WallTime};

/// What a key may be used for; nothing listed means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Patterns of actions: `sqs:SendMessage`, `sqs:Receive*`.
    pub actions: Vec<Box<str>>,
    /// What the names of queues begin with.
    pub queues: Vec<Box<str>>,
}

/// An access key.
#[derive(Clone, Debug)]
pub struct Key {
    /// The access key id, by which requests name it. Empty in a free slot.
    pub id: Box<str>,
    /// The account that it acts for.
    pub account: AccountId,
    /// Whose it is within the account; policies name it so. Several keys may share a name.
    pub name: Box<str>,
    /// What people wrote about it.
    pub description: Box<str>,
    /// What it may be used for.
    pub rights: Rights,
    /// Its secret, sealed.
    pub sealed: Box<[u8]>,
    /// The secret before the last rotation, sealed, and until when it counts. Empty if there is none.
    pub sealed_before: (Box<[u8]>, WallTime),
    /// When it was made.
    pub created_at: WallTime,
    /// When it was given its present secret.
    pub rotated_at: WallTime,
    /// From when on it counts no more.
    pub expires_at: Option<WallTime>,
    /// Follows from the id; in a free slot the next free one is in its place.
    pub(super) hash: u64,
    pub(super) chain: u32,
    pub(super) next_free: u32,
}

impl Default for Key {
    fn default() -> Self {
        Self {
            id: Box::default(),
            account: AccountId::default(),
            name: Box::default(),
            description: Box::default(),
            rights: Rights::default(),
            sealed: Box::default(),
            sealed_before: (Box::default(), WallTime(0)),
            created_at: WallTime(0),
            rotated_at: WallTime(0),
            expires_at: None,
            hash: 0,
            chain: NIL,
            next_free: NIL,
        }
    }
}

impl Key {
    pub(super) fn is_live(&self) -> bool {
        !self.id.is_empty()
    }
}

impl Digested for Key {
    fn mix(&self, place: u64) -> u64 {
        let (before, before_until) = &self.sealed_before;
        let mut texts: Vec<&[u8]> =
            vec![self.id.as_bytes(), self.name.as_bytes(), self.description.as_bytes(), &self.sealed, before];
        texts.extend(self.rights.actions.iter().chain(&self.rights.queues).map(|text| text.as_bytes()));
        let numbers = [
            self.account.number(),
            before_until.0,
            self.created_at.0,
            self.rotated_at.0,
            self.expires_at.is_some().into(),
            self.expires_at.unwrap_or_default().0,
            (self.rights.actions.len() as u64) << 32 | self.rights.queues.len() as u64,
            self.next_free.into(),
        ];
        super::mix(place, &texts, &numbers)
    }
}

impl Record for Key {
    fn next_free(&self) -> u32 {
        self.next_free
    }

    fn set_free(&mut self, next: u32) {
        *self = Self { next_free: next, ..Self::default() };
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.put(out);
    }
}

impl Chained<0> for Key {
    fn hash(&self) -> u64 {
        self.hash
    }
    fn chain(&self) -> u32 {
        self.chain
    }
    fn set_chain(&mut self, next: u32) {
        self.chain = next;
    }
}
