//! What a node held and cannot trust any more, put aside in its data folder: nothing is deleted before people have looked at it.

use crate::private_file;
use anyhow::Context;
use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The folder, within the data folder. It has one folder for each time, named by Unix milliseconds.
const FOLDER: &str = "quarantine";
/// Why, in words, within that.
const WHY: &str = "why.txt";
/// What holds the node's share of the data.
const HELD: [&str; 4] = ["log", evenkeel_engine::CHECKPOINTS, evenkeel_engine::BODIES, "snapshot"];

/// Puts aside what the node holds. An earlier quarantine goes, if it was finished: the disk has to hold the state once more.
///
/// One that a crash cut off has no reason in it, and stays; the next start finds the log gone, and does it again.
pub(super) fn put_aside(folder: &Path, why: &str) -> anyhow::Result<String> {
    let all = folder.join(FOLDER);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let name = format!("{FOLDER}/{now}");
    let put = || -> io::Result<()> {
        for (earlier, _) in finished(&all) {
            fs::remove_dir_all(all.join(earlier))?;
        }
        fs::create_dir_all(folder.join(&name))?;
        for held in HELD.iter().filter(|held| folder.join(held).exists()) {
            fs::rename(folder.join(held), folder.join(&name).join(held))?;
        }
        fs::File::open(folder)?.sync_all()
    };
    put().with_context(|| format!("putting aside what is damaged in {}", folder.display()))?;
    private_file::write(&folder.join(&name), WHY, format!("{why}\n").as_bytes())?;
    Ok(name)
}

/// Those that were finished: their names, and when they were begun.
fn finished(all: &Path) -> Vec<(String, u64)> {
    let names = fs::read_dir(all).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| all.join(name).join(WHY).exists())
        .filter_map(|name| Some((name.clone(), name.parse().ok()?)))
        .collect()
}

/// How long ago that was done last.
pub(super) fn since_last(folder: &Path) -> Option<Duration> {
    let last = finished(&folder.join(FOLDER)).into_iter().map(|(_, millis)| millis).max()?;
    SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_millis(last)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_put_aside_and_the_rest_stays() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        assert_eq!(since_last(folder), None);
        for held in ["log", "bodies"] {
            fs::create_dir(folder.join(held)).unwrap();
            fs::write(folder.join(held).join("file"), held).unwrap();
        }
        fs::write(folder.join("cluster.json"), "{}").unwrap();
        let name = put_aside(folder, "a flipped bit").unwrap();
        assert!(!folder.join("log").exists() && folder.join("cluster.json").exists());
        assert_eq!(fs::read_to_string(folder.join(&name).join("bodies/file")).unwrap(), "bodies");
        assert_eq!(fs::read_to_string(folder.join(&name).join(WHY)).unwrap(), "a flipped bit\n");
        assert!(since_last(folder).unwrap() < Duration::from_secs(60));
        // Once more, with less.
        fs::create_dir(folder.join("log")).unwrap();
        std::thread::sleep(Duration::from_millis(2));
        put_aside(folder, "another").unwrap();
        assert_eq!(fs::read_dir(folder.join(FOLDER)).unwrap().count(), 1);
        // One that was cut off may hold all that there is.
        fs::create_dir(folder.join(FOLDER).join("7")).unwrap();
        std::thread::sleep(Duration::from_millis(2));
        put_aside(folder, "a third").unwrap();
        assert_eq!(fs::read_dir(folder.join(FOLDER)).unwrap().count(), 2);
    }
}
