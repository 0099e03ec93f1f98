//! The receiving side: takes chunks in their order, keeps what is durable over restarts, and installs the whole.

use crate::{
    Installed, Manifest, Options, Position, ReceiveError,
    chunk::{self, Content, Sent},
    install::settle,
    limits::MANIFEST_BYTES_MAX,
    manifest::{BodyPart, Part},
    mark::Mark,
    room::{BODIES, CHECKPOINTS, INSTALL, MANIFEST, Room},
};
use evenkeel_bodies::{Carry, FileState, Shelf};
use evenkeel_checkpoint::FileInfo;
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_types::{BodyRef, LogIndex};
use std::{io, path::Path};

/// Receives one snapshot into a data folder. What was there stays as it is until [`Receiver::finish`].
pub struct Receiver<D: Disk> {
    room: Room<D>,
    manifest: Manifest,
    sync_every_bytes: u64,
    /// `None` once the checkpoint is proven and complete.
    checkpoint: Option<evenkeel_checkpoint::Receiver<D>>,
    shelf: Shelf<D>,
    /// Parts with bodies that are complete: all before this one.
    bodies_done: usize,
    open: Option<Open<D>>,
}

/// The part with bodies that is coming.
struct Open<D: Disk> {
    /// Absent as long as no body of it was there.
    carry: Option<Carry<D>>,
    /// All bodies so far, absent ones included.
    passed: Option<BodyPart>,
    last: Option<BodyRef>,
}

impl<D: Disk> Receiver<D> {
    /// Begins to receive a snapshot, or goes on where it was left. What came of another one is thrown away.
    ///
    /// # Errors
    /// [`ReceiveError::Unsettled`], [`ReceiveError::Io`]; [`ReceiveError::Bodies`] or [`ReceiveError::Checkpoint`] if what came before
    /// cannot be used, or the manifest names no checkpoint's files.
    pub fn open(disk: D, folder: &Path, manifest: &Manifest, options: &Options) -> Result<Self, ReceiveError> {
        let room = Room::new(disk, folder);
        room.disk.create_dir_all(&room.dir)?;
        if room.has_mark()? {
            return Err(ReceiveError::Unsettled);
        }
        // What a life before left may have names that are not durable yet.
        room.disk.sync_dir(&room.dir)?;
        let bytes = manifest.encode();
        if room.read(MANIFEST, MANIFEST_BYTES_MAX)? != Some(bytes) {
            room.discard()?;
            room.write(MANIFEST, &manifest.encode())?;
        }
        let sync_every_bytes = options.sync_every_bytes.max(1);
        let checkpoint = open_checkpoint(&room, manifest, sync_every_bytes)?;
        let (shelf, _) = Shelf::open(room.disk.clone(), &room.dir.join(BODIES))?;
        let bodies_done = bodies_done(&shelf, manifest)?;
        Ok(Self { room, manifest: manifest.clone(), sync_every_bytes, checkpoint, shelf, bodies_done, open: None })
    }

    /// The snapshot that a folder has something of: to be asked for again, if the sender still has it.
    ///
    /// # Errors
    /// The disk's.
    pub fn begun(disk: D, folder: &Path) -> io::Result<Option<Manifest>> {
        let bytes = Room::new(disk, folder).read(MANIFEST, MANIFEST_BYTES_MAX)?;
        Ok(bytes.and_then(|bytes| Manifest::decode(&bytes).ok()))
    }

    /// Throws away what was received in a folder and not installed.
    ///
    /// # Errors
    /// [`ReceiveError::Unsettled`] if a snapshot is being installed, [`ReceiveError::Io`].
    pub fn discard(disk: D, folder: &Path) -> Result<(), ReceiveError> {
        let room = Room::new(disk, folder);
        if room.has_mark()? {
            return Err(ReceiveError::Unsettled);
        }
        Ok(room.discard()?)
    }

    /// The position of the chunk that comes next; [`Manifest::end`] when all is here.
    ///
    /// After a restart it is the first that is not surely durable: in each of the checkpoint's files at
    /// most two syncs back, else at the beginning of the part with bodies that was under way. (Parts at
    /// the end whose bodies were all absent left nothing, and are told of again.)
    #[must_use]
    pub fn have(&self) -> Position {
        let has = self.checkpoint.as_ref().map(evenkeel_checkpoint::Receiver::has).unwrap_or_default();
        let cut = has.iter().zip(self.manifest.files()).position(|(has, file)| *has < file.bytes);
        if let Some((part, offset)) = cut.and_then(|at| Some((u32::try_from(at).ok()?, *has.get(at)?))) {
            return Position { part, offset };
        }
        self.manifest.at_bodies(
            self.bodies_done,
            self.open.as_ref().and_then(|open| open.passed).map_or(0, |passed| passed.bodies),
        )
    }

    /// Takes the chunk that comes next, and returns the position of the one behind it.
    ///
    /// # Errors
    /// See [`ReceiveError`]. After one of the disk's, or a contradiction, [`Receiver::have`] may have gone back, to the beginning of the
    /// part. A full disk may have room again later; after any other error of the disk, open the receiver anew.
    pub fn write(&mut self, chunk: &[u8]) -> Result<Position, ReceiveError> {
        let opened = chunk::decode(chunk)?;
        if opened.snapshot != self.manifest.id() {
            return Err(ReceiveError::AnotherSnapshot);
        }
        let expected = self.have();
        if opened.position != expected {
            return Err(ReceiveError::OutOfTurn { came: opened.position, expected });
        }
        match (self.manifest.part(expected.part), opened.content) {
            (Some(Part::File(at, file)), Content::File(bytes)) => {
                if bytes.len() as u64 > file.bytes.saturating_sub(expected.offset) {
                    return Err(ReceiveError::Contradiction("a file is longer than it says"));
                }
                self.write_file(at, expected.offset, bytes)?;
            }
            (Some(Part::Bodies(_, &part)), Content::Bodies(bodies)) => {
                let written = self.write_bodies(&part, &bodies);
                if written.is_err() {
                    // What the file holds is not known, or not what it should be.
                    self.open = None;
                }
                written?;
            }
            _ => return Err(ReceiveError::Contradiction("it is of another kind than its part")),
        }
        Ok(self.have())
    }

    fn write_file(&mut self, file: usize, mut offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(checkpoint) = &mut self.checkpoint else { return Ok(()) };
        for piece in bytes.chunks(usize::try_from(self.sync_every_bytes).unwrap_or(usize::MAX)) {
            checkpoint.write(file, offset, piece)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }

    fn write_bodies(&mut self, part: &BodyPart, bodies: &[Sent<'_>]) -> Result<(), ReceiveError> {
        let open = self.open.get_or_insert_with(|| Open { carry: None, passed: None, last: None });
        let passed = check(part, open.passed, open.last, bodies)?;
        for &(body, bytes) in bodies {
            let Some(bytes) = bytes else { continue };
            if open.carry.is_none() {
                open.carry = Some(self.shelf.begin(part.first, part.last)?);
            }
            if let Some(carry) = &mut open.carry {
                carry.push(body, bytes)?;
            }
        }
        open.passed = Some(passed);
        open.last = bodies.last().map(|(body, _)| *body);
        if passed.bodies == part.bodies {
            if let Some(carry) = open.carry.take() {
                carry.finish()?;
            }
            self.open = None;
            self.bodies_done += 1;
        }
        Ok(())
    }

    /// Proves all that came and puts it in the place of what was in the folder, in which nothing may be open. Then the log
    /// is to be reset: see the crate's header.
    ///
    /// # Errors
    /// See [`ReceiveError`]. What was there before still counts, save after [`ReceiveError::Install`], and perhaps after [`ReceiveError::Io`]:
    /// then [`settle`] knows.
    pub fn finish(&mut self) -> Result<Installed, ReceiveError> {
        if self.room.has_mark()? {
            return Err(ReceiveError::Unsettled);
        }
        let have = self.have();
        if have != self.manifest.end() {
            return Err(ReceiveError::Incomplete(have));
        }
        let received = self.manifest.index();
        if let Some(here) = self.newest_here()?.filter(|here| *here >= received) {
            return Err(ReceiveError::NotNewer { here, received });
        }
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.finish()?;
            self.checkpoint = None;
        }
        let mark = Mark {
            index: received,
            epoch: self.manifest.epoch(),
            checkpoint: self.checkpoint_files()?,
            bodies: self.body_files()?,
        };
        self.room.write(INSTALL, &mark.encode())?;
        let installed = settle(&self.room.disk, &self.room.data)?;
        Ok(installed.unwrap_or(Installed { index: mark.index, epoch: mark.epoch }))
    }

    /// The newest checkpoint that is in the data folder, by the names.
    fn newest_here(&self) -> io::Result<Option<LogIndex>> {
        let names = self.room.names(&self.room.data.join(CHECKPOINTS))?;
        let index = |name: &String| u64::from_str_radix(name.strip_suffix(".ckpt")?, 16).ok();
        Ok(names.iter().filter_map(index).max().map(LogIndex))
    }

    fn checkpoint_files(&self) -> io::Result<Vec<FileInfo>> {
        let dir = self.room.dir.join(CHECKPOINTS);
        let names = self.room.names(&dir)?;
        let ours = names.into_iter().filter(|name| name.ends_with(".ckpt") || name.ends_with(".run"));
        let info = |name: String| {
            let bytes = self.room.disk.open(&dir.join(&name), OpenMode::Read)?.len()?;
            Ok(FileInfo { name, bytes })
        };
        ours.map(info).collect()
    }

    /// The body files that came. Every byte of them is read once more.
    fn body_files(&self) -> Result<Vec<FileInfo>, ReceiveError> {
        let verified = evenkeel_bodies::verify(&self.room.disk, &self.room.dir.join(BODIES), |_| {})?;
        let info = |file: evenkeel_bodies::VerifiedFile| match file.state {
            FileState::Sound(extent) => Ok(FileInfo { name: file.name, bytes: extent.bytes }),
            other => Err(ReceiveError::Damaged { file: file.name, what: format!("{other:?}") }),
        };
        verified.files.into_iter().map(info).collect()
    }
}

/// Goes on with the checkpoint's files; `None` if they are proven and have their names.
fn open_checkpoint<D: Disk>(
    room: &Room<D>,
    manifest: &Manifest,
    sync_every_bytes: u64,
) -> Result<Option<evenkeel_checkpoint::Receiver<D>>, ReceiveError> {
    let dir = room.dir.join(CHECKPOINTS);
    let done = manifest.files().first().map(|file| file.name.clone());
    if room.names(&dir)?.into_iter().any(|name| Some(name) == done) {
        room.disk.sync_dir(&dir)?;
        evenkeel_checkpoint::Receiver::discard(room.disk.clone(), &dir)?;
        return Ok(None);
    }
    let options = evenkeel_checkpoint::Options { sync_every_bytes, ..evenkeel_checkpoint::Options::default() };
    let receiver = evenkeel_checkpoint::Receiver::open(room.disk.clone(), &dir, manifest.files(), &options)?;
    Ok(Some(receiver))
}

/// How many parts are complete: they came in order, so all up to the last that has a file.
fn bodies_done<D: Disk>(shelf: &Shelf<D>, manifest: &Manifest) -> Result<usize, ReceiveError> {
    let mut done = 0;
    for extent in shelf.extents() {
        let is_it = |part: &BodyPart| (part.first, part.last) == (extent.first, extent.last);
        let Some(at) = manifest.body_parts().iter().position(is_it) else {
            let file = format!("of entries {} to {}", extent.first, extent.last);
            return Err(ReceiveError::Damaged { file, what: "the snapshot has no such part".into() });
        };
        done = done.max(at + 1);
    }
    Ok(done)
}

/// Holds the next bodies of a part against what its manifest says; all bodies so far with them.
fn check(
    part: &BodyPart,
    mut passed: Option<BodyPart>,
    mut last: Option<BodyRef>,
    bodies: &[Sent<'_>],
) -> Result<BodyPart, ReceiveError> {
    let key = |body: BodyRef| (body.index, body.offset);
    for &(body, _) in bodies {
        if last.map(key) >= Some(key(body)) {
            return Err(ReceiveError::Contradiction("bodies are not in order"));
        }
        if !(part.first..=part.last).contains(&body.index) {
            return Err(ReceiveError::Contradiction("a body is of another part"));
        }
        last = Some(body);
        let one = BodyPart::of(body);
        passed = Some(passed.map_or(one, |passed| passed.with(one)));
    }
    let other = ReceiveError::Contradiction("a part has other bodies than it says");
    match passed {
        Some(passed) if passed.bodies < part.bodies || passed == *part => Ok(passed),
        _ => Err(other),
    }
}
