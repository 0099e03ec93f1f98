//! One node of the fake cluster, and the handles to it.

use super::FakeCluster;
use crate::{
    Entry, Guarantees, IndexRanges, Log, LogError, LogEvent, LogReader, ProposeError, ReadError, RefusedReason, Role,
    Ticket, Waker,
};
use bytes::Bytes;
use evenkeel_types::{Epoch, LogIndex, limits::ENTRY_BYTES_MAX};
use std::collections::{BTreeMap, VecDeque};

/// What became of a proposal, as far as its node knows.
enum Proposal {
    At(LogIndex),
    Refused,
}

#[derive(Default)]
pub(super) struct Node {
    /// The last index below the floor: neither replayed nor sent to others.
    pub(super) base: LogIndex,
    /// What lies below the floor and was not released.
    retired: BTreeMap<LogIndex, Entry>,
    released: IndexRanges,
    /// How far the node's own engine has polled in this life.
    told: LogIndex,
    pub(super) entries: VecDeque<Entry>,
    pub(super) commit: LogIndex,
    /// The highest epoch it has heard of; it takes nothing from a lower one.
    pub(super) epoch: Epoch,
    /// The epoch that it believes to reign under.
    pub(super) reign: Option<Epoch>,
    /// Its fence is committed, so it may propose.
    pub(super) announced: bool,
    /// How far each node's log is known to equal its own.
    pub(super) matched: Vec<LogIndex>,
    pub(super) life: u64,
    pub(super) waker: Option<Waker>,
    proposals: VecDeque<(Ticket, Proposal)>,
    events: VecDeque<LogEvent>,
    next_ticket: u64,
}

impl Node {
    pub(super) fn new(nodes: usize) -> Self {
        Self { matched: vec![LogIndex::ZERO; nodes], ..Self::default() }
    }

    pub(super) fn last(&self) -> LogIndex {
        LogIndex(self.base.0 + self.entries.len() as u64)
    }

    pub(super) fn last_epoch(&self) -> Epoch {
        self.entries.back().map_or(self.epoch, |entry| entry.epoch)
    }

    pub(super) fn get(&self, index: LogIndex) -> Option<&Entry> {
        let number = index.0.checked_sub(self.base.0 + 1)?;
        self.entries.get(usize::try_from(number).ok()?)
    }

    pub(super) fn tell(&mut self, event: LogEvent) {
        self.events.push_back(event);
    }

    pub(super) fn append(&mut self, epoch: Epoch, batch: Bytes) -> LogIndex {
        let index = self.last().next();
        self.entries.push_back(Entry { index, epoch, batch });
        index
    }

    /// It hears of a higher epoch.
    pub(super) fn step_down(&mut self, epoch: Epoch) {
        self.epoch = self.epoch.max(epoch);
        if self.reign.take().is_some() && self.announced {
            self.tell(LogEvent::RoleChanged(Role::Follower));
        }
        self.announced = false;
    }

    /// Before a restore, which it asked for itself: the next that it hears is the snapshot.
    pub(super) fn forget_reign(&mut self) {
        self.reign = None;
        self.announced = false;
        self.events.clear();
    }

    /// Another owner's entries stand where its own from `from` on do.
    pub(super) fn truncate(&mut self, from: LogIndex) {
        assert!(from > self.commit, "what is committed is never taken back");
        while self.last() >= from {
            self.entries.pop_back();
        }
        for (_, proposal) in &mut self.proposals {
            if matches!(proposal, Proposal::At(index) if *index >= from) {
                *proposal = Proposal::Refused;
            }
        }
        self.tell(LogEvent::Truncated { from });
        self.tell_refusals();
    }

    /// All entries are replaced by a snapshot.
    pub(super) fn install(&mut self, at: LogIndex) {
        self.entries.clear();
        self.retired.clear();
        self.released = IndexRanges::default();
        self.base = at;
        self.commit = at;
        self.tell(LogEvent::SnapshotInstalled { at });
        for (_, proposal) in &mut self.proposals {
            *proposal = Proposal::Refused;
        }
        self.tell_refusals();
    }

    /// Tells what is newly committed, and answers what it settles.
    pub(super) fn commit_to(&mut self, index: LogIndex) {
        while self.commit < index.min(self.last()) {
            self.commit = self.commit.next();
            let Some(entry) = self.get(self.commit).cloned() else { return };
            let mine = |proposal: &(Ticket, Proposal)| matches!(proposal.1, Proposal::At(at) if at == entry.index);
            let ticket = if self.proposals.front().is_some_and(mine) {
                self.proposals.pop_front().map(|(ticket, _)| ticket)
            } else {
                None
            };
            let own_fence = entry.batch.is_empty() && self.reign == Some(entry.epoch);
            self.tell(LogEvent::Committed { entry, ticket });
            self.tell_refusals();
            if let (true, Some(epoch)) = (own_fence, self.reign) {
                self.announced = true;
                self.tell(LogEvent::RoleChanged(Role::Owner(epoch)));
            }
        }
    }

    /// Answers are told in the order of proposal, so a refusal waits for what was proposed before it.
    fn tell_refusals(&mut self) {
        while let Some((ticket, Proposal::Refused)) = self.proposals.front() {
            let (ticket, reason) = (*ticket, RefusedReason::Deposed);
            self.proposals.pop_front();
            self.tell(LogEvent::Refused { ticket, reason });
        }
    }

    /// Moves the floor, and keeps what is below for readers.
    fn trim(&mut self, floor: LogIndex) {
        while self.base.next() < floor && self.base < self.told {
            self.base = self.base.next();
            if let Some(entry) = self.entries.pop_front()
                && !self.released.covers(self.base, self.base)
            {
                self.retired.insert(self.base, entry);
            }
        }
    }

    fn release(&mut self, first: LogIndex, last: LogIndex) {
        self.released.insert(first, last.min(self.told));
        let released = &self.released;
        self.retired.retain(|index, _| !released.covers(*index, *index));
    }

    /// The process starts again and its state is at `applied`.
    pub(super) fn restart(&mut self, applied: LogIndex) {
        self.life += 1;
        self.released = IndexRanges::default();
        self.told = applied;
        self.reign = None;
        self.announced = false;
        self.waker = None;
        self.proposals.clear();
        self.events.clear();
        for index in applied.next().0..=self.commit.0 {
            if let Some(entry) = self.get(LogIndex(index)).cloned() {
                self.tell(LogEvent::Committed { entry, ticket: None });
            }
        }
    }
}

/// A node's log, as its engine holds it. A handle of before a restart has failed.
pub struct FakeLog {
    pub(super) cluster: FakeCluster,
    pub(super) number: usize,
    pub(super) life: u64,
    pub(super) last_at_opening: LogIndex,
    pub(super) role: Role,
    pub(super) failed: bool,
}

impl FakeLog {
    fn with<T>(&self, act: impl FnOnce(&mut Node) -> T) -> Result<T, LogError> {
        self.cluster.with_node(self.number, |node| {
            if node.life == self.life { Ok(act(node)) } else { Err(LogError::Misuse("the node was started again")) }
        })
    }
}

impl Log for FakeLog {
    type Reader = FakeReader;

    fn guarantees(&self) -> Guarantees {
        Guarantees { synced: true, replicated: self.cluster.nodes() > 1, fenced: true }
    }

    fn role(&self) -> Role {
        self.role
    }

    fn propose(&mut self, batch: Bytes) -> Result<Ticket, ProposeError> {
        if batch.is_empty() {
            return Err(ProposeError::Empty);
        }
        if batch.len() > ENTRY_BYTES_MAX {
            return Err(ProposeError::TooLarge { bytes: batch.len() });
        }
        let role = self.role;
        let proposed = self.with(|node| {
            let Some(epoch) = node.reign.filter(|epoch| role == Role::Owner(*epoch)) else {
                return Err(ProposeError::NotOwner);
            };
            let index = node.append(epoch, batch);
            node.next_ticket += 1;
            let ticket = Ticket(node.next_ticket);
            node.proposals.push_back((ticket, Proposal::At(index)));
            Ok(ticket)
        });
        proposed.unwrap_or(Err(ProposeError::Failed))
    }

    fn poll(&mut self) -> Option<LogEvent> {
        if self.failed {
            return None;
        }
        let next = self.with(|node| {
            let event = node.events.pop_front();
            match &event {
                Some(LogEvent::Committed { entry, .. }) => node.told = entry.index,
                Some(LogEvent::SnapshotInstalled { at }) => node.told = *at,
                _ => {}
            }
            event
        });
        let event = match next {
            Ok(event) => event?,
            Err(error) => {
                self.failed = true;
                self.role = Role::Failed;
                return Some(LogEvent::Failed(error));
            }
        };
        if let LogEvent::RoleChanged(role) = event {
            self.role = role;
        }
        Some(event)
    }

    fn set_waker(&mut self, waker: Waker) {
        // A handle of before a restart has nobody to wake.
        let _ = self.with(|node| node.waker = Some(waker));
    }

    fn reader(&self) -> FakeReader {
        FakeReader { cluster: self.cluster.clone(), number: self.number }
    }

    fn first_index(&self) -> LogIndex {
        self.cluster.with_node(self.number, |node| node.base.next())
    }

    fn last_at_opening(&self) -> LogIndex {
        self.last_at_opening
    }

    fn trim(&mut self, floor: LogIndex) -> Result<(), LogError> {
        self.with(|node| node.trim(floor))
    }

    fn release(&mut self, first: LogIndex, last: LogIndex) -> Result<(), LogError> {
        self.with(|node| node.release(first, last))
    }

    fn install_snapshot(&mut self, at: LogIndex, epoch: Epoch) -> Result<(), LogError> {
        self.with(|node| match node.reign {
            _ if at < node.commit => Err(LogError::Misuse("the snapshot is older than the log")),
            _ if !node.proposals.is_empty() => Err(LogError::Misuse("proposals are still unanswered")),
            None => Err(LogError::Misuse("only an owner restores a snapshot; followers are sent it")),
            Some(_) => Ok(()),
        })??;
        self.role = Role::Follower;
        self.cluster.restore(self.number, at, epoch);
        Ok(())
    }
}

/// Reads a node's entries back.
#[derive(Clone)]
pub struct FakeReader {
    cluster: FakeCluster,
    number: usize,
}

impl LogReader for FakeReader {
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError> {
        self.cluster.with_node(self.number, |node| {
            if index <= node.base {
                return node.retired.get(&index).cloned().ok_or(ReadError::Trimmed(index));
            }
            node.get(index).filter(|_| index <= node.commit).cloned().ok_or(ReadError::NotThere(index))
        })
    }
}
