//! Where the nodes are. Each is believed about itself: an entry counts for more the later its node made it.

use evenkeel_log_raft::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Nodes that the book has at most: more than a cluster's members, since those that left stay in it for a while.
const PLACES_MAX: usize = 64;
/// Bytes of an address: a name of the domain name system, and a port.
const ADDRESS_BYTES_MAX: usize = 262;

/// The stamp of what the leader says of a node that it has just let in.
pub(super) const GIVEN_STAMP: u64 = 1;

/// Where a node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Which.
    pub(crate) node: u64,
    /// For other nodes.
    pub(crate) address: String,
    /// For requests.
    pub(crate) http: String,
    /// When it said so: Unix milliseconds by its own clock, and never less than before.
    pub(crate) stamp: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Book(BTreeMap<u64, Place>);

impl Book {
    /// Takes in what another knows. `true` if anything was new.
    pub(crate) fn learn(&mut self, places: impl IntoIterator<Item = Place>) -> bool {
        let mut any = false;
        for place in places {
            let known = self.0.get(&place.node);
            let fits = place.address.len() <= ADDRESS_BYTES_MAX && place.http.len() <= ADDRESS_BYTES_MAX;
            let has_room = known.is_some() || self.0.len() < PLACES_MAX;
            if fits && has_room && known.is_none_or(|known| known.stamp < place.stamp) {
                self.0.insert(place.node, place);
                any = true;
            }
        }
        any
    }

    /// This node is there, as of now.
    pub(crate) fn is_here(&mut self, mut place: Place) {
        if let Some(known) = self.0.get(&place.node) {
            place.stamp = place.stamp.max(known.stamp + 1);
        }
        self.0.insert(place.node, place);
    }

    /// All places, for another to learn.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.0.values().cloned().collect()
    }

    /// Where that node is.
    pub(crate) fn get(&self, node: NodeId) -> Option<&Place> {
        self.0.get(&node.0)
    }

    /// Forgets nodes that are no members.
    pub(crate) fn retain(&mut self, is_member: impl Fn(NodeId) -> bool) {
        self.0.retain(|node, _| is_member(NodeId(*node)));
    }

    /// Where to find those nodes.
    pub(crate) fn addresses(&self, is_wanted: impl Fn(NodeId) -> bool) -> BTreeMap<NodeId, String> {
        let wanted = self.0.values().filter(|place| is_wanted(NodeId(place.node)));
        wanted.map(|place| (NodeId(place.node), place.address.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(node: u64, address: &str, stamp: u64) -> Place {
        Place { node, address: address.into(), http: String::new(), stamp }
    }

    #[test]
    fn the_later_word_counts_whoever_brings_it() {
        let mut book = Book::default();
        assert!(book.learn([place(1, "a", 5), place(2, "b", 1)]));
        assert!(!book.learn([place(1, "old", 4), place(1, "same", 5)]));
        assert!(book.learn([place(1, "c", 6)]));
        assert_eq!(book.get(NodeId(1)).unwrap().address, "c");
        // A clock that was set back does not make what it says now older.
        book.is_here(place(2, "d", 0));
        assert_eq!(book.get(NodeId(2)).unwrap(), &place(2, "d", 2));
        book.retain(|node| node.0 == 2);
        assert_eq!(book.addresses(|_| true), BTreeMap::from([(NodeId(2), "d".into())]));
    }

    #[test]
    fn nobody_fills_the_memory_with_places() {
        let mut book = Book::default();
        book.learn((0..1_000).map(|node| place(node, "a", 1)));
        assert_eq!(book.places().len(), PLACES_MAX);
        assert!(!book.learn([place(1, &"a".repeat(ADDRESS_BYTES_MAX + 1), 9)]));
    }

    /// A note that is too long would end every connection that it is said on.
    #[test]
    fn the_fullest_book_can_be_told() {
        let mut book = Book::default();
        let address = "\u{1}".repeat(ADDRESS_BYTES_MAX);
        book.learn(
            (0..1_000).map(|node| Place { http: address.clone(), ..place(u64::MAX - node, &address, u64::MAX) }),
        );
        let told = serde_json::to_vec(&book.places()).unwrap();
        assert!(
            told.len() + 8 * 1024 <= evenkeel_peers::limits::TOLD_BYTES_MAX,
            "{} bytes, and a welcome has more",
            told.len()
        );
    }
}
