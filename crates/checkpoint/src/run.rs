//! Run files: written once in ascending order, read from the beginning to the end.

pub(crate) mod ahead;
pub(crate) mod cursor;
pub(crate) mod merged;
pub(crate) mod reader;
pub(crate) mod writer;

/// Section and slot in one number that sorts like them.
pub(crate) fn key(section: u8, slot: u32) -> u64 {
    u64::from(section) << 32 | u64::from(slot)
}

/// Above all keys: a cursor at its end.
pub(crate) const END: u64 = u64::MAX;
