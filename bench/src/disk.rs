//! The yardstick: how long the disk itself takes to make 4 KiB durable.
//!
//! A figure of a durable server means nothing without it. Each sample appends 4 KiB to a file and calls `fdatasync`,
//! in the directory of the server's data: 500 times (for a second at most) just before a run, and a few times a second
//! during it, when it queues behind the server's own syncs.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::Context as _;

use crate::clock::nanos;
use crate::limits::{SYNC_EVERY, SYNCS_BEFORE, SYNCS_BEFORE_TIME};
use crate::stats::Latencies;

/// Syncs before a run.
///
/// # Errors
/// As the file system says.
pub fn probe_before(directory: &Path) -> anyhow::Result<Latencies> {
    let mut probe = Probe::open(directory, "before")?;
    let mut latencies = Latencies::new();
    let start = Instant::now();
    for _ in 0..SYNCS_BEFORE {
        probe.sample(&mut latencies)?;
        if start.elapsed() > SYNCS_BEFORE_TIME {
            break;
        }
    }
    Ok(latencies)
}

/// Syncs beside a run, on a thread of their own, until stopped.
pub struct Beside {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<anyhow::Result<Latencies>>,
}

impl Beside {
    /// # Errors
    /// As the file system says.
    pub fn start(directory: &Path) -> anyhow::Result<Self> {
        let mut probe = Probe::open(directory, "beside")?;
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("disk probe".to_owned()).spawn(move || {
            let mut latencies = Latencies::new();
            while stopped.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Timeout) {
                probe.sample(&mut latencies)?;
            }
            Ok(latencies)
        })?;
        Ok(Self { stop, thread })
    }

    /// # Errors
    /// If a sync failed.
    pub fn stop(self) -> anyhow::Result<Latencies> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow::anyhow!("the disk probe panicked"))?
    }
}

struct Probe {
    file: File,
    path: PathBuf,
}

impl Probe {
    fn open(directory: &Path, name: &str) -> anyhow::Result<Self> {
        let path = directory.join(format!("disk-probe-{name}-{}", std::process::id()));
        let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self { file, path })
    }

    fn sample(&mut self, latencies: &mut Latencies) -> anyhow::Result<()> {
        let start = Instant::now();
        self.file.write_all(&[0x5a; 4096])?;
        self.file.sync_data()?;
        latencies.record(nanos(start.elapsed()));
        Ok(())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // What is left behind is a small file in a temporary folder.
        _ = fs::remove_file(&self.path);
    }
}
