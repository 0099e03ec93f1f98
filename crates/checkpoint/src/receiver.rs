//! Receiving a checkpoint from another machine, in pieces, across restarts.
//!
//! The files that [`crate::Pinned`] lists arrive under names of their own, `<name>.<hash of the list>.received`. When all are
//! there they are proven, the runs get new numbers (those they had may be taken here), and a manifest that names
//! these is installed like any other.

use crate::{
    FileInfo, LoadError, Options,
    ballast::Ballast,
    error::misuse,
    fault::{self, Fault},
    format::{
        Bad,
        manifest::{MANIFEST_BYTES_MAX, Manifest},
    },
    limits::RUNS_MAX,
    names::{self, Kind, RECEIVED},
    store::{Folder, Installed, prove},
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_types::LogIndex;
use std::{collections::BTreeSet, io, path::Path, sync::Arc};
use xxhash_rust::xxh3::xxh3_64;

/// Why a checkpoint was not received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The list of files is not that of a checkpoint, or not all has come. Nothing was changed.
    #[error("the files are not those of a checkpoint: {0}")]
    Refused(String),
    /// A file is not what was sent. It was thrown away: send it again from its beginning.
    #[error("a received file is damaged: {0}")]
    Damaged(LoadError),
    /// There is a checkpoint here that is as new. Nothing was changed.
    #[error("the checkpoint at {here} is here, and the received one is of {received}")]
    NotNewer {
        /// The newest here.
        here: LogIndex,
        /// The one that came.
        received: LogIndex,
    },
    /// The disk fails. Open the receiver again and go on.
    #[error("receiving a checkpoint: {0}")]
    Io(#[from] io::Error),
}

/// Takes a checkpoint's files in. The folder must not be open as [`crate::Checkpoints`] when [`Receiver::finish`] is called.
pub struct Receiver<D: Disk> {
    folder: Folder<D>,
    sync_every_bytes: u64,
    files: Vec<Incoming<D>>,
}

struct Incoming<D: Disk> {
    info: FileInfo,
    /// Its name until it is proven.
    name: String,
    file: D::File,
    has: u64,
    unsynced: u64,
}

impl<D: Disk> Receiver<D> {
    /// Begins to receive these files, the manifest first, or goes on where it was left.
    ///
    /// Of what an earlier attempt received, only that counts which is surely durable. Files of attempts with another
    /// list are removed.
    ///
    /// # Errors
    /// [`ReceiveError::Refused`] if this is no list of a checkpoint's files, [`ReceiveError::Io`].
    pub fn open(disk: D, folder: &Path, files: &[FileInfo], options: &Options) -> Result<Self, ReceiveError> {
        check_list(files)?;
        let sync_every_bytes = options.sync_every_bytes.max(1);
        disk.create_dir_all(folder)?;
        let folder = Folder { disk, dir: folder.to_owned() };
        let hash = hash(files);
        let temporary: Vec<_> = files.iter().map(|file| format!("{}.{hash:016x}{RECEIVED}", file.name)).collect();
        for name in folder.names()? {
            if names::kind(&name) == Kind::Received && !temporary.contains(&name) {
                folder.disk.remove(&folder.path(&name))?;
            }
        }
        let incoming = files.iter().zip(temporary).map(|(info, name)| {
            let file = open_or_make(&folder, &name)?;
            // The file is synced after every so many bytes at the latest, and a piece is at most as long.
            let unsure = if fault::on(Fault::TrustReceived) { 0 } else { 2 * sync_every_bytes };
            let has = file.len()?.saturating_sub(unsure).min(info.bytes);
            Ok(Incoming { info: info.clone(), name, file, has, unsynced: 0 })
        });
        let files = incoming.collect::<io::Result<_>>()?;
        folder.sync()?;
        Ok(Self { folder, sync_every_bytes, files })
    }

    /// How many bytes of each file are here: what comes next begins there.
    #[must_use]
    pub fn has(&self) -> Vec<u64> {
        self.files.iter().map(|file| file.has).collect()
    }

    /// Takes a piece: bytes of a file (by its place in the list) from an offset, which must be the one that comes next.
    ///
    /// # Errors
    /// `InvalidInput` if it is another piece, or longer than [`Options::sync_every_bytes`]; else the disk's. After a
    /// sync that failed the file begins anew.
    pub fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let sync_every_bytes = self.sync_every_bytes;
        let incoming = self.files.get_mut(file).ok_or_else(|| misuse("there is no such file"))?;
        let len = bytes.len() as u64;
        if offset != incoming.has || len > incoming.info.bytes - incoming.has || len > sync_every_bytes {
            return Err(misuse("this is not the piece that comes next, or it is too long"));
        }
        incoming.file.write_all_at(bytes, offset)?;
        incoming.has += len;
        incoming.unsynced += len;
        if incoming.unsynced >= sync_every_bytes { self.sync(file) } else { Ok(()) }
    }

    fn sync(&mut self, file: usize) -> io::Result<()> {
        let Some(incoming) = self.files.get_mut(file) else { return Ok(()) };
        incoming.unsynced = 0;
        incoming.file.sync().or_else(|error| self.restart(file).and(Err(error)))
    }

    /// Throws away what came of a file.
    fn restart(&mut self, file: usize) -> io::Result<()> {
        let Some(incoming) = self.files.get_mut(file) else { return Ok(()) };
        incoming.has = 0;
        incoming.unsynced = 0;
        let path = self.folder.path(&incoming.name);
        self.folder.disk.remove(&path)?;
        incoming.file = self.folder.disk.open(&path, OpenMode::CreateNew)?;
        Ok(())
    }

    /// Proves all files and installs the checkpoint; those that were here go. Returns its index.
    ///
    /// # Errors
    /// See [`ReceiveError`]; what was here before is still here, unless the folder's own sync failed, when either may be.
    pub fn finish(&mut self) -> Result<LogIndex, ReceiveError> {
        if self.files.iter().any(|file| file.has != file.info.bytes) {
            return Err(ReceiveError::Refused("not all of them is here".to_owned()));
        }
        for file in 0..self.files.len() {
            self.sync(file)?;
        }
        let mut manifest = self.prove_manifest()?;
        for (at, run) in manifest.runs.iter().enumerate() {
            let proven = self.prove_run(at + 1, run);
            match proven {
                Ok(()) => {}
                Err(LoadError::Io { source, .. }) => return Err(source.into()),
                Err(error) => {
                    self.restart(at + 1)?;
                    return Err(ReceiveError::Damaged(error));
                }
            }
        }
        self.install(&mut manifest)?;
        Ok(manifest.index)
    }

    /// Removes all that was received in a folder and not installed.
    ///
    /// # Errors
    /// The disk's.
    pub fn discard(disk: D, folder: &Path) -> io::Result<()> {
        let folder = Folder { disk, dir: folder.to_owned() };
        for name in folder.names()?.iter().filter(|name| names::kind(name) == Kind::Received) {
            folder.disk.remove(&folder.path(name))?;
        }
        Ok(())
    }

    fn prove_manifest(&mut self) -> Result<Manifest, ReceiveError> {
        let first = self.files.first().ok_or_else(|| misuse("there is no manifest"))?;
        let bytes = self.folder.manifest_bytes(&self.folder.path(&first.name))?;
        let decoded = bytes.map_err(Bad::Damaged).and_then(|bytes| Manifest::decode(&bytes));
        let name = first.info.name.clone();
        let what = match decoded {
            Ok(manifest) if self.lists(&manifest) => return Ok(manifest),
            Ok(_) => Bad::Damaged("it does not name the files of the list"),
            Err(bad) => bad,
        };
        self.restart(0)?;
        Err(ReceiveError::Damaged(match what {
            Bad::Damaged(what) => LoadError::damaged(&name, 0, what),
            Bad::TooNew(version) => LoadError::TooNew { file: name, version },
        }))
    }

    /// Whether the manifest names the files that came, in their order.
    fn lists(&self, manifest: &Manifest) -> bool {
        let mut files = self.files.iter().map(|file| (file.info.name.clone(), file.info.bytes));
        let index = files.next().is_some_and(|(name, _)| name == names::manifest(manifest.index));
        index && files.eq(manifest.runs.iter().map(|run| (names::run(run.number), run.bytes)))
    }

    fn prove_run(&self, file: usize, run: &crate::format::RunInfo) -> Result<(), LoadError> {
        let Some(incoming) = self.files.get(file) else { return Ok(()) };
        let name = &incoming.info.name;
        let opened = self.folder.disk.open(&self.folder.path(&incoming.name), OpenMode::Read);
        let opened = opened.map_err(|source| LoadError::reading(name, source))?;
        prove(Arc::new(opened), name, Some(run), &mut |_| {}).map(|_| ())
    }

    fn install(&self, manifest: &mut Manifest) -> Result<(), ReceiveError> {
        let names = self.folder.names()?;
        let newest = names.iter().filter_map(|name| match names::kind(name) {
            Kind::Manifest(index) => Some(index),
            _ => None,
        });
        if let Some(here) = newest.max().filter(|here| *here >= manifest.index) {
            return Err(ReceiveError::NotNewer { here, received: manifest.index });
        }
        let taken = names.iter().filter_map(|name| names::run_number(name)).max().unwrap_or(0);
        for (run, (incoming, number)) in manifest.runs.iter_mut().zip(self.files.iter().skip(1).zip(taken + 1..)) {
            self.folder.disk.rename(&self.folder.path(&incoming.name), &self.folder.path(&names::run(number)))?;
            run.number = number;
        }
        let mut no_ballast = Ballast::new(self.folder.disk.clone(), self.folder.dir.clone(), 0);
        match self.folder.install(manifest, &mut no_ballast) {
            Installed::Yes => {}
            Installed::No(error) | Installed::Perhaps(error) => return Err(error.into()),
        }
        if let Some(file) = self.files.first() {
            self.folder.disk.remove(&self.folder.path(&file.name))?;
        }
        let needed: BTreeSet<_> = manifest.runs.iter().map(|run| run.number).collect();
        Ok(self.folder.sweep(&[manifest.index], &needed)?)
    }
}

fn check_list(files: &[FileInfo]) -> Result<(), ReceiveError> {
    let refused = |what: &str| Err(ReceiveError::Refused(what.to_owned()));
    let Some((manifest, runs)) = files.split_first() else { return refused("the list is empty") };
    if !matches!(names::kind(&manifest.name), Kind::Manifest(_)) || manifest.bytes > MANIFEST_BYTES_MAX as u64 {
        return refused("the first must be a manifest");
    }
    if runs.len() > RUNS_MAX || runs.iter().any(|run| !matches!(names::kind(&run.name), Kind::Run(_))) {
        return refused("all but the first must be runs");
    }
    let different: BTreeSet<_> = runs.iter().map(|run| &run.name).collect();
    if different.len() < runs.len() { refused("a run is listed twice") } else { Ok(()) }
}

fn hash(files: &[FileInfo]) -> u64 {
    let list: String = files.iter().map(|file| format!("{} {}\n", file.name, file.bytes)).collect();
    xxh3_64(list.as_bytes())
}

fn open_or_make<D: Disk>(folder: &Folder<D>, name: &str) -> io::Result<D::File> {
    let path = folder.path(name);
    match folder.disk.open(&path, OpenMode::ReadWrite) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => folder.disk.open(&path, OpenMode::CreateNew),
        result => result,
    }
}
