//! How far it is: a line that updates itself on a terminal, else a line every few seconds.

use evenkeel_check::Step;
use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

/// How often the line on a terminal is written anew.
const ON_TERMINAL: Duration = Duration::from_millis(100);
/// How often a line is written elsewhere. A check that takes less writes none.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Tells of the progress, on standard error.
pub(super) struct Progress {
    is_terminal: bool,
    is_quiet: bool,
    begun: Instant,
    told: Instant,
    /// There is a line on the terminal to be wiped out.
    has_line: bool,
}

impl Progress {
    pub(super) fn new(is_quiet: bool) -> Self {
        let now = Instant::now();
        Self { is_terminal: std::io::stderr().is_terminal(), is_quiet, begun: now, told: now, has_line: false }
    }

    /// So much of a step is done.
    pub(super) fn tell(&mut self, step: Step, done: u64, all: u64) {
        let every = if self.is_terminal { ON_TERMINAL } else { ELSEWHERE };
        if self.is_quiet || self.told.elapsed() < every {
            return;
        }
        self.told = Instant::now();
        let line = line(step, done, all, self.begun.elapsed());
        // Nobody is helped if this fails.
        let mut stderr = std::io::stderr().lock();
        _ = if self.is_terminal { write!(stderr, "\r\x1b[K{line}") } else { writeln!(stderr, "{line}") };
        self.has_line = self.is_terminal;
    }

    /// Leaves the terminal as if nothing had been.
    pub(super) fn end(&mut self) {
        if self.has_line {
            let mut stderr = std::io::stderr().lock();
            _ = write!(stderr, "\r\x1b[K").and_then(|()| stderr.flush());
        }
    }
}

fn line(step: Step, done: u64, all: u64, since: Duration) -> String {
    let what = match step {
        Step::Checkpoints => "1/6 reading checkpoints",
        Step::BodyFiles => "2/6 reading body files",
        Step::States => "3/6 loading checkpoints",
        Step::Log => "4/6 reading and replaying the log",
        Step::Audit => "5/6 counting everything anew",
        Step::Bodies => "6/6 reading the bodies of jobs",
    };
    let percent = done.saturating_mul(100).checked_div(all).unwrap_or(100).min(100);
    format!("{what}: {percent} % ({} s)", since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_step_share_and_time() {
        let told = line(Step::Log, 50, 200, Duration::from_secs(7));
        assert_eq!(told, "4/6 reading and replaying the log: 25 % (7 s)");
        assert_eq!(line(Step::Bodies, 0, 0, Duration::ZERO), "6/6 reading the bodies of jobs: 100 % (0 s)");
    }
}
