//! The keeper: writes checkpoints and carries bodies, away from the engine.

use crate::{
    BodyStore, CheckpointStep, Done, Errand,
    fault::{self, Fault},
};
use evenkeel_bodies::Shelf;
use evenkeel_checkpoint::{Checkpoints, Merge, Pinned, Source};
use evenkeel_disk::Disk;
use evenkeel_log::LogReader;
use evenkeel_types::{BodyRef, LogIndex};
use std::io;

/// Does the errands that are the keeper's, one after the other.
pub struct Keeper<R, D: Disk> {
    checkpoints: Checkpoints<D>,
    shelf: Shelf<D>,
    bodies: BodyStore<R, D>,
    /// The checkpoint that is being written.
    writing: Option<LogIndex>,
}

impl<R: LogReader, D: Disk> Keeper<R, D> {
    /// A keeper of these files, over this log.
    pub fn new(checkpoints: Checkpoints<D>, shelf: Shelf<D>, log: R) -> Self {
        let bodies = BodyStore::new(log, shelf.reader());
        Self { checkpoints, shelf, bodies, writing: None }
    }

    /// For reading bodies elsewhere.
    #[must_use]
    pub fn bodies(&self) -> &BodyStore<R, D> {
        &self.bodies
    }

    /// What a snapshot is made of: the newest checkpoint, held open, and where its bodies are read. `None` as long as there is no
    /// checkpoint.
    #[must_use]
    pub fn snapshot(&self) -> Option<(Pinned<D>, evenkeel_snapshot::Bodies<R, D>)>
    where
        R: Clone,
    {
        let pinned = self.checkpoints.pin(self.checkpoints.kept().last().copied()?)?;
        Some((pinned, self.bodies.for_snapshot()))
    }

    /// Does an errand.
    pub fn run(&mut self, errand: Errand) -> Option<Done> {
        match errand {
            Errand::Checkpoint(index, step) => self.checkpoint(index, step),
            Errand::Carry { first, last, bodies } => Some(match self.carry(first, last, &bodies) {
                Ok(disk_bytes) => Done::Carried { first, last, disk_bytes },
                Err(reason) => Done::NotCarried { first, last, reason },
            }),
            Errand::RemoveBodies { first, last } => self.shelf.remove(first, last).err().map(Done::NotRemoved),
            Errand::ReadBodies { .. } => None,
        }
    }

    /// Does some work that nobody asked for, if there is any: merging what checkpoints wrote. False if there is none.
    ///
    /// # Errors
    /// The disk failed; nothing is lost by it.
    pub fn idle(&mut self) -> io::Result<bool> {
        if self.writing.is_some() {
            return Ok(false);
        }
        Ok(self.checkpoints.merge_step()? != Merge::Nothing)
    }

    fn checkpoint(&mut self, index: LogIndex, step: CheckpointStep) -> Option<Done> {
        let step = match step {
            CheckpointStep::Begin { whole } => {
                self.writing = Some(index);
                let source = if whole { Source::Whole } else { Source::Delta };
                self.checkpoints.begin(index, source).map(|()| None)
            }
            // What failed was told already.
            _ if self.writing != Some(index) => return None,
            CheckpointStep::Part(part) => self.checkpoints.append(&part).map(|()| Some(Done::CheckpointPart(index))),
            CheckpointStep::Finish { head } => {
                self.writing = None;
                self.checkpoints.finish(&head).map(|()| {
                    let oldest = if fault::is(Fault::TrimToNewest) { index } else { self.checkpoints.oldest() };
                    Some(Done::Checkpoint { oldest })
                })
            }
        };
        step.unwrap_or_else(|error| {
            self.writing = None;
            self.checkpoints.abandon();
            Some(Done::CheckpointFailed(index, error))
        })
    }

    fn carry(&mut self, first: LogIndex, last: LogIndex, bodies: &[BodyRef]) -> Result<u64, String> {
        let words = |error: io::Error| error.to_string();
        let mut carry = self.shelf.begin(first, last).map_err(words)?;
        for &body in bodies {
            let bytes = self.bodies.read(body)?;
            carry.push(body, &bytes).map_err(words)?;
        }
        Ok(carry.finish().map_err(words)?.map_or(0, |file| file.bytes))
    }
}
