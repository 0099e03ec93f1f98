//! Where the sender finds bodies: in the log as long as it has them, else in a body file.

use crate::SendError;
use bytes::Bytes;
use evenkeel_bodies::{ShelfReadError, ShelfReader};
use evenkeel_disk::Disk;
use evenkeel_log::{LogReader, ReadError};
use evenkeel_machine::batch::{BODY_FRAME_BYTES, open_body};
use evenkeel_types::BodyRef;

/// Bodies of one entry no further apart than this are read together, in bytes.
const GAP_BYTES_MAX: u32 = 4_096;
/// The most that is read together, in bytes.
const SPAN_BYTES_MAX: u32 = 1_024 * 1_024;

/// The bodies of a machine that goes on working.
///
/// The log is asked first. What leaves it for a body file is there before it leaves, and body files are replaced at once:
/// so whoever is in neither place is needed no more.
#[derive(Clone)]
pub struct Bodies<R, D: Disk> {
    log: R,
    shelf: ShelfReader<D>,
}

impl<R: LogReader, D: Disk> Bodies<R, D> {
    /// Bodies of this log and these files.
    pub fn new(log: R, shelf: ShelfReader<D>) -> Self {
        Self { log, shelf }
    }

    /// These bodies, ascending; none for one that is needed no more.
    pub(crate) fn read(&self, wanted: &[BodyRef]) -> Result<Vec<(BodyRef, Option<Bytes>)>, SendError> {
        let mut found = Vec::with_capacity(wanted.len());
        let mut elsewhere = Vec::new();
        for together in stretches(wanted) {
            let (Some(first), Some(last)) = (together.first(), together.last()) else { continue };
            let start = first.offset.saturating_sub(BODY_FRAME_BYTES);
            let span = last.offset.saturating_add(last.bytes).saturating_sub(start);
            match self.log.read_range(first.index, start, span) {
                Ok(frames) => {
                    for &body in together {
                        found.push((body, Some(opened(&frames, start, body)?)));
                    }
                }
                Err(ReadError::Trimmed(_)) => {
                    elsewhere.extend(together);
                    found.extend(together.iter().map(|body| (*body, None)));
                }
                Err(error) => return Err(SendError::Body { body: *first, why: error.to_string() }),
            }
        }
        let mut read = self.shelf.read_many(&elsewhere).into_iter();
        for (body, slot) in found.iter_mut().filter(|(_, slot)| slot.is_none()) {
            *slot = match read.next() {
                Some(Ok(bytes)) => Some(bytes),
                Some(Err(ShelfReadError::NotThere(_))) | None => None,
                Some(Err(error)) => return Err(SendError::Body { body: *body, why: error.to_string() }),
            };
        }
        Ok(found)
    }
}

/// Bodies of one entry that lie close together.
fn stretches(bodies: &[BodyRef]) -> impl Iterator<Item = &[BodyRef]> {
    let mut rest = bodies;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let mut end_before = first.offset.saturating_add(first.bytes);
        let far = |next: &BodyRef| {
            let gap = next.offset.saturating_sub(end_before);
            let span = next.offset.saturating_add(next.bytes).saturating_sub(first.offset);
            end_before = next.offset.saturating_add(next.bytes);
            next.index != first.index || gap > GAP_BYTES_MAX || span > SPAN_BYTES_MAX
        };
        let end = rest.iter().skip(1).position(far).map_or(rest.len(), |at| at + 1);
        let (together, behind) = rest.split_at_checked(end)?;
        rest = behind;
        Some(together)
    })
}

/// The body out of bytes that begin at `start` in its entry, checked.
fn opened(frames: &Bytes, start: u32, body: BodyRef) -> Result<Bytes, SendError> {
    let head = BODY_FRAME_BYTES as usize;
    let from = (body.offset.saturating_sub(BODY_FRAME_BYTES).saturating_sub(start)) as usize;
    let to = from.saturating_add(head).saturating_add(body.bytes as usize);
    let frame = frames.get(from..to).filter(|frame| open_body(frame, body.bytes).is_some());
    let frame = frame.ok_or_else(|| SendError::Body { body, why: "it does not check in the log".into() })?;
    Ok(frames.slice_ref(frame).slice(head..))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_types::LogIndex;

    #[test]
    fn neighbours_of_one_entry_are_read_together() {
        let body = |index: u64, offset: u32, bytes: u32| BodyRef { index: LogIndex(index), offset, bytes };
        let bodies = [
            body(1, 40, 10),
            body(1, 60, 10),
            body(1, 6_000, 10),
            body(2, 6_020, 10),
            body(2, 7_000, SPAN_BYTES_MAX),
            body(2, 7_012 + SPAN_BYTES_MAX, 5),
        ];
        let found: Vec<_> = stretches(&bodies).map(<[BodyRef]>::len).collect();
        assert_eq!(found, [2, 1, 1, 1, 1]);
        assert_eq!(stretches(&[]).count(), 0);
    }
}
