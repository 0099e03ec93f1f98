//! All nodes together: deliveries, elections, cuts between nodes.

use super::node::{FakeLog, Node};
use crate::{Role, Waker};
use bytes::Bytes;
use evenkeel_types::{Epoch, LogIndex};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The nodes of a fake log; clones share them. Nodes are numbered from 0.
#[derive(Clone)]
pub struct FakeCluster {
    state: Arc<Mutex<State>>,
}

struct State {
    nodes: Vec<Node>,
    cut: Vec<bool>,
    refused_appends: u64,
}

impl FakeCluster {
    /// So many nodes with empty logs, and no owner yet.
    ///
    /// # Panics
    /// Without a node.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        assert!(nodes > 0, "a cluster has nodes");
        let all = (0..nodes).map(|_| Node::new(nodes)).collect();
        let state = State { nodes: all, cut: vec![false; nodes], refused_appends: 0 };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// How many nodes there are.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.state().nodes.len()
    }

    /// Starts a node's process (again), whose state is at `applied`. It owns nothing until elected.
    #[must_use]
    pub fn start(&self, number: usize, applied: LogIndex) -> FakeLog {
        let (life, last_at_opening) = self.with_node(number, |node| {
            node.restart(applied);
            (node.life, node.last())
        });
        FakeLog { cluster: self.clone(), number, life, last_at_opening, role: Role::Follower, failed: false }
    }

    /// The node that reigns under the highest epoch, told of it or not.
    #[must_use]
    pub fn owner(&self) -> Option<usize> {
        let state = self.state();
        let reigning = state.nodes.iter().enumerate().filter(|(_, node)| node.reign.is_some());
        reigning.max_by_key(|(_, node)| node.reign).map(|(number, _)| number)
    }

    /// Makes a node the owner, if a majority that it reaches finds its log new enough. The owner
    /// before is told only by the next delivery to it (or refusal of one from it).
    pub fn elect(&self, number: usize) -> bool {
        let mut state = self.state();
        let rank = |node: &Node| (node.last_epoch(), node.last());
        let Some(candidate) = state.nodes.get(number).map(rank) else { return false };
        let reached: Vec<usize> = (0..state.nodes.len()).filter(|other| state.reaches(number, *other)).collect();
        let voters: Vec<usize> =
            reached.into_iter().filter(|other| state.nodes.get(*other).is_some_and(|n| rank(n) <= candidate)).collect();
        if voters.len() * 2 <= state.nodes.len() {
            return false;
        }
        let highest = voters.iter().filter_map(|voter| state.nodes.get(*voter)).map(|node| node.epoch).max();
        let epoch = Epoch(highest.unwrap_or_default().0 + 1);
        for voter in voters {
            if let Some(node) = state.nodes.get_mut(voter) {
                // The owner before may well vote, and knows then.
                node.step_down(epoch);
            }
        }
        state.crown(number, epoch);
        drop(state);
        self.wake_all();
        true
    }

    /// Cuts a node off from all others.
    pub fn isolate(&self, number: usize) {
        if let Some(cut) = self.state().cut.get_mut(number) {
            *cut = true;
        }
    }

    /// Undoes all cuts.
    pub fn heal(&self) {
        self.state().cut.fill(false);
    }

    /// How many entries of deposed owners were refused by the nodes they were sent to.
    #[must_use]
    pub fn refused_appends(&self) -> u64 {
        self.state().refused_appends
    }

    /// Carries at most `entries` entries from one node that believes to reign to another, and how far all is
    /// committed. `false` if that changed nothing.
    pub fn deliver(&self, from: usize, to: usize, entries: usize) -> bool {
        let changed = self.state().deliver(from, to, entries);
        if changed {
            self.wake_all();
        }
        changed
    }

    /// Delivers until nothing changes any more. Reigning nodes alone commit what they can, too.
    pub fn settle(&self) {
        let nodes = self.nodes();
        loop {
            let mut changed = false;
            for from in 0..nodes {
                for to in 0..nodes {
                    changed |= self.deliver(from, to, usize::MAX);
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Starts the whole cluster over from a snapshot that `owner` holds.
    pub(super) fn restore(&self, owner: usize, at: LogIndex, epoch: Epoch) {
        let mut state = self.state();
        let highest = state.nodes.iter().map(|node| node.epoch).max().unwrap_or_default().max(epoch);
        if let Some(node) = state.nodes.get_mut(owner) {
            node.forget_reign();
        }
        for node in &mut state.nodes {
            node.step_down(highest);
            node.install(at);
        }
        state.crown(owner, Epoch(highest.0 + 1));
    }

    pub(super) fn with_node<T>(&self, number: usize, act: impl FnOnce(&mut Node) -> T) -> T {
        act(self.state().nodes.get_mut(number).expect("a handle is of a node of its cluster"))
    }

    fn wake_all(&self) {
        let wakers: Vec<Waker> = self.state().nodes.iter().filter_map(|node| node.waker.clone()).collect();
        wakers.iter().for_each(|waker| waker());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reaches(&self, from: usize, to: usize) -> bool {
        let cut = |number: usize| self.cut.get(number).copied().unwrap_or(true);
        from == to || !cut(from) && !cut(to)
    }

    fn crown(&mut self, number: usize, epoch: Epoch) {
        if let Some(node) = self.nodes.get_mut(number) {
            node.epoch = epoch;
            node.reign = Some(epoch);
            node.matched.fill(LogIndex::ZERO);
            node.append(epoch, Bytes::new());
        }
    }

    fn deliver(&mut self, from: usize, to: usize, entries: usize) -> bool {
        let reaches = self.reaches(from, to);
        let Some(epoch) = self.nodes.get(from).and_then(|node| node.reign).filter(|_| reaches) else { return false };
        if from == to {
            return self.advance_commit(from);
        }
        let Ok([sender, receiver]) = self.nodes.get_disjoint_mut([from, to]) else { return false };
        if receiver.epoch > epoch {
            // The fence at work: a deposed owner's pipeline is refused whole, wherever it would fit.
            let matched = sender.matched.get(to).copied().unwrap_or_default();
            self.refused_appends += sender.last().0.saturating_sub(matched.0.max(sender.commit.0));
            let heard = receiver.epoch;
            sender.step_down(heard);
            return true;
        }
        let before = (receiver.last(), receiver.commit, receiver.epoch, receiver.reign);
        receiver.step_down(epoch);
        if receiver.last() < sender.base {
            receiver.install(sender.base);
        }
        // All that both committed is equal, so comparing begins behind it.
        let mut index = receiver.commit.min(sender.commit).max(sender.base).max(receiver.base).next();
        while let (Some(theirs), Some(ours)) = (sender.get(index), receiver.get(index)) {
            if theirs.epoch != ours.epoch {
                receiver.truncate(index);
                break;
            }
            index = index.next();
        }
        for _ in 0..entries {
            let Some(entry) = sender.get(receiver.last().next()).cloned() else { break };
            receiver.append(entry.epoch, entry.batch);
        }
        // What lies beyond the sender's end is not known to be equal, and is cut off once it differs.
        let equal = receiver.last().min(sender.last());
        receiver.commit_to(sender.commit.min(equal));
        let after = (receiver.last(), receiver.commit, receiver.epoch, receiver.reign);
        self.note_match(from, to, equal) || before != after
    }

    fn note_match(&mut self, owner: usize, node: usize, equal: LogIndex) -> bool {
        let Some(matched) = self.nodes.get_mut(owner).and_then(|owner| owner.matched.get_mut(node)) else {
            return false;
        };
        let changed = *matched != equal;
        *matched = equal;
        self.advance_commit(owner) || changed
    }

    /// Commits what a majority has, once an entry of the owner's own epoch is among it.
    fn advance_commit(&mut self, owner: usize) -> bool {
        let Some(node) = self.nodes.get_mut(owner) else { return false };
        let last = node.last();
        if let Some(matched) = node.matched.get_mut(owner) {
            *matched = last;
        }
        let mut matched = node.matched.clone();
        matched.sort_unstable();
        let majority = matched.get((matched.len() - 1) / 2).copied().unwrap_or_default();
        let own_epoch = node.get(majority).is_some_and(|entry| Some(entry.epoch) == node.reign);
        if majority <= node.commit || !own_epoch {
            return false;
        }
        node.commit_to(majority);
        true
    }
}
