//! What the consensus core reads its log from: the tail in memory, and the segments below it.
//!
//! The core hands over entries before they are on the disk; here they can be read from that moment. What the disk half has
//! synced may leave memory. A disk that does not give back what it should is the log's end, but not by a panic in the core: it
//! is noted in [`Store::failure`], and the core gets nothing.

use crate::{
    limits::{CATCH_UP_BYTES, CATCHING_UP_MAX, TAIL_BYTES},
    members::{Members, NodeId},
};
use evenkeel_disk::Disk;
use evenkeel_log::{LogError, ReadError};
use evenkeel_log_local::{EntryKind, Reader};
use evenkeel_types::{Epoch, LogIndex};
use raft::{Error, GetEntriesContext, RaftState, Storage, StorageError};
use raft_proto::eraftpb::{ConfState, Entry, EntryType, HardState, Snapshot, SnapshotMetadata};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
};

pub(crate) struct Store<D: Disk> {
    reader: Reader<D>,
    /// The entry before the first that is here, and where terms begin from there on.
    base: LogIndex,
    terms: Vec<(LogIndex, Epoch)>,
    last: LogIndex,
    tail: VecDeque<Entry>,
    tail_bytes: u64,
    /// All up to here is synced.
    synced: LogIndex,
    pub(crate) hard: HardState,
    pub(crate) members: Members,
    pub(crate) members_index: LogIndex,
    /// Who were members from an index on, as far back as is known.
    history: BTreeMap<LogIndex, Members>,
    /// The state that the application would stream to a follower that needs one.
    offer: Option<(LogIndex, Epoch, Members)>,
    failure: RefCell<Option<LogError>>,
    /// No follower is told entries up to this one.
    withheld: LogIndex,
    /// Bytes that may still be read from the disk for followers before the next leave; negative after one that was larger.
    leave_bytes: Cell<i64>,
    /// Who asked for more.
    catching_up: RefCell<Vec<GetEntriesContext>>,
}

impl<D: Disk> Store<D> {
    /// `epochs` are where epochs begin, the first of them that of the entry before all others; all up to `last` is synced.
    pub(crate) fn new(
        reader: Reader<D>,
        epochs: Vec<(LogIndex, Epoch)>,
        last: LogIndex,
        hard: HardState,
        (members, members_index): (Members, LogIndex),
    ) -> Self {
        let base = epochs.first().map_or(LogIndex::ZERO, |(base, _)| *base);
        let history = BTreeMap::from([(members_index, members.clone())]);
        Self {
            reader,
            base,
            terms: epochs,
            last,
            tail: VecDeque::new(),
            tail_bytes: 0,
            synced: last,
            hard,
            members,
            members_index,
            history,
            offer: None,
            failure: RefCell::new(None),
            withheld: LogIndex::ZERO,
            leave_bytes: Cell::new(CATCH_UP_BYTES.cast_signed()),
            catching_up: RefCell::default(),
        }
    }

    /// No follower is told entries up to that one.
    pub(crate) fn withholding(mut self, withheld: LogIndex) -> Self {
        self.withheld = withheld;
        self
    }

    /// Whether followers must not be told that entry.
    pub(crate) fn is_withheld(&self, index: LogIndex) -> bool {
        index <= self.withheld
    }

    pub(crate) fn last(&self) -> LogIndex {
        self.last
    }

    pub(crate) fn reader(&self) -> &Reader<D> {
        &self.reader
    }

    /// What the disk did not give back.
    pub(crate) fn failure(&self) -> Option<LogError> {
        self.failure.borrow().clone()
    }

    /// Appends entries. Returns the last that stays, if others were in their place.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> Option<LogIndex> {
        let first = entries.first()?.index;
        let after = LogIndex(first.saturating_sub(1));
        let truncated = (after < self.last).then_some(after);
        if truncated.is_some() {
            while self.tail.back().is_some_and(|entry| entry.index >= first) {
                let gone = self.tail.pop_back();
                self.tail_bytes -= gone.map_or(0, |entry| entry.data.len() as u64);
            }
            self.terms.retain(|(begins, _)| *begins <= after);
            self.last = after;
            self.synced = self.synced.min(after);
        }
        for entry in entries {
            if self.terms.last().is_none_or(|(_, epoch)| epoch.0 < entry.term) {
                self.terms.push((LogIndex(entry.index), Epoch(entry.term)));
            }
            self.last = LogIndex(entry.index);
            self.tail_bytes += entry.data.len() as u64;
            self.tail.push_back(entry.clone());
        }
        truncated
    }

    /// All up to here is synced; what is too much for memory may go.
    pub(crate) fn has_synced(&mut self, index: LogIndex) {
        self.synced = self.synced.max(index.min(self.last));
        while self.tail_bytes > TAIL_BYTES && self.tail.front().is_some_and(|entry| entry.index <= self.synced.0) {
            let gone = self.tail.pop_front();
            self.tail_bytes -= gone.map_or(0, |entry| entry.data.len() as u64);
        }
    }

    pub(crate) fn synced(&self) -> LogIndex {
        self.synced
    }

    pub(crate) fn set_members(&mut self, members: Members, index: LogIndex) {
        self.history.insert(index, members.clone());
        // Those that no offer can name any more.
        while self.history.len() > 64 {
            self.history.pop_first();
        }
        (self.members, self.members_index) = (members, index);
    }

    /// The application holds the state at `at` and would stream it. `false` if it is not known who the members were then.
    pub(crate) fn offer(&mut self, at: LogIndex) -> bool {
        let members = self.history.range(..=at).next_back().map(|(_, members)| members.clone());
        match (self.epoch_of(at), members) {
            (Some(epoch), Some(members)) => {
                if self.offer.as_ref().is_none_or(|(known, ..)| *known <= at) {
                    self.offer = Some((at, epoch, members));
                }
                true
            }
            _ => false,
        }
    }

    /// The epoch of an entry from the base on.
    pub(crate) fn epoch_of(&self, index: LogIndex) -> Option<Epoch> {
        if index < self.base || index > self.last {
            return None;
        }
        let number = self.terms.partition_point(|(begins, _)| *begins <= index);
        self.terms.get(number.checked_sub(1)?).map(|(_, epoch)| *epoch)
    }

    /// Whether that entry lies where epochs are not known any more, though it may be there.
    pub(crate) fn begins_above(&self, index: LogIndex) -> bool {
        index <= self.base
    }

    /// Whether a follower that needs that entry next cannot have it any more.
    pub(crate) fn lacks(&self, index: LogIndex) -> bool {
        self.begins_above(index) || index <= self.last && matches!(self.entry(index), Err(ReadError::Trimmed(_)))
    }

    /// So much more may be read from the disk for followers. Returns who waited for it.
    pub(crate) fn give_leave(&self, bytes: u64) -> Vec<GetEntriesContext> {
        let sum = self.leave_bytes.get().saturating_add_unsigned(bytes);
        self.leave_bytes.set(sum.min(CATCH_UP_BYTES.cast_signed()));
        self.catching_up.take()
    }

    /// Whether a follower waits for leave.
    pub(crate) fn has_catching_up(&self) -> bool {
        !self.catching_up.borrow().is_empty()
    }

    /// Whether that entry is to be read from the disk.
    fn is_on_disk_only(&self, index: u64) -> bool {
        self.tail.front().is_none_or(|first| index < first.index)
    }

    fn entry(&self, index: LogIndex) -> Result<Entry, ReadError> {
        if let Some(first) = self.tail.front()
            && let Some(number) = index.0.checked_sub(first.index)
            && let Some(entry) = self.tail.get(usize::try_from(number).unwrap_or(usize::MAX))
        {
            return Ok(entry.clone());
        }
        let (header, data) = self.reader.read_written(index)?;
        let entry_type = match header.kind {
            EntryKind::Batch | EntryKind::Fence => EntryType::EntryNormal,
            EntryKind::Membership => EntryType::EntryConfChangeV2,
        };
        Ok(Entry { entry_type, term: header.epoch.0, index: index.0, data, ..Entry::default() })
    }
}

impl<D: Disk> Storage for Store<D> {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(RaftState::new(self.hard.clone(), ConfState::from(&self.members)))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        context: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        if low <= self.base.0 || context.can_async() && self.is_withheld(LogIndex(low)) {
            return Err(Error::Store(StorageError::Compacted));
        }
        let (mut max, mut bytes) = (max_size.into().unwrap_or(u64::MAX), 0u64);
        let is_catching_up = context.can_async() && self.is_on_disk_only(low);
        if is_catching_up {
            let leave = self.leave_bytes.get();
            if leave <= 0 {
                let mut waiting = self.catching_up.borrow_mut();
                if waiting.len() < CATCHING_UP_MAX {
                    waiting.push(context);
                }
                return Err(Error::Store(StorageError::LogTemporarilyUnavailable));
            }
            max = max.min(leave.unsigned_abs());
        }
        let mut entries = Vec::new();
        for index in low..high {
            match self.entry(LogIndex(index)) {
                Ok(entry) => {
                    let with_it = bytes.saturating_add(entry.data.len() as u64 + 64);
                    if !entries.is_empty() && with_it > max {
                        break;
                    }
                    bytes = with_it;
                    entries.push(entry);
                }
                // For a follower that is behind: nobody needed it here, and it went. There may be an offer.
                Err(ReadError::Trimmed(_)) if context.can_async() && entries.is_empty() => {
                    return Err(Error::Store(StorageError::Compacted));
                }
                Err(ReadError::Trimmed(_)) if context.can_async() => break,
                Err(error) => {
                    let error = match error {
                        ReadError::Log(error) => error,
                        ReadError::Trimmed(_) | ReadError::NotThere(_) => {
                            LogError::Misuse("an entry that is to be told is gone")
                        }
                    };
                    self.failure.borrow_mut().get_or_insert(error);
                    break;
                }
            }
        }
        if is_catching_up {
            self.leave_bytes.set(self.leave_bytes.get().saturating_sub_unsigned(bytes));
        }
        Ok(entries)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        let missing = if index < self.base.0 { StorageError::Compacted } else { StorageError::Unavailable };
        self.epoch_of(LogIndex(index)).map(|epoch| epoch.0).ok_or(Error::Store(missing))
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.base.0 + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last.0)
    }

    fn snapshot(&self, request_index: u64, to: u64) -> raft::Result<Snapshot> {
        // One of before it was a member would be of no use to it: it would not know that it is one.
        let usable = self.offer.as_ref().filter(|(at, _, members)| {
            at.0 >= request_index && at.0 > 0 && *at >= self.base && members.contains(NodeId(to))
        });
        let Some((at, epoch, members)) = usable else {
            return Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable));
        };
        let metadata = SnapshotMetadata { conf_state: members.into(), index: at.0, term: epoch.0 };
        Ok(Snapshot { metadata, ..Snapshot::default() })
    }
}
