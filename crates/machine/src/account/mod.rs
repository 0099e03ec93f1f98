//! Access keys: who may sign, for which account, and what with it may be done.
//!
//! 1. A secret is here only sealed (encrypted outside, under a key that no log and no checkpoint has): the machine carries it and cannot
//!    read it.
//! 2. A revoked key is gone, with all its secrets; its id is not given out again, since ids are drawn at random.
//! 3. A rotated key has two secrets for a while. That and the key's own end are moments of the calendar, which whoever verifies
//!    compares; nothing happens here when they pass, so that an idle log is not written to.
//! 4. What was done to a key is told by an event before the reply goes out, so that after `RevokeKey` was answered nobody is let in.
//!
//! Not here: the root key (the binary's), signatures, and what rights mean.

pub(crate) mod checkpoint;
mod create;
mod key;
mod revoke;
mod rotate;

pub(crate) use checkpoint::KeysOutline;
pub use create::CreateKeyError;
pub use key::{Key, Rights};
pub use revoke::NoSuchKey;

use crate::{
    digest::Mixer,
    slab::{Images, Slab},
    table::Table,
};
use std::hash::Hasher as _;

/// All access keys.
#[derive(Debug, Default)]
pub struct Keys {
    keys: Slab<Key>,
    ids: Table,
    /// Keys the hash of ids.
    hash_keys: (u64, u64),
}

impl Keys {
    pub(crate) fn new(hash_keys: (u64, u64)) -> Self {
        Self { hash_keys, ..Self::default() }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.keys.live()
    }

    /// The key in a slot, as events name it; `None` if there is none now.
    #[must_use]
    pub fn at(&self, slot: u32) -> Option<&Key> {
        self.keys.get(slot).filter(|key| key.is_live())
    }

    /// All of them, each with its slot. O(keys).
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Key)> {
        (0..self.keys.used()).filter_map(|slot| Some((slot, self.at(slot)?)))
    }

    pub(crate) fn digest(&self) -> u64 {
        self.keys.digest()
    }

    /// Recounts. O(keys).
    pub(crate) fn audit(&self) -> Result<(), String> {
        let found = self.iter().filter(|(slot, key)| self.find(&key.id) == Some(*slot)).count();
        if found == self.keys.live() as usize {
            Ok(())
        } else {
            Err(format!("{found} access keys are found by their ids, not {}", self.keys.live()))
        }
    }

    fn find(&self, id: &str) -> Option<u32> {
        self.ids.find(&self.keys, self.hash_of(id), |key| *key.id == *id)
    }

    fn hash_of(&self, id: &str) -> u64 {
        let (first, second) = self.hash_keys;
        let mut hasher = siphasher::sip::SipHasher13::new_with_keys(first, second);
        hasher.write(id.as_bytes());
        hasher.finish()
    }

    pub(crate) fn begin_drain(&mut self, whole: bool) {
        self.keys.begin_drain(whole);
    }

    pub(crate) fn changed(&self) -> u64 {
        self.keys.changed()
    }

    pub(crate) fn abandon_drain(&mut self) -> Images {
        self.keys.abandon_drain()
    }

    pub(crate) fn drain(&mut self, budget: &mut usize, sink: &mut impl FnMut(u32, &[u8])) -> bool {
        self.keys.drain(budget, sink)
    }
}

/// Folds what a key is into one number.
fn mix(place: u64, texts: &[&[u8]], numbers: &[u64]) -> u64 {
    let mixer = texts.iter().fold(Mixer::new(place), |mixer, text| mixer.bytes(text));
    numbers.iter().fold(mixer, |mixer, &number| mixer.word(number)).finish()
}
