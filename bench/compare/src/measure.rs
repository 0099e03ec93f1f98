//! The measurements, the same for all: throughput of full cycles, what waiting costs, a crash, a quiet tenant's wait.

use crate::{
    conversation::{Plan, Shared, Tally, Task},
    fleet::Fleet,
    rival::{Rival, Running},
};
use anyhow::ensure;
use evenkeel_bench::procfs::Memory;
use std::time::{Duration, Instant};

/// Jobs of the noisy tenant before the quiet one's ten.
pub const NOISY_JOBS: u64 = 20_000;
pub const QUIET_JOBS: u64 = 10;
const FOREVER: Duration = Duration::from_secs(900);

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub seconds: u64,
    pub warmup: u64,
    pub connections: usize,
    pub body: usize,
    pub groups: usize,
}

fn plan(scale: &Scale, task: Task, batch: usize) -> Plan {
    Plan { task, batch, body: scale.body, tag: b'n', groups: scale.groups, first_group: 0 }
}

fn fleet(rival: Rival, running: &Running, plan: Plan, connections: usize, tally: &Shared) -> anyhow::Result<Fleet> {
    let each = (0..connections).map(|at| rival.conversation(plan, tally, at, connections)).collect();
    Fleet::open(running.address, each, Shared::clone(tally))
}

/// Waits until a queue can be used: RabbitMQ elects its leader first.
///
/// # Errors
/// It never can.
pub fn prepare(rival: Rival, running: &Running, scale: &Scale) -> anyhow::Result<()> {
    let give_up = Instant::now() + Duration::from_secs(60);
    loop {
        let used = fleet(rival, running, plan(scale, Task::Drain, 1), 1, &Shared::default())
            .and_then(|mut fleet| fleet.run(Duration::from_millis(300), |_| false));
        match used {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > give_up => return Err(error),
            Err(_) => {}
        }
    }
}

/// Finished jobs a second.
///
/// # Errors
/// The server does not play along.
pub fn cycles(rival: Rival, running: &Running, scale: &Scale, batch: usize) -> anyhow::Result<f64> {
    let tally = Shared::default();
    tally.borrow_mut().to_send = u64::MAX;
    let mut fleet = fleet(rival, running, plan(scale, Task::Cycle, batch), scale.connections, &tally)?;
    fleet.run(Duration::from_secs(scale.warmup), |_| false)?;
    let before = tally.borrow().finished;
    let took = fleet.run(Duration::from_secs(scale.seconds), |_| false)?;
    let finished = tally.borrow().finished - before;
    ensure!(finished > 0, "nothing was finished");
    drop(fleet);
    drain(rival, running, scale)?;
    Ok(finished as f64 / took.as_secs_f64())
}

/// Takes out what a run left, as far as it was not taken by connections that are gone.
fn drain(rival: Rival, running: &Running, scale: &Scale) -> anyhow::Result<()> {
    let tally = Shared::default();
    let mut fleet = fleet(rival, running, plan(scale, Task::Drain, 10), 4, &tally)?;
    fleet.run(Duration::from_millis(1_500), |_| false).map(|_| ())
}

/// Sends jobs. Returns how long it took.
///
/// # Errors
/// The server does not play along.
pub fn fill(
    rival: Rival,
    running: &Running,
    scale: &Scale,
    jobs: u64,
    tag: u8,
    group: Option<usize>,
) -> anyhow::Result<Duration> {
    let tally = Shared::default();
    tally.borrow_mut().to_send = jobs;
    let one = plan(scale, Task::Fill, 10);
    let plan = Plan { tag, groups: group.map_or(scale.groups, |_| 1), first_group: group.unwrap_or(0), ..one };
    let mut fleet = fleet(rival, running, plan, scale.connections, &tally)?;
    let took = fleet.run(FOREVER, |tally| tally.borrow().sent >= jobs)?;
    ensure!(tally.borrow().sent >= jobs, "only {} of {jobs} jobs were sent", tally.borrow().sent);
    Ok(took)
}

/// Bytes that the server takes.
///
/// # Errors
/// It is gone.
pub fn memory(running: &Running) -> anyhow::Result<u64> {
    Ok(Memory::of(running.pid)?.pss)
}

/// From a new process to the first job of those that wait.
///
/// # Errors
/// No job comes.
pub fn first_job(rival: Rival, running: &Running, scale: &Scale) -> anyhow::Result<Duration> {
    let give_up = Instant::now() + Duration::from_secs(300);
    loop {
        let tally = Shared::default();
        let heard = fleet(rival, running, plan(scale, Task::Drain, 1), 1, &tally)
            .and_then(|mut fleet| fleet.run(Duration::from_secs(2), |tally| tally.borrow().finished > 0));
        if heard.is_ok() && tally.borrow().finished > 0 {
            return Ok(running.age());
        }
        // Not yet: it loads, or has not elected itself.
        ensure!(Instant::now() < give_up, "no job within five minutes of the restart");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Jobs of the noisy tenant that are served before the quiet one's first and tenth.
///
/// # Errors
/// The server does not play along.
pub fn quiet_waits(rival: Rival, running: &Running, scale: &Scale) -> anyhow::Result<(u64, u64)> {
    fill(rival, running, scale, NOISY_JOBS, b'n', Some(1))?;
    fill(rival, running, scale, QUIET_JOBS, b'q', Some(2))?;
    let tally = Shared::default();
    *tally.borrow_mut() = Tally { tags: Some(Vec::new()), ..Tally::default() };
    let mut fleet = fleet(rival, running, plan(scale, Task::Drain, 1), 1, &tally)?;
    let count =
        |tally: &Shared, tag: u8| tally.borrow().tags.iter().flatten().filter(|&&seen| seen == tag).count() as u64;
    fleet.run(FOREVER, |tally| tally.borrow().finished >= NOISY_JOBS + QUIET_JOBS)?;
    ensure!(count(&tally, b'q') == QUIET_JOBS, "the quiet tenant's jobs did not come");
    let tags = tally.borrow().tags.clone().unwrap_or_default();
    let before = |nth: usize| {
        let at = tags.iter().enumerate().filter(|(_, tag)| **tag == b'q').nth(nth).map_or(0, |(at, _)| at);
        tags.iter().take(at).filter(|tag| **tag == b'n').count() as u64
    };
    Ok((before(0), before(9)))
}
