//! Signing keys of the callers seen lately, by their whole credential (`key/yyyymmdd/region/service/aws4_request`).
//!
//! A fixed table of small sets: an insert overwrites the entry of its set that was used longest ago, so that the cache
//! neither grows nor rehashes. Only a credential whose signature held is inserted, so that strangers cannot push
//! callers out; a caller can push out others' keys (by signing for many regions), which costs those a derivation each.
//!
//! An entry keeps the secret it came from. A look-up with another secret misses, so that a rotated secret is never
//! honoured beyond the moment of its rotation.

use std::hash::{BuildHasher as _, RandomState};

use subtle::ConstantTimeEq as _;

use crate::key::SigningKey;
use crate::limits::{CACHE_SETS, CACHE_WAYS};

pub(crate) struct KeyCache {
    sets: Vec<[Option<Entry>; CACHE_WAYS]>,
    hasher: RandomState,
    clock: u64,
}

struct Entry {
    credential: Box<[u8]>,
    secret: Box<[u8]>,
    key: SigningKey,
    used: u64,
}

impl KeyCache {
    pub(crate) fn new() -> Self {
        let sets = std::iter::repeat_with(|| [const { None }; CACHE_WAYS]).take(CACHE_SETS).collect();
        Self { sets, hasher: RandomState::new(), clock: 0 }
    }

    /// The key for this credential, if it was derived from this very secret.
    pub(crate) fn find(&mut self, credential: &[u8], secret: &[u8]) -> Option<&SigningKey> {
        self.clock += 1;
        let clock = self.clock;
        let entry = self.set(credential)?.iter_mut().flatten().find(|entry| *entry.credential == *credential)?;
        if !bool::from(entry.secret.ct_eq(secret)) {
            return None;
        }
        entry.used = clock;
        Some(&entry.key)
    }

    pub(crate) fn insert(&mut self, credential: &[u8], secret: &[u8], key: SigningKey) {
        self.clock += 1;
        let entry = Entry { credential: credential.into(), secret: secret.into(), key, used: self.clock };
        let rank = |way: &Option<Entry>| match way {
            Some(held) if *held.credential == *credential => 0,
            None => 1,
            Some(held) => 1 + held.used,
        };
        if let Some(way) = self.set(credential).and_then(|set| set.iter_mut().min_by_key(|way| rank(way))) {
            *way = Some(entry);
        }
    }

    fn set(&mut self, credential: &[u8]) -> Option<&mut [Option<Entry>; CACHE_WAYS]> {
        let hash = self.hasher.hash_one(credential);
        let at = usize::try_from(hash % u64::try_from(CACHE_SETS).ok()?).ok()?;
        self.sets.get_mut(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::derive(b"secret", b"20150830", b"region", b"sqs")
    }

    #[test]
    fn a_key_is_found_under_its_credential_and_secret_only() {
        let mut cache = KeyCache::new();
        cache.insert(b"a/20150830", b"secret", key());
        assert!(cache.find(b"a/20150830", b"secret").is_some());
        assert!(cache.find(b"a/20150830", b"rotated").is_none());
        assert!(cache.find(b"a/20150831", b"secret").is_none());
    }

    #[test]
    fn a_rotated_secret_takes_its_predecessors_place() {
        let mut cache = KeyCache::new();
        cache.insert(b"a", b"secret", key());
        cache.insert(b"a", b"rotated", key());
        assert!(cache.find(b"a", b"rotated").is_some());
        assert_eq!(cache.sets.iter().flatten().flatten().count(), 1);
    }

    #[test]
    fn the_cache_stays_within_its_bounds_and_keeps_what_is_used() {
        let mut cache = KeyCache::new();
        cache.insert(b"busy", b"secret", key());
        let template = key();
        for caller in 0..20_000u32 {
            cache.insert(&caller.to_be_bytes(), b"secret", template.clone());
            assert!(cache.find(b"busy", b"secret").is_some(), "evicted after {caller}");
        }
        assert!(cache.sets.iter().flatten().flatten().count() <= CACHE_SETS * CACHE_WAYS);
    }
}
