//! What the three parts share: the owner's half, the node and the disk half.

use crate::{
    members::{Members, NodeId},
    message::Message,
    votes::Record,
};
use bytes::Bytes;
use evenkeel_disk::Disk;
use evenkeel_log::{LogError, LogEvent, Ticket, Waker};
use evenkeel_log_local::{EntryKind, SyncTimes, Upkeep};
use evenkeel_types::{Epoch, LogIndex};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// What the disk half is to do, in this order. All of it is synced when the job is done.
#[derive(Default)]
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) votes: Option<Record>,
    /// Everything is thrown away first, and the log goes on after this.
    pub(crate) reset: Option<(LogIndex, Epoch)>,
    /// The last entry that stays.
    pub(crate) truncate_after: Option<LogIndex>,
    pub(crate) entries: Vec<JobEntry>,
}

pub(crate) struct JobEntry {
    pub(crate) epoch: Epoch,
    pub(crate) kind: EntryKind,
    pub(crate) payload: Bytes,
}

/// A batch that the owner handed over under some epoch.
pub(crate) struct Proposal {
    pub(crate) ticket: Ticket,
    pub(crate) epoch: Epoch,
    pub(crate) batch: Bytes,
}

/// A snapshot of the leader's state, which a follower needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who has it.
    pub from: NodeId,
    /// The last entry that it covers.
    pub at: LogIndex,
    /// That entry's epoch.
    pub epoch: Epoch,
    /// Who the members are as of that entry.
    pub members: Members,
}

#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) proposals: VecDeque<Proposal>,
    pub(crate) proposals_bytes: u64,
    pub(crate) events: VecDeque<LogEvent>,
    /// The last entry that was told.
    pub(crate) told: LogIndex,
    pub(crate) reset: Option<(LogIndex, Epoch)>,
    /// The application holds the state at this index durably and would stream it.
    pub(crate) offer: Option<LogIndex>,
    /// What the leader offers to this node.
    pub(crate) wanted: Option<Offer>,
    pub(crate) inbox: VecDeque<Message>,
    pub(crate) jobs: VecDeque<Job>,
    /// The last job that is done.
    pub(crate) done: u64,
    pub(crate) waker: Option<Waker>,
    /// The owner is gone or wants no more.
    pub(crate) closed: bool,
    /// The node has stopped, and gives no more jobs.
    pub(crate) node_gone: bool,
    pub(crate) failed: Option<LogError>,
}

impl Queue {
    /// The log ends here, with this as its last event.
    pub(crate) fn fail(&mut self, error: LogError) {
        if self.failed.is_none() {
            self.proposals.clear();
            self.proposals_bytes = 0;
            self.jobs.clear();
            self.events.push_back(LogEvent::Failed(error.clone()));
            self.failed = Some(error);
        }
    }
}

pub(crate) struct Shared<D: Disk> {
    queue: Mutex<Queue>,
    /// Rung when there is something for the node.
    pub(crate) for_node: Condvar,
    /// Rung when there is something for the disk half.
    pub(crate) for_disk: Condvar,
    pub(crate) upkeep: Upkeep<D>,
    /// The bytes that the segment in use still has.
    pub(crate) room_bytes: AtomicU64,
    /// Whether an entry survives the loss of any one machine.
    pub(crate) replicated: AtomicBool,
    /// Entries from this one on stay, for followers.
    pub(crate) kept_from: AtomicU64,
    pub(crate) sync_times: SyncTimes,
    /// Held by all, so that the folder is free only when they are gone.
    pub(crate) _lock: D::Lock,
}

impl<D: Disk> Shared<D> {
    pub(crate) fn new(upkeep: Upkeep<D>, lock: D::Lock) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            for_node: Condvar::new(),
            for_disk: Condvar::new(),
            upkeep,
            room_bytes: AtomicU64::new(0),
            replicated: AtomicBool::new(false),
            kept_from: AtomicU64::new(u64::MAX),
            sync_times: SyncTimes::default(),
            _lock: lock,
        })
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These keep the log from now on.
    pub(crate) fn kept_by(&self, members: &Members) {
        // Of two, each is needed for a majority, and both have every entry.
        self.replicated.store(members.voters.len() > 1, Ordering::Release);
    }

    /// Entries from this one on stay, for followers.
    pub(crate) fn keep_from(&self, from: Option<LogIndex>) {
        self.kept_from.store(from.map_or(u64::MAX, |from| from.0), Ordering::Release);
    }

    /// Tells the owner that there are events, after the queue was filled.
    pub(crate) fn wake_owner(&self) {
        let waker = self.queue().waker.clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    pub(crate) fn fail(&self, error: LogError) {
        self.queue().fail(error);
        self.for_node.notify_all();
        self.for_disk.notify_all();
        self.wake_owner();
    }
}
