//! Reads every byte of a folder and changes nothing: for a check while the server does not run.

use crate::{
    LoadError,
    format::RunInfo,
    names::{self, Kind},
    store::{Folder, prove},
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_types::LogIndex;
use std::{collections::BTreeMap, io, path::Path};

/// What a file is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Every byte is as it was written.
    Ok,
    /// It is not.
    Damaged {
        /// Where the first bad piece begins.
        offset: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A newer version wrote it, in this format.
    TooNew(u32),
    /// The disk would not read it.
    Unreadable(String),
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    /// Its name in the folder.
    pub name: String,
    /// Its length; 0 if it is missing.
    pub bytes: u64,
    /// What it is worth.
    pub state: FileState,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// All manifests and runs that are there, and runs that should be; other files are not looked at.
    pub files: Vec<VerifiedFile>,
    /// The checkpoints that could be loaded, oldest first.
    pub loadable: Vec<LogIndex>,
}

/// Reads all manifests and runs of a folder. Tells `progress` the bytes that are done, and those of all.
///
/// # Errors
/// If the folder cannot be listed. What is wrong with a file is in what it returns.
pub fn verify<D: Disk>(disk: D, folder: &Path, progress: &mut dyn FnMut(u64, u64)) -> io::Result<Verified> {
    let folder = Folder { disk, dir: folder.to_owned() };
    let names = folder.names()?;
    let len = |name: &str| {
        let opened = folder.disk.open(&folder.path(name), OpenMode::Read);
        opened.and_then(|file| file.len()).unwrap_or(0)
    };
    let mut verified = Verified::default();
    let mut manifests = Vec::new();
    // What each run should be, by each manifest that names it.
    let mut runs: BTreeMap<u64, Vec<RunInfo>> = BTreeMap::new();
    for name in &names {
        match names::kind(name) {
            Kind::Manifest(index) => {
                let manifest = folder.manifest(index);
                let state = manifest.as_ref().map_or_else(state, |_| FileState::Ok);
                verified.files.push(VerifiedFile { name: name.clone(), bytes: len(name), state });
                manifests.extend(manifest);
            }
            Kind::Run(number) => {
                runs.entry(number).or_default();
            }
            Kind::Unfinished | Kind::Received | Kind::Other => {}
        }
    }
    for run in manifests.iter().flat_map(|manifest| &manifest.runs) {
        runs.entry(run.number).or_default().push(*run);
    }
    let all: u64 = runs.keys().map(|number| len(&names::run(*number))).sum();
    let mut done = 0;
    let mut proven: BTreeMap<u64, RunInfo> = BTreeMap::new();
    for (&number, expected) in &runs {
        let name = names::run(number);
        let result = folder.open_run(number).and_then(|file| {
            prove(file, &name, expected.first(), &mut |bytes| {
                done += bytes;
                progress(done, all);
            })
        });
        let state = result.as_ref().map_or_else(state, |_| FileState::Ok);
        verified.files.push(VerifiedFile { bytes: len(&name), name, state });
        proven.extend(result.map(|info| (number, RunInfo { number, ..info })));
    }
    for manifest in manifests {
        if manifest.runs.iter().all(|run| proven.get(&run.number) == Some(run)) {
            verified.loadable.push(manifest.index);
        }
    }
    progress(all, all);
    Ok(verified)
}

fn state(error: &LoadError) -> FileState {
    match error {
        LoadError::Damaged { offset, what, .. } => FileState::Damaged { offset: *offset, what: what.clone() },
        LoadError::TooNew { version, .. } => FileState::TooNew(*version),
        LoadError::Io { source, .. } => FileState::Unreadable(source.to_string()),
        LoadError::Unknown(_) | LoadError::Refused(_) => FileState::Unreadable(error.to_string()),
    }
}
