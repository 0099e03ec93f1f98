//! The next segment, made ready ahead of use.
//!
//! Appending to a zero-filled file takes 120 us with its fdatasync, to an fallocate'd one 187 us, to a growing one
//! 227 us (p50, cloud NVMe volume), because only the first needs no journal commit for the file's length and
//! blocks. So while one segment is written, the file `spare` is filled with zeros in steps, each synced. A
//! roll takes it as it is. A writer that comes too early does the missing steps of a shorter one itself.
//!
//! A full disk shows here first, long before the segment in use has no room, and it is no failure here:
//! the step is tried again later. A failed sync is one, as everywhere.

use crate::{
    bell::Bell,
    error::{Doing, is_full},
    limits::{FILL_STEP_BYTES, SECTOR_BYTES, SEGMENT_HEADER_BYTES, SEGMENT_TAKEN_EARLY_BYTES, SPARE_LAG_PART},
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log::LogError;
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// The file's name until it becomes a segment.
pub(crate) const SPARE_NAME: &str = "spare";

#[expect(clippy::cast_possible_truncation, reason = "one MiB")]
static ZEROS: [u8; FILL_STEP_BYTES as usize] = [0; FILL_STEP_BYTES as usize];

pub(crate) struct Spare<D: Disk> {
    disk: D,
    path: PathBuf,
    segment_bytes: u64,
    state: Mutex<State<D::File>>,
    /// Rung when it is taken.
    bell: Arc<Bell>,
    // Copies of what the state says, because whoever asks must not wait for a step's sync.
    filled: AtomicU64,
    /// How much of the segment in use is written.
    used: AtomicU64,
    ready_bytes: AtomicU64,
    full: AtomicBool,
    failed: AtomicBool,
    /// The writer waits for the file: the background steps aside, or it would take the lock anew
    /// between any two steps, and the writer would wait for all of them.
    wanted: AtomicBool,
}

struct State<F> {
    file: Option<F>,
    filled: u64,
    failed: Option<LogError>,
}

/// How much depends on a new segment while the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// An entry can be refused. A segment for it alone would waste most of the room that is left.
    May,
    /// Without it the log cannot go on: a fence.
    Must,
}

/// How far the spare is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// It can be used.
    Ready,
    /// Another step is needed.
    More,
    /// The disk is full.
    NoRoom,
}

impl<D: Disk> Spare<D> {
    pub(crate) fn new(disk: D, dir: PathBuf, segment_bytes: u64, bell: Arc<Bell>) -> Self {
        let state = Mutex::new(State { file: None, filled: 0, failed: None });
        let path = dir.join(SPARE_NAME);
        let (full, failed, wanted) = (AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
        let [filled, used] = [const { AtomicU64::new(0) }; 2];
        Self {
            disk,
            path,
            segment_bytes,
            state,
            bell,
            filled,
            used,
            ready_bytes: AtomicU64::new(0),
            full,
            failed,
            wanted,
        }
    }

    /// Does one step.
    pub(crate) fn fill(&self) -> Result<Fill, LogError> {
        self.step(&mut self.state(), self.segment_bytes)
    }

    /// Hands the file, at least so long, to `make`, doing the steps that are missing; `None` if the disk is full.
    ///
    /// `make` gives it another name. Until then no other step may begin, because it would make a file of the old one.
    pub(crate) fn take<T>(
        &self,
        bytes: u64,
        need: Need,
        make: impl FnOnce(D::File, u64) -> Result<T, LogError>,
    ) -> Result<Option<T>, LogError> {
        let mut state = self.wanted();
        let least = bytes.max(self.segment_bytes.min(SEGMENT_TAKEN_EARLY_BYTES));
        loop {
            match self.step(&mut state, least)? {
                Fill::More => {}
                // A shorter one is better than none, as long as the entry fits.
                Fill::NoRoom if state.filled >= bytes => break,
                Fill::NoRoom if need == Need::Must && self.fill_least(&mut state, bytes)? => break,
                Fill::NoRoom => return Ok(None),
                Fill::Ready => break,
            }
        }
        self.ready_bytes.store(0, Ordering::Release);
        self.filled.store(0, Ordering::Release);
        self.used.store(0, Ordering::Release);
        let filled = std::mem::take(&mut state.filled);
        let Some(file) = state.file.take() else { return Ok(None) };
        // A step that met a full disk may have left a part of itself beyond what counts as filled.
        if file.len().doing(|| "looking at the spare segment".into())? != filled {
            file.set_len(filled).doing(|| "cutting the spare segment".into())?;
        }
        let made = make(file, filled)?;
        drop(state);
        self.bell.ring();
        Ok(Some(made))
    }

    /// Does steps in the background's stead if it is far behind what is written: `bytes` more, up to `used` of a segment of
    /// `of` bytes. A little with each commit, rather than all of it while one commit waits for the next segment.
    pub(crate) fn keep_up(&self, bytes: u64, used: u64, of: u64) -> Result<(), LogError> {
        self.used.store(used, Ordering::Release);
        let lag = (of / SPARE_LAG_PART).max(FILL_STEP_BYTES);
        // A quarter more than is written, so that a segment taken early is followed by a longer one.
        let due = (used + used / 4).saturating_sub(lag).min(self.segment_bytes);
        if self.filled.load(Ordering::Acquire) >= due {
            return Ok(());
        }
        for _ in 0..=bytes / FILL_STEP_BYTES {
            let mut state = self.wanted();
            // The step that was waited for may have been enough.
            if state.filled >= due || self.step(&mut state, self.segment_bytes)? != Fill::More {
                break;
            }
        }
        Ok(())
    }

    /// Whether the spare is well ahead of what is written, so that its steps can be spread over time.
    pub(crate) fn is_ahead(&self) -> bool {
        let lead = self.segment_bytes / SPARE_LAG_PART;
        self.filled.load(Ordering::Acquire) > self.used.load(Ordering::Acquire) + lead
    }

    /// The state, before the background takes it again.
    fn wanted(&self) -> MutexGuard<'_, State<D::File>> {
        self.wanted.store(true, Ordering::Release);
        let state = self.state();
        self.wanted.store(false, Ordering::Release);
        state
    }

    /// On a full disk: no more than what is needed at least. `false` if not even that can be had.
    fn fill_least(&self, state: &mut State<D::File>, bytes: u64) -> Result<bool, LogError> {
        let least = bytes.next_multiple_of(SECTOR_BYTES);
        if state.filled < least
            && let Some(file) = &state.file
        {
            // Of the step that met the end only what counts as filled is of use.
            file.set_len(state.filled).doing(|| "cutting the spare segment".into())?;
        }
        while state.filled < least || state.file.is_none() {
            if self.step(state, least)? == Fill::NoRoom {
                return Ok(false);
            }
        }
        // What it took is the last that is there, until a step tells otherwise.
        self.full.store(true, Ordering::Release);
        Ok(true)
    }

    /// Whether the writer waits for it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// How many bytes of entries the spare has ready. Does not wait.
    pub(crate) fn ready_bytes(&self) -> u64 {
        self.ready_bytes.load(Ordering::Acquire)
    }

    /// Whether the disk was full at the last step. Does not wait.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// The error that a step in the background met; it is the log's end.
    pub(crate) fn failure(&self) -> Option<LogError> {
        if self.failed.load(Ordering::Acquire) { self.state().failed.clone() } else { None }
    }

    fn step(&self, state: &mut State<D::File>, target: u64) -> Result<Fill, LogError> {
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        let result = self.try_step(state, target);
        if let Err(error) = &result {
            state.failed = Some(error.clone());
            self.failed.store(true, Ordering::Release);
        }
        self.filled.store(state.filled, Ordering::Release);
        // On a full disk a shorter one is taken, too.
        let short = matches!(result, Ok(Fill::NoRoom)) && state.filled > SEGMENT_HEADER_BYTES;
        if state.filled >= self.segment_bytes || short {
            self.ready_bytes.store(state.filled - SEGMENT_HEADER_BYTES, Ordering::Release);
        }
        self.full.store(matches!(result, Ok(Fill::NoRoom)), Ordering::Release);
        result
    }

    fn try_step(&self, state: &mut State<D::File>, target: u64) -> Result<Fill, LogError> {
        if state.filled >= target && state.file.is_some() {
            return Ok(Fill::Ready);
        }
        if state.file.is_none() {
            match self.disk.open(&self.path, OpenMode::CreateNew) {
                Ok(file) => state.file = Some(file),
                Err(error) if is_full(&error) => return Ok(Fill::NoRoom),
                Err(error) => return Err(error).doing(|| "making the spare segment".into()),
            }
            state.filled = 0;
        }
        let Some(file) = &state.file else { return Ok(Fill::More) };
        let bytes = (target - state.filled).min(FILL_STEP_BYTES);
        let zeros = ZEROS.get(..usize::try_from(bytes).unwrap_or(usize::MAX)).unwrap_or(&ZEROS);
        match file.write_all_at(zeros, state.filled) {
            Ok(()) => {}
            Err(error) if is_full(&error) => return Ok(Fill::NoRoom),
            Err(error) => return Err(error).doing(|| "filling the spare segment".into()),
        }
        file.sync().doing(|| "syncing the spare segment".into())?;
        state.filled += bytes;
        Ok(if state.filled >= target { Fill::Ready } else { Fill::More })
    }

    fn state(&self) -> MutexGuard<'_, State<D::File>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_disk::MemDisk;
    use std::{path::Path, thread, time::Duration};

    fn spare(segment_bytes: u64) -> (MemDisk, Spare<MemDisk>) {
        let disk = MemDisk::new(0);
        disk.create_dir_all(Path::new("log")).unwrap();
        (disk.clone(), Spare::new(disk, "log".into(), segment_bytes, Arc::default()))
    }

    #[test]
    fn no_step_begins_before_the_taken_file_has_another_name() {
        // The filler once made a new file of the old name while the writer was about to rename the old one.
        let (disk, spare) = spare(8192);
        thread::scope(|scope| {
            let made = spare.take(8192, Need::May, |_file, _bytes| {
                let filler = scope.spawn(|| spare.fill());
                // Long enough for the step to fail, if it may begin.
                thread::sleep(Duration::from_millis(30));
                disk.rename(Path::new("log/spare"), Path::new("log/taken")).unwrap();
                Ok(filler)
            });
            let filled = made.unwrap().unwrap().join().unwrap();
            assert!(matches!(filled, Ok(Fill::Ready)), "{filled:?}");
        });
        assert_eq!(disk.list(Path::new("log")).unwrap(), ["spare", "taken"]);
    }

    #[test]
    fn a_writer_that_comes_early_takes_a_shorter_segment() {
        let (_disk, spare) = spare(64 * 1024 * 1024);
        assert_eq!(spare.fill().unwrap(), Fill::More);
        let taken = spare.take(5000, Need::May, |file, bytes| Ok((file.len().unwrap(), bytes))).unwrap();
        assert_eq!(taken, Some((SEGMENT_TAKEN_EARLY_BYTES, SEGMENT_TAKEN_EARLY_BYTES)));
    }

    #[test]
    fn a_full_disk_is_no_failure_and_the_fill_goes_on_once_there_is_room() {
        let (disk, spare) = spare(3 * FILL_STEP_BYTES);
        disk.set_capacity(Some(FILL_STEP_BYTES + 100));
        assert_eq!(spare.fill().unwrap(), Fill::More);
        assert_eq!(spare.fill().unwrap(), Fill::NoRoom);
        assert!(spare.is_full() && spare.failure().is_none());
        disk.set_capacity(None);
        assert_eq!(spare.fill().unwrap(), Fill::More);
        assert_eq!(spare.fill().unwrap(), Fill::Ready);
        assert!(!spare.is_full());
    }

    #[test]
    fn a_failed_sync_of_the_spare_is_a_failure_for_good() {
        let (disk, spare) = spare(8192);
        disk.fail_sync(0);
        spare.fill().unwrap_err();
        spare.fill().unwrap_err();
        assert!(spare.failure().is_some());
    }
}
