//! The folder of what is being received, within a data folder.
//!
//! | name | what |
//! |---|---|
//! | `manifest` | what is being received |
//! | `checkpoints/`, `bodies/` | what came of it, under the names that these rooms give |
//! | `install` | the mark: all is here and counts, and is being moved in |
//! | `installed` | the same mark: all was moved in, and the log is to be reset |
//! | `<name>.new` | one of these files, not written whole yet |

use crate::SNAPSHOT;
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use std::{
    io,
    path::{Path, PathBuf},
};

pub(crate) const MANIFEST: &str = "manifest";
pub(crate) const INSTALL: &str = "install";
pub(crate) const INSTALLED: &str = "installed";
/// Folders of this name are in the data folder, too.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
pub(crate) const BODIES: &str = "bodies";
const UNFINISHED: &str = ".new";

pub(crate) struct Room<D> {
    pub(crate) disk: D,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// This folder.
    pub(crate) dir: PathBuf,
}

impl<D: Disk> Room<D> {
    pub(crate) fn new(disk: D, data: &Path) -> Self {
        Self { disk, data: data.to_owned(), dir: data.join(SNAPSHOT) }
    }

    /// The names in a folder; none if there is no folder.
    pub(crate) fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        match self.disk.list(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    /// Whether there is a mark of some kind.
    pub(crate) fn has_mark(&self) -> io::Result<bool> {
        Ok(self.names(&self.dir)?.iter().any(|name| name == INSTALL || name == INSTALLED))
    }

    /// A file of at most so many bytes; `None` if it is not there or longer.
    pub(crate) fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match self.disk.open(&self.dir.join(name), OpenMode::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let Some(length) = usize::try_from(file.len()?).ok().filter(|length| *length <= bytes_max) else {
            return Ok(None);
        };
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Some(bytes))
    }

    /// Writes a file beside, proves it and gives it its name, durably.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let unfinished = format!("{name}{UNFINISHED}");
        let path = self.dir.join(&unfinished);
        remove(&self.disk, &path)?;
        let write = || {
            let file = self.disk.open(&path, OpenMode::CreateNew)?;
            file.write_all_at(bytes, 0)?;
            file.sync()?;
            if self.read(&unfinished, bytes.len())?.as_deref() == Some(bytes) {
                return Ok(());
            }
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} does not read back as written")))
        };
        if let Err(error) = write() {
            let _ = self.disk.remove(&path);
            return Err(error);
        }
        self.disk.rename(&path, &self.dir.join(name))?;
        self.disk.sync_dir(&self.dir)
    }

    /// Throws away all that came, the manifest first, so that the rest counts for nothing.
    pub(crate) fn discard(&self) -> io::Result<()> {
        let names = self.names(&self.dir)?;
        for name in names.iter().filter(|name| *name == MANIFEST || name.ends_with(UNFINISHED)) {
            self.disk.remove(&self.dir.join(name))?;
        }
        if !names.is_empty() {
            self.disk.sync_dir(&self.dir)?;
        }
        for folder in [CHECKPOINTS, BODIES] {
            let dir = self.dir.join(folder);
            let names = self.names(&dir)?;
            for name in &names {
                self.disk.remove(&dir.join(name))?;
            }
            if !names.is_empty() {
                self.disk.sync_dir(&dir)?;
            }
        }
        Ok(())
    }
}

/// Removes a file that may not be there.
pub(crate) fn remove(disk: &impl Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
