//! Numbers of this room, and where they come from.

use std::time::Duration;

/// Members at most, learners included, also while a change is under way: the vote file names each up to four times within one sector.
pub const MEMBERS_MAX: usize = 12;

/// Ticks without a leader before a node asks whether it may campaign: at 40 ms a tick, 0.4 s. Each node adds up to as many
/// again, by chance.
pub const ELECTION_TICKS: usize = 10;

/// Ticks between two heartbeats of a leader.
pub const HEARTBEAT_TICKS: usize = 2;

/// Ticks after which a leader takes a snapshot that it offered for failed, and asks the follower anew where it is. Asking costs one
/// message; a follower that still receives goes on with what it has.
pub const SNAPSHOT_TICKS: usize = 50;

/// The bytes of entries in one message to a follower, unless a single entry is larger. As large as the group that a follower writes at once.
pub const MESSAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Entries in one message. Each counts 64 bytes and what it carries towards [`MESSAGE_BYTES_MAX`], so a leader sends no more than a quarter of this; and so
/// many take less memory, however little they carry, than the largest entry does.
pub const ENTRIES_MAX: usize = 64 * 1024;

/// Messages with entries under way to one follower. With [`MESSAGE_BYTES_MAX`] that bounds the bytes, to 32 MiB.
pub const MESSAGES_IN_FLIGHT_MAX: usize = 32;

/// The bytes of entries that a leader holds without a majority's word; then proposals wait. Two of the largest entries, and more than a
/// second of a full disk's writing is never needed to keep a majority busy.
pub const UNCOMMITTED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The bytes of committed entries that are told at a time.
pub const COMMITTED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The bytes of recent entries kept in memory, so that a follower that is a little behind needs no disk. Those not synced yet
/// are kept whatever they take.
pub const TAIL_BYTES: u64 = 32 * 1024 * 1024;

/// The bytes of entries that are read from the disk for followers in a second, all together: whoever catches up on a million jobs must not hold up those
/// who work. What came since is in memory, and is not counted.
pub const CATCH_UP_BYTES_PER_SECOND: u64 = 22 * 1024 * 1024;

/// How many of them may be left over when nobody wanted any, and what a tick gives at least. An entry that is larger is paid for behind it.
pub const CATCH_UP_BYTES: u64 = 128 * 1024;

/// Between two leaves to read more, while a follower waits for one.
pub const CATCH_UP_EVERY: Duration = Duration::from_millis(5);

/// Followers that wait for leave at most. One that is not noted asks again with its next answer.
pub const CATCHING_UP_MAX: usize = 4 * MEMBERS_MAX;

/// Snapshots that a follower was offered and remembers: an offer may change while one is being received.
pub const OFFERS_MAX: usize = 8;

/// No index, term or node's number in a message is larger: sums of two stay far from the end.
pub const NUMBER_MAX: u64 = 1 << 62;

/// What may travel with a heartbeat or a campaign.
pub const CONTEXT_BYTES_MAX: usize = 64;
