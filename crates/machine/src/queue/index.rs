//! An index that is read by pages: in order, from a place on, and in no other way.
//!
//! So a page costs what is on it and a descent through the tree, however much there is; in this room's own tests each entry that is
//! passed is counted ([`crate::visits`]), and they hold the pages to it.

use std::{collections::BTreeMap, ops::RangeBounds};

/// Entries in the order of their keys. It follows from the records, and is no part of the state.
#[derive(Debug)]
pub(super) struct Index<K, V = ()>(BTreeMap<K, V>);

impl<K, V> Default for Index<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V> Index<K, V> {
    pub(super) fn insert(&mut self, key: K, value: V) {
        self.0.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.0.remove(key);
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }

    pub(super) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.0.entry(key).or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What lies between two places, from either end.
    pub(super) fn range(&self, places: impl RangeBounds<K>) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.range(places).inspect(|_| crate::visits::count())
    }
}
