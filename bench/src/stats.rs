//! What is counted while a workload runs.

use hdrhistogram::Histogram;

use crate::clock::Nanos;
use crate::limits::ERRORS_SHOWN;
use crate::sqs::action::Kind;

/// Latencies in nanoseconds, from the intended time of a call to its whole answer: a microsecond to ten minutes, three
/// digits kept.
#[derive(Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    #[expect(clippy::new_without_default, reason = "one word is enough")]
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1_000, 600_000_000_000, 3).expect("the bounds are in order"))
    }

    pub fn record(&mut self, nanos: Nanos) {
        self.0.saturating_record(nanos);
    }

    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// In microseconds; 0 without any record.
    pub fn quantile_micros(&self, quantile: f64) -> f64 {
        if self.0.is_empty() { 0.0 } else { self.0.value_at_quantile(quantile) as f64 / 1e3 }
    }

    pub fn max_micros(&self) -> f64 {
        self.0.max() as f64 / 1e3
    }
}

/// One window's counts.
#[derive(Clone)]
pub struct Stats {
    calls: Vec<(Kind, Latencies)>,
    /// Jobs deleted, acknowledged by the server.
    pub deleted: u64,
    /// Receives that brought nothing where something was expected.
    pub empty: u64,
    /// From the intended time of a job's send to the answer that brought it.
    pub send_to_receive: Latencies,
    /// How late the tool itself sent what was scheduled.
    pub lateness: Latencies,
    pub errors: u64,
    pub errors_shown: Vec<String>,
}

impl Stats {
    #[expect(clippy::new_without_default, reason = "a window is opened, not defaulted")]
    pub fn new() -> Self {
        Self {
            calls: Kind::ALL.map(|kind| (kind, Latencies::new())).into(),
            deleted: 0,
            empty: 0,
            send_to_receive: Latencies::new(),
            lateness: Latencies::new(),
            errors: 0,
            errors_shown: Vec::new(),
        }
    }

    pub fn record(&mut self, kind: Kind, nanos: Nanos) {
        if let Some((_, latencies)) = self.calls.iter_mut().find(|(held, _)| *held == kind) {
            latencies.record(nanos);
        }
    }

    pub fn error(&mut self, kind: Kind, what: &str) {
        self.errors += 1;
        if self.errors_shown.len() < ERRORS_SHOWN {
            let short: String = what.chars().take(300).collect();
            self.errors_shown.push(format!("{}: {short}", kind.name()));
        }
    }

    /// The kinds that were called, with their latencies.
    pub fn calls(&self) -> impl Iterator<Item = (Kind, &Latencies)> {
        self.calls.iter().filter(|(_, latencies)| latencies.count() > 0).map(|(kind, latencies)| (*kind, latencies))
    }

    /// Calls answered rightly.
    pub fn requests(&self) -> u64 {
        self.calls().map(|(_, latencies)| latencies.count()).sum()
    }

    /// Adds another window's counts.
    pub fn add(&mut self, other: &Self) {
        for ((_, mine), (_, theirs)) in self.calls.iter_mut().zip(&other.calls) {
            mine.add(theirs);
        }
        self.deleted += other.deleted;
        self.empty += other.empty;
        self.send_to_receive.add(&other.send_to_receive);
        self.lateness.add(&other.lateness);
        self.errors += other.errors;
        self.errors_shown.extend(other.errors_shown.iter().cloned());
        self.errors_shown.truncate(ERRORS_SHOWN);
    }
}

/// The middle one; of an even number, the lower of the two.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_medians_are_what_they_say() {
        let mut stats = Stats::new();
        (1..=1_000).for_each(|micros| stats.record(Kind::Send, micros * 1_000));
        let (kind, sends) = stats.calls().next().unwrap();
        assert_eq!((kind, sends.count(), stats.requests()), (Kind::Send, 1_000, 1_000));
        assert!((sends.quantile_micros(0.99) - 990.0).abs() < 1.0);
        assert!((sends.max_micros() - 1_000.0).abs() < 1.0);
        assert_eq!([median(&[3.0, 1.0, 2.0]), median(&[2.0, 1.0]), median(&[])], [2.0, 1.0, 0.0]);
    }
}
