//! The background's work on segments that are not written any more: it removes those that nobody needs.
//!
//! Off the writer's path, because the removal of a large file takes milliseconds. One file per step.

use crate::{bell::Bell, error::Doing, segments::segment_name, table::SharedTable};
use evenkeel_disk::Disk;
use evenkeel_log::LogError;
use evenkeel_types::LogIndex;
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) struct Keeper<D: Disk> {
    disk: D,
    dir: PathBuf,
    table: Arc<SharedTable<D::File>>,
    bell: Arc<Bell>,
    /// Something may have become needless.
    tidy: AtomicBool,
    /// Held during a step, and by who rearranges the segments. Has what ended the log, if something did.
    busy: Mutex<Option<LogError>>,
    failed: AtomicBool,
}

impl<D: Disk> Keeper<D> {
    pub(crate) fn new(disk: D, dir: PathBuf, table: Arc<SharedTable<D::File>>, bell: Arc<Bell>) -> Arc<Self> {
        let (tidy, failed) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { disk, dir, table, bell, tidy, busy: Mutex::new(None), failed })
    }

    /// Moves the floor.
    pub(crate) fn trim(&self, floor: LogIndex) {
        {
            let mut table = self.table.write();
            table.floor = table.floor.max(floor);
        }
        self.look_around();
    }

    /// Notes what is not needed any more.
    pub(crate) fn release(&self, first: LogIndex, last: LogIndex) {
        self.table.write().release(first, last);
        self.look_around();
    }

    /// What the background sleeps on.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    fn look_around(&self) {
        self.tidy.store(true, Ordering::Release);
        self.bell.ring();
    }

    /// Does one step; `false` if there is nothing to do.
    pub(crate) fn step(&self) -> Result<bool, LogError> {
        let mut failed = self.busy();
        if let Some(error) = &*failed {
            return Err(error.clone());
        }
        let result = self.try_step();
        if let Err(error) = &result {
            *failed = Some(error.clone());
            self.failed.store(true, Ordering::Release);
        }
        result
    }

    fn try_step(&self) -> Result<bool, LogError> {
        if !self.tidy.swap(false, Ordering::AcqRel) {
            return Ok(false);
        }
        // First out of the readers' sight, then off the disk. Who reads it now keeps it open.
        let Some(needless) = self.table.write().take_needless() else { return Ok(false) };
        self.tidy.store(true, Ordering::Release);
        let name = segment_name(needless.first);
        self.disk.remove(&self.dir.join(&name)).doing(|| format!("removing {name}"))?;
        self.disk.sync_dir(&self.dir).doing(|| format!("making the removal of {name} durable"))?;
        Ok(true)
    }

    /// Holds the background off while segments are rearranged.
    pub(crate) fn busy(&self) -> MutexGuard<'_, Option<LogError>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error that a step met; it is the log's end.
    pub(crate) fn failure(&self) -> Option<LogError> {
        if self.failed.load(Ordering::Acquire) { self.busy().clone() } else { None }
    }
}
