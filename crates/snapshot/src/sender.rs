//! The sending side: describes a snapshot and reads its chunks, from any position, any number of times.

use crate::{
    Bodies, Chunk, Manifest, Options, Position, SendError,
    chunk::{self, BODY_HEAD_BYTES},
    limits::{CHUNK_BYTES_MAX, CHUNK_HEAD_BYTES},
    manifest::{BodyPart, Part},
    plan::plan,
    window::Window,
};
use evenkeel_checkpoint::Pinned;
use evenkeel_disk::Disk;
use evenkeel_log::LogReader;
use evenkeel_types::{BodyRef, Epoch};

/// Sends one snapshot, perhaps to several receivers. It works while the machine goes on: checkpoints, merges, and bodies that
/// are carried or released do not disturb it.
///
/// As long as it lives, the files of its checkpoint take room on the disk. To send a snapshot to its end is not enough: the
/// log behind its index must stay until the receiver has that, too.
pub struct Sender<R, D: Disk> {
    pinned: Pinned<D>,
    bodies: Bodies<R, D>,
    manifest: Manifest,
    part_bodies: u64,
    window: Window,
}

impl<R: LogReader, D: Disk> Sender<R, D> {
    /// Offers a checkpoint and its bodies; `epoch` is that of the entry at its index. Passes over all records, once or a few
    /// times: 0.14 s each for 10,000,000 jobs in the page cache (`examples/measure.rs`).
    ///
    /// Made again of the same checkpoint, it has the same manifest, and goes on with a stream that was cut; but not if the
    /// checkpoint's runs were merged meanwhile.
    ///
    /// # Errors
    /// [`SendError::Checkpoint`].
    pub fn new(pinned: Pinned<D>, epoch: Epoch, bodies: Bodies<R, D>, options: &Options) -> Result<Self, SendError> {
        let parts = plan(&pinned, options)?;
        let manifest = Manifest::new(pinned.index(), epoch, pinned.files(), parts);
        Ok(Self { pinned, bodies, manifest, part_bodies: options.part_bodies, window: Window::default() })
    }

    /// What there is. The receiver gets this first, every time.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The chunk at a position; `None` at the end. It has at most `bytes_max` bytes, unless a single body alone makes it longer, and at
    /// most [`CHUNK_BYTES_MAX`]. Reads no more from the disk than that; but about once per
    /// million bodies it first passes over all records of the checkpoint.
    ///
    /// # Errors
    /// See [`SendError`]. The same position may be tried again.
    pub fn read(&mut self, position: Position, bytes_max: usize) -> Result<Option<Chunk>, SendError> {
        let payload_max = bytes_max.min(CHUNK_BYTES_MAX).saturating_sub(CHUNK_HEAD_BYTES).max(1);
        let manifest = &self.manifest;
        match manifest.part(position.part) {
            None if position == manifest.end() => Ok(None),
            None => Err(SendError::NoSuchPosition(position)),
            Some(Part::File(at, file)) => {
                let left = file.bytes.checked_sub(position.offset).filter(|left| *left > 0);
                let left = left.ok_or(SendError::NoSuchPosition(position))?;
                let bytes = usize::try_from(left).unwrap_or(usize::MAX).min(payload_max);
                let read = chunk::encode_file(manifest.id(), position, bytes, |buffer| {
                    self.pinned.read(at, position.offset, buffer)
                });
                let encoded = read.map_err(|source| SendError::Io { file: file.name.clone(), source })?;
                Ok(Some(self.chunk(position, bytes as u64, file.bytes, encoded)))
            }
            Some(Part::Bodies(at, &part)) => self.bodies(position, at, part, payload_max).map(Some),
        }
    }

    fn bodies(
        &mut self,
        position: Position,
        at: usize,
        part: BodyPart,
        payload_max: usize,
    ) -> Result<Chunk, SendError> {
        self.window.reach(at, &self.pinned, self.manifest.body_parts(), self.part_bodies)?;
        let all = self.window.bodies(&part);
        let passed = usize::try_from(position.offset).unwrap_or(usize::MAX);
        let Some(rest) = all.get(passed..).filter(|rest| !rest.is_empty()) else {
            return Err(SendError::NoSuchPosition(position));
        };
        let mut room = payload_max;
        let mut fits = |body: &&BodyRef| {
            let bytes = BODY_HEAD_BYTES.saturating_add(body.bytes as usize);
            room.checked_sub(bytes).inspect(|left| room = *left).is_some()
        };
        // The first one goes, however long it is.
        let count = rest.iter().take_while(&mut fits).count().max(1);
        let bodies = self.bodies.read(rest.get(..count).unwrap_or(rest))?;
        let encoded = chunk::encode_bodies(self.manifest.id(), position, &bodies);
        Ok(self.chunk(position, count as u64, part.bodies, encoded))
    }

    fn chunk(&self, position: Position, passed: u64, whole: u64, bytes: Vec<u8>) -> Chunk {
        let Position { part, offset } = position;
        let offset = offset.saturating_add(passed);
        let next = if offset < whole { Position { part, offset } } else { Position { part: part + 1, offset: 0 } };
        Chunk { position, next, bytes }
    }
}
