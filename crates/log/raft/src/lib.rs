//! The log on several nodes: raft-rs over the segments of a single node's log.
//!
//! Three parts, as a single node has two. [`RaftLog`] is what the engine holds (proposals in, events out); [`Node`] is the consensus core, stepped by
//! messages and ticks; [`Writer`] does the I/O. None has a thread, a clock or a socket: a simulator drives them, or [`run`] does, with threads.
//!
//! An epoch of the log is a term of the consensus, an entry is an entry, and a new leader's first one is the fence. Entries lie in segments as a single
//! node writes them (`evenkeel-log-local`), so its folder becomes the first node of a cluster as it is. Beside them lies the vote file. Which
//! crate, and why: `docs/adr/0008-raft-rs-below-the-log.md`.
//!
//! Deliberately not here: how messages travel, who may send them, how a snapshot's state is streamed, and when which node joins.
#![warn(missing_docs)]

mod driver;
mod error;
pub mod fault;
pub mod limits;
mod log;
mod members;
mod message;
mod node;
mod open;
mod options;
mod shared;
mod store;
mod tickets;
mod votes;
mod writer;

pub use driver::{Inbox, Running, run};
pub use log::RaftLog;
pub use members::{Change, ChangeError, Members, NodeId};
pub use message::{Message, MessageError};
pub use node::{Node, Peer, Status};
pub use open::Parts;
pub use options::{Opened, Options, Start};
pub use shared::Offer;
pub use writer::Writer;
