//! The background's work on segments that are not written any more: it writes their sidecars, and removes those that
//! nobody needs.
//!
//! Off the writer's path, because a sync of another file and the removal of a large one take milliseconds. One file per step.

use crate::{
    bell::Bell,
    error::{Doing, is_full},
    fault::{self, Fault},
    format::{SegmentHeader, segment_checksum},
    places::{Offsets, Places, SidecarFile},
    scan::Running,
    segments::{segment_name, sidecar_name},
    sidecar::{SidecarHeader, encode_sidecar},
    table::SharedTable,
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log::LogError;
use evenkeel_types::LogIndex;
use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

/// A sidecar's name until it is whole.
pub(crate) const SIDECAR_TEMPORARY_NAME: &str = "idx.new";

/// How many steps pass after a full disk had no room for a sidecar.
const REST_STEPS: u32 = 100;

/// A segment that has all its entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    pub(crate) first: LogIndex,
    /// What its last entry left.
    pub(crate) running: Running,
}

pub(crate) struct Keeper<D: Disk> {
    disk: D,
    dir: PathBuf,
    table: Arc<SharedTable<D::File>>,
    bell: Arc<Bell>,
    /// Something may have become needless.
    tidy: AtomicBool,
    /// So many steps are let pass before the next sidecar is tried.
    rest: AtomicU32,
    /// Segments that have no sidecar yet.
    sealed: Mutex<VecDeque<Sealed>>,
    /// Held during a step, and by who rearranges the segments. Has what ended the log, if something did.
    busy: Mutex<Option<LogError>>,
    failed: AtomicBool,
}

impl<D: Disk> Keeper<D> {
    pub(crate) fn new(disk: D, dir: PathBuf, table: Arc<SharedTable<D::File>>, bell: Arc<Bell>) -> Arc<Self> {
        let (tidy, failed) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self {
            disk,
            dir,
            table,
            bell,
            tidy,
            rest: AtomicU32::new(0),
            sealed: Mutex::default(),
            busy: Mutex::new(None),
            failed,
        })
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
        if self.tidy.swap(false, Ordering::AcqRel) && self.remove_one()? {
            self.tidy.store(true, Ordering::Release);
            return Ok(true);
        }
        let resting = self.rest.fetch_update(Ordering::AcqRel, Ordering::Acquire, |steps| steps.checked_sub(1));
        if resting.is_ok() {
            return Ok(false);
        }
        let Some(sealed) = self.sealed().pop_front() else { return Ok(false) };
        let done = self.seal(sealed)?;
        if !done {
            // The disk is full. The sidecar only spares work, so it can wait.
            self.sealed().push_front(sealed);
            self.rest.store(REST_STEPS, Ordering::Release);
        }
        Ok(done)
    }

    fn remove_one(&self) -> Result<bool, LogError> {
        // First out of the readers' sight, then off the disk. Who reads it now keeps it open.
        let Some(needless) = self.table.write().take_needless() else { return Ok(false) };
        let (segment, sidecar) = (segment_name(needless.first()), sidecar_name(needless.first()));
        self.disk.remove(&self.dir.join(&segment)).doing(|| format!("removing {segment}"))?;
        self.disk.sync_dir(&self.dir).doing(|| format!("making the removal of {segment} durable"))?;
        // After it: a sidecar without its segment is a leftover, a segment without its sidecar costs a walk.
        if needless.sidecar_bytes > 0 {
            self.disk.remove(&self.dir.join(&sidecar)).doing(|| format!("removing {sidecar}"))?;
        }
        Ok(true)
    }

    /// Writes the sidecar of a segment; `false` if the disk is full.
    fn seal(&self, Sealed { first, running }: Sealed) -> Result<bool, LogError> {
        let found = self.table.write().segment_mut(first).and_then(|segment| match &segment.places {
            Places::Memory(offsets) => Some((segment.header, segment.end, offsets.clone())),
            Places::Sidecar(_) => None,
        });
        // It may have been removed before it came to this.
        let Some((header, end, mut offsets)) = found else { return Ok(true) };
        if fault::on(Fault::SealTooEarly) && offsets.len() > 1 {
            offsets.truncate(offsets.len() - 1);
        }
        let header = sidecar_header(&header, &offsets, end, running);
        let bytes = encode_sidecar(&header, offsets.as_slice());
        let name = sidecar_name(first);
        let file = match self.write_sidecar(&name, &bytes) {
            Ok(file) => file,
            Err(error) if is_full(&error) => {
                let leftover = self.disk.remove(&self.dir.join(SIDECAR_TEMPORARY_NAME));
                return match leftover {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        Err(error).doing(|| format!("removing {SIDECAR_TEMPORARY_NAME}"))
                    }
                    _ => Ok(false),
                };
            }
            Err(error) => return Err(error).doing(|| format!("writing {name}")),
        };
        if let Some(segment) = self.table.write().segment_mut(first) {
            segment.sidecar_bytes = bytes.len() as u64;
            let seed = bytes.first_chunk().copied().map_or(0, u64::from_le_bytes);
            segment.places = Places::sealed(offsets, SidecarFile { file, name, seed, entries: header.entries() });
        }
        Ok(true)
    }

    fn write_sidecar(&self, name: &str, bytes: &[u8]) -> io::Result<D::File> {
        let temporary = self.dir.join(SIDECAR_TEMPORARY_NAME);
        let file = self.disk.open(&temporary, OpenMode::CreateNew)?;
        file.write_all_at(bytes, 0)?;
        file.sync()?;
        // The name may be lost in a power cut: then it is made anew.
        self.disk.rename(&temporary, &self.dir.join(name))?;
        Ok(file)
    }

    /// Has a sidecar written.
    pub(crate) fn has_ended(&self, sealed: Sealed) {
        self.sealed().push_back(sealed);
        self.bell.ring();
    }

    /// Forgets which sidecars are to be written, from that of this segment on.
    pub(crate) fn forget_sealed(&self, from: LogIndex) {
        self.sealed().retain(|sealed| sealed.first < from);
    }

    fn sealed(&self) -> MutexGuard<'_, VecDeque<Sealed>> {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
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

/// What the sidecar of a segment says of it.
pub(crate) fn sidecar_header(header: &SegmentHeader, offsets: &Offsets, end: u64, running: Running) -> SidecarHeader {
    SidecarHeader {
        first: header.first,
        last: LogIndex(header.first.0 + offsets.len().max(1) - 1),
        end,
        epoch: running.epoch,
        link: running.chain,
        log: header.log,
        segment: segment_checksum(header),
    }
}
