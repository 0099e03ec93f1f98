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

/// Hears of each checkpoint that is durable.
type Told<R, D> = Box<dyn FnMut(&Checkpoints<D>, &BodyStore<R, D>) + Send>;

/// Does the errands that are the keeper's, one after the other.
pub struct Keeper<R, D: Disk> {
    checkpoints: Checkpoints<D>,
    shelf: Shelf<D>,
    bodies: BodyStore<R, D>,
    /// The checkpoint that is being written.
    writing: Option<LogIndex>,
    /// The engine was told that the next checkpoint must hold everything.
    whole_wanted: bool,
    told: Option<Told<R, D>>,
}

/// Why bodies were not carried.
struct NotCarried {
    unreadable: Option<LogIndex>,
    reason: String,
}

impl From<io::Error> for NotCarried {
    fn from(error: io::Error) -> Self {
        Self { unreadable: None, reason: error.to_string() }
    }
}

impl<R: LogReader, D: Disk> Keeper<R, D> {
    /// A keeper of these files, over this log.
    pub fn new(checkpoints: Checkpoints<D>, shelf: Shelf<D>, log: R) -> Self {
        let bodies = BodyStore::new(log, shelf.reader());
        Self { checkpoints, shelf, bodies, writing: None, whole_wanted: false, told: None }
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
        newest(&self.checkpoints, &self.bodies)
    }

    /// Gives what [`Keeper::snapshot`] does, now and whenever there is a new checkpoint. What is held of an older one takes room on the disk.
    #[must_use]
    pub fn giving_each(
        mut self,
        mut give: impl FnMut(Pinned<D>, evenkeel_snapshot::Bodies<R, D>) + Send + 'static,
    ) -> Self
    where
        R: Clone,
    {
        let mut told: Told<R, D> = Box::new(move |checkpoints, bodies| {
            if let Some((pinned, bodies)) = newest(checkpoints, bodies) {
                give(pinned, bodies);
            }
        });
        told(&self.checkpoints, &self.bodies);
        self.told = Some(told);
        self
    }

    /// Does an errand.
    pub fn run(&mut self, errand: Errand) -> Option<Done> {
        match errand {
            Errand::Checkpoint(index, step) => self.checkpoint(index, step),
            Errand::Carry { first, last, bodies } => Some(match self.carry(first, last, bodies) {
                Ok(disk_bytes) => Done::Carried { first, last, disk_bytes },
                Err(NotCarried { unreadable, reason }) => Done::NotCarried { first, last, unreadable, reason },
            }),
            Errand::Discard(leftovers) => {
                drop(leftovers);
                None
            }
            Errand::RemoveBodies { first, last } => self.shelf.remove(first, last).err().map(Done::NotRemoved),
            Errand::ReadBodies { .. } | Errand::ReadBody { .. } => None,
        }
    }

    /// Does some work that nobody asked for, if there is any: merging what checkpoints wrote. False if there is none.
    ///
    /// # Errors
    /// The disk failed, or damage was found: then [`Keeper::trouble`] has something for the engine.
    pub fn idle(&mut self) -> io::Result<bool> {
        if self.writing.is_some() {
            return Ok(false);
        }
        Ok(self.checkpoints.merge_step()? != Merge::Nothing)
    }

    /// What the engine has to know although it did not ask. To be looked at after every errand and [`Keeper::idle`].
    pub fn trouble(&mut self) -> Option<Done> {
        let wanted = self.checkpoints.wants_whole();
        let is_news = wanted && !self.whole_wanted && self.checkpoints.oldest() > LogIndex::ZERO;
        self.whole_wanted = wanted;
        is_news.then_some(Done::WholeWanted)
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
                    if let Some(told) = &mut self.told {
                        told(&self.checkpoints, &self.bodies);
                    }
                    let oldest = if fault::is(Fault::TrimToNewest) { index } else { self.checkpoints.oldest() };
                    Some(Done::Checkpoint { oldest, lacks_room: self.checkpoints.lacks_ballast() })
                })
            }
        };
        step.unwrap_or_else(|error| {
            self.writing = None;
            self.checkpoints.abandon();
            Some(Done::CheckpointFailed(index, error))
        })
    }

    fn carry(&mut self, first: LogIndex, last: LogIndex, mut bodies: Vec<BodyRef>) -> Result<u64, NotCarried> {
        bodies.sort_unstable_by_key(|body| (body.index, body.offset));
        // The job of one that is there twice was moved while the jobs were looked through.
        bodies.dedup();
        let mut carry = self.shelf.begin(first, last)?;
        for body in bodies {
            let bytes = self.bodies.read(body).map_err(|why| NotCarried {
                // The file of one that is not damaged is tried again.
                unreadable: why.is_damage().then_some(body.index),
                reason: why.to_string(),
            })?;
            carry.push(body, &bytes)?;
        }
        Ok(carry.finish()?.map_or(0, |file| file.bytes))
    }
}

fn newest<R: LogReader + Clone, D: Disk>(
    checkpoints: &Checkpoints<D>,
    bodies: &BodyStore<R, D>,
) -> Option<(Pinned<D>, evenkeel_snapshot::Bodies<R, D>)> {
    let pinned = checkpoints.pin(checkpoints.kept().last().copied()?)?;
    Some((pinned, bodies.for_snapshot()))
}
