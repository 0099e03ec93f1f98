//! Numbers of this room, and where they come from.

use evenkeel_types::limits::ENTRY_BYTES_MAX;
use std::time::Duration;

/// A frame between members: the largest entry of the log, or the largest request of a door (7 MiB), and its head.
pub const FRAME_BYTES_MAX: usize = ENTRY_BYTES_MAX + 64 * 1024;

/// What a stranger may say, and why it is not let in.
pub const JOIN_BYTES_MAX: usize = 4 * 1024;

/// What a node tells of where all nodes are: a note to another member, or a stranger that is let in, with the cluster's authority. The binary's book of
/// nodes has at most 64, each with two addresses of at most 262 bytes: some 35 KiB as JSON, and 200 KiB if somebody made up addresses of nothing but what JSON escapes.
pub const TOLD_BYTES_MAX: usize = 256 * 1024;

/// What waits for one peer: the 32 MiB that the log has under way to a follower at most, and as much again of requests.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Questions of one peer that are not answered yet; more are refused. As many as a server holds connections: each may wait for a job.
pub const ASKS_MAX: usize = 16_384;

/// Handshakes under way at a time, so that strangers cost no more memory than that; and joins, which are as rare.
pub const STRANGERS_MAX: usize = 64;

/// A connection must be there, and both sides have proved themselves, within this time. Three round trips around the world and a busy machine.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a join may take: the cluster makes an entry of it.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause before a peer is dialled again, at first. It doubles up to [`RETRY_MAX`].
pub const RETRY_MIN: Duration = Duration::from_millis(20);

/// The longest pause: a node that comes back is found again within half the time that an election takes.
pub const RETRY_MAX: Duration = Duration::from_millis(500);

/// A peer that acknowledges nothing of what it was sent for so long loses the connection; it is dialled again.
pub const PEER_TIMEOUT: Duration = Duration::from_secs(5);

/// What is written at a time, so that small frames share a record.
pub(crate) const WRITE_BYTES: usize = 256 * 1024;
