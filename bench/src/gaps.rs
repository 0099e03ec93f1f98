//! The gaps of the server's engine, from what it says at its stop.
//!
//! A *gap* is how long its one loop was busy at a time: what a request that has just come waits before it is looked
//! at. The server keeps them all; a client sees only those that happen to hit it. *Work* is for how long the loop had a
//! processor in that time: where it is much less, others had it, as the load tool has on the same machine.

use std::time::Duration;

use anyhow::Context as _;

use crate::stalls::{Stall, outside};

/// Microseconds, within 1 %; since the server's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    pub rounds: u64,
    pub p99: u64,
    pub p999: u64,
    pub longest: u64,
    pub most_work: u64,
}

impl Gaps {
    /// Reads the last such line of a server's log.
    ///
    /// # Errors
    /// If there is none: it did not stop by itself, or is too old.
    pub fn read(log: &str) -> anyhow::Result<Self> {
        let line = log.lines().rev().find(|line| line.contains("rounds of the engine:"));
        let line = line.context("the server's log does not tell the engine's gaps")?;
        parse(line).with_context(|| format!("not understood: {line}"))
    }

    /// The worse of each.
    pub fn worse(self, other: Self) -> Self {
        Self {
            rounds: self.rounds + other.rounds,
            p99: self.p99.max(other.p99),
            p999: self.p999.max(other.p999),
            longest: self.longest.max(other.longest),
            most_work: self.most_work.max(other.most_work),
        }
    }
}

impl std::fmt::Display for Gaps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = |micros: u64| micros as f64 / 1e3;
        let [p99, p999, longest, work] = [self.p99, self.p999, self.longest, self.most_work].map(millis);
        write!(f, "p99 {p99:.2} ms, p99.9 {p999:.2} ms, longest {longest:.2} ms of {} rounds, ", self.rounds)?;
        write!(f, "most work in one {work:.2} ms")
    }
}

/// One of the longest rounds: begin and end after 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    pub from: Duration,
    pub to: Duration,
}

/// The longest rounds that a server's log tells of, the longest first.
///
/// # Errors
/// If one is not understood.
pub fn long_rounds(log: &str) -> anyhow::Result<Vec<Round>> {
    let lines = log.lines().filter(|line| line.contains(" a long round of the engine: "));
    lines.map(|line| parse_round(line).with_context(|| format!("not understood: {line}"))).collect()
}

/// The longest of the rounds without what of each the machine stood still. The server tells only of its longest: what it does not tell of was no longer
/// than the shortest of them.
pub fn longest_outside(rounds: &[Round], stalls: &[Stall]) -> Duration {
    rounds.iter().map(|round| outside(round.from, round.to, stalls)).max().unwrap_or_default()
}

fn parse_round(line: &str) -> Option<Round> {
    let (_, after) = line.split_once(" a long round of the engine: busy ")?;
    let (busy, after) = after.split_once(" us, work ")?;
    let (_, after) = after.split_once(" us, ended ")?;
    let ended = after.split(' ').next()?;
    let to = Duration::from_micros(ended.parse().ok()?);
    Some(Round { from: to.checked_sub(Duration::from_micros(busy.parse().ok()?))?, to })
}

fn parse(line: &str) -> Option<Gaps> {
    let (before, after) = line.split_once(" rounds of the engine: busy p99 ")?;
    let (p99, after) = after.split_once(" us, p99.9 ")?;
    let (p999, after) = after.split_once(" us, longest ")?;
    let (longest, after) = after.split_once(" us, most work ")?;
    let rounds = before.rsplit(' ').next()?;
    let most_work = after.split(' ').next()?;
    Some(Gaps {
        rounds: rounds.parse().ok()?,
        p99: p99.parse().ok()?,
        p999: p999.parse().ok()?,
        longest: longest.parse().ok()?,
        most_work: most_work.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rounds_are_measured_without_what_the_machine_stood_still() {
        let line = |busy, ended| {
            format!(
                "2026-01-01T00:00:00Z  INFO evenkeel::serve: a long round of the engine: busy {busy} us, work 9 us, ended {ended} us after 1970"
            )
        };
        let log = format!("{}\nstopped\n{}\n", line(50_000, 1_000_000), line(10_000, 2_000_000));
        let rounds = long_rounds(&log).unwrap();
        assert_eq!(rounds[0], Round { from: Duration::from_millis(950), to: Duration::from_secs(1) });
        assert_eq!(longest_outside(&rounds, &[]), Duration::from_millis(50));
        let stall = Stall { from: Duration::from_millis(940), to: Duration::from_millis(995) };
        assert_eq!(longest_outside(&rounds, &[stall]), Duration::from_millis(10));
        assert!(long_rounds(" a long round of the engine: busy").is_err());
    }

    #[test]
    fn the_last_line_counts_and_a_log_without_one_is_an_error() {
        let line = "2026-01-01T00:00:00Z  INFO evenkeel::serve: 7 rounds of the engine: busy p99 10 us, p99.9 20 us, longest 3000 us, most work 2000 us";
        let log = format!("{}\n{line}\nstopped\n", line.replace("7 rounds", "1 rounds"));
        let gaps = Gaps::read(&log).unwrap();
        assert_eq!(gaps, Gaps { rounds: 7, p99: 10, p999: 20, longest: 3_000, most_work: 2_000 });
        assert_eq!(gaps.worse(Gaps { p99: 11, ..gaps }), Gaps { rounds: 14, p99: 11, ..gaps });
        assert!(gaps.to_string().ends_with("longest 3.00 ms of 7 rounds, most work in one 2.00 ms"));
        assert!(Gaps::read("stopped\n").is_err());
        assert!(Gaps::read("x rounds of the engine: busy").is_err());
    }
}
