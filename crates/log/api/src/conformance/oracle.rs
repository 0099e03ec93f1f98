//! Knows what every node was told, and objects to what breaks a rule of [`Log`].

use crate::{Entry, IndexRanges, Log, LogEvent, LogReader, ReadError, Role, Ticket};
use bytes::Bytes;
use evenkeel_types::{Epoch, LogIndex};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Hears all proposals and all events. Each proposed batch is different from all others.
#[derive(Default)]
pub struct Oracle {
    committed: BTreeMap<LogIndex, Entry>,
    places: BTreeMap<Bytes, LogIndex>,
    refused: BTreeSet<Bytes>,
    proposed: BTreeSet<Bytes>,
    nodes: Vec<Heard>,
    let_go: Vec<LetGo>,
    next_batch: u64,
}

/// What a node was told that is not needed any more, in all its lives.
#[derive(Clone, Default)]
struct LetGo {
    floor: LogIndex,
    released: IndexRanges,
    snapshot: LogIndex,
}

#[derive(Default)]
struct Heard {
    applied: LogIndex,
    unanswered: VecDeque<(Ticket, Bytes)>,
    failed: bool,
}

impl Oracle {
    /// For so many nodes.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        let let_go = vec![LetGo::default(); nodes];
        Self { nodes: (0..nodes).map(|_| Heard::default()).collect(), let_go, ..Self::default() }
    }

    /// Proposes a batch that no other is equal to; `false` if it was not accepted.
    pub fn propose(&mut self, node: usize, log: &mut impl Log, bytes: usize) -> bool {
        self.next_batch += 1;
        let mut batch = self.next_batch.to_le_bytes().to_vec();
        // Some zeros, some not: torn sectors and sectors of zeros look alike.
        let filler = if self.next_batch.is_multiple_of(3) { 0 } else { 0x5E };
        batch.resize(bytes.max(8), filler);
        let batch = Bytes::from(batch);
        match log.propose(batch.clone()) {
            Ok(ticket) => {
                self.proposed.insert(batch.clone());
                self.node(node).unanswered.push_back((ticket, batch));
                true
            }
            Err(_) => false,
        }
    }

    /// Takes all events that a node has.
    ///
    /// # Panics
    /// If one breaks a rule.
    pub fn listen(&mut self, node: usize, log: &mut impl Log) -> Vec<LogEvent> {
        let mut events = Vec::new();
        while let Some(event) = log.poll() {
            self.hear(node, &event);
            events.push(event);
        }
        events
    }

    /// A node starts again with a state at `applied`; nobody waits for its answers any more.
    pub fn restarted(&mut self, node: usize, applied: LogIndex) {
        *self.node(node) = Heard { applied, ..Heard::default() };
    }

    /// Moves a node's floor; `false` if the log has failed.
    pub fn trim(&mut self, node: usize, log: &mut impl Log, floor: LogIndex) -> bool {
        let done = log.trim(floor).is_ok();
        if let Some(let_go) = self.let_go.get_mut(node).filter(|_| done) {
            let_go.floor = let_go.floor.max(floor);
        }
        done
    }

    /// Releases entries of a node; `false` if the log has failed.
    pub fn release(&mut self, node: usize, log: &mut impl Log, first: LogIndex, last: LogIndex) -> bool {
        let applied = self.applied(node);
        let done = log.release(first, last).is_ok();
        if let Some(let_go) = self.let_go.get_mut(node).filter(|_| done) {
            let_go.released.insert(first, last.min(applied));
        }
        done
    }

    /// Reads back all that a node has heard of and must still have.
    ///
    /// # Panics
    /// If something of it is gone, or another.
    pub fn check_reads(&self, node: usize, log: &impl Log) {
        let Some(LetGo { floor, released, snapshot }) = self.let_go.get(node) else { return };
        let first = log.first_index();
        assert!(
            first <= (*floor).max(snapshot.next()),
            "entries below {first} cannot be replayed, and the floor is {floor}"
        );
        let mut end_before = LogIndex::ZERO;
        for extent in log.retired() {
            assert!(end_before < extent.first && extent.first <= extent.last, "retired files are in order: {extent:?}");
            assert!(extent.last < first && extent.bytes > 0, "retired files lie below the floor {first}: {extent:?}");
            end_before = extent.last;
        }
        let reader = log.reader();
        for (index, entry) in self.committed.range(..=self.applied(node)) {
            let may_be_gone = index <= snapshot || index < floor && released.covers(*index, *index);
            match reader.read(*index) {
                Ok(read) => assert_eq!(read, *entry, "entry {index} reads back as it was"),
                Err(ReadError::Trimmed(_)) => assert!(may_be_gone, "entry {index} is gone and is still needed"),
                Err(error) => panic!("entry {index}: {error}"),
            }
        }
    }

    /// A node starts again with a state from elsewhere, at `applied`: it may have none of the entries before.
    pub fn restored(&mut self, node: usize, applied: LogIndex) {
        self.restarted(node, applied);
        self.hear_snapshot(node, applied);
    }

    /// How far a node has heard.
    #[must_use]
    pub fn applied(&self, node: usize) -> LogIndex {
        self.nodes.get(node).map_or(LogIndex::ZERO, |heard| heard.applied)
    }

    /// How many of a node's proposals have no answer.
    #[must_use]
    pub fn unanswered(&self, node: usize) -> usize {
        self.nodes.get(node).map_or(0, |heard| heard.unanswered.len())
    }

    /// The last entry that any node heard of.
    #[must_use]
    pub fn last(&self) -> LogIndex {
        self.committed.keys().next_back().copied().unwrap_or_default()
    }

    /// An entry that some node was told is committed.
    #[must_use]
    pub fn entry(&self, index: LogIndex) -> Option<&Entry> {
        self.committed.get(&index)
    }

    fn node(&mut self, node: usize) -> &mut Heard {
        self.nodes.get_mut(node).expect("the oracle was made for this many nodes")
    }

    fn hear(&mut self, node: usize, event: &LogEvent) {
        assert!(!self.node(node).failed, "rule 3: nothing follows a failure, but {event:?} did");
        match event {
            LogEvent::Committed { entry, ticket } => self.hear_committed(node, entry, *ticket),
            LogEvent::Refused { ticket, .. } => {
                let answered = self.node(node).unanswered.pop_front();
                let Some((expected, batch)) = answered else { panic!("rule 3: {ticket:?} was answered before") };
                assert_eq!(*ticket, expected, "rule 3: answers come in the order of proposal");
                assert!(!self.places.contains_key(&batch), "rule 4: what was committed is refused");
                self.refused.insert(batch);
            }
            LogEvent::Truncated { from } => {
                assert!(*from > self.applied(node), "rule 1: entry {from} was committed and is taken back");
            }
            LogEvent::SnapshotInstalled { at } => {
                assert!(*at >= self.applied(node), "rule 1: a snapshot at {at} goes back");
                self.node(node).applied = *at;
                self.hear_snapshot(node, *at);
            }
            LogEvent::RoleChanged(Role::Owner(epoch)) => self.hear_owner(node, *epoch),
            LogEvent::RoleChanged(_) => {}
            LogEvent::Failed(_) => self.node(node).failed = true,
        }
    }

    fn hear_snapshot(&mut self, node: usize, at: LogIndex) {
        if let Some(let_go) = self.let_go.get_mut(node) {
            let_go.snapshot = let_go.snapshot.max(at);
        }
    }

    fn hear_committed(&mut self, node: usize, entry: &Entry, ticket: Option<Ticket>) {
        let index = entry.index;
        assert_eq!(index, self.applied(node).next(), "rule 1: node {node} hears entries one after the other");
        self.node(node).applied = index;
        if let Some(known) = self.committed.get(&index) {
            assert_eq!(known, entry, "rule 1: entry {index} is the same on every node, for ever");
        } else {
            self.check_new(entry);
            self.committed.insert(index, entry.clone());
            if !entry.batch.is_empty() {
                let before = self.places.insert(entry.batch.clone(), index);
                assert_eq!(before, None, "rule 3: a proposal was committed twice, at {before:?} and {index}");
            }
        }
        assert!(!self.refused.contains(&entry.batch), "rule 4: what was refused is committed at {index}");
        if let Some(ticket) = ticket {
            let answered = self.node(node).unanswered.pop_front();
            assert_eq!(answered, Some((ticket, entry.batch.clone())), "rule 3: answers come in order, to who asked");
        }
    }

    fn check_new(&self, entry: &Entry) {
        let index = entry.index;
        let before = self.committed.range(..index).next_back().map(|(_, before)| before.epoch).unwrap_or_default();
        assert!(entry.epoch >= before, "rule 5: the epoch falls from {before} to {} at {index}", entry.epoch);
        if entry.epoch > before {
            assert!(entry.batch.is_empty(), "rule 5: epoch {} begins at {index} without a fence", entry.epoch);
        }
        let known = entry.batch.is_empty() || self.proposed.contains(&entry.batch);
        assert!(known, "entry {index} was never proposed");
    }

    fn hear_owner(&self, node: usize, epoch: Epoch) {
        let applied = self.applied(node);
        let fence = self.committed.values().any(|entry| entry.epoch == epoch && entry.batch.is_empty());
        assert!(fence, "rule 5: node {node} owns the log under epoch {epoch}, which has no fence");
        let heard = self.committed.get(&applied).map(|entry| entry.epoch);
        assert_eq!(heard, Some(epoch), "an owner has heard all that was committed before");
    }
}
