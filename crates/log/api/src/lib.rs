//! The log: the only source of order, and the only place where durability is decided.
//!
//! The trait has the shape of a replicated log from the first day. A proposal is handed over and
//! answered with a [`Ticket`]; what was made durable comes back in order as
//! [`LogEvent::Committed`], on every node alike, and only that is ever applied. The owner of a
//! single-node log sees the same events as the leader of three.
//!
//! Deliberately not here: what a batch means, any clock, and any retry.
#![warn(missing_docs)]

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod event;
#[cfg(feature = "conformance")]
pub mod fake;

pub use error::{LogError, ProposeError, ReadError};
pub use event::{Entry, LogEvent, RefusedReason, Role};

use bytes::Bytes;
use evenkeel_types::{Epoch, LogIndex};
use std::sync::Arc;

/// Names one proposal of one owner, until its [`LogEvent`] arrives. Not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a log promises about an entry it calls committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarantees {
    /// It survives a power cut: it was synced before it was committed.
    pub synced: bool,
    /// It survives the loss of any one machine.
    pub replicated: bool,
    /// At most one owner at a time gets entries committed, and a deposed one's are refused.
    pub fenced: bool,
}

/// Called (from any thread) when [`Log::poll`] has something new. Must be quick and not block.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// An ordered, durable log with one owner at a time.
///
/// # Rules that every log keeps (its conformance suite checks them)
/// 1. Committed entries have consecutive indexes, the same on every node, for ever.
/// 2. An entry is committed only once it is as durable as [`Guarantees`] says.
/// 3. Each ticket is answered exactly once, by `Committed` or `Refused`, in the order of proposal,
///    unless the log fails first; after [`LogEvent::Failed`] nothing follows.
/// 4. A refused proposal is never committed later. A proposal without answer may have been.
/// 5. Epochs never fall along the log. A new owner's first entry is a fence (an entry with
///    an empty batch); what an older owner appends after it is never committed.
pub trait Log: Send {
    /// Reads entries back, from any thread.
    type Reader: LogReader + Clone;

    /// What `Committed` means here.
    fn guarantees(&self) -> Guarantees;

    /// Whether this node owns the log now, and under which epoch.
    fn role(&self) -> Role;

    /// Hands over a batch. Returns at once; the answer comes as an event.
    ///
    /// # Errors
    /// Nothing was accepted: not the owner, the batch is empty or too large, or the log has failed.
    fn propose(&mut self, batch: Bytes) -> Result<Ticket, ProposeError>;

    /// The next event, in order; `None` when there is nothing new for now.
    fn poll(&mut self) -> Option<LogEvent>;

    /// Sets who is called when [`Log::poll`] has something new.
    fn set_waker(&mut self, waker: Waker);

    /// A handle for reading entries back.
    fn reader(&self) -> Self::Reader;

    /// The first index that can still be read; grows with [`Log::trim`].
    fn first_index(&self) -> LogIndex;

    /// The last entry that a power cut would leave. A checkpoint must not be durable before what it is made of: where
    /// committed means synced, everything that was committed qualifies.
    fn synced(&self) -> LogIndex {
        LogIndex(u64::MAX)
    }

    /// Lets go of all entries below `floor`, now or a little later. The caller has a durable
    /// checkpoint at or above `floor - 1` and needs no body below it.
    ///
    /// # Errors
    /// The log has failed.
    fn trim(&mut self, floor: LogIndex) -> Result<(), LogError>;

    /// Throws away all entries and continues after `at`, whose state the caller holds durably.
    /// The next event is [`LogEvent::SnapshotInstalled`]; an owner then writes a new fence under
    /// an epoch above `epoch`, and is told that it owns the log again.
    ///
    /// # Errors
    /// The log has failed, `at` lies below what is already committed, or the events that answer
    /// earlier proposals have not all been polled.
    fn install_snapshot(&mut self, at: LogIndex, epoch: Epoch) -> Result<(), LogError>;
}

/// Reads committed entries back.
pub trait LogReader: Send + Sync + 'static {
    /// The entry at `index`, its checksum verified.
    ///
    /// # Errors
    /// [`ReadError`] says whether the index was trimmed, is not there yet, or is damaged.
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError>;

    /// Part of the entry at `index`: `bytes` bytes of its batch, from `offset` on. For bodies that
    /// are no longer in memory.
    ///
    /// A log may check less here than in [`LogReader::read`] (verifying a whole batch to hand out
    /// one body of it costs too much), so the caller verifies what it gets.
    ///
    /// # Errors
    /// As [`LogReader::read`]; [`LogError::Misuse`] if the entry is shorter than that.
    fn read_range(&self, index: LogIndex, offset: u32, bytes: u32) -> Result<Bytes, ReadError> {
        let batch = self.read(index)?.batch;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX));
        if end > batch.len() {
            return Err(LogError::Misuse("the range lies beyond the entry").into());
        }
        Ok(batch.slice(start..end))
    }
}
