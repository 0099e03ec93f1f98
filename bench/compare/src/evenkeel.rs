//! Evenkeel itself, by its own load tool, in the same terms as the others.

use crate::measure::{NOISY_JOBS, QUIET_JOBS, Scale};
use anyhow::{Context as _, ensure};
use evenkeel_bench::{
    cli::{Common, CycleArgs, FairnessArgs},
    payload::Payloads,
    procfs::Memory,
    session::Session,
    sqs::control::receive_one,
    workload::{
        cycle, fairness,
        fill::{Groups, fill_with},
    },
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

pub struct Evenkeel(Session);

impl Evenkeel {
    /// Starts it on an empty folder.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(server: &std::path::Path, parent: PathBuf) -> anyhow::Result<Self> {
        let common = Common {
            endpoint: None,
            access_key: "test".to_owned(),
            secret_key: "test".to_owned(),
            pid: None,
            server: Some(server.to_owned()),
            server_arg: Vec::new(),
            data_dir: Some(parent),
        };
        Session::open(&common).map(Self)
    }

    pub fn cycles(&mut self, scale: &Scale, batch: usize) -> anyhow::Result<f64> {
        let args = CycleArgs {
            connections: scale.connections,
            batch,
            groups: scale.groups,
            prefill: 0,
            seconds: scale.seconds,
            warmup: scale.warmup,
            runs: 1,
        };
        let windows = cycle::run(&mut self.0, &args)?;
        ensure!(windows.iter().all(|window| window.stats.errors == 0), "there were errors");
        Ok(cycle::median_jobs(&windows))
    }

    /// Fills a queue; returns its URL.
    pub fn fill(&mut self, scale: &Scale, jobs: usize) -> anyhow::Result<String> {
        let queue = self.0.queue("compare")?;
        let payloads = Payloads::new(7, scale.body);
        fill_with(payloads, &self.0.target, &queue, &Groups::InTurn(scale.groups), jobs, b'j', scale.connections)?;
        Ok(queue)
    }

    pub fn memory(&self) -> anyhow::Result<u64> {
        Ok(Memory::of(self.0.pid.context("it does not run")?)?.pss)
    }

    pub fn first_job_after_crash(&mut self, queue: &str) -> anyhow::Result<Duration> {
        self.0.kill()?;
        let target = self.0.target.clone();
        let started = self.0.start_again()?.started;
        let give_up = Instant::now() + Duration::from_secs(300);
        while !receive_one(&target, queue).unwrap_or(false) {
            ensure!(Instant::now() < give_up, "no job within five minutes of the restart");
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(started.elapsed())
    }

    pub fn quiet_waits(&mut self) -> anyhow::Result<(u64, u64)> {
        let args = FairnessArgs { backlog: usize::try_from(NOISY_JOBS)?, tenants: 10, jobs_each: 2 };
        let (behind_one, _) = fairness::run(&mut self.0, &args)?;
        ensure!(QUIET_JOBS == 10, "the tenth is the last");
        Ok((behind_one.first, behind_one.tenth))
    }
}
