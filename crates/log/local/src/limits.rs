//! Numbers of this room, and where they come from.

/// The unit that the medium writes whole or not at all. Disks with 4096-byte sectors keep this too.
pub const SECTOR_BYTES: u64 = 512;

/// Entries begin at multiples of this, so that a header lies inside one sector.
pub const ALIGN_BYTES: u64 = 64;

/// The length of an entry's header.
pub const HEADER_BYTES: u64 = 64;

/// What follows every payload at least, so that an entry's last sector is never all zeros.
pub const TRAILER_BYTES_MIN: u64 = 1;

/// The part of a segment before its first entry.
pub const SEGMENT_HEADER_BYTES: u64 = 4096;

/// A segment's usual length. Large enough that a roll (two syncs, a rename) is rare, small enough that trimming is fine-grained.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// A segment is never shorter: its header and one sector.
pub const SEGMENT_BYTES_MIN: u64 = SEGMENT_HEADER_BYTES + SECTOR_BYTES;

/// A segment is never longer: offsets are kept in units of `ALIGN_BYTES` in 32 bits, and files stay handy.
pub const SEGMENT_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// How much is zero-filled ahead of use between two syncs. A commit that falls behind one waits for
/// about 300 us (append and fdatasync of 1 MiB, p50 on a cloud NVMe volume).
pub const FILL_STEP_BYTES: u64 = 1024 * 1024;

/// A writer that comes before the next segment is ready takes it once it is this long (or as long as a
/// segment is, if that is less), rather than wait for all of it. Commits of 1 MiB, one after the other, on a
/// virtual disk with two shared cores: the longest took 171 ms when the writer waited for 64 MiB, and 34 ms so.
pub const SEGMENT_TAKEN_EARLY_BYTES: u64 = 8 * 1024 * 1024;

/// The writer fills the spare itself when that is this part of a segment behind what is written.
pub const SPARE_LAG_PART: u64 = 8;

/// How much one commit writes at most, unless a single entry is larger: 1 MiB with its sync takes 295 us
/// where 4 KiB takes 120 us, so that waiting for a bigger group gains little.
pub const GROUP_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How much is read at a time when a log is opened.
pub const SCAN_WINDOW_BYTES: usize = 1024 * 1024;

/// A sealed segment's offsets stay in memory up to so many: 4 KiB. Others are looked up in its sidecar.
pub const OFFSETS_KEPT_MAX: u64 = 1024;

/// Released ranges that do not touch, kept in memory. There are as many as files if each is released by itself.
pub const RELEASED_PIECES_MAX: usize = 65_536;

/// The extent of the smallest entry, a fence.
pub const ENTRY_EXTENT_MIN: u64 = 2 * ALIGN_BYTES;
