//! Opens the store: finds out what is there, finishes what was begun, cuts off what was torn.
//!
//! Everything that will be replayed is read and checked before the first byte is changed (but for leftovers that hold no
//! entries, and for an intent that an earlier life wrote down), so that damage changes nothing.

use super::{
    Active, Segments, make_segment,
    retired::{check_identity, match_sidecar, open_retired},
    segment_name, sidecar_name,
};
use crate::{
    bell::Bell,
    error::{Doing, damaged},
    fault::{self, Fault},
    format::SegmentHeader,
    intent::{self, INTENT_NAME, INTENT_TEMPORARY_NAME, Intent},
    keeper::{Keeper, SIDECAR_TEMPORARY_NAME, Sealed},
    limits::{ENTRY_EXTENT_MIN, SEGMENT_HEADER_BYTES},
    options::{OpenReport, Options, TornTail},
    places::{Offsets, Places},
    scan::{Last, Running, ScanEnd, ScanError, read_header, scan},
    spare::{Need, SPARE_NAME, Spare},
    table::{SharedTable, Table, TableSegment},
    window::Window,
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log::LogError;
use evenkeel_types::{Epoch, LogIndex};
use std::{collections::VecDeque, io, path::Path, sync::Arc};

/// A segment that was walked through.
struct Checked<F> {
    segment: TableSegment<F>,
    /// Where the entries begin that are not proven to have been synced.
    unproven: u64,
    /// Where epochs begin in it.
    epochs: Vec<(LogIndex, Epoch)>,
    end: ScanEnd,
}

/// How the segment before ended.
struct Before {
    running: Running,
    name: String,
    position: u64,
}

impl<D: Disk> Segments<D> {
    /// Opens the store in `dir`, or makes it. The caller holds the folder's lock.
    ///
    /// `known` is an index that the caller knows to have been synced (or 0): a log that ends before it is damaged, not torn.
    /// Entries after `applied` will be replayed. Segments that lie wholly before are opened without a walk through them, and any of
    /// them may be missing.
    ///
    /// # Errors
    /// Something is damaged, of a newer format, or cannot be read. Damage changes nothing on the disk.
    pub fn open(
        disk: D,
        dir: &Path,
        options: Options,
        known: LogIndex,
        applied: LogIndex,
    ) -> Result<(Self, OpenReport), LogError> {
        let names = disk.list(dir).doing(|| "listing the log's folder".into())?;
        for leftover in names
            .iter()
            .filter(|name| [SPARE_NAME, INTENT_TEMPORARY_NAME, SIDECAR_TEMPORARY_NAME].contains(&name.as_str()))
        {
            disk.remove(&dir.join(leftover)).doing(|| format!("removing the leftover {leftover}"))?;
        }
        let mut firsts = segment_firsts(&names)?;
        let has_intent = names.iter().any(|name| name == INTENT_NAME);
        let intent = if has_intent { Some(Intent::read(&disk, dir, options.log)?) } else { None };
        let mut report = OpenReport { finished_intent: has_intent, ..OpenReport::default() };
        let mut start = Running { next: LogIndex(1), epoch: Epoch(0), chain: 0 };
        let mut last = Last::Yes;
        match intent {
            Some(Intent::Reset { at, epoch }) => {
                remove_segments(&disk, dir, firsts.drain(..).rev())?;
                start = Running { next: at.next(), epoch, chain: 0 };
            }
            Some(Intent::Truncate { after }) => {
                let kept = firsts.partition_point(|first| *first <= after.next());
                remove_segments(&disk, dir, firsts.drain(kept..).rev())?;
                last = Last::Until(after);
            }
            None => {}
        }
        let bell = Arc::<Bell>::default();
        let spare = Spare::new(disk.clone(), dir.to_owned(), options.segment_bytes(), bell.clone());
        report.fresh = firsts.is_empty() && !has_intent;
        if firsts.is_empty() {
            if known >= start.next {
                return Err(damaged("log", 0, format!("entries up to {known} were synced, and no segment is there")));
            }
            if make_segment(&disk, dir, &options, &spare, start, ENTRY_EXTENT_MIN, Need::Must)?.is_none() {
                return Err(io::Error::from(io::ErrorKind::StorageFull)).doing(|| "making the first segment".into());
            }
            firsts.push(start.next);
        }
        // From here on there are entries that will be replayed.
        let Some(needed) = firsts.partition_point(|first| *first <= applied.next()).checked_sub(1) else {
            let what = format!("entry {} is needed, and the log begins later", applied.next());
            return Err(damaged("log", 0, what));
        };
        let (below, above) = firsts.split_at_checked(needed).unwrap_or((&firsts, &[]));
        let mut segments = VecDeque::new();
        let mut to_seal = VecDeque::new();
        let mut before: Option<Before> = None;
        let mut tail = None;
        for (number, first) in above.iter().enumerate() {
            let is_last = number + 1 == above.len();
            let last = if is_last { last } else { Last::No };
            let Checked { mut segment, unproven, epochs, end } =
                check_segment(&disk, dir, &options, *first, before.as_ref(), last)?;
            if number == 0 {
                report.epochs.push((LogIndex(first.0 - 1), segment.header.epoch));
            }
            report.epochs.extend(epochs);
            report.stale += end.stale;
            report.bytes += end.position - SEGMENT_HEADER_BYTES;
            before = Some(Before { running: end.running, name: segment.name.clone(), position: end.position });
            if is_last {
                tail = Some((segment.name.clone(), segment.file.clone(), segment.header, unproven, end));
            } else if let Err(warning) = match_sidecar(&disk, dir, &mut segment, end.running) {
                report.sidecars.extend(warning);
                to_seal.push_back(Sealed { first: *first, running: end.running });
            }
            segments.push_back(segment);
        }
        report.scanned = segments.len();
        let mut floor = above.first().copied().unwrap_or_default();
        for first in below.iter().rev() {
            let Some(next) = segments.front().map(|segment| segment.header) else { break };
            let retired = open_retired(&disk, dir, &options, *first, &next)?;
            if retired.whole && floor == next.first {
                floor = *first;
            }
            report.sidecars.extend(retired.warning);
            to_seal.extend(retired.to_seal);
            segments.push_front(retired.segment);
        }
        let Some((name, file, header, unproven, end)) = tail else {
            return Err(LogError::Misuse("a log has at least one segment"));
        };
        if known >= end.running.next {
            let what = format!("entry {} is missing, and entries up to {known} were synced", end.running.next);
            return Err(damaged(&name, end.position, what));
        }
        rewrite(&*file, &name, unproven..end.position)?;
        zero_rubbish(&*file, &name, &end)?;
        report.torn = end.torn.map(|what| TornTail {
            file: name.clone(),
            offset: end.position,
            bytes: end.rubbish_end.saturating_sub(end.position),
            what,
        });
        // Those of segments that are gone, and of one that will be written again.
        remove_sidecars(&disk, dir, |first| firsts.last() == Some(&first) || !firsts.contains(&first))?;
        if has_intent {
            intent::forget(&disk, dir)?;
        }
        report.first = firsts.first().copied().unwrap_or_default();
        report.last = LogIndex(end.running.next.0 - 1);
        report.segments = segments.len();
        let table = SharedTable::new(Table::new(segments, floor));
        let keeper = Keeper::new(disk.clone(), dir.to_owned(), table.clone(), bell);
        to_seal.into_iter().for_each(|sealed| keeper.has_ended(sealed));
        let active = Active { file, name, position: end.position, header, dirty: true };
        let running = end.running;
        let (dir, spare) = (dir.to_owned(), Arc::new(spare));
        let buffer = Vec::new();
        let mut store =
            Self { disk, dir, options, table, spare, keeper, active, running, synced_below: LogIndex::ZERO, buffer };
        // The process before may have died before it could make a new segment's name durable.
        store.disk.sync_dir(&store.dir).doing(|| "syncing the log's folder".into())?;
        store.sync()?;
        Ok((store, report))
    }
}

/// The first indexes that the segments' names tell, in order.
pub(crate) fn segment_firsts(names: &[String]) -> Result<Vec<LogIndex>, LogError> {
    let mut firsts = Vec::new();
    for name in names.iter().filter(|name| name.ends_with(".seg")) {
        let number = name.strip_suffix(".seg").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        match number.map(LogIndex).filter(|first| first.0 > 0 && segment_name(*first) == *name) {
            Some(first) => firsts.push(first),
            None => return Err(damaged(name, 0, "no segment has such a name")),
        }
    }
    firsts.sort_unstable();
    Ok(firsts)
}

fn check_segment<D: Disk>(
    disk: &D,
    dir: &Path,
    options: &Options,
    first: LogIndex,
    before: Option<&Before>,
    last: Last,
) -> Result<Checked<D::File>, LogError> {
    let name = segment_name(first);
    let open = |name: &str| disk.open(&dir.join(name), OpenMode::ReadWrite).doing(|| format!("opening {name}"));
    let file = open(&name)?;
    let mut window = Window::new(&file).doing(|| format!("reading {name}"))?;
    let header = read_header(&mut window).map_err(|error| named(error, &name))?;
    check_identity(&header, options, first, &name)?;
    if let Some(before) = before
        && !fault::on(Fault::SkipContinuity)
    {
        check_continuity(before, &header, &name)?;
    }
    let mut offsets = Offsets::default();
    let (mut proven, mut epoch, mut epochs) = (first, header.epoch, Vec::new());
    let end = scan(&mut window, &header, last, &mut |entry, offset, _| {
        offsets.push(offset);
        proven = proven.max(entry.synced_below);
        if entry.epoch > epoch {
            epoch = entry.epoch;
            epochs.push((entry.index, epoch));
        }
    });
    let end = end.map_err(|error| named(error, &name))?;
    let unproven = offsets.find(proven.0 - first.0).unwrap_or(end.position);
    let (file, places) = (Arc::new(file), Places::Memory(offsets));
    let segment = TableSegment { header, name, file, end: end.position, places, sidecar_bytes: 0 };
    Ok(Checked { segment, unproven, epochs, end })
}

/// Each segment's header names what the one before must have ended with.
fn check_continuity(before: &Before, header: &SegmentHeader, name: &str) -> Result<(), LogError> {
    let Before { running, name: before_name, position } = before;
    if header.first != running.next {
        let what = format!("entry {} is missing: {name} goes on with entry {}", running.next, header.first);
        return Err(damaged(before_name, *position, what));
    }
    if header.chain != running.chain || header.epoch != running.epoch {
        return Err(damaged(name, 40, format!("it does not continue {before_name}")));
    }
    Ok(())
}

pub(crate) fn named(error: ScanError, name: &str) -> LogError {
    match error {
        ScanError::Io(source) => LogError::Io { doing: format!("reading {name}"), source: Arc::new(source) },
        ScanError::Damaged { offset, what } => damaged(name, offset, what),
        ScanError::TooNew { found } => {
            LogError::TooNew { file: name.to_owned(), found, supported: crate::format::FORMAT_VERSION }
        }
    }
}

/// Writes entries over themselves.
///
/// What reads back may lie in the page cache alone: the process before may have died before its sync,
/// or after a sync that failed. In the second case the pages count as clean, and only a new write
/// makes the next sync write them out.
fn rewrite<F: DiskFile>(file: &F, name: &str, range: std::ops::Range<u64>) -> Result<(), LogError> {
    if fault::on(Fault::TrustCache) {
        return Ok(());
    }
    let mut buffer = vec![0; 64 * 1024];
    let mut at = range.start;
    while at < range.end {
        let bytes = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(buffer.len());
        let part = buffer.get_mut(..bytes).unwrap_or_default();
        let done = file.read_exact_at(part, at).and_then(|()| file.write_all_at(part, at));
        done.doing(|| format!("rewriting the end of {name}"))?;
        at += bytes as u64;
    }
    Ok(())
}

/// Makes the segment zeros beyond its end again.
pub(super) fn zero_rubbish<F: DiskFile>(file: &F, name: &str, end: &ScanEnd) -> Result<(), LogError> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    if fault::on(Fault::SkipZeroing) || end.rubbish_end <= end.position {
        return Ok(());
    }
    let mut at = end.position;
    while at < end.rubbish_end {
        let bytes = usize::try_from(end.rubbish_end - at).unwrap_or(usize::MAX).min(ZEROS.len());
        let zeros = ZEROS.get(..bytes).unwrap_or(&ZEROS);
        file.write_all_at(zeros, at).doing(|| format!("zeroing the torn end of {name}"))?;
        at += bytes as u64;
    }
    file.sync().doing(|| format!("syncing the zeroed end of {name}"))
}

/// Removes segments for good, in the order given.
pub(super) fn remove_segments<D: Disk>(
    disk: &D,
    dir: &Path,
    firsts: impl Iterator<Item = LogIndex>,
) -> Result<(), LogError> {
    for first in firsts {
        let name = segment_name(first);
        disk.remove(&dir.join(&name)).doing(|| format!("removing {name}"))?;
        // One at a time: a power cut must not keep a later removal and lose an earlier one.
        disk.sync_dir(dir).doing(|| format!("making the removal of {name} durable"))?;
    }
    Ok(())
}

/// Removes the sidecars of the segments that begin with such an index, durably.
pub(super) fn remove_sidecars<D: Disk>(disk: &D, dir: &Path, which: impl Fn(LogIndex) -> bool) -> Result<(), LogError> {
    let mut removed = false;
    for name in disk.list(dir).doing(|| "listing the log's folder".into())? {
        let number = name.strip_suffix(".idx").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        if number.map(LogIndex).is_some_and(|first| sidecar_name(first) == name && which(first)) {
            disk.remove(&dir.join(&name)).doing(|| format!("removing {name}"))?;
            removed = true;
        }
    }
    if removed { disk.sync_dir(dir).doing(|| "making the removal of sidecars durable".into()) } else { Ok(()) }
}
