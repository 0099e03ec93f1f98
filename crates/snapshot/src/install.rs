//! Puts a received snapshot in the place of what was there. It only goes forward: see `mark.rs` and [`settle`].

use crate::{
    InstallError,
    limits::MARK_BYTES_MAX,
    mark::Mark,
    room::{BODIES, CHECKPOINTS, INSTALL, INSTALLED, MANIFEST, Room, remove},
};
use evenkeel_checkpoint::FileInfo;
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_types::{Epoch, LogIndex};
use std::{collections::BTreeSet, io, path::Path};

/// A snapshot that is the state of its folder now. The log must go on behind it: see the crate's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The index whose state it is.
    pub index: LogIndex,
    /// The epoch of the entry at that index.
    pub epoch: Epoch,
}

/// Finishes an installation that was begun in this data folder; to be called before anything in it is opened. Says whether a
/// snapshot was installed whose log was perhaps not reset yet. Without one nothing is changed.
///
/// # Errors
/// The disk fails, or the mark or a file that it names is damaged or gone. Nothing may be opened then.
pub fn settle<D: Disk>(disk: &D, folder: &Path) -> Result<Option<Installed>, InstallError> {
    let room = Room::new(disk.clone(), folder);
    let names = room.names(&room.dir)?;
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    if has(INSTALL) {
        // Whoever wrote the mark may have died before its name was durable, and what is superfluous by it goes now.
        room.disk.sync_dir(&room.dir)?;
        move_in(&room, &read(&room, INSTALL)?)?;
        room.disk.rename(&room.dir.join(INSTALL), &room.dir.join(INSTALLED))?;
        room.disk.sync_dir(&room.dir)?;
    } else if !has(INSTALLED) {
        return Ok(None);
    }
    let Mark { index, epoch, .. } = read(&room, INSTALLED)?;
    Ok(Some(Installed { index, epoch }))
}

/// The log goes on behind the snapshot: from now on the folder is like any other. To be called before anything is appended.
///
/// # Errors
/// The disk fails; call it again.
pub fn log_was_reset<D: Disk>(disk: &D, folder: &Path) -> io::Result<()> {
    let room = Room::new(disk.clone(), folder);
    if room.names(&room.dir)?.is_empty() {
        return Ok(());
    }
    remove(&room.disk, &room.dir.join(MANIFEST))?;
    remove(&room.disk, &room.dir.join(INSTALLED))?;
    room.disk.sync_dir(&room.dir)
}

fn read<D: Disk>(room: &Room<D>, file: &'static str) -> Result<Mark, InstallError> {
    let bytes = room.read(file, MARK_BYTES_MAX)?.unwrap_or_default();
    Mark::decode(&bytes).map_err(|source| InstallError::Mark { file, source })
}

fn move_in<D: Disk>(room: &Room<D>, mark: &Mark) -> Result<(), InstallError> {
    move_folder(room, BODIES, &mark.bodies, &[".bodies"])?;
    move_folder(room, CHECKPOINTS, &mark.checkpoint, &[".ckpt", ".run"])
}

/// Removes what was there, and moves in what shall be. Done again after a crash it comes to the same: what is not in its old
/// place any more was moved.
fn move_folder<D: Disk>(room: &Room<D>, name: &str, files: &[FileInfo], ours: &[&str]) -> Result<(), InstallError> {
    let (from, to) = (room.dir.join(name), room.data.join(name));
    room.disk.create_dir_all(&to)?;
    let wanted: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    for name in room.names(&to)? {
        if ours.iter().any(|end| name.ends_with(end)) && !wanted.contains(name.as_str()) {
            room.disk.remove(&to.join(name))?;
        }
    }
    room.disk.sync_dir(&to)?;
    let waiting: BTreeSet<String> = room.names(&from)?.into_iter().collect();
    for file in files {
        let place = if waiting.contains(&file.name) { &from } else { &to };
        let found = match room.disk.open(&place.join(&file.name), OpenMode::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => Some(other?.len()?),
        };
        if found != Some(file.bytes) {
            return Err(InstallError::Missing { file: format!("{name}/{}", file.name) });
        }
        if place == &from {
            room.disk.rename(&from.join(&file.name), &to.join(&file.name))?;
        }
    }
    room.disk.sync_dir(&to)?;
    if !waiting.is_empty() {
        room.disk.sync_dir(&from)?;
    }
    Ok(())
}
