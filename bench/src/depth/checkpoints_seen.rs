//! Counts a server's checkpoints from outside, by the names of its manifests (docs/format.md).
//!
//! Looks a few hundred times a second; one that is replaced sooner is missed, so that the count is a lower bound.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(5);

pub(super) struct CheckpointsSeen {
    count: Arc<AtomicUsize>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl CheckpointsSeen {
    /// Watches the server whose session is in `directory`, until dropped.
    pub(super) fn watch(directory: &Path) -> anyhow::Result<Self> {
        let folder = directory.join("data/checkpoints");
        let (count, (stop, stopped)) = (Arc::new(AtomicUsize::new(0)), mpsc::channel());
        let told = Arc::clone(&count);
        let thread = std::thread::Builder::new().name("checkpoints".to_owned()).spawn(move || {
            let mut names: BTreeSet<OsString> = BTreeSet::new();
            while stopped.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                let found = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
                names.extend(found.filter(|name| Path::new(name).extension().is_some_and(|is| is == "ckpt")));
                told.store(names.len(), Ordering::Relaxed);
            }
        })?;
        Ok(Self { count, stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for CheckpointsSeen {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}
