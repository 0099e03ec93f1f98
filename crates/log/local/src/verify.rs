//! Reads every byte of a log's segments and sidecars and says what is wrong, without changing anything.
//!
//! For a check of a log that no process has open: the caller holds the folder's lock. Unlike opening, which stops at the first
//! damage, it goes on behind each, to tell what can still be read.

use crate::{
    error::Doing,
    format::{LogId, SegmentHeader},
    intent::{INTENT_NAME, Intent},
    keeper::sidecar_header,
    places::Offsets,
    salvage::{Seen, salvage},
    scan::{Last, Running, ScanError, read_header},
    segments::{segment_firsts, segment_name, sidecar_name},
    sidecar::{encode_sidecar, scan_sidecar_bytes},
    window::Window,
};
use bytes::Bytes;
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log::{Entry, IndexRanges, LogError};
use evenkeel_types::LogIndex;
use std::{io, path::Path};

/// What [`verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Whose log it is, if any segment says.
    pub log: Option<LogId>,
    /// The segments and sidecars, in the order of names, and whatever else is wrong.
    pub files: Vec<VerifiedFile>,
    /// The entries that are there and check.
    pub readable: IndexRanges,
    /// Entries after the state that are not there: without them the log does not open.
    pub missing: IndexRanges,
    /// A truncation or reset was begun, which the next opening finishes. What it removes was not looked at.
    pub unfinished: bool,
}

/// One file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    /// Its name in the log's folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// What it is worth.
    pub state: FileState,
}

/// What a file of a log is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Every byte is as it was written.
    Ok,
    /// The end of the last segment was written in part, and never acknowledged: the next opening cuts it off. Harmless.
    Torn {
        /// Where the entry that is not whole begins.
        offset: u64,
        /// What shows it.
        what: String,
    },
    /// A sidecar that does not fit its segment, or has none: the next opening makes it anew, or removes it. Harmless.
    Needless {
        /// What is wrong with it.
        what: String,
    },
    /// Something that was durable is not what it was.
    Damaged {
        /// Where the first damage is.
        offset: u64,
        /// What was expected and found there.
        what: String,
        /// How many places more are damaged.
        more: u64,
    },
}

impl Verified {
    /// Whether nothing is damaged or missing.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let damaged = |file: &VerifiedFile| matches!(file.state, FileState::Damaged { .. });
        self.missing.pieces() == 0 && !self.files.iter().any(damaged)
    }
}

/// Checks the log in `dir`.
///
/// `log_id`: whose log it is to be; otherwise the first good segment says. `applied`: the index of the state that the log would be
/// opened with; what is missing after it is told as [`Verified::missing`], below it holes are no damage. Without it, the caller
/// judges by [`Verified::readable`]. `progress` is told bytes done and in all; `on_entry` each good entry, in order.
///
/// # Errors
/// The folder or a file in it cannot be read, or is of a newer format.
pub fn verify<D: Disk>(
    disk: &D,
    dir: &Path,
    log_id: Option<LogId>,
    applied: Option<LogIndex>,
    progress: &mut dyn FnMut(u64, u64),
    on_entry: &mut dyn FnMut(&Entry),
) -> Result<Verified, LogError> {
    let names = disk.list(dir).doing(|| "listing the log's folder".into())?;
    let mut check = Check { disk, dir, applied, done: 0, total: 0, progress, on_entry, found: Verified::default() };
    check.found.log = log_id;
    let (good, strange): (Vec<_>, Vec<_>) = names
        .iter()
        .cloned()
        .partition(|name| !name.ends_with(".seg") || segment_firsts(std::slice::from_ref(name)).is_ok());
    for name in strange {
        check.tell(name, 0, damage(0, "no segment has such a name"));
    }
    let mut firsts = segment_firsts(&good)?;
    for name in names.iter().filter(|name| name.ends_with(".seg") || name.ends_with(".idx")) {
        check.total += check.open(name)?.1;
    }
    let mut last = Last::Yes;
    if names.iter().any(|name| name == INTENT_NAME) {
        check.found.unfinished = true;
        last = check.intent(&mut firsts)?;
    }
    let mut running = None;
    for (number, first) in firsts.iter().enumerate() {
        let is_last = number + 1 == firsts.len();
        running = check.segment(*first, running, if is_last { last } else { Last::No }, is_last)?;
    }
    let leftover = |name: &&String| {
        name.strip_suffix(".idx")
            .is_some_and(|digits| !firsts.iter().any(|first| format!("{:016x}", first.0) == digits))
    };
    for name in names.iter().filter(leftover) {
        let bytes = check.open(name)?.1;
        check.tell(name.clone(), bytes, FileState::Needless { what: "it has no segment".into() });
    }
    if let (Some(applied), Some(Running { next, .. })) = (applied, running) {
        check.found.missing.insert(next, applied);
    }
    check.found.files.sort_by(|one, other| one.name.cmp(&other.name));
    (check.progress)(check.total, check.total);
    Ok(check.found)
}

fn damage(offset: u64, what: impl Into<String>) -> FileState {
    FileState::Damaged { offset, what: what.into(), more: 0 }
}

struct Check<'a, D: Disk> {
    disk: &'a D,
    dir: &'a Path,
    applied: Option<LogIndex>,
    done: u64,
    total: u64,
    progress: &'a mut dyn FnMut(u64, u64),
    on_entry: &'a mut dyn FnMut(&Entry),
    found: Verified,
}

impl<D: Disk> Check<'_, D> {
    fn open(&self, name: &str) -> Result<(D::File, u64), LogError> {
        let open = || {
            let file = self.disk.open(&self.dir.join(name), OpenMode::Read)?;
            let bytes = file.len()?;
            Ok((file, bytes))
        };
        open().doing(|| format!("opening {name}"))
    }

    fn tell(&mut self, name: String, bytes: u64, state: FileState) {
        self.found.files.push(VerifiedFile { name, bytes, state });
    }

    /// What an intent leaves of the log.
    fn intent(&mut self, firsts: &mut Vec<LogIndex>) -> Result<Last, LogError> {
        let log = match (self.found.log, firsts.first()) {
            (Some(log), _) => log,
            (None, Some(first)) => self.log_of(*first)?,
            (None, None) => LogId::default(),
        };
        match Intent::read(self.disk, self.dir, log) {
            Ok(Intent::Truncate { after }) => {
                firsts.retain(|first| *first <= after.next());
                Ok(Last::Until(after))
            }
            Ok(Intent::Reset { .. }) => {
                firsts.clear();
                Ok(Last::Yes)
            }
            Err(LogError::Damaged { what, .. }) => {
                self.tell(INTENT_NAME.into(), 0, damage(0, what));
                Ok(Last::Yes)
            }
            Err(error) => Err(error),
        }
    }

    fn log_of(&self, first: LogIndex) -> Result<LogId, LogError> {
        let name = segment_name(first);
        let (file, _) = self.open(&name)?;
        let mut window = Window::new(&file).doing(|| format!("reading {name}"))?;
        Ok(read_header(&mut window).map_or_else(|_| LogId::default(), |header| header.log))
    }

    /// Checks a segment and its sidecar. Returns what the next one continues.
    fn segment(
        &mut self,
        first: LogIndex,
        before: Option<Running>,
        last: Last,
        is_last: bool,
    ) -> Result<Option<Running>, LogError> {
        let name = segment_name(first);
        let (file, bytes) = self.open(&name)?;
        let mut window = Window::new(&file).doing(|| format!("reading {name}"))?;
        let header = match read_header(&mut window) {
            Ok(header) => header,
            Err(ScanError::Damaged { offset, what }) => {
                // Without its header nothing says whose entries these are.
                self.tell(name, bytes, damage(offset, what));
                self.done += bytes;
                return Ok(before);
            }
            Err(error) => return Err(crate::segments::named(error, &name)),
        };
        let log = *self.found.log.get_or_insert(header.log);
        let mut state = self.continues(&header, first, log, before);
        let (mut offsets, mut more, mut told) = (Offsets::default(), 0, 0);
        let Self { done, total, progress, on_entry, found, .. } = self;
        let end = salvage(&mut window, &header, last, &mut |seen| match seen {
            Seen::Entry(entry, offset, payload) => {
                offsets.place(entry.index.0.saturating_sub(first.0), offset);
                if header.log == log {
                    found.readable.insert(entry.index, entry.index);
                    let batch = Bytes::copy_from_slice(payload);
                    on_entry(&Entry { index: entry.index, epoch: entry.epoch, batch });
                }
                if offset - told > 1024 * 1024 {
                    told = offset;
                    progress(*done + offset, *total);
                }
            }
            Seen::Broken(entry, offset) => offsets.place(entry.index.0.saturating_sub(first.0), offset),
            Seen::Damage(offset, what) => match &state {
                None => state = Some((offset, what)),
                Some(_) => more += 1,
            },
        });
        let end = end.map_err(|error| crate::segments::named(error, &name))?;
        self.done += bytes;
        (self.progress)(self.done, self.total);
        let sound = state.is_none();
        let state = match (state, end.torn) {
            (Some((offset, what)), _) => FileState::Damaged { offset, what, more },
            (None, Some(what)) => FileState::Torn { offset: end.position, what: what.into() },
            (None, None) => FileState::Ok,
        };
        self.tell(name, bytes, state);
        let expected =
            encode_sidecar(&sidecar_header(&header, &offsets, end.position, end.running), offsets.as_slice());
        self.sidecar(first, sound.then_some(expected), is_last)?;
        Ok(Some(end.running))
    }

    /// Whether a segment is what its name says, and goes on where the one before ended. Notes what is missing in between.
    fn continues(
        &mut self,
        header: &SegmentHeader,
        first: LogIndex,
        log: LogId,
        before: Option<Running>,
    ) -> Option<(u64, String)> {
        if header.log != log {
            return Some((56, "it belongs to another log".into()));
        }
        if header.first != first {
            return Some((32, format!("its header says that it begins at entry {}", header.first)));
        }
        let next = before.map_or(LogIndex(1), |before| before.next);
        if first > next
            && let Some(applied) = self.applied
        {
            self.found.missing.insert(next.max(applied.next()), LogIndex(first.0 - 1));
        }
        let before = before?;
        if first < before.next {
            return Some((32, format!("the segment before goes up to entry {}", before.next.0 - 1)));
        }
        let follows = (header.chain, header.epoch) == (before.chain, before.epoch);
        (first == before.next && !follows).then(|| (40, "it does not continue the segment before".into()))
    }

    /// Compares a sidecar with what its segment says; `expected` is not known if that is damaged.
    fn sidecar(&mut self, first: LogIndex, expected: Option<Vec<u8>>, of_last: bool) -> Result<(), LogError> {
        let name = sidecar_name(first);
        let file = match self.disk.open(&self.dir.join(&name), OpenMode::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).doing(|| format!("opening {name}")),
        };
        let len = file.len().doing(|| format!("reading {name}"))?;
        self.done += len;
        let needless = |what: &str| FileState::Needless { what: what.into() };
        let state = if of_last {
            needless("its segment is written again")
        } else if len > crate::limits::SEGMENT_BYTES_MAX / 16 {
            needless("longer than it can be")
        } else {
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            file.read_exact_at(&mut bytes, 0).doing(|| format!("reading {name}"))?;
            match scan_sidecar_bytes(&bytes) {
                Err(error) => needless(&error.to_string()),
                Ok(_) if expected.is_some_and(|expected| expected != bytes) => needless("not that of its segment"),
                Ok(_) => FileState::Ok,
            }
        };
        self.tell(name, len, state);
        Ok(())
    }
}
