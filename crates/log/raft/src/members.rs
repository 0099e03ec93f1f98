//! Who keeps the log.

use crate::limits::MEMBERS_MAX;
use evenkeel_types::LogIndex;
use raft_proto::eraftpb::{ConfChangeSingle, ConfChangeType, ConfChangeV2, ConfState};

/// A node's number in its cluster. Never 0, and never used again by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Who keeps the log, as of some entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// They vote, and a majority of them commits.
    pub voters: Vec<NodeId>,
    /// They get all entries and have no say.
    pub learners: Vec<NodeId>,
    /// While a change of several is under way: who voted before. A majority of these is needed too.
    pub voters_before: Vec<NodeId>,
    /// While it is under way: who will be a learner after it.
    pub learners_next: Vec<NodeId>,
    /// Whether it ends by itself.
    pub leaves_by_itself: bool,
}

impl Members {
    /// These vote, and there are no others.
    #[must_use]
    pub fn of(voters: &[NodeId]) -> Self {
        Self { voters: voters.to_vec(), ..Self::default() }
    }

    /// Whether a node has any part in it.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.lists().iter().any(|list| list.contains(&node))
    }

    /// Whether a node may have a part in it, as far as `this` node can know that has applied all up to `committed`. A node's number is that of the first entry
    /// that can have let it in: one with a higher number was perhaps let in behind what is known here, and may lead by now. Any may, for a node that does not know
    /// itself to be a member yet.
    #[must_use]
    pub fn may_contain(&self, node: NodeId, this: NodeId, committed: LogIndex) -> bool {
        self.contains(node) || !self.contains(this) || node.0 > committed.0
    }

    /// Whether nobody votes but this node.
    #[must_use]
    pub fn is_alone(&self, node: NodeId) -> bool {
        self.voters == [node] && self.voters_before.is_empty()
    }

    /// The newest feature level that all of them know, learners too, by what each told; `None` while one has not told.
    pub fn level(&self, told: impl Fn(NodeId) -> Option<u32>) -> Option<u32> {
        self.lists().into_iter().flatten().map(|node| told(*node)).min().flatten()
    }

    pub(crate) fn lists(&self) -> [&Vec<NodeId>; 4] {
        [&self.voters, &self.learners, &self.voters_before, &self.learners_next]
    }

    /// Whether changes can lead to it, which is what the core takes for granted: whoever has a vote does not only listen, and only who had one will.
    pub(crate) fn is_sound(&self) -> bool {
        let Self { voters, learners, voters_before, learners_next, leaves_by_itself } = self;
        let are_apart = |one: &[NodeId], other: &[NodeId]| one.iter().all(|node| !other.contains(node));
        self.fits()
            && !voters.is_empty()
            && are_apart(learners, voters)
            && are_apart(learners, voters_before)
            && are_apart(learners_next, voters)
            && learners_next.iter().all(|node| voters_before.contains(node))
            && (!leaves_by_itself || !voters_before.is_empty())
    }

    /// Whether it can be written down.
    pub(crate) fn fits(&self) -> bool {
        self.lists().iter().all(|list| list.len() <= MEMBERS_MAX && list.iter().all(|node| node.0 > 0))
    }
}

impl From<&ConfState> for Members {
    fn from(state: &ConfState) -> Self {
        // In order, so that it does not depend on how a table is laid out.
        let nodes = |ids: &[u64]| {
            let mut nodes: Vec<_> = ids.iter().copied().map(NodeId).collect();
            nodes.sort_unstable();
            nodes
        };
        Self {
            voters: nodes(&state.voters),
            learners: nodes(&state.learners),
            voters_before: nodes(&state.voters_outgoing),
            learners_next: nodes(&state.learners_next),
            leaves_by_itself: state.auto_leave,
        }
    }
}

impl From<&Members> for ConfState {
    fn from(members: &Members) -> Self {
        let ids = |nodes: &[NodeId]| nodes.iter().map(|node| node.0).collect();
        Self {
            voters: ids(&members.voters),
            learners: ids(&members.learners),
            voters_outgoing: ids(&members.voters_before),
            learners_next: ids(&members.learners_next),
            auto_leave: members.leaves_by_itself,
        }
    }
}

/// A change of one member. One at a time: the next is refused until this one has taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It gets all entries, and has no say.
    AddLearner(NodeId),
    /// It votes from now on: a learner that has caught up.
    Promote(NodeId),
    /// It has no part any more. Not the leader itself: let it hand over first.
    Remove(NodeId),
}

impl From<Change> for ConfChangeV2 {
    fn from(change: Change) -> Self {
        let (change_type, node) = match change {
            Change::AddLearner(node) => (ConfChangeType::AddLearnerNode, node),
            Change::Promote(node) => (ConfChangeType::AddNode, node),
            Change::Remove(node) => (ConfChangeType::RemoveNode, node),
        };
        Self { changes: vec![ConfChangeSingle { change_type, node_id: node.0 }], ..Self::default() }
    }
}

/// Why a change of members, or of the leader, was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Ask the leader.
    #[error("this node does not lead")]
    NotLeading,
    /// Wait for it.
    #[error("another change of members is under way")]
    UnderWay,
    /// It is what it would be.
    #[error("node {0} is that already")]
    NoChange(NodeId),
    /// Add it as a learner first.
    #[error("node {0} is no member")]
    NotAMember(NodeId),
    /// Wait until it has caught up.
    #[error("node {0} has not caught up yet")]
    Behind(NodeId),
    /// Hand over to another first.
    #[error("node {0} leads; hand over to another first")]
    Leads(NodeId),
    /// Add one before.
    #[error("nobody would be left to vote")]
    LastVoter,
    /// Remove one before.
    #[error("a cluster has at most {MEMBERS_MAX} members")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that was away while most of the others were replaced has to hear a leader that it does not know.
    #[test]
    fn who_was_let_in_behind_what_is_known_may_be_a_member() {
        let members = Members::of(&[NodeId(1), NodeId(2), NodeId(30)]);
        let may = |node, this, committed| members.may_contain(NodeId(node), NodeId(this), LogIndex(committed));
        assert!(may(2, 1, 100));
        assert!(may(200, 1, 100), "let in by entry 200 or a later one");
        assert!(!may(5, 1, 100) && !may(100, 1, 100), "it was removed by what is known");
        assert!(may(5, 7, 100), "this node does not know who is a member");
    }

    #[test]
    fn a_level_is_known_once_all_have_told_it() {
        let learners = vec![NodeId(3)];
        let members = Members { learners, ..Members::of(&[NodeId(1), NodeId(2)]) };
        let level = |told: [Option<u32>; 3]| {
            members.level(|node| (0..).zip(told).find(|(at, _)| at + 1 == node.0).and_then(|(_, level)| level))
        };
        assert_eq!(level([Some(2), Some(2), Some(2)]), Some(2));
        assert_eq!(level([Some(2), Some(3), Some(1)]), Some(1));
        assert_eq!(level([Some(2), None, Some(2)]), None);
        assert_eq!(level([Some(2), Some(2), None]), None);
        assert_eq!(Members::default().level(|_| Some(2)), None);
    }
}
