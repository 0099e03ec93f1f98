//! The half that the owner holds.

use crate::{
    open::{self, Parts},
    options::Options,
    shared::{Offer, Proposal, Shared},
};
use bytes::Bytes;
use evenkeel_disk::Disk;
use evenkeel_log::{Extent, Guarantees, Log, LogError, LogEvent, ProposeError, Role, Ticket, Waker};
use evenkeel_log_local::{Reader, SyncTimes, entry_extent};
use evenkeel_types::{Epoch, LogIndex, limits::ENTRY_BYTES_MAX};
use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
};

/// A node's log, as its owner holds it.
pub struct RaftLog<D: Disk> {
    shared: Arc<Shared<D>>,
    role: Role,
    next_ticket: u64,
    /// Proposals whose answers were not polled yet.
    unanswered: u64,
    /// The last entry that was there at the start.
    last_at_opening: LogIndex,
    /// The last entry that was polled.
    committed: LogIndex,
    failed: bool,
}

impl<D: Disk> RaftLog<D> {
    /// Opens the log in `dir`, or makes it: see the crate's head for the three parts. `applied` is an index whose state the caller holds durably.
    ///
    /// Entries after `applied` come through [`Log::poll`], as far as they are known to be committed.
    ///
    /// # Errors
    /// The folder is in use, or something is damaged, missing, too new or unreadable. Damage changes nothing on the disk.
    pub fn open(disk: D, dir: &Path, options: &Options, applied: LogIndex) -> Result<Parts<D>, LogError> {
        open::open(disk, dir, options, applied)
    }

    pub(crate) fn new(shared: Arc<Shared<D>>, applied: LogIndex, last_at_opening: LogIndex) -> Self {
        let (role, next_ticket, unanswered, failed) = (Role::Follower, 1, 0, false);
        Self { shared, role, next_ticket, unanswered, last_at_opening, committed: applied, failed }
    }

    /// How long syncs take, readable while the log is at work and after.
    #[must_use]
    pub fn sync_times(&self) -> SyncTimes {
        self.shared.sync_times.clone()
    }

    /// The owner holds the state at `at` durably, and would stream it to a follower that is too far behind. The newest offer counts.
    pub fn offer_snapshot(&self, at: LogIndex) {
        let at = at.min(self.committed);
        self.shared.queue().offer = Some(at);
        self.shared.for_node.notify_all();
    }

    /// Keeps the entries from that one on for followers, whatever the owner needs; `None` keeps no more than that.
    pub fn keep_from(&self, from: Option<LogIndex>) {
        self.shared.keep_from(from);
    }

    /// Which snapshot this node needs, if it is too far behind for entries: to be fetched from that node, and installed.
    #[must_use]
    pub fn wanted_snapshot(&self) -> Option<Offer> {
        self.shared.queue().wanted.clone()
    }

    /// Lets the node finish what it does and then stop. Later proposals are refused.
    pub fn shutdown(&mut self) {
        self.role = Role::Follower;
        self.shared.queue().closed = true;
        self.shared.for_node.notify_all();
        self.shared.for_disk.notify_all();
    }

    fn still_well(&self) -> Result<(), LogError> {
        self.shared.queue().failed.clone().map_or(Ok(()), Err)
    }
}

impl<D: Disk> Log for RaftLog<D> {
    type Reader = Reader<D>;

    fn guarantees(&self) -> Guarantees {
        Guarantees { synced: true, replicated: self.shared.replicated.load(Ordering::Acquire), fenced: true }
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
        let full = entry_extent(batch.len() as u64) > self.room_bytes();
        let mut queue = self.shared.queue();
        if queue.failed.is_some() {
            return Err(ProposeError::Failed);
        }
        let Role::Owner(epoch) = self.role else { return Err(ProposeError::NotOwner) };
        if full {
            return Err(ProposeError::Full);
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.unanswered += 1;
        queue.proposals_bytes += batch.len() as u64;
        queue.proposals.push_back(Proposal { ticket, epoch, batch });
        drop(queue);
        self.shared.for_node.notify_all();
        Ok(ticket)
    }

    fn poll(&mut self) -> Option<LogEvent> {
        if self.failed {
            return None;
        }
        let event = self.shared.queue().events.pop_front()?;
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

    fn reader(&self) -> Reader<D> {
        self.shared.upkeep.reader().clone()
    }

    fn first_index(&self) -> LogIndex {
        self.shared.upkeep.first()
    }

    fn last_at_opening(&self) -> LogIndex {
        self.last_at_opening
    }

    fn trim(&mut self, floor: LogIndex) -> Result<(), LogError> {
        self.still_well()?;
        // What was not told yet is still needed, whatever the caller believes.
        let kept_from = LogIndex(self.shared.kept_from.load(Ordering::Acquire));
        self.shared.upkeep.trim(floor.min(self.committed.next()).min(kept_from));
        Ok(())
    }

    fn release(&mut self, first: LogIndex, last: LogIndex) -> Result<(), LogError> {
        self.still_well()?;
        self.shared.upkeep.release(first, last.min(self.committed));
        Ok(())
    }

    fn retired(&self) -> Vec<Extent> {
        self.shared.upkeep.retired()
    }

    fn room_bytes(&self) -> u64 {
        let Some(spare) = self.shared.upkeep.room_if_full() else { return u64::MAX };
        let room = self.shared.room_bytes.load(Ordering::Acquire) + spare;
        room.saturating_sub(self.shared.queue().proposals_bytes)
    }

    /// As the trait says; on a follower, only what [`RaftLog::wanted_snapshot`] told of.
    fn install_snapshot(&mut self, at: LogIndex, epoch: Epoch) -> Result<(), LogError> {
        let mut queue = self.shared.queue();
        if let Some(error) = &queue.failed {
            return Err(error.clone());
        }
        if self.unanswered > 0 {
            return Err(LogError::Misuse("proposals are still unanswered"));
        }
        if at < queue.told {
            return Err(LogError::Misuse("the snapshot is older than the log"));
        }
        let wanted = queue.wanted.is_some();
        if !wanted && !matches!(self.role, Role::Owner(_)) {
            return Err(LogError::Misuse("only an owner restores a snapshot; a follower is offered one"));
        }
        self.role = Role::Follower;
        queue.reset = Some((at, epoch));
        drop(queue);
        self.shared.for_node.notify_all();
        Ok(())
    }
}

impl<D: Disk> Drop for RaftLog<D> {
    fn drop(&mut self) {
        self.shutdown();
    }
}
