//! Walks through a segment that may be damaged, and goes on behind each damage: to make a sidecar anew, and to check
//! offline. What a log is opened for is never read so; there damage is the end.

use crate::{
    format::{EntryHeader, LogId, SegmentHeader, decode_entry_header},
    limits::{ALIGN_BYTES, HEADER_BYTES},
    places::Offsets,
    scan::{Last, Running, ScanEnd, ScanError, Source, Start, scan_from},
};
use std::io;

/// What is met on the way, in order.
pub(crate) enum Seen<'a> {
    /// A good entry, where it begins, and its payload.
    Entry(&'a EntryHeader, u64, &'a [u8]),
    /// An entry with a good header, and something wrong behind it.
    Broken(&'a EntryHeader, u64),
    /// What is wrong, and where.
    Damage(u64, String),
}

/// Walks through a segment whose header is good.
///
/// # Errors
/// It cannot be read. Damage is no error here.
pub(crate) fn salvage(
    source: &mut impl Source,
    header: &SegmentHeader,
    last: Last,
    see: &mut dyn FnMut(Seen<'_>),
) -> Result<ScanEnd, ScanError> {
    let mut at = Start::of(header);
    loop {
        let mut reached = at;
        let scanned = scan_from(source, header.log, at, last, &mut |entry, offset, payload| {
            reached = Start { running: Running::after(entry), position: offset + entry.extent() };
            see(Seen::Entry(entry, offset, payload));
        });
        let (offset, what) = match scanned {
            Err(ScanError::Damaged { offset, what }) => (offset, what),
            other => return other,
        };
        see(Seen::Damage(offset, what));
        let here = decode_entry_header(source.get(offset, HEADER_BYTES)?, header.log);
        at = match here.filter(|entry| entry.index == reached.running.next) {
            Some(entry) if offset.saturating_add(entry.extent()) <= source.len() => {
                see(Seen::Broken(&entry, offset));
                Start { running: Running::after(&entry), position: offset + entry.extent() }
            }
            _ => match next_header(source, header.log, offset + ALIGN_BYTES, &reached.running)? {
                Some(found) => found,
                None => {
                    let Start { running, position } = reached;
                    return Ok(ScanEnd { running, position, rubbish_end: position, torn: None, stale: 0 });
                }
            },
        };
    }
}

/// The next place where an entry may lie that comes after all that was met.
fn next_header(source: &mut impl Source, log: LogId, from: u64, running: &Running) -> Result<Option<Start>, ScanError> {
    const STEP: u64 = 64 * 1024;
    let mut at = from;
    while at < source.len() {
        let bytes = source.get(at, STEP)?;
        for (position, bytes) in (at..).step_by(64).zip(bytes.chunks(64)) {
            // Bodies that carry old bytes of this log are of lower indexes.
            let later = |entry: &EntryHeader| entry.index >= running.next && entry.epoch >= running.epoch;
            if let Some(entry) = decode_entry_header(bytes, log).filter(later) {
                let running = Running { next: entry.index, epoch: entry.epoch, chain: entry.chain };
                return Ok(Some(Start { running, position }));
            }
        }
        at += STEP;
    }
    Ok(None)
}

/// A segment's entries, found by a walk.
pub(crate) struct Walked {
    pub(crate) offsets: Offsets,
    pub(crate) end: ScanEnd,
    /// The first damage.
    pub(crate) damage: Option<(u64, String)>,
}

/// Finds out where the entries of a sealed segment lie.
///
/// # Errors
/// It cannot be read.
pub(crate) fn walk(source: &mut impl Source, header: &SegmentHeader) -> io::Result<Walked> {
    let mut offsets = Offsets::default();
    let mut damage = None;
    let end = salvage(source, header, Last::No, &mut |seen| match seen {
        Seen::Entry(entry, offset, _) | Seen::Broken(entry, offset) => {
            offsets.place(entry.index.0.saturating_sub(header.first.0), offset);
        }
        Seen::Damage(offset, what) => {
            damage.get_or_insert((offset, what));
        }
    });
    match end {
        Ok(end) => Ok(Walked { offsets, end, damage }),
        Err(ScanError::Io(error)) => Err(error),
        Err(error) => Err(io::Error::other(format!("{error:?}"))),
    }
}
