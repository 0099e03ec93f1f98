//! Reads every byte of every body file, and changes nothing.

use crate::{
    error::{Damage, Flaw},
    extent::{Extent, Range},
    names::installed_name,
    open::{check_range, list},
    scan::scan,
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use std::{io, path::Path};

/// How far [`verify`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file being read.
    pub file: &'a str,
    /// Bytes read of all files.
    pub bytes_done: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// What [`verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// All body files, those with names that cannot be included.
    pub files: Vec<VerifiedFile>,
    /// Unfinished files, by name. They hold nothing; the next start removes them.
    pub unfinished: Vec<String>,
}

impl Verified {
    /// Whether every file is sound, or left over and about to be removed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.files.iter().all(|file| matches!(file.state, FileState::Sound(_) | FileState::Leftover))
    }
}

/// One file, and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    /// Its name in the folder.
    pub name: String,
    /// How it is.
    pub state: FileState,
}

/// How a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Every byte checks.
    Sound(Extent),
    /// Another file holds its range: the next start removes it. It was not read.
    Leftover,
    /// Some byte does not check, or the file cannot be where it is.
    Damaged(Damage),
    /// A newer version wrote it, in this format.
    TooNew(u32),
}

/// Reads every byte of every file in the folder, and changes nothing. For use while no server runs. No folder, no files.
///
/// # Errors
/// The disk failed.
pub fn verify<D: Disk>(disk: &D, folder: &Path, mut progress: impl FnMut(Progress<'_>)) -> io::Result<Verified> {
    let names = list(disk, folder)?;
    let mut found = Verified { files: Vec::new(), unfinished: names.unfinished };
    for (name, what) in names.impossible {
        found.files.push(VerifiedFile { name, state: FileState::Damaged(Damage { offset: 0, what }) });
    }
    for range in names.leftovers {
        found.files.push(VerifiedFile { name: installed_name(range), state: FileState::Leftover });
    }
    let mut open = Vec::new();
    let mut bytes = 0u64;
    for range in names.files {
        let file = disk.open(&folder.join(installed_name(range)), OpenMode::Read)?;
        let file_bytes = file.len()?;
        bytes = bytes.saturating_add(file_bytes);
        open.push((range, file, file_bytes));
    }
    let mut before = 0u64;
    for (range, file, file_bytes) in open {
        let name = installed_name(range);
        let state = verify_file(&file, range, &mut |done| {
            progress(Progress { file: &name, bytes_done: before + done, bytes });
        })?;
        before += file_bytes;
        progress(Progress { file: &name, bytes_done: before, bytes });
        found.files.push(VerifiedFile { name, state });
    }
    found.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn verify_file(file: &impl DiskFile, range: Range, progress: &mut dyn FnMut(u64)) -> io::Result<FileState> {
    let scanned = scan(file, progress).and_then(|table| check_range(&table, range).map(|()| table));
    match scanned {
        Ok(table) => Ok(FileState::Sound(table.extent())),
        Err(Flaw::Damaged(damage)) => Ok(FileState::Damaged(damage)),
        Err(Flaw::TooNew(version)) => Ok(FileState::TooNew(version)),
        Err(Flaw::Io(error)) => Err(error),
    }
}
