//! Walks through a segment's entries and decides where they end, and why.
//!
//! At the first place where no good entry lies, there are three answers:
//!
//! - **the end**: the segment was written so far, and nothing is missing;
//! - **torn**: the last write, which was never synced, arrived in part. It is cut off;
//! - **damaged**: something that was durable is not what it was. Nothing is touched.
//!
//! What tells them apart: a sector arrives whole or not at all and a segment is zeros beyond its tail, so a torn
//! write leaves zeros (never a header that does not check), and an intact later entry that was written
//! when the broken one was known to be synced proves that it was durable.
//!
//! An entry of an older epoch than the one before it is *stale*: a deposed owner's late append. It takes
//! up space and nothing else: it has no index in this log, it is no link of the chain, and its payload is not looked at.

use crate::{
    fault::{self, Fault},
    format::{
        EntryHeader, EntryKind, LogId, SegmentHeader, SegmentHeaderError, decode_entry_header, decode_segment_header,
        is_torn, payload_checks,
    },
    limits::{ALIGN_BYTES, HEADER_BYTES, SEGMENT_HEADER_BYTES},
};
use evenkeel_types::{Epoch, LogIndex};
use std::io;

/// Where a segment's bytes come from.
pub(crate) trait Source {
    /// The file's length.
    fn len(&self) -> u64;
    /// `bytes` bytes at `offset`, or as many as the file has.
    fn get(&mut self, offset: u64, bytes: u64) -> io::Result<&[u8]>;
}

impl Source for &[u8] {
    fn len(&self) -> u64 {
        (**self).len() as u64
    }

    fn get(&mut self, offset: u64, bytes: u64) -> io::Result<&[u8]> {
        let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min((**self).len());
        Ok((**self).get(at(offset)..at(offset.saturating_add(bytes))).unwrap_or(&[]))
    }
}

/// What the next entry must continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its index.
    pub next: LogIndex,
    /// The epoch so far.
    pub epoch: Epoch,
    /// The link of the entry before.
    pub chain: u64,
}

impl Running {
    /// What continues an entry.
    pub(crate) fn after(entry: &EntryHeader) -> Self {
        Self { next: entry.index.next(), epoch: entry.epoch, chain: entry.checksum }
    }
}

/// Where a walk begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) running: Running,
    pub(crate) position: u64,
}

impl Start {
    /// The beginning of a segment.
    pub(crate) fn of(header: &SegmentHeader) -> Self {
        let running = Running { next: header.first, epoch: header.epoch, chain: header.chain };
        Self { running, position: SEGMENT_HEADER_BYTES }
    }
}

/// Where the entries of a segment end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanEnd {
    /// What the next entry will continue.
    pub running: Running,
    /// Where the next entry goes.
    pub position: u64,
    /// Up to where there is something to clean up; `position` or less if the end is clean.
    pub rubbish_end: u64,
    /// Why the last write is called torn, if it is.
    pub torn: Option<&'static str>,
    /// How many stale entries were skipped.
    pub stale: u64,
}

/// Why a segment could not be walked through.
#[derive(Debug)]
pub enum ScanError {
    /// It could not be read.
    Io(io::Error),
    /// Something that was durable is not what it was.
    Damaged {
        /// Where.
        offset: u64,
        /// What was expected and found.
        what: String,
    },
    /// A newer version wrote it.
    TooNew {
        /// The format found.
        found: u32,
    },
}

impl From<io::Error> for ScanError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Is told an entry, where it begins, and its payload.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&EntryHeader, u64, &[u8]);

/// What a segment is to its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// Another follows: it was synced before that one was made, so it cannot end torn.
    No,
    /// It may end torn.
    Yes,
    /// It is to end after this entry: a truncation was begun.
    Until(LogIndex),
}

fn damaged<T>(offset: u64, what: impl Into<String>) -> Result<T, ScanError> {
    Err(ScanError::Damaged { offset, what: what.into() })
}

/// Reads a segment's header and compares the file with it.
pub(crate) fn read_header(source: &mut impl Source) -> Result<SegmentHeader, ScanError> {
    let len = source.len();
    let header = match decode_segment_header(source.get(0, SEGMENT_HEADER_BYTES)?) {
        Ok(header) => header,
        Err(SegmentHeaderError::Damaged) => return damaged(0, "the segment's header does not check"),
        Err(SegmentHeaderError::TooNew { found }) => return Err(ScanError::TooNew { found }),
    };
    if header.file_bytes != len {
        return damaged(len.min(header.file_bytes), format!("{len} bytes long, and should be {}", header.file_bytes));
    }
    Ok(header)
}

/// Walks through the entries. `visit` is told each good one with its offset and its payload, in order.
///
/// With `until`, a truncation is being finished: what comes after that entry is rubbish, whatever it is.
pub(crate) fn scan(
    source: &mut impl Source,
    header: &SegmentHeader,
    last: Last,
    visit: Visit<'_>,
) -> Result<ScanEnd, ScanError> {
    scan_from(source, header.log, Start::of(header), last, visit)
}

/// Walks through the entries from one on.
pub(crate) fn scan_from(
    source: &mut impl Source,
    log: LogId,
    start: Start,
    last: Last,
    visit: Visit<'_>,
) -> Result<ScanEnd, ScanError> {
    let Start { mut running, mut position } = start;
    let mut stale = 0;
    let torn = loop {
        if matches!(last, Last::Until(index) if running.next > index) {
            break None;
        }
        let Some(entry) = header_at(source, log, position)? else { break None };
        let end = position.saturating_add(entry.extent());
        if end > source.len() {
            return damaged(position, format!("entry {} goes beyond the end of the segment", entry.index));
        }
        if entry.epoch < running.epoch && !fault::on(Fault::AcceptStale) {
            stale += 1;
            position = end;
            continue;
        }
        check_continues(&entry, &running, position)?;
        if let Some(torn) = check_payload(source, &entry, position, last)? {
            break Some(torn);
        }
        visit(&entry, position, source.get(position + HEADER_BYTES, u64::from(entry.payload_bytes))?);
        running = Running::after(&entry);
        position = end;
    };
    let mut end = ScanEnd { running, position, rubbish_end: position, torn, stale };
    if let Last::Until(index) = last {
        end.rubbish_end = source.len();
        if running.next <= index {
            return damaged(position, format!("entry {} is missing", running.next));
        }
    }
    if last == Last::Yes {
        end.rubbish_end = find_rubbish_end(source, log, &end)?;
        if end.rubbish_end > position && end.torn.is_none() {
            end.torn = Some("the sector of its header did not arrive");
        }
    }
    Ok(end)
}

/// The header at `position`, or `None` if nothing was written (or arrived) there.
fn header_at(source: &mut impl Source, log: LogId, position: u64) -> Result<Option<EntryHeader>, ScanError> {
    let bytes = source.get(position, HEADER_BYTES)?;
    // What is shorter than a header is the end of the file.
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    match decode_entry_header(bytes, log) {
        Some(header) => Ok(Some(header)),
        None if fault::on(Fault::CallDamageTorn) => Ok(None),
        // It lies inside one sector, so it is there whole or not at all.
        None => damaged(position, "an entry's header does not check"),
    }
}

/// A new epoch begins with a fence; index and chain go on from the entry before.
fn check_continues(entry: &EntryHeader, running: &Running, position: u64) -> Result<(), ScanError> {
    if fault::on(Fault::SkipChain) {
        return Ok(());
    }
    if entry.index != running.next {
        return damaged(position, format!("entry {} stands where {} should", entry.index, running.next));
    }
    if entry.chain != running.chain {
        return damaged(position, format!("entry {} does not continue the one before it", entry.index));
    }
    if entry.epoch > running.epoch && entry.kind != EntryKind::Fence && !fault::on(Fault::AcceptStale) {
        return damaged(position, format!("epoch {} begins at entry {} without a fence", entry.epoch, entry.index));
    }
    Ok(())
}

/// Checks payload and trailer; says why if the entry is torn.
fn check_payload(
    source: &mut impl Source,
    entry: &EntryHeader,
    position: u64,
    last: Last,
) -> Result<Option<&'static str>, ScanError> {
    if fault::on(Fault::SkipChecksum) {
        return Ok(None);
    }
    let bytes = source.get(position, entry.extent())?;
    let payload_end = usize::try_from(HEADER_BYTES + u64::from(entry.payload_bytes)).unwrap_or(usize::MAX);
    let payload = bytes.get(64..payload_end).unwrap_or(&[]);
    let trailer = bytes.get(payload_end..).unwrap_or(&[]);
    let trailer_checks = trailer.iter().all(|byte| *byte == crate::format::TRAILER);
    if trailer_checks && payload_checks(entry, payload) {
        return Ok(None);
    }
    let torn = is_torn(entry, bytes, position) || fault::on(Fault::CallDamageTorn);
    if last == Last::Yes && torn {
        if fault::on(Fault::AcceptTornTail) {
            return Ok(None);
        }
        return Ok(Some("some of its sectors did not arrive"));
    }
    let part = if trailer_checks { "payload" } else { "payload or trailer" };
    damaged(position, format!("the {part} of entry {} does not check", entry.index))
}

/// Looks at what lies beyond the end: where its last byte is, and whether it proves that an entry is missing.
fn find_rubbish_end(source: &mut impl Source, log: LogId, end: &ScanEnd) -> Result<u64, ScanError> {
    const STEP: u64 = 64 * 1024;
    let mut rubbish_end = end.position;
    let mut at = end.position;
    while at < source.len() {
        let bytes = source.get(at, STEP)?;
        if bytes.is_empty() {
            break;
        }
        for (slot, bytes) in (at..).step_by(64).zip(bytes.chunks(64)) {
            if bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            rubbish_end = slot + ALIGN_BYTES;
            let Some(later) = decode_entry_header(bytes, log) else { continue };
            // Entries of one unsynced write arrive in any order, so a later one alone proves nothing.
            // Bodies that carry old bytes of this log prove nothing either: their indexes are lower.
            let proof = later.epoch >= end.running.epoch && later.synced_below > end.running.next;
            if proof && !fault::on(Fault::IgnoreEvidence) {
                let next = end.running.next;
                return damaged(
                    end.position,
                    format!("entry {next} is missing, and entry {} proves that it was synced", later.index),
                );
            }
        }
        at += STEP;
    }
    Ok(rubbish_end.min(source.len()))
}

/// Walks through a whole segment in memory, as opening a log does with the last one: the entrance for fuzzing.
///
/// Neither panics nor allocates by what the bytes say. Returns the end and the number of good entries.
///
/// # Errors
/// The bytes are not a segment, or are damaged.
pub fn scan_segment_bytes(mut bytes: &[u8]) -> Result<(ScanEnd, u64), ScanError> {
    let header = read_header(&mut bytes)?;
    let mut entries = 0;
    let end = scan(&mut bytes, &header, Last::Yes, &mut |_, _, _| entries += 1)?;
    Ok((end, entries))
}
