//! Node with the packages of `tests/clients/javascript`, in a folder under the target folder.

use crate::binary;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest that the packages run on.
const MAJOR_MIN: u32 = 20;

/// Why the tests that need Node cannot run here; `None` if they can.
pub fn missing() -> Option<String> {
    let version = Command::new("node").arg("--version").stderr(Stdio::null()).output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let major = version.strip_prefix('v').and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    let npm = Command::new("npm").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match major {
        Some(major) if major < MAJOR_MIN => Some(format!("Node is {version}, and {MAJOR_MIN} or newer is needed")),
        Some(_) if npm.is_ok_and(|status| status.success()) => None,
        Some(_) => Some("npm is not installed".into()),
        None => Some("Node is not installed".into()),
    }
}

/// A folder with the scripts of `tests/clients/javascript` and the packages they import, as the lock file has them;
/// installed if they are not there.
///
/// # Panics
/// If they cannot be installed; says what to do.
pub fn folder() -> PathBuf {
    let source = binary::workspace().join("tests/clients/javascript");
    let folder = binary::target_dir().join("clients-node");
    let lock = source.join("package-lock.json");
    // Written last, so that what is half installed is installed again.
    let stamp = folder.join("installed.json");
    if fs::read(&stamp).ok() != fs::read(&lock).ok() {
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the target folder can be written");
        copy(&source, &folder, "json");
        // No package here needs to run anything to be installed.
        let status = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .status()
            .expect("npm can be run");
        assert!(status.success(), "npm ci failed ({status}) in {}; it needs the package index, once", folder.display());
        fs::copy(&lock, &stamp).expect("the folder is there");
    }
    // Modules look for packages from where they lie.
    copy(&source, &folder, "mjs");
    folder
}

fn copy(from: &Path, to: &Path, extension: &str) {
    let files = fs::read_dir(from).expect("the scripts are there").flatten();
    for file in files.filter(|file| file.path().extension().is_some_and(|found| found == extension)) {
        fs::copy(file.path(), to.join(file.file_name())).expect("the target folder can be written");
    }
}
