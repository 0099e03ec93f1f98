//! The connections, driven by one thread: asks a workload what to send next, and hands it the answers.
//!
//! Closed loops and schedules are the same thing here. A connection without a request under way is offered to the
//! workload, which either writes a call or says that there is nothing to do yet; in the latter case it may name the
//! time when there will be. A call's latency counts from its *intended* time, so that a slow server cannot hide its
//! slowness by slowing the questions.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{bail, ensure};
use mio::{Events, Poll, Token};

use crate::clock::{Clock, Nanos, nanos};
use crate::http::connection::Connection;
use crate::limits::{CONNECTIONS_MAX, DRAIN_MAX, ERRORS_MAX, SILENCE_MAX};
use crate::sqs::action::Kind;
use crate::sqs::request::RequestWriter;
use crate::stats::Stats;
use crate::target::Target;
use crate::ticker::Ticker;

/// What to send, decided call by call.
pub trait Workload {
    /// The next call on connection `at`: writes its JSON into `body`; `None` if there is nothing to send now.
    fn next(&mut self, at: usize, now: Nanos, body: &mut Vec<u8>) -> Option<Call>;

    /// Takes the answer (HTTP 200) to the call under way on `at`.
    ///
    /// # Errors
    /// A sentence, if the answer lacks what it should have; it is counted as an error.
    fn answered(&mut self, at: usize, kind: Kind, body: &[u8], now: Nanos, stats: &mut Stats) -> Result<(), String>;

    /// The call under way on `at` failed.
    fn failed(&mut self, at: usize, kind: Kind);

    /// When there will be something to send although there is nothing now; `None` if only an answer can bring it.
    fn wake(&self) -> Option<Nanos> {
        None
    }

    /// True once everything is done.
    fn is_done(&self) -> bool {
        false
    }
}

/// A call, and when it should have been sent.
#[derive(Clone, Copy)]
pub struct Call {
    pub kind: Kind,
    pub intended: Nanos,
}

pub struct Fleet {
    target: Target,
    pub clock: Clock,
    poll: Poll,
    events: Events,
    ticker: Ticker,
    writer: RequestWriter,
    connections: Vec<Connection>,
    under_way: Vec<Option<Call>>,
    under_way_count: usize,
    idle: VecDeque<usize>,
    body: Vec<u8>,
    heard: Nanos,
}

const TICKER: Token = Token(usize::MAX - 1);

impl Fleet {
    /// Opens `count` connections.
    ///
    /// # Errors
    /// If they are too many, or cannot be opened.
    pub fn open(target: &Target, count: usize) -> anyhow::Result<Self> {
        ensure!((1..=CONNECTIONS_MAX).contains(&count), "1 to {CONNECTIONS_MAX} connections, not {count}");
        let poll = Poll::new()?;
        let connections = (0..count).map(|at| Connection::open(target.address, poll.registry(), Token(at)));
        let connections = connections.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self {
            clock: Clock::new(),
            events: Events::with_capacity(1_024),
            ticker: Ticker::new(poll.registry(), TICKER)?,
            writer: RequestWriter::new(target)?,
            under_way: vec![None; count],
            under_way_count: 0,
            idle: (0..count).collect(),
            body: Vec::with_capacity(16 << 10),
            heard: 0,
            target: target.clone(),
            connections,
            poll,
        })
    }

    /// Runs `work` until the time `until`, or until it is done. Calls under way stay under way.
    ///
    /// # Errors
    /// If the server is silent for long, errors are too many, or a connection cannot be reopened.
    pub fn run(&mut self, work: &mut impl Workload, stats: &mut Stats, until: Nanos) -> anyhow::Result<()> {
        self.heard = self.clock.now();
        loop {
            let now = self.clock.now();
            if now >= until || work.is_done() {
                return Ok(());
            }
            while let Some(&at) = self.idle.front() {
                if !self.offer(at, work, stats)? {
                    break;
                }
                self.idle.pop_front();
            }
            let wake = work.wake();
            if wake.is_none() && self.under_way_count == 0 {
                bail!("the workload has nothing to send and nothing under way, and is not done");
            }
            self.wait(wake.unwrap_or(until).min(until))?;
            self.collect(work, stats, true)?;
        }
    }

    /// Waits for the answers still under way, sending nothing more.
    ///
    /// # Errors
    /// As [`Fleet::run`].
    pub fn drain(&mut self, work: &mut impl Workload, stats: &mut Stats) -> anyhow::Result<()> {
        let until = self.clock.now() + nanos(DRAIN_MAX);
        while self.under_way_count > 0 && self.clock.now() < until {
            self.wait(until)?;
            self.collect(work, stats, false)?;
        }
        Ok(())
    }

    fn wait(&mut self, until: Nanos) -> anyhow::Result<()> {
        let now = self.clock.now();
        let silence = now.saturating_sub(self.heard);
        if self.under_way_count > 0 && silence > nanos(SILENCE_MAX) {
            bail!("no answer for {} s with {} calls under way", silence / 1_000_000_000, self.under_way_count);
        }
        let left = Duration::from_nanos(until.saturating_sub(now));
        let timeout = if left < Duration::from_millis(20) {
            self.ticker.set(left)?;
            Duration::from_millis(25)
        } else {
            left.min(Duration::from_millis(100))
        };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Takes what arrived; with `go_on`, offers each connection that became free at once.
    fn collect(&mut self, work: &mut impl Workload, stats: &mut Stats, go_on: bool) -> anyhow::Result<()> {
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        for at in ready {
            let Some(connection) = self.connections.get_mut(at) else { continue };
            let reopen;
            let call = self.under_way.get(at).copied().flatten();
            match (connection.proceed(), call) {
                (Ok(None), _) => continue,
                (Ok(Some(answer)), Some(call)) => {
                    let now = self.clock.now();
                    self.heard = now;
                    reopen = answer.close;
                    let result = if answer.status == 200 {
                        work.answered(at, call.kind, answer.body, now, stats)
                    } else {
                        work.failed(at, call.kind);
                        Err(format!("HTTP {}: {}", answer.status, String::from_utf8_lossy(answer.body)))
                    };
                    match result {
                        Ok(()) => stats.record(call.kind, now.saturating_sub(call.intended)),
                        Err(what) => stats.error(call.kind, &what),
                    }
                }
                (Ok(Some(_)), None) => continue,
                (Err(what), call) => {
                    reopen = true;
                    if let Some(call) = call {
                        work.failed(at, call.kind);
                        stats.error(call.kind, &what);
                    }
                }
            }
            if reopen && let Some(connection) = self.connections.get_mut(at) {
                connection.reopen(self.target.address, self.poll.registry(), Token(at))?;
            }
            if stats.errors > ERRORS_MAX {
                bail!("more than {ERRORS_MAX} errors; the first: {:?}", stats.errors_shown);
            }
            if call.is_some() {
                if let Some(slot) = self.under_way.get_mut(at) {
                    *slot = None;
                }
                self.under_way_count -= 1;
                if !go_on || !self.offer(at, work, stats)? {
                    self.idle.push_back(at);
                }
            }
        }
        Ok(())
    }

    /// Lets the workload send on a free connection; false if it has nothing to send.
    fn offer(&mut self, at: usize, work: &mut impl Workload, stats: &mut Stats) -> anyhow::Result<bool> {
        let now = self.clock.now();
        let Some(call) = work.next(at, now, &mut self.body) else { return Ok(false) };
        let Some(connection) = self.connections.get_mut(at) else { return Ok(false) };
        self.writer.write(&mut connection.request, call.kind.action(), &self.body, &self.clock, now)?;
        stats.lateness.record(now.saturating_sub(call.intended));
        if connection.start().is_err() {
            // The server closed it while it was idle; the request has not been seen. Once more on a new one.
            connection.reopen(self.target.address, self.poll.registry(), Token(at))?;
            self.writer.write(&mut connection.request, call.kind.action(), &self.body, &self.clock, now)?;
            connection.start().map_err(anyhow::Error::msg)?;
        }
        if let Some(slot) = self.under_way.get_mut(at) {
            *slot = Some(call);
        }
        self.under_way_count += 1;
        Ok(true)
    }
}
