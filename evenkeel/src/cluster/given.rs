//! Numbers that were given to nodes that asked for one: whoever asks again gets the same.
//!
//! A number is proposed, agreed on a little later, and told. In between the asker may lose its patience, or the leader its term. So a number is noted when it is
//! proposed, and counts
//!
//! - in the same term, once it is a member: then it is what was proposed, however late that was agreed on;
//! - after that term only if it was seen to be a member in it: another leader may have given the same number to somebody else.
//!
//! One whose asker never came stays a learner that never spoke, and is removed ([`Strangers`]).

use super::book::{Book, GIVEN_STAMP};
use evenkeel_log_raft::{NodeId, Status};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// A learner that did not come within this does not know that it is one.
const COMES_WITHIN: Duration = Duration::from_secs(600);

/// Who asks for a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Asker {
    /// One that had this number, and lost what it held.
    Again(NodeId),
    /// One that joins, and the token that it spent: no other can spend the same.
    New(String),
}

#[derive(Clone, Copy, Debug)]
struct Number {
    node: NodeId,
    /// The term in which it was proposed.
    term: u64,
    /// It was a member in that term.
    is_agreed: bool,
}

/// The numbers that this process gave.
#[derive(Debug, Default)]
pub(super) struct Given(BTreeMap<Asker, Number>);

impl Given {
    /// A number was proposed for that asker.
    pub(super) fn note(&mut self, asker: &Asker, node: NodeId, term: u64) {
        self.0.insert(asker.clone(), Number { node, term, is_agreed: false });
    }

    /// What that asker was given, if it is a learner now.
    pub(super) fn to(&mut self, asker: &Asker, status: &Status) -> Option<NodeId> {
        let number = self.0.get_mut(asker)?;
        let is_learner = status.members.learners.contains(&number.node);
        number.is_agreed |= is_learner && number.term == status.term;
        (is_learner && number.is_agreed).then_some(number.node)
    }

    /// That number is nobody's any more.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.0.retain(|_, number| number.node != node);
    }

    /// The tokens of those that have a vote by now. They are told once.
    pub(super) fn arrived(&mut self, status: &Status) -> Vec<String> {
        let mut tokens = Vec::new();
        self.0.retain(|asker, number| {
            let votes = number.is_agreed && status.members.voters.contains(&number.node);
            if let (true, Asker::New(token)) = (votes, asker) {
                tokens.push(token.clone());
            }
            !votes
        });
        tokens
    }
}

/// Learners that never spoke, and since when that is known.
#[derive(Debug, Default)]
pub(super) struct Strangers(BTreeMap<NodeId, Instant>);

impl Strangers {
    /// One that is to be removed, as the leader sees it: it was agreed on too late for who had asked, or that died before it knew its number.
    pub(super) fn left_over(&mut self, status: &Status, book: &Book, now: Instant) -> Option<NodeId> {
        let is_strange = |node: &NodeId| {
            let was_heard = status.peers.iter().any(|peer| peer.node == *node && (peer.is_there || peer.matched.0 > 0));
            // What a node says of itself is stamped later.
            let never_spoke = book.get(*node).is_none_or(|place| place.stamp <= GIVEN_STAMP);
            status.leads() && !was_heard && never_spoke
        };
        let strange: Vec<_> = status.members.learners.iter().copied().filter(is_strange).collect();
        self.0.retain(|node, _| strange.contains(node));
        strange.iter().for_each(|node| _ = self.0.entry(*node).or_insert(now));
        self.0.iter().find(|(_, since)| now.duration_since(**since) >= COMES_WITHIN).map(|(node, _)| *node)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::book::Place, *};
    use evenkeel_log_raft::{Members, Peer};
    use evenkeel_types::{Epoch, LogIndex};

    fn status(term: u64, learners: &[u64]) -> Status {
        let mut members = Members::of(&[NodeId(1)]);
        members.learners = learners.iter().copied().map(NodeId).collect();
        let peer = |node: &NodeId| Peer { node: *node, matched: LogIndex(0), is_there: false, needs_snapshot: false };
        let peers = members.learners.iter().map(peer).collect();
        let (node, leader) = (NodeId(1), Some(NodeId(1)));
        let (last, committed) = (LogIndex(50), LogIndex(50));
        Status { node, term, leader, owns: Some(Epoch(term)), last, committed, members, peers }
    }

    #[test]
    fn who_asks_again_gets_what_was_agreed_on_too_late() {
        let (mut given, asker, other) = (Given::default(), Asker::Again(NodeId(5)), Asker::New("x".into()));
        given.note(&asker, NodeId(40), 3);
        assert_eq!(given.to(&asker, &status(3, &[])), None, "nobody agreed yet");
        assert_eq!(given.to(&asker, &status(3, &[40])), Some(NodeId(40)));
        assert_eq!(given.to(&other, &status(3, &[40])), None);
        assert_eq!(given.to(&asker, &status(4, &[40])), Some(NodeId(40)), "it was agreed on in its term");
        assert_eq!(given.to(&asker, &status(4, &[])), None, "it votes, or is gone");
        given.forget(NodeId(40));
        assert_eq!(given.to(&asker, &status(4, &[40])), None);
    }

    #[test]
    fn the_same_number_of_another_term_is_somebody_elses() {
        let (mut given, asker) = (Given::default(), Asker::New("x".into()));
        given.note(&asker, NodeId(40), 3);
        assert_eq!(given.to(&asker, &status(4, &[40])), None);
        given.note(&asker, NodeId(44), 5);
        assert_eq!(given.to(&asker, &status(5, &[40, 44])), Some(NodeId(44)));
        assert_eq!(given.arrived(&status(5, &[44])), Vec::<String>::new());
        let mut votes = status(6, &[]);
        votes.members.voters.push(NodeId(44));
        assert_eq!(given.arrived(&votes), ["x"]);
        assert_eq!(given.arrived(&votes), Vec::<String>::new(), "told once");
    }

    #[test]
    fn a_learner_that_never_spoke_is_removed_and_no_other() {
        let (mut strangers, mut book, begun) = (Strangers::default(), Book::default(), Instant::now());
        let place = |node, stamp| Place { node, address: "a:1".into(), http: "a:2".into(), stamp };
        book.learn([place(41, 2), place(40, GIVEN_STAMP)]);
        let mut told = status(3, &[40, 41, 42, 43]);
        told.peers[2].is_there = true;
        told.peers[3].matched = LogIndex(7);
        assert_eq!(strangers.left_over(&told, &book, begun), None);
        assert_eq!(strangers.left_over(&told, &book, begun + COMES_WITHIN / 2), None);
        assert_eq!(strangers.left_over(&told, &book, begun + COMES_WITHIN), Some(NodeId(40)));
        // Heard of once, or while another leads, the time begins anew.
        let follows = Status { leader: Some(NodeId(2)), owns: None, peers: Vec::new(), ..told.clone() };
        assert_eq!(strangers.left_over(&follows, &book, begun + COMES_WITHIN), None);
        assert_eq!(strangers.left_over(&told, &book, begun + COMES_WITHIN), None);
        book.learn([place(40, 2)]);
        assert_eq!(strangers.left_over(&told, &book, begun + COMES_WITHIN * 3), None);
    }
}
