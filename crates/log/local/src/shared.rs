//! What the two halves share: proposals one way, events the other.

use crate::{keeper::Keeper, spare::Spare, stats::SyncHistogram};
use bytes::Bytes;
use evenkeel_disk::Disk;
use evenkeel_log::{LogError, LogEvent, Ticket, Waker};
use evenkeel_types::{Epoch, LogIndex};
use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

pub(crate) struct Shared<D: Disk> {
    queue: Mutex<Queue>,
    /// Called when there is something for the writer.
    pub(crate) work: Condvar,
    pub(crate) spare: Arc<Spare<D>>,
    pub(crate) keeper: Arc<Keeper<D>>,
    pub(crate) sync_histogram: Arc<SyncHistogram>,
    /// The bytes that the segment in use still has.
    pub(crate) room_bytes: AtomicU64,
    /// The last entry that is durable.
    pub(crate) synced: AtomicU64,
    /// Held by both halves, so that the folder is free only when both are gone.
    pub(crate) _lock: D::Lock,
}

#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) proposals: VecDeque<(Ticket, Bytes)>,
    /// What the proposals will take on the disk.
    pub(crate) proposals_bytes: u64,
    pub(crate) events: VecDeque<LogEvent>,
    pub(crate) reset: Option<(LogIndex, Epoch)>,
    pub(crate) waker: Option<Waker>,
    /// The owner is gone or wants no more.
    pub(crate) closed: bool,
    pub(crate) failed: Option<LogError>,
}

impl Queue {
    /// Whether the writer has something to do.
    pub(crate) fn has_work(&self) -> bool {
        !self.proposals.is_empty() || self.reset.is_some() || self.closed
    }

    /// The log ends here, with this as its last event.
    pub(crate) fn fail(&mut self, error: LogError) {
        if self.failed.is_none() {
            self.proposals.clear();
            self.proposals_bytes = 0;
            self.events.push_back(LogEvent::Failed(error.clone()));
            self.failed = Some(error);
        }
    }
}

impl<D: Disk> Shared<D> {
    pub(crate) fn new(spare: Arc<Spare<D>>, keeper: Arc<Keeper<D>>, lock: D::Lock) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            work: Condvar::new(),
            spare,
            keeper,
            sync_histogram: Arc::default(),
            room_bytes: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            _lock: lock,
        })
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the owner that there are events, after `queue` was filled.
    pub(crate) fn wake_owner(&self) {
        let waker = self.queue().waker.clone();
        if let Some(waker) = waker {
            waker();
        }
    }
}
