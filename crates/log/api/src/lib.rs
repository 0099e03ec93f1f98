//! The log: the only source of order, and the only place where durability is decided.
//!
//! The trait has the shape of a replicated log from the first day. A proposal is handed over and
//! answered with a [`Ticket`]; what was made durable comes back in order as
//! [`LogEvent::Committed`], on every node alike, and only that is ever applied. The owner of a
//! single-node log sees the same events as the leader of three.
//!
//! Deliberately not here: what a batch means, any clock, and any retry.
#![warn(missing_docs)]

mod error;
mod event;

pub use error::{LogError, ProposeError, ReadError};
pub use event::{Entry, LogEvent, RefusedReason, Role};

use bytes::Bytes;
use evenkeel_types::LogIndex;
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

    /// Lets go of all entries below `floor`, now or a little later. The caller has a durable
    /// checkpoint at or above `floor - 1` and needs no body below it.
    ///
    /// # Errors
    /// The log has failed.
    fn trim(&mut self, floor: LogIndex) -> Result<(), LogError>;

    /// Throws away all entries and continues after `at`, whose state the caller holds durably.
    /// The next event is [`LogEvent::SnapshotInstalled`].
    ///
    /// # Errors
    /// The log has failed, or `at` lies below what is already committed.
    fn install_snapshot(&mut self, at: LogIndex, epoch: evenkeel_types::Epoch) -> Result<(), LogError>;
}

/// Reads committed entries back.
pub trait LogReader: Send + Sync + 'static {
    /// The entry at `index`, its checksum verified.
    ///
    /// # Errors
    /// [`ReadError`] says whether the index was trimmed, is not there yet, or is damaged.
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError>;
}
