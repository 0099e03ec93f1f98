//! Opening a folder: which checkpoints are there, and what a crash left.

use super::{Checkpoints, Folder};
use crate::{
    CheckpointError, LoadError, Options,
    ballast::Ballast,
    fault::{self, Fault},
    format::manifest::Manifest,
    names::{self, Kind},
};
use evenkeel_disk::{Disk, DiskFile};
use evenkeel_types::LogIndex;
use std::{collections::BTreeSet, path::Path, sync::Arc};

/// A manifest that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedManifest {
    /// Its index, by its name.
    pub index: LogIndex,
    /// Its name in the folder.
    pub file: String,
    /// What is wrong with it or with a run that it names.
    pub why: String,
}

/// What was found when opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// The usable checkpoints, oldest first; their runs are there but were not read.
    pub kept: Vec<LogIndex>,
    /// Those that are not; they stay until the next checkpoint is installed.
    pub damaged: Vec<DamagedManifest>,
    /// Leftovers that were removed.
    pub removed: Vec<String>,
    /// Whether the ballast is there.
    pub has_ballast: bool,
}

impl<D: Disk> Checkpoints<D> {
    /// Opens a folder, and makes it if needed. Reads the manifests, not the runs.
    ///
    /// Removes what nobody needs: unfinished files, and runs that no manifest names (as long as every manifest
    /// can be read). Files that are being received stay, see [`crate::Receiver`].
    ///
    /// # Errors
    /// [`CheckpointError::Io`] if the disk fails, [`CheckpointError::TooNew`] if a newer version was here. A damaged manifest is
    /// no error but told in the report.
    pub fn open(disk: D, folder: &Path, options: Options) -> Result<(Self, OpenReport), CheckpointError> {
        let dir = folder.to_owned();
        let failed = |what: &str| {
            let doing = format!("{what} {}", folder.display());
            move |source| CheckpointError::Io { doing, source }
        };
        disk.create_dir_all(&dir).map_err(failed("making the folder"))?;
        let folder = Folder { disk: disk.clone(), dir: dir.clone() };
        // A process that died may have left names that are there but not durable. What follows
        // relies on them, and removes what they make superfluous.
        if !fault::on(Fault::TrustNames) {
            folder.sync().map_err(failed("syncing the folder"))?;
        }
        let names = folder.names().map_err(failed("listing the folder"))?;
        let mut found = find(&folder, &names)?;
        remove_leftovers(&folder, &names, &mut found).map_err(failed("removing leftovers in"))?;
        let mut checkpoints = Self {
            ballast: Ballast::new(disk, dir, options.ballast_bytes),
            folder,
            options,
            kept_indexes: Vec::new(),
            kept: found.kept,
            next_number: names.iter().filter_map(|name| names::run_number(name)).max().map_or(1, |last| last + 1),
            writing: None,
            merging: None,
            doubtful: Vec::new(),
            wants_whole: false,
            unsettled: !found.damaged.is_empty(),
        };
        checkpoints.count_kept();
        checkpoints.ballast.make();
        let report = OpenReport {
            kept: checkpoints.kept_indexes.clone(),
            damaged: found.damaged,
            removed: found.removed,
            has_ballast: checkpoints.has_ballast(),
        };
        Ok((checkpoints, report))
    }
}

#[derive(Default)]
struct Found {
    kept: Vec<Arc<Manifest>>,
    damaged: Vec<DamagedManifest>,
    removed: Vec<String>,
    /// Runs that some manifest names; those of unreadable ones are not known.
    named: BTreeSet<u64>,
    all_readable: bool,
}

fn find<D: Disk>(folder: &Folder<D>, names: &[String]) -> Result<Found, CheckpointError> {
    let mut found = Found { all_readable: true, ..Found::default() };
    for name in names {
        let Kind::Manifest(index) = names::kind(name) else { continue };
        let damaged = match folder.manifest(index) {
            Ok(manifest) => {
                found.named.extend(manifest.runs.iter().map(|run| run.number));
                match check_runs(folder, &manifest) {
                    Ok(()) => {
                        found.kept.push(Arc::new(manifest));
                        continue;
                    }
                    Err(error) => error,
                }
            }
            Err(error) => {
                found.all_readable = false;
                error
            }
        };
        let why = match damaged {
            LoadError::TooNew { file, version } => return Err(CheckpointError::TooNew { file, version }),
            LoadError::Io { doing, source } => return Err(CheckpointError::Io { doing, source }),
            other => other.to_string(),
        };
        found.damaged.push(DamagedManifest { index, file: name.clone(), why });
    }
    Ok(found)
}

/// Whether the runs are there and as long as they should be.
fn check_runs<D: Disk>(folder: &Folder<D>, manifest: &Manifest) -> Result<(), LoadError> {
    for run in &manifest.runs {
        let name = names::run(run.number);
        let len = folder.open_run(run.number)?.len().map_err(|source| LoadError::reading(&name, source))?;
        if len != run.bytes {
            let what = format!("it has {len} bytes, and the manifest says {}", run.bytes);
            return Err(LoadError::damaged(&name, len.min(run.bytes), what));
        }
    }
    Ok(())
}

fn remove_leftovers<D: Disk>(folder: &Folder<D>, names: &[String], found: &mut Found) -> std::io::Result<()> {
    let keep_runs = !found.all_readable && !fault::on(Fault::ForgetUnreadable);
    for name in names {
        let leftover = match names::kind(name) {
            Kind::Unfinished => true,
            Kind::Run(number) => !keep_runs && !found.named.contains(&number),
            Kind::Manifest(_) | Kind::Received | Kind::Other => false,
        };
        if leftover {
            folder.disk.remove(&folder.path(name))?;
            found.removed.push(name.clone());
        }
    }
    if found.removed.is_empty() { Ok(()) } else { folder.sync() }
}
