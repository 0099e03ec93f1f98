//! Opens the folder: what is there, what is left over, what is damaged.

use crate::{
    body_file::BodyFile,
    error::{Flaw, ShelfError, damaged, io_error},
    extent::Range,
    fault::{self, Fault},
    names::{Names, installed_name},
    shared::Held,
    table::Table,
};
use evenkeel_disk::{Disk, OpenMode};
use std::{io, path::Path, sync::Arc};

/// What was found when the folder was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// How many files there are.
    pub files: u64,
    /// How many bodies they hold.
    pub bodies: u64,
    /// How many bytes they take on disk.
    pub bytes: u64,
    /// Unfinished files that were removed, by name.
    pub unfinished: Vec<String>,
    /// Files that were removed because a later file holds their range, by name.
    pub leftovers: Vec<String>,
}

/// Makes the folder if needed, checks all files, and only then removes what is left over.
pub(crate) fn open<D: Disk>(disk: &D, folder: &Path) -> Result<(Vec<Held<D>>, OpenReport), ShelfError> {
    let folder_io = |doing: &'static str| move |source| io_error(format!("{doing} the folder of body files"), source);
    disk.create_dir_all(folder).map_err(folder_io("making"))?;
    let names = Names::sort(disk.list(folder).map_err(folder_io("listing"))?);
    if let Some((file, what)) = names.impossible.into_iter().next() {
        return Err(ShelfError::Damaged { file, offset: 0, what });
    }
    let mut report = OpenReport { unfinished: names.unfinished, ..OpenReport::default() };
    let mut files = Vec::new();
    for range in names.files {
        let file = open_file(disk, folder, range).map_err(|flaw| flaw.opening(&installed_name(range)))?;
        let extent = file.table.extent();
        report.files += 1;
        report.bodies += extent.bodies;
        report.bytes += extent.bytes;
        files.push(Arc::new(file));
    }
    report.leftovers = names.leftovers.into_iter().map(installed_name).collect();
    // Whoever renamed last may have died before this sync. What is seen here must be durable before anything that it makes
    // superfluous goes.
    if !fault::on(Fault::TrustCache) {
        disk.sync_dir(folder).map_err(folder_io("syncing"))?;
    }
    let removed: Vec<_> = report.unfinished.iter().chain(&report.leftovers).collect();
    for name in &removed {
        disk.remove(&folder.join(name)).map_err(|source| io_error(format!("removing body file {name}"), source))?;
    }
    if !removed.is_empty() {
        disk.sync_dir(folder).map_err(folder_io("syncing"))?;
    }
    Ok((files, report))
}

/// Opens one file, and checks that it is what its name says.
pub(crate) fn open_file<D: Disk>(disk: &D, folder: &Path, range: Range) -> Result<BodyFile<D::File>, Flaw> {
    let file = disk.open(&folder.join(installed_name(range)), OpenMode::Read).map_err(Flaw::Io)?;
    let table = Table::load(&file)?;
    check_range(&table, range)?;
    Ok(BodyFile { file, table })
}

pub(crate) fn check_range(table: &Table, range: Range) -> Result<(), Flaw> {
    if table.range != range && !fault::on(Fault::TrustName) {
        return damaged(24, format!("the file is of entries {} to {}", table.range.first, table.range.last));
    }
    Ok(())
}

/// The names in the folder; none if there is no folder.
pub(crate) fn list<D: Disk>(disk: &D, folder: &Path) -> io::Result<Names> {
    match disk.list(folder) {
        Ok(names) => Ok(Names::sort(names)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Names::default()),
        Err(error) => Err(error),
    }
}
