//! The folder, and the files that are read in it.

use crate::{
    error::LoadError,
    fault::{self, Fault},
    format::{
        Bad, RunInfo,
        manifest::{MANIFEST_BYTES_MAX, Manifest},
    },
    names::{self, UNFINISHED},
    run::{
        END,
        cursor::Cursor,
        reader::{ReadAt, RunReader},
    },
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_types::LogIndex;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A folder on a disk.
#[derive(Clone)]
pub(crate) struct Folder<D> {
    pub(crate) disk: D,
    pub(crate) dir: PathBuf,
}

impl<D: Disk> Folder<D> {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The path of a file that is not finished.
    pub(crate) fn unfinished(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{UNFINISHED}"))
    }

    /// Makes all names durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if fault::on(Fault::SkipFolderSync) { Ok(()) } else { self.disk.sync_dir(&self.dir) }
    }

    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        self.disk.list(&self.dir)
    }

    /// The bytes of a manifest.
    pub(crate) fn manifest_bytes(&self, path: &Path) -> io::Result<Result<Vec<u8>, &'static str>> {
        let file = self.disk.open(path, OpenMode::Read)?;
        let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
        if len > MANIFEST_BYTES_MAX {
            return Ok(Err("it is too long for a manifest"));
        }
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Ok(bytes))
    }

    /// A manifest, checked in itself.
    pub(crate) fn manifest(&self, index: LogIndex) -> Result<Manifest, LoadError> {
        let name = names::manifest(index);
        let bytes = self.manifest_bytes(&self.path(&name)).map_err(|source| LoadError::reading(&name, source))?;
        let bytes = bytes.map_err(|what| LoadError::damaged(&name, 0, what))?;
        match Manifest::decode(&bytes) {
            Ok(manifest) if manifest.index == index => Ok(manifest),
            Ok(_) => Err(LoadError::damaged(&name, 40, "it is of another index than its name says")),
            Err(Bad::Damaged(what)) => Err(LoadError::damaged(&name, 0, what)),
            Err(Bad::TooNew(version)) => Err(LoadError::TooNew { file: name, version }),
        }
    }

    /// Opens a run's file; one that is not there is damage.
    pub(crate) fn open_run(&self, number: u64) -> Result<Arc<D::File>, LoadError> {
        let name = names::run(number);
        match self.disk.open(&self.path(&name), OpenMode::Read) {
            Ok(file) => Ok(Arc::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(LoadError::damaged(&name, 0, "the file is missing"))
            }
            Err(source) => Err(LoadError::reading(&name, source)),
        }
    }

    pub(crate) fn open_runs(&self, manifest: &Manifest) -> Result<Vec<Arc<D::File>>, LoadError> {
        manifest.runs.iter().map(|run| self.open_run(run.number)).collect()
    }
}

/// Reads a run to its end and checks all of it. Tells the bytes as it goes.
pub(crate) fn prove<R: ReadAt>(
    file: R,
    name: &str,
    expected: Option<&RunInfo>,
    read: &mut dyn FnMut(u64),
) -> Result<RunInfo, LoadError> {
    let reader = RunReader::open(file, name, expected)?;
    let info = *reader.info();
    let mut cursor = Cursor::direct(reader)?;
    let mut told = 0;
    while cursor.key() != END {
        if cursor.offset() > told {
            read(cursor.offset() - told);
            told = cursor.offset();
        }
        cursor.advance()?;
    }
    read(info.bytes - told);
    Ok(info)
}
