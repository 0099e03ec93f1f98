//! The half that the engine holds.

use crate::{
    error::Doing,
    fault::{self, Fault},
    format::{EntryKind, entry_extent},
    history::History,
    options::{Durability, OpenReport, Options},
    reader::Reader,
    segments::{Append, Appended, Segments},
    shared::Shared,
    stats::{SyncStats, SyncTimes},
    writer::Writer,
};
use bytes::Bytes;
use evenkeel_disk::Disk;
use evenkeel_log::{Extent, Guarantees, Log, LogError, LogEvent, ProposeError, ReadError, Role, Ticket, Waker};
use evenkeel_types::{Epoch, LogIndex, limits::ENTRY_BYTES_MAX};
use std::{
    io,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

/// The log of a single node. It owns itself as soon as its history was polled.
pub struct LocalLog<D: Disk> {
    shared: Arc<Shared<D>>,
    reader: Reader<D>,
    durability: Durability,
    role: Role,
    /// What was there at the start and is still to be told.
    history: Option<History<D>>,
    next_ticket: u64,
    /// Proposals whose answers were not polled yet.
    unanswered: u64,
    /// The last entry that was there at the start, the fence of this life.
    last_at_opening: LogIndex,
    /// The last entry that was polled.
    committed: LogIndex,
    failed: bool,
}

impl<D: Disk> LocalLog<D> {
    /// Opens the log in `dir`, or makes it, and takes ownership under a new epoch.
    ///
    /// The entries after `applied` come first through [`Log::poll`], the new fence last, then the role.
    /// `applied` is an index whose state the caller holds durably: entries up to it may be trimmed, and must not be missing.
    ///
    /// # Errors
    /// The folder is in use, or something is damaged, too new or unreadable. Damage changes nothing on the disk.
    pub fn open(
        disk: D,
        dir: &Path,
        options: Options,
        applied: LogIndex,
    ) -> Result<(Self, Writer<D>, OpenReport), LogError> {
        disk.create_dir_all(dir).doing(|| "making the log's folder".into())?;
        let lock = disk.lock(&dir.join("lock")).or_else(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Err(LogError::Locked),
            _ => Err(error).doing(|| "locking the log's folder".into()),
        })?;
        // After a restore the state may be ahead of the log, and that is no damage. Without syncs it may not: whoever
        // keeps a state durably waits until the log is ([`Log::synced`]).
        let synced = !options.restored;
        let (mut store, mut report) =
            Segments::open(disk, dir, options, if synced { applied } else { LogIndex::ZERO }, applied)?;
        if applied > store.last() {
            store.reset_to(applied, store.epoch())?;
            report.behind_state = true;
        }
        let epoch = fence(&mut store)?;
        let last = store.last();
        store.commit(last);
        report.epoch = epoch;
        report.warning = options.durability.warning();
        let shared = Shared::new(store.spare().clone(), store.keeper().clone(), lock);
        let log = Self {
            shared: shared.clone(),
            reader: store.reader(),
            durability: options.durability,
            role: Role::Follower,
            history: Some(History::new(store.reader(), applied.next(), last, epoch)),
            next_ticket: 1,
            unanswered: 0,
            last_at_opening: last,
            committed: applied,
            failed: false,
        };
        Ok((log, Writer::new(shared, store, options), report))
    }

    /// How long syncs have taken.
    #[must_use]
    pub fn sync_stats(&self) -> SyncStats {
        self.shared.sync_histogram.stats()
    }

    /// The same, for who looks while the log is at work.
    #[must_use]
    pub fn sync_times(&self) -> SyncTimes {
        SyncTimes(Arc::clone(&self.shared.sync_histogram))
    }

    /// Lets the writer finish what was proposed and then stop. Later proposals are refused.
    pub fn shutdown(&mut self) {
        self.role = Role::Follower;
        self.shared.queue().closed = true;
        self.shared.work.notify_all();
    }

    fn still_well(&self) -> Result<(), LogError> {
        self.shared.queue().failed.clone().map_or(Ok(()), Err)
    }

    fn next_of_history(&mut self) -> Option<LogEvent> {
        let history = self.history.as_mut()?;
        let error = match history.next() {
            Ok(Some(entry)) => return Some(LogEvent::Committed { entry, ticket: None }),
            Ok(None) => {
                let epoch = history.then;
                self.history = None;
                return Some(LogEvent::RoleChanged(Role::Owner(epoch)));
            }
            Err(ReadError::Log(error)) => error,
            Err(ReadError::Trimmed(_) | ReadError::NotThere(_)) => LogError::Misuse("trimmed before it was polled"),
        };
        self.history = None;
        let mut queue = self.shared.queue();
        queue.events.clear();
        queue.fail(error.clone());
        queue.events.clear();
        Some(LogEvent::Failed(error))
    }
}

/// Appends and syncs the first entry of a new epoch.
pub(crate) fn fence<D: Disk>(store: &mut Segments<D>) -> Result<Epoch, LogError> {
    if fault::on(Fault::SkipFence) {
        return Ok(Epoch(store.epoch().0.max(1)));
    }
    let epoch = Epoch(store.epoch().0 + 1);
    match store.append(&[Append { epoch, kind: EntryKind::Fence, payload: &[] }])? {
        Appended::Entries(_) => {}
        Appended::NoRoom => {
            let full = io::Error::from(io::ErrorKind::StorageFull);
            return Err(full).doing(|| "writing the fence of a new epoch".into());
        }
    }
    store.sync()?;
    Ok(epoch)
}

impl<D: Disk> Log for LocalLog<D> {
    type Reader = Reader<D>;

    fn guarantees(&self) -> Guarantees {
        Guarantees { synced: self.durability == Durability::Sync, replicated: false, fenced: true }
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
        let bytes = entry_extent(batch.len() as u64);
        // Only a full disk limits what is proposed; how much may be in flight is the engine's affair.
        let full = bytes > self.room_bytes();
        let mut queue = self.shared.queue();
        if queue.failed.is_some() {
            return Err(ProposeError::Failed);
        }
        let Role::Owner(_) = self.role else { return Err(ProposeError::NotOwner) };
        if full {
            return Err(ProposeError::Full);
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.unanswered += 1;
        queue.proposals_bytes += bytes;
        queue.proposals.push_back((ticket, batch));
        drop(queue);
        self.shared.work.notify_all();
        Ok(ticket)
    }

    fn poll(&mut self) -> Option<LogEvent> {
        if self.failed {
            return None;
        }
        let event = match self.history {
            Some(_) => self.next_of_history()?,
            None => self.shared.queue().events.pop_front()?,
        };
        match &event {
            LogEvent::Committed { entry, ticket } => {
                self.committed = entry.index;
                self.unanswered -= u64::from(ticket.is_some());
            }
            LogEvent::Refused { .. } => self.unanswered -= 1,
            LogEvent::SnapshotInstalled { at } => self.committed = *at,
            LogEvent::RoleChanged(role) => self.role = *role,
            LogEvent::Truncated { .. } => {}
            LogEvent::Failed(_) => {
                self.role = Role::Failed;
                self.failed = true;
            }
        }
        Some(event)
    }

    fn set_waker(&mut self, waker: Waker) {
        self.shared.queue().waker = Some(waker);
    }

    fn last_at_opening(&self) -> LogIndex {
        self.last_at_opening
    }

    fn synced(&self) -> LogIndex {
        match self.durability {
            Durability::Sync => LogIndex(u64::MAX),
            Durability::Interval(_) => LogIndex(self.shared.synced.load(Ordering::Acquire)),
        }
    }

    fn reader(&self) -> Reader<D> {
        self.reader.clone()
    }

    fn first_index(&self) -> LogIndex {
        self.reader.first_index()
    }

    fn trim(&mut self, floor: LogIndex) -> Result<(), LogError> {
        self.still_well()?;
        // What was not told yet is still needed, whatever the caller believes.
        self.shared.keeper.trim(floor.min(self.committed.next()));
        Ok(())
    }

    fn release(&mut self, first: LogIndex, last: LogIndex) -> Result<(), LogError> {
        self.still_well()?;
        self.shared.keeper.release(first, last.min(self.committed));
        Ok(())
    }

    fn retired(&self) -> Vec<Extent> {
        self.reader.retired()
    }

    fn room_bytes(&self) -> u64 {
        if !self.shared.spare.is_full() {
            return u64::MAX;
        }
        let room = self.shared.room_bytes.load(Ordering::Acquire) + self.shared.spare.ready_bytes();
        room.saturating_sub(self.shared.queue().proposals_bytes)
    }

    fn install_snapshot(&mut self, at: LogIndex, epoch: Epoch) -> Result<(), LogError> {
        let last = self.history.as_ref().map_or(self.committed, |history| history.last);
        let mut queue = self.shared.queue();
        if let Some(error) = &queue.failed {
            return Err(error.clone());
        }
        if self.unanswered > 0 {
            return Err(LogError::Misuse("proposals are still unanswered"));
        }
        if at < last {
            return Err(LogError::Misuse("the snapshot is older than the log"));
        }
        self.role = Role::Follower;
        self.history = None;
        queue.reset = Some((at, epoch));
        drop(queue);
        self.shared.work.notify_all();
        Ok(())
    }
}

impl<D: Disk> Drop for LocalLog<D> {
    fn drop(&mut self) {
        self.shutdown();
    }
}
