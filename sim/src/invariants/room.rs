//! **Room is bounded: on the disk by what lives, in memory whatever the disk does.**
//!
//! When nothing is being carried, the files with bodies that no start replays, and the spare, take at most twice what lives
//! (each body and 64 bytes) and eight segments. What is not yet durable takes no more memory than was allowed.

use super::Broken;
use crate::{
    disk::Watched,
    house::{BODIES, House, LOG},
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log::Log;
use std::path::Path;

/// What a body may cost beside its bytes.
const BODY_OVERHEAD_BYTES: u64 = 64;
/// Receives, and what the engine proposes itself, are let in always; each client has one.
const RECEIVES_BYTES: usize = 2048;

/// Judges the files of a house that has nothing to do with them.
///
/// # Errors
/// They are too large.
pub fn check(disk: &Watched, house: &House, segment_bytes: u64) -> Result<(), Broken> {
    let queues = house.engine.machine().queues();
    let living: u64 = queues.bodies(queues.job_slots()).map(|body| u64::from(body.bytes) + BODY_OVERHEAD_BYTES).sum();
    let mut segment_max = segment_bytes;
    let mut bytes = 0;
    // The log above the oldest checkpoint is what it is.
    let replayed = house.engine.log().first_index();
    let segments = house.engine.log().retired();
    for folder in [LOG, BODIES] {
        for name in disk.list(Path::new(folder)).unwrap_or_default() {
            let path = Path::new(folder).join(&name);
            let len = disk.open(&path, OpenMode::Read).and_then(|file| file.len()).unwrap_or(0);
            // A segment, or the list of what is where in one.
            let (name, is_segment) = match name.strip_suffix(".idx") {
                Some(name) => (name, false),
                None => (name.strip_suffix(".seg").unwrap_or(&name), true),
            };
            let first = u64::from_str_radix(name, 16).ok();
            if first.is_some() && is_segment {
                segment_max = segment_max.max(len);
            }
            if first.is_none_or(|first| segments.iter().any(|extent| extent.first.0 == first)) {
                bytes += len;
            }
        }
    }
    let most = 2 * living + 8 * segment_max;
    if bytes <= most {
        return Ok(());
    }
    let what =
        format!("{bytes} bytes of files below entry {replayed} for {living} that live, segments of {segment_max}");
    Err(Broken::new("room", what))
}

/// Judges what a house holds that is not durable.
///
/// # Errors
/// It is too much.
pub fn check_memory(house: &House, unsynced_bytes_max: usize, parts: usize) -> Result<(), Broken> {
    let unsynced = house.engine.unsynced_bytes();
    if unsynced > unsynced_bytes_max + RECEIVES_BYTES {
        return Err(Broken::new("memory", format!("{unsynced} bytes are not durable, of {unsynced_bytes_max}")));
    }
    if parts > evenkeel_engine::limits::CHECKPOINT_PARTS_MAX {
        return Err(Broken::new("memory", format!("{parts} parts of a checkpoint wait for the disk")));
    }
    Ok(())
}
