//! A log of several nodes in memory, for tests: one owner at a time, and deliveries on demand.
//!
//! It behaves as a replicated log does, without sockets and time: an owner appends at once and
//! commits what a majority has; nothing moves between nodes until [`FakeCluster::deliver`] or
//! [`FakeCluster::settle`]; an election takes the owner's place without telling it, so that it
//! goes on proposing into its own log until it hears of the new epoch.
//!
//! What a node appended it keeps through a restart: losing unsynced bytes is the local log's matter.

mod cluster;
mod node;
#[cfg(test)]
mod tests;

pub use cluster::FakeCluster;
pub use node::{FakeLog, FakeReader};
