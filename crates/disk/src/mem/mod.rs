//! A disk in memory that loses, tears, damages and fails on demand, the same way for the same seed.
//!
//! It is the ground that every crash test stands on, so what it may do is stated exactly:
//!
//! 1. **Contents.** A write is seen at once by every handle and is *pending* until its file is
//!    synced. After a power cut each 512-byte sector shows, independently of all others, what was
//!    synced last or what any later write left in it. A sector is never half of each: a disk
//!    writes sectors whole.
//! 2. **Lengths** are pending in the same way, apart from the contents.
//! 3. **Names.** Creations, renames and removals are pending until their directory is synced. After
//!    a power cut each is kept or lost, except that what builds on a lost one is lost too. A rename
//!    is one change, never half of one. Directories are durable when made, as the trait says.
//! 4. **Process death** ([`MemDisk::kill`]) loses nothing that was written and syncs nothing: it stays
//!    pending in the page cache.
//! 5. After either, locks are free and every old handle fails.
//! 6. **A failed sync** drops the pending bytes, as Linux does: they may read back as before or as
//!    written, and in either case a later sync that succeeds does not make them durable.
//!
//! Deliberately not here: time (a sync takes none; the simulator adds what it likes between the
//! calls), misplaced writes, and reordering across a sync.

mod disk;
mod faults;
mod file;
mod inode;
mod names;
mod random;
mod state;

#[cfg(test)]
mod tests;

pub use disk::MemDisk;
pub use file::{MemFile, MemLock};
pub use state::Counters;

/// The unit that the medium writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;
