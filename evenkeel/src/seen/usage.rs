//! What the process takes of the machine: disk by kind of file, memory, processor time.
//!
//! Looking costs a system call for each file, so it is done on a thread that may wait, and by however many ask, once a second.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A look is good for so long.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// The folders of the data folder, and what is in them.
const KINDS: [(&str, &str); 3] =
    [("log", "log"), (evenkeel_engine::CHECKPOINTS, "checkpoints"), (evenkeel_engine::BODIES, "bodies")];
/// Ticks of the processor time that Linux tells to programs: 100 on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    /// Bytes that files take, by their kind.
    pub(super) disk: Vec<(&'static str, u64)>,
    /// Bytes that the disk still has for us.
    pub(super) disk_free: Option<u64>,
    /// Bytes of memory that are there.
    pub(super) resident: Option<u64>,
    /// Processor time, in hundredths of a second.
    pub(super) ticks: Option<u64>,
}

impl Used {
    /// Processor time in seconds.
    #[expect(clippy::cast_precision_loss, reason = "a process does not run for 2^53 ticks")]
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        self.ticks.map(|ticks| ticks as f64 / TICKS_PER_SECOND as f64)
    }
}

pub(super) struct Usage {
    folder: PathBuf,
    last: Arc<Mutex<Option<(Instant, Used)>>>,
}

impl Usage {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, last: Arc::default() }
    }

    /// What is used now, or was within the last second.
    pub(super) async fn look(&self) -> Used {
        let (folder, last) = (self.folder.clone(), Arc::clone(&self.last));
        // One looks, the others wait for what it sees.
        let looked = tokio::task::spawn_blocking(move || {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            match &*last {
                Some((at, used)) if at.elapsed() < GOOD_FOR => used.clone(),
                _ => {
                    let used = used(&folder);
                    *last = Some((Instant::now(), used.clone()));
                    used
                }
            }
        });
        looked.await.unwrap_or_default()
    }
}

fn used(folder: &Path) -> Used {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    Used {
        disk: KINDS.iter().map(|(name, kind)| (*kind, bytes_in(&folder.join(name)))).collect(),
        disk_free: rustix::fs::statvfs(folder).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        resident: resident(&status),
        ticks: ticks(&stat),
    }
}

/// What the files of a folder take on the disk. Files that come and go meanwhile do no harm.
fn bytes_in(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file);
    files.map(|file| file.blocks() * 512).sum()
}

/// `VmRSS` of `/proc/self/status`, in bytes (proc(5)).
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1_024)
}

/// `utime` and `stime` of `/proc/self/stat`: the twelfth and thirteenth field behind the command's name, which may hold blanks.
fn ticks(stat: &str) -> Option<u64> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_of_a_process_is_read() {
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t  1234 kB\n"), Some(1_263_616));
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 1 0 100";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!((resident(""), ticks("")), (None, None));
        let now = used(Path::new("/"));
        assert!(now.resident.is_some_and(|bytes| bytes > 100_000) && now.ticks.is_some(), "{now:?}");
    }

    #[test]
    fn files_count_with_what_they_take() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        fs::write(folder.path().join("log/1"), vec![1; 10_000]).unwrap();
        let used = used(folder.path());
        let of = |wanted| used.disk.iter().find(|(kind, _)| *kind == wanted).map(|(_, bytes)| *bytes);
        assert!(of("log").is_some_and(|bytes| (8_192..=32_768).contains(&bytes)), "{used:?}");
        assert_eq!(of("bodies"), Some(0));
        assert!(used.disk_free.is_some());
    }
}
