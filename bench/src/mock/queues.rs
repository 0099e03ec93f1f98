//! The mock's queues: groups in a ring, each with its jobs; and the file from which they come back.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Default)]
pub(super) struct Queues {
    state: Mutex<BTreeMap<Vec<u8>, Queue>>,
    arrived: Condvar,
    /// A line for each job: URL, group and body, none of which contains a tab or the end of a line.
    file: Option<File>,
}

#[derive(Default)]
struct Queue {
    groups: HashMap<Vec<u8>, VecDeque<Vec<u8>>>,
    ring: VecDeque<Vec<u8>>,
    leased: HashSet<u64>,
    handle: u64,
}

impl Queues {
    pub(super) fn open(folder: Option<&Path>) -> anyhow::Result<Self> {
        let mut queues = Self::default();
        if let Some(folder) = folder {
            let path = folder.join("jobs");
            for line in fs::read(&path).unwrap_or_default().split(|&byte| byte == b'\n') {
                let mut parts = line.split(|&byte| byte == b'\t');
                if let (Some(url), Some(group), Some(body)) = (parts.next(), parts.next(), parts.next()) {
                    queues.put(url, group, body);
                }
            }
            queues.file = Some(File::options().append(true).create(true).open(path)?);
        }
        Ok(queues)
    }

    pub(super) fn send(&self, url: &[u8], group: &[u8], body: &[u8]) -> anyhow::Result<()> {
        if let Some(mut file) = self.file.as_ref() {
            file.write_all(&[url, b"\t", group, b"\t", body, b"\n"].concat())?;
        }
        self.put(url, group, body);
        Ok(())
    }

    fn put(&self, url: &[u8], group: &[u8], body: &[u8]) {
        let mut state = self.lock();
        let queue = state.entry(url.to_vec()).or_default();
        let jobs = queue.groups.entry(group.to_vec()).or_default();
        if jobs.is_empty() {
            queue.ring.push_back(group.to_vec());
        }
        jobs.push_back(body.to_vec());
        self.arrived.notify_one();
    }

    pub(super) fn purge(&self, url: &[u8]) {
        self.lock().remove(url);
    }

    /// Up to `count` jobs with their handles, waiting up to `wait` for the first.
    pub(super) fn receive(&self, url: &[u8], count: usize, wait: Duration) -> Vec<(u64, Vec<u8>)> {
        let end = Instant::now() + wait;
        let mut state = self.lock();
        loop {
            let jobs: Vec<_> = match state.get_mut(url) {
                Some(queue) => std::iter::from_fn(|| queue.take()).take(count).collect(),
                None => Vec::new(),
            };
            let left = end.saturating_duration_since(Instant::now());
            if !jobs.is_empty() || left.is_zero() {
                return jobs;
            }
            let waited = self.arrived.wait_timeout(state, left.min(Duration::from_millis(5)));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn delete(&self, url: &[u8], handle: u64) -> bool {
        self.lock().get_mut(url).is_some_and(|queue| queue.leased.remove(&handle))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Queue>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn take(&mut self) -> Option<(u64, Vec<u8>)> {
        let group = self.ring.pop_front()?;
        let jobs = self.groups.get_mut(&group)?;
        let body = jobs.pop_front()?;
        if jobs.is_empty() {
            self.groups.remove(&group);
        } else {
            self.ring.push_back(group);
        }
        self.handle += 1;
        self.leased.insert(self.handle);
        Some((self.handle, body))
    }
}
