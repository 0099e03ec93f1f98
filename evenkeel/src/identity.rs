//! The data folder's identity: the log's random name, made once and kept beside the log.
//!
//! It stands in every segment, so that a segment of another log, copied in by mistake, is refused.

use anyhow::{Context, bail};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log_local::LogId;
use std::path::Path;

const FILE: &str = "log-id";
const BYTES: usize = 32;

/// Reads the name, or makes one in a folder that has no log yet.
pub(crate) fn load<D: Disk>(disk: &D, folder: &Path) -> anyhow::Result<LogId> {
    let path = folder.join(FILE);
    let names = disk.list(folder).with_context(|| format!("reading {}", folder.display()))?;
    if names.iter().any(|name| name == FILE) {
        return read(disk, &path).with_context(|| path.display().to_string());
    }
    if names.iter().any(|name| name == "log") {
        bail!("{} is missing, but there is a log; restore the whole data folder", path.display());
    }
    let mut id = [0; 16];
    getrandom::fill(&mut id).context("the system's random source")?;
    write(disk, folder, LogId(id)).with_context(|| format!("writing {}", path.display()))?;
    Ok(LogId(id))
}

/// Gives a folder that has no log yet the name of another's, which it will hold a copy of.
pub(crate) fn adopt<D: Disk>(disk: &D, folder: &Path, id: LogId) -> anyhow::Result<()> {
    write(disk, folder, id).with_context(|| format!("writing {}", folder.join(FILE).display()))
}

fn write<D: Disk>(disk: &D, folder: &Path, id: LogId) -> std::io::Result<()> {
    // A start that is killed half way must not leave a name that is not whole.
    let unfinished = folder.join("log-id.unfinished");
    if disk.list(folder)?.iter().any(|name| name == "log-id.unfinished") {
        disk.remove(&unfinished)?;
    }
    let file = disk.open(&unfinished, OpenMode::CreateNew)?;
    file.write_all_at(format!("{:032x}", u128::from_be_bytes(id.0)).as_bytes(), 0)?;
    file.sync()?;
    disk.rename(&unfinished, &folder.join(FILE))?;
    disk.sync_dir(folder)
}

fn read<D: Disk>(disk: &D, path: &Path) -> anyhow::Result<LogId> {
    let file = disk.open(path, OpenMode::Read)?;
    let mut text = [0; BYTES];
    if file.len()? != BYTES as u64 {
        bail!("it is damaged: it should be {BYTES} hex digits");
    }
    file.read_exact_at(&mut text, 0)?;
    let id = std::str::from_utf8(&text).ok().and_then(|text| u128::from_str_radix(text, 16).ok());
    id.map(|id| LogId(id.to_be_bytes())).context("it is damaged: it should be 32 hex digits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_disk::RealDisk;

    #[test]
    fn a_folder_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let made = load(&RealDisk, folder.path()).unwrap();
        assert_eq!(load(&RealDisk, folder.path()).unwrap(), made);
        std::fs::write(folder.path().join(FILE), "short").unwrap();
        assert!(format!("{:#}", load(&RealDisk, folder.path()).unwrap_err()).contains("damaged"));
    }

    #[test]
    fn a_log_without_its_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("log")).unwrap();
        assert!(load(&RealDisk, folder.path()).unwrap_err().to_string().contains("missing"));
    }
}
