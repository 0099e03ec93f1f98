//! The bodies of some parts, found in one pass over the checkpoint's records.

use crate::{SendError, manifest::BodyPart};
use evenkeel_checkpoint::{LoadError, Pinned, Sink};
use evenkeel_disk::Disk;
use evenkeel_machine::checkpoint_body;
use evenkeel_types::BodyRef;
use std::ops::Range;

/// References of some consecutive parts, in order.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// The places of the parts.
    parts: Range<usize>,
    bodies: Vec<BodyRef>,
}

impl Window {
    /// Makes sure that a part is in it. Passes over all records if it is not; takes in as many parts as `bodies_max` allows,
    /// at least that one.
    pub(crate) fn reach<D: Disk>(
        &mut self,
        part: usize,
        pinned: &Pinned<D>,
        parts: &[BodyPart],
        bodies_max: u64,
    ) -> Result<(), SendError> {
        if self.parts.contains(&part) {
            return Ok(());
        }
        *self = Self::default();
        let mut bodies = 0u64;
        let fitting = parts.iter().skip(part).take_while(|part| {
            let is_first = bodies == 0;
            bodies = bodies.saturating_add(part.bodies);
            is_first || bodies <= bodies_max
        });
        let end = part + fitting.count();
        let Some((first, last)) = parts.get(part).zip(parts.get(end.saturating_sub(1))) else { return Ok(()) };
        let range = first.first..=last.last;
        let mut found = Vec::new();
        each_body(pinned, |body| {
            if range.contains(&body.index) {
                found.push(body);
            }
        })?;
        found.sort_unstable_by_key(|body| (body.index, body.offset));
        (self.parts, self.bodies) = (part..end, found);
        Ok(())
    }

    /// The bodies of a part that is in it.
    pub(crate) fn bodies(&self, part: &BodyPart) -> &[BodyRef] {
        let from = self.bodies.partition_point(|body| body.index < part.first);
        let to = self.bodies.partition_point(|body| body.index <= part.last);
        self.bodies.get(from..to).unwrap_or(&[])
    }
}

/// Hands out the body of each job in a checkpoint, by the slots of the jobs.
pub(crate) fn each_body<D: Disk>(pinned: &Pinned<D>, take: impl FnMut(BodyRef)) -> Result<(), LoadError> {
    pinned.load(&mut EachBody(take))
}

struct EachBody<F>(F);

impl<F: FnMut(BodyRef)> Sink for EachBody<F> {
    fn meta(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn record(&mut self, section: u8, _: u32, bytes: &[u8]) -> Result<(), String> {
        let body = checkpoint_body(section, bytes).map_err(|error| error.to_string())?;
        body.into_iter().for_each(&mut self.0);
        Ok(())
    }
}
