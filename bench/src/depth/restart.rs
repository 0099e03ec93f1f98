//! Restarts after kill -9: from just before the new process is made to the whole answer that brings the first job.
//!
//! Which job comes is of no interest; it stays with nobody when the server is killed again. A connection is tried every
//! millisecond. The server listens early and answers once it has its state back, so that both times are told.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::args::DepthArgs;
use crate::limits::{RESTART_MAX, RESTART_POLL};
use crate::report::{Row, Verdict};
use crate::session::Session;
use crate::sqs::control::{can_connect, receive_one};
use crate::stats::median;
use crate::storage::drop_page_cache;

struct Restart {
    listening: Duration,
    first_job: Duration,
}

/// Kills and restarts a server whose files the system has in memory.
pub(super) fn warm(session: &mut Session, args: &DepthArgs, queue_url: &str) -> anyhow::Result<Row> {
    let restarts = (0..args.restarts).map(|_| {
        session.kill()?;
        restart(session, queue_url)
    });
    let restarts = restarts.collect::<anyhow::Result<Vec<_>>>()?;
    Ok(row(&format!("{} jobs waiting, page cache warm", args.jobs), &restarts, 0.5, 0.1))
}

/// Kills and restarts a server after the system has forgotten its files. The server runs afterwards.
pub(super) fn cold(session: &mut Session, args: &DepthArgs, queue_url: &str) -> anyhow::Result<Row> {
    let what = format!("{} jobs waiting, page cache cold", args.jobs_deep);
    let mut restarts = Vec::new();
    let mut refused = (args.restarts_cold == 0).then(|| "not measured: --restarts-cold 0".to_owned());
    for _ in 0..args.restarts_cold {
        session.kill()?;
        if let Err(error) = drop_page_cache() {
            refused = Some(format!("not measured: the page cache cannot be dropped ({error}); it takes root"));
            session.start_again()?.wait_until_healthy()?;
            break;
        }
        restarts.push(restart(session, queue_url)?);
    }
    let mut row = row(&what, &restarts, 10.0, 3.0);
    if let Some(refused) = refused {
        println!("restart, {what}: {refused}");
        (row.measured, row.verdict) = (refused, Verdict::None);
    }
    Ok(row)
}

fn restart(session: &mut Session, queue_url: &str) -> anyhow::Result<Restart> {
    let target = session.target.clone();
    let server = session.start_again()?;
    let started: Instant = server.started;
    let mut listening = None;
    loop {
        if listening.is_none() && can_connect(target.address) {
            listening = Some(started.elapsed());
        }
        // An error is a server that does not serve yet, unless it ended.
        if listening.is_some() && receive_one(&target, queue_url).unwrap_or(false) {
            let first_job = started.elapsed();
            let listening = listening.unwrap_or(first_job);
            println!("restart: listening after {listening:.1?}, first job after {first_job:.1?}");
            return Ok(Restart { listening, first_job });
        }
        server.check_alive()?;
        ensure!(started.elapsed() < RESTART_MAX, "no job within {} s of the restart", RESTART_MAX.as_secs());
        std::thread::sleep(RESTART_POLL);
    }
}

fn row(what: &str, restarts: &[Restart], pass: f64, goal: f64) -> Row {
    let seconds =
        |of: fn(&Restart) -> Duration| -> Vec<f64> { restarts.iter().map(|one| of(one).as_secs_f64()).collect() };
    let (first_jobs, listening) = (seconds(|one| one.first_job), seconds(|one| one.listening));
    let first_job = median(&first_jobs);
    let longest = first_jobs.iter().copied().fold(0.0, f64::max);
    Row {
        what: format!("kill -9 to first job, {what}"),
        measured: format!(
            "{first_job:.3} s, median of {} (longest {longest:.3} s); listening after {:.3} s",
            restarts.len(),
            median(&listening),
        ),
        pass: format!("{pass} s"),
        goal: format!("{goal} s"),
        verdict: Verdict::of(first_job <= pass, first_job <= goal),
    }
}
