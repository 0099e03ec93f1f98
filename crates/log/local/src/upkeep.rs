//! What goes on beside the writer: floors and releases, the background's work, and what readers may see.

use crate::{
    keeper::Keeper,
    reader::Reader,
    spare::{Fill, Spare},
};
use evenkeel_disk::Disk;
use evenkeel_log::{Extent, LogError};
use evenkeel_types::LogIndex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// How long the background waits before it looks again whether a full disk has room.
pub(crate) const FULL_RETRY: Duration = Duration::from_millis(500);

/// How long the background rests between two steps of filling while it is ahead of the writer.
const FILL_PACE: Duration = Duration::from_millis(5);

/// A handle on a store ([`crate::Segments`]) for others than its writer. Clones share it.
pub struct Upkeep<D: Disk> {
    reader: Reader<D>,
    keeper: Arc<Keeper<D>>,
    spare: Arc<Spare<D>>,
}

impl<D: Disk> Clone for Upkeep<D> {
    fn clone(&self) -> Self {
        Self { reader: self.reader.clone(), keeper: self.keeper.clone(), spare: self.spare.clone() }
    }
}

impl<D: Disk> Upkeep<D> {
    pub(crate) fn new(reader: Reader<D>, keeper: Arc<Keeper<D>>, spare: Arc<Spare<D>>) -> Self {
        Self { reader, keeper, spare }
    }

    /// Reads entries back.
    #[must_use]
    pub fn reader(&self) -> &Reader<D> {
        &self.reader
    }

    /// Lets readers see the written entries up to `index`.
    pub fn commit(&self, index: LogIndex) {
        self.reader.commit(index);
    }

    /// The first entry that can be replayed.
    #[must_use]
    pub fn first(&self) -> LogIndex {
        self.reader.first_index()
    }

    /// The files below the floor that are still there.
    #[must_use]
    pub fn retired(&self) -> Vec<Extent> {
        self.reader.retired()
    }

    /// Moves the floor. The caller sees to it that nothing above is needed for a replay.
    pub fn trim(&self, floor: LogIndex) {
        self.keeper.trim(floor);
    }

    /// Notes what is not needed any more.
    pub fn release(&self, first: LogIndex, last: LogIndex) {
        self.keeper.release(first, last);
    }

    /// Whether the disk was found full; then what the next segment still has, else `None`.
    #[must_use]
    pub fn room_if_full(&self) -> Option<u64> {
        self.spare.is_full().then(|| self.spare.ready_bytes())
    }

    /// What ended the background's work, if something did. It is the log's end.
    #[must_use]
    pub fn failure(&self) -> Option<LogError> {
        self.spare.failure().or_else(|| self.keeper.failure())
    }

    /// Does the background's work until told to stop, or it fails.
    pub fn run(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            // The writer finds an error where it looks for a segment, or before its next commit.
            let Ok(kept) = self.keeper.step() else { return };
            match self.spare.fill() {
                Ok(Fill::More) => {
                    while self.spare.is_wanted() {
                        thread::yield_now();
                    }
                    if self.spare.is_ahead() {
                        thread::sleep(FILL_PACE);
                    }
                }
                Err(_) => return,
                Ok(Fill::Ready | Fill::NoRoom) if kept => {}
                Ok(Fill::Ready | Fill::NoRoom) => self.keeper.bell().wait(FULL_RETRY),
            }
        }
    }

    /// Has [`Upkeep::run`] look around, also whether it is to stop.
    pub fn wake(&self) {
        self.keeper.bell().ring();
    }
}
