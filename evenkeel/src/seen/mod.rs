//! How the server is seen from outside: what it counts, and whether it serves.

mod cluster;
mod metrics;
mod ready;
mod usage;

pub(crate) use metrics::page as metrics_page;
pub(crate) use ready::readiness;

use crate::cluster::Cluster;
use evenkeel_engine::{Halted, Meters};
use evenkeel_log_local::SyncTimes;
use evenkeel_metrics::{BUSY_MICROS, Counts, Requests, Roster};
use evenkeel_types::{AccountId, WallTime};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use usage::Usage;

/// Where numbers come from besides the engine.
pub(crate) struct Sources {
    pub(crate) meters: Arc<Meters>,
    /// Whether an entry cannot be applied.
    pub(crate) halted: Arc<Halted>,
    /// How long syncs took, in microseconds.
    pub(crate) syncs: Box<dyn Fn() -> Counts + Send + Sync>,
    /// The data folder.
    pub(crate) folder: PathBuf,
    /// Queues that are told of by name.
    pub(crate) queues_max: usize,
    pub(crate) jobs_max: u64,
    pub(crate) bytes_max: u64,
    /// If the server is one node of several.
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// When the server started.
    pub(crate) started: WallTime,
}

/// How long syncs took, by the ranges that are told.
pub(crate) fn sync_counts(times: SyncTimes) -> Box<dyn Fn() -> Counts + Send + Sync> {
    Box::new(move || {
        let (counts, sum) = times.ranges(BUSY_MICROS);
        Counts { bounds: BUSY_MICROS.to_vec(), counts, sum }
    })
}

/// What is seen, shared by all threads.
pub(crate) struct Seen {
    sources: Sources,
    /// One for each thread that serves connections.
    threads: Mutex<Vec<Arc<Requests>>>,
    roster: Mutex<Roster<(AccountId, Arc<str>)>>,
    usage: Usage,
}

impl Seen {
    pub(crate) fn new(sources: Sources) -> Self {
        let (roster, usage) = (Roster::new(sources.queues_max), Usage::new(sources.folder.clone()));
        Self { sources, threads: Mutex::default(), roster: Mutex::new(roster), usage }
    }

    /// Counters for one more thread.
    pub(crate) fn thread(&self) -> Arc<Requests> {
        let requests = Arc::new(Requests::new(evenkeel_sqs::ACTIONS.len()));
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&requests));
        requests
    }
}
