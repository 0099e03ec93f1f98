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
mod ranges;

pub use error::{LogError, ProposeError, ReadError};
pub use event::{Entry, LogEvent, RefusedReason, Role};
pub use ranges::IndexRanges;

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

/// Entries that lie in one file and go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first of them.
    pub first: LogIndex,
    /// The last.
    pub last: LogIndex,
    /// What the file takes on the disk, with all that belongs to it.
    pub bytes: u64,
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

    /// The first index that can be replayed: all from here on are there. Grows with [`Log::trim`]. Entries below may
    /// still be read, until they are released.
    fn first_index(&self) -> LogIndex;

    /// The last entry that was there when the log was opened, whether or not it was known to be committed. What is polled up to it may have been applied
    /// in an earlier life.
    fn last_at_opening(&self) -> LogIndex;

    /// The last entry that a power cut would leave. A checkpoint must not be durable before what it is made of: where
    /// committed means synced, everything that was committed qualifies.
    fn synced(&self) -> LogIndex {
        LogIndex(u64::MAX)
    }

    /// Moves the floor: entries below it are never replayed again. They stay readable until they are released.
    ///
    /// The caller has a durable checkpoint at or above `floor - 1`. What was not polled yet stays above the floor. A
    /// floor is not kept over a restart: trim again after opening, as far as the oldest checkpoint that is kept allows.
    ///
    /// # Errors
    /// The log has failed.
    fn trim(&mut self, floor: LogIndex) -> Result<(), LogError>;

    /// No body in `first..=last` is needed any more. What of it is also below the floor may go, now or a little later; the
    /// rest goes once the floor has passed it.
    ///
    /// Releases add up: a file goes once it lies wholly below the floor and wholly in released ranges, and older ones may
    /// stay. What was not polled yet is not released. Neither are releases kept over a restart: what [`Log::retired`] then
    /// still tells of was not removed, and is to be released again.
    ///
    /// # Errors
    /// The log has failed.
    fn release(&mut self, first: LogIndex, last: LogIndex) -> Result<(), LogError>;

    /// The files that lie wholly below the floor and are still there, in order. What was released is told until it is gone.
    /// O(files).
    fn retired(&self) -> Vec<Extent> {
        Vec::new()
    }

    /// How many bytes of entries can surely be appended; `u64::MAX` as long as the disk is not known to be full.
    ///
    /// An entry takes its batch's bytes and up to 128 more. Refuse early what needs much, so that
    /// acknowledgements and deletes, which make room, still find some.
    fn room_bytes(&self) -> u64 {
        u64::MAX
    }

    /// Throws away all entries and continues after `at`, whose state the caller holds durably.
    /// The next event is [`LogEvent::SnapshotInstalled`]; an owner then writes a new fence under
    /// an epoch above `epoch`, and is told that it owns the log again.
    ///
    /// # Errors
    /// The log has failed, `at` lies below what is already committed, or the events that answer
    /// earlier proposals have not all been polled.
    fn install_snapshot(&mut self, at: LogIndex, epoch: Epoch) -> Result<(), LogError>;
}

/// Reads committed entries back, above the floor or below it.
pub trait LogReader: Send + Sync + 'static {
    /// The entry at `index`, its checksum verified.
    ///
    /// # Errors
    /// [`ReadError`] says whether the index is gone, is not there yet, or is damaged.
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError>;

    /// Part of the entry at `index`: `bytes` bytes of its batch, from `offset` on. For bodies that
    /// are no longer in memory.
    ///
    /// **Nothing is checked here**: a log may read just these bytes, without the entry's header or checksum (verifying a
    /// whole batch to hand out one body of it costs too much). The caller asks for what it knows to be there, and
    /// verifies what it gets by a checksum of its own. What goes beyond the entry is refused only if that shows.
    ///
    /// # Errors
    /// As [`LogReader::read`]; [`LogError::Misuse`] if the entry is seen to be shorter than that.
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
