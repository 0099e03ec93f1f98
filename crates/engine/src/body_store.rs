//! Bodies from the disk: from the log as long as it has them, else from a body file.

use crate::{CallId, Done, Unreadable, request::Delivery};
use bytes::Bytes;
use evenkeel_bodies::ShelfReader;
use evenkeel_disk::Disk;
use evenkeel_log::{LogReader, ReadError};
use evenkeel_machine::{
    Grant,
    batch::{BODY_FRAME_BYTES, open_body},
};
use evenkeel_types::{BodyRef, QueueId};

/// Bodies of one entry no further apart than this are read together, in bytes.
const GAP_BYTES_MAX: u32 = 4_096;
/// The most that is read together, in bytes.
const SPAN_BYTES_MAX: u32 = 256 * 1_024;

/// Reads bodies, each checked by its own checksum. Clones share the open files.
#[derive(Clone)]
pub struct BodyStore<R, D: Disk> {
    log: R,
    shelf: ShelfReader<D>,
}

impl<R: LogReader, D: Disk> BodyStore<R, D> {
    /// Bodies of this log and these files.
    pub fn new(log: R, shelf: ShelfReader<D>) -> Self {
        Self { log, shelf }
    }

    /// The same bodies for a sender of snapshots.
    pub(crate) fn for_snapshot(&self) -> evenkeel_snapshot::Bodies<R, D>
    where
        R: Clone,
    {
        evenkeel_snapshot::Bodies::new(self.log.clone(), self.shelf.clone())
    }

    /// A body.
    ///
    /// # Errors
    /// It is nowhere, damaged, or cannot be read for now.
    pub fn read(&self, body: BodyRef) -> Result<Bytes, Unreadable> {
        let start = body.offset.saturating_sub(BODY_FRAME_BYTES);
        match self.log.read_range(body.index, start, framed_bytes(body)) {
            Ok(frame) => opened(&frame, start, body),
            Err(ReadError::Trimmed(_)) => Ok(self.shelf.read(body)?),
            Err(error) => Err(error.into()),
        }
    }

    /// Bodies, in the order asked for. Those that lie close together are read together.
    pub fn read_many(&self, bodies: &[BodyRef]) -> Vec<Result<Bytes, Unreadable>> {
        let mut order: Vec<usize> = (0..bodies.len()).collect();
        let body = |at: usize| bodies.get(at).copied().unwrap_or_default();
        order.sort_unstable_by_key(|&at| (body(at).index, body(at).offset));
        let mut found: Vec<Option<Result<Bytes, Unreadable>>> = vec![None; bodies.len()];
        for run in order.chunk_by(|&a, &b| are_near(body(a), body(b))) {
            let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
            let start = body(first).offset.saturating_sub(BODY_FRAME_BYTES);
            let span = body(last).offset.saturating_add(body(last).bytes).saturating_sub(start);
            let together = run.len() > 1 && span <= SPAN_BYTES_MAX;
            let frames = together.then(|| self.log.read_range(body(first).index, start, span).ok()).flatten();
            for &at in run {
                let result = match &frames {
                    Some(frames) => opened(frames, start, body(at)),
                    None => self.read(body(at)),
                };
                if let Some(slot) = found.get_mut(at) {
                    *slot = Some(result);
                }
            }
        }
        found.into_iter().map(|result| result.unwrap_or_else(not_read)).collect()
    }

    /// Reads the body of an [`crate::Errand::ReadBody`].
    pub fn show(&self, call: CallId, body: BodyRef) -> Done {
        Done::Body { call, body: self.read(body).ok() }
    }

    /// Completes the jobs of an [`crate::Errand::ReadBodies`]. A job whose body cannot be read does not hold back the
    /// others.
    pub fn deliver(&self, call: CallId, queue: QueueId, jobs: Vec<(Grant, Option<Bytes>)>) -> Done {
        let wanted: Vec<_> = jobs.iter().filter(|(_, body)| body.is_none()).map(|(grant, _)| grant.body).collect();
        let mut read = self.read_many(&wanted).into_iter();
        let mut unreadable = Vec::new();
        let mut deliveries = Vec::with_capacity(jobs.len());
        for (grant, body) in jobs {
            let body = body.map_or_else(|| read.next().unwrap_or_else(not_read), Ok);
            match body {
                Ok(body) => deliveries.push(Delivery { grant, body }),
                Err(reason) => unreadable.push((grant.job, reason)),
            }
        }
        Done::Bodies { call, queue, jobs: deliveries, unreadable }
    }
}

/// Stands for a read that nobody made.
fn not_read() -> Result<Bytes, Unreadable> {
    Err(Unreadable::ForNow("it was not read".into()))
}

fn framed_bytes(body: BodyRef) -> u32 {
    body.bytes.saturating_add(BODY_FRAME_BYTES)
}

fn are_near(a: BodyRef, b: BodyRef) -> bool {
    let gap = b.offset.saturating_sub(a.offset.saturating_add(a.bytes));
    a.index == b.index && gap <= GAP_BYTES_MAX
}

/// The body out of bytes that begin at `start` in its entry, checked.
fn opened(bytes: &Bytes, start: u32, body: BodyRef) -> Result<Bytes, Unreadable> {
    let from = body.offset.saturating_sub(BODY_FRAME_BYTES).saturating_sub(start) as usize;
    let to = from.saturating_add(framed_bytes(body) as usize);
    let frame = bytes.get(from..to).filter(|frame| open_body(frame, body.bytes).is_some());
    let another = || Unreadable::Damaged(format!("its checksum in entry {} is another", body.index));
    let frame = frame.ok_or_else(another)?;
    Ok(bytes.slice_ref(frame).slice(BODY_FRAME_BYTES as usize..))
}
