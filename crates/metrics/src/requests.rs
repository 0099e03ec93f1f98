//! Requests by action and outcome, and how long each took: one record per thread, added up by who asks.

use crate::{Counter, Counts, Histogram, Kind, REQUEST_MICROS, Text};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// The caller may not (HTTP 401 and 403): a wrong signature, most likely.
    Denied,
    /// The caller asked for what cannot be (other HTTP 4xx).
    Refused,
    /// The server could not (HTTP 5xx): it stops, has no room, or failed.
    Failed,
}

impl Outcome {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Ok, "ok"), (Self::Denied, "denied"), (Self::Refused, "refused"), (Self::Failed, "failed")];

    /// What an HTTP status says.
    #[must_use]
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Denied,
            400..500 => Self::Refused,
            500.. => Self::Failed,
            _ => Self::Ok,
        }
    }
}

/// What one thread has served.
#[derive(Debug)]
pub struct Requests {
    /// By action; the last is for what names none.
    actions: Box<[Action]>,
    /// Connections that it took.
    pub connections: Counter,
    /// Those of them that are closed.
    pub closed: Counter,
}

#[derive(Debug)]
struct Action {
    outcomes: [Counter; Outcome::ALL.len()],
    micros: Histogram,
}

impl Requests {
    /// Nothing yet, of so many actions.
    #[must_use]
    pub fn new(actions: usize) -> Self {
        let action = |_| Action { outcomes: Default::default(), micros: Histogram::new(REQUEST_MICROS) };
        Self {
            actions: (0..=actions).map(action).collect(),
            connections: Counter::default(),
            closed: Counter::default(),
        }
    }

    /// Counts a request for an action, by its number if it has one, that took so long.
    pub fn record(&self, action: Option<usize>, outcome: Outcome, micros: u64) {
        let other = self.actions.len() - 1;
        if let Some(action) = self.actions.get(action.unwrap_or(other).min(other)) {
            if let Some(count) = action.outcomes.get(outcome as usize) {
                count.bump();
            }
            action.micros.record(micros);
        }
    }

    /// Tells what all threads have served; the names are those of the actions by their numbers.
    pub fn write<'t>(threads: impl Iterator<Item = &'t Self> + Clone, names: &[&str], text: &mut Text) {
        let names: Vec<&str> = names.iter().copied().chain(["other"]).collect();
        let of = |at: usize| threads.clone().filter_map(move |thread| thread.actions.get(at));
        text.family("evenkeel_requests_total", Kind::Counter, "Requests served, by action and how they ended.");
        for (at, name) in names.iter().enumerate() {
            for (outcome, outcome_name) in Outcome::ALL {
                let counts = of(at).filter_map(|action| action.outcomes.get(outcome as usize));
                let count: u64 = counts.map(Counter::get).sum();
                text.sample(&[("action", name), ("outcome", outcome_name)], count);
            }
        }
        text.family(
            "evenkeel_request_duration_seconds",
            Kind::Histogram,
            "From a request's head to its response, waits of receives included.",
        );
        for (at, name) in names.iter().enumerate() {
            let mut all = Counts::default();
            of(at).for_each(|action| all.add(&action.micros.counts()));
            // An action that nobody has called would cost twenty lines.
            if all.total() > 0 {
                text.histogram(&[("action", name)], &all, 1e6);
            }
        }
        let (opened, closed) = threads.clone().fold((0, 0), |(opened, closed), thread| {
            // Closed first: else one that ends between the two looks would count as less than nothing.
            let closed_here = thread.closed.get();
            (opened + thread.connections.get(), closed + closed_here)
        });
        text.single("evenkeel_connections_total", Kind::Counter, "Connections accepted.", opened);
        text.single("evenkeel_connections_open", Kind::Gauge, "Connections open now.", opened.saturating_sub(closed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up_and_what_names_no_action_is_told_as_other() {
        let threads = [Requests::new(2), Requests::new(2)];
        let [first, second] = &threads;
        first.record(Some(0), Outcome::of_status(200), 300);
        second.record(Some(0), Outcome::of_status(200), 700);
        second.record(Some(1), Outcome::of_status(503), 10);
        first.record(None, Outcome::of_status(403), 10);
        first.record(Some(99), Outcome::of_status(404), 10);
        first.connections.add(3);
        first.closed.bump();
        let mut text = Text::default();
        Requests::write(threads.iter(), &["Send", "Receive"], &mut text);
        let page = text.finish();
        for line in [
            "evenkeel_requests_total{action=\"Send\",outcome=\"ok\"} 2",
            "evenkeel_requests_total{action=\"Receive\",outcome=\"failed\"} 1",
            "evenkeel_requests_total{action=\"other\",outcome=\"denied\"} 1",
            "evenkeel_requests_total{action=\"other\",outcome=\"refused\"} 1",
            "evenkeel_request_duration_seconds_bucket{action=\"Send\",le=\"0.0005\"} 1",
            "evenkeel_request_duration_seconds_sum{action=\"Send\"} 0.001",
            "evenkeel_connections_open 2",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in:\n{page}");
        }
    }
}
