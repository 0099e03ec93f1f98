//! What is told of each queue.

use crate::{Kind, Shown, Text};

/// A queue's figures, or those of several added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Jobs waiting for their turn.
    pub ready: u64,
    /// Jobs waiting for their delay to end.
    pub delayed: u64,
    /// Jobs with workers.
    pub in_flight: u64,
    /// Bytes of all their bodies.
    pub bytes: u64,
    /// How long the oldest that waits for its turn has been there, in milliseconds.
    pub oldest_millis: u64,
    /// Groups that take turns.
    pub groups: u64,
    /// What was counted.
    pub totals: [u64; TOTALS.len()],
}

/// What is counted of a queue, in the order of [`Figures::totals`]: a family and its help.
const TOTALS: [(&str, &str); 7] = [
    ("evenkeel_queue_jobs_sent_total", "Jobs accepted since the queue was made."),
    ("evenkeel_queue_jobs_received_total", "Leases given since the server started."),
    ("evenkeel_queue_jobs_finished_total", "Jobs deleted by their workers since the queue was made."),
    ("evenkeel_queue_jobs_expired_total", "Jobs gone unfinished because their retention period had passed."),
    ("evenkeel_queue_jobs_purged_total", "Jobs purged."),
    ("evenkeel_queue_jobs_moved_in_total", "Jobs come from another queue: dead letters, or moved."),
    ("evenkeel_queue_jobs_moved_out_total", "Jobs gone to another queue: as dead letters, or moved back."),
];

impl Figures {
    /// Adds another's; the oldest of both counts.
    pub fn add(&mut self, other: &Self) {
        self.ready += other.ready;
        self.delayed += other.delayed;
        self.in_flight += other.in_flight;
        self.bytes += other.bytes;
        self.oldest_millis = self.oldest_millis.max(other.oldest_millis);
        self.groups += other.groups;
        self.totals.iter_mut().zip(other.totals).for_each(|(total, more)| *total = total.wrapping_add(more));
    }
}

/// Tells of queues. `labels` gives a queue's account and name.
pub fn write_queues<K>(shown: &Shown<K>, labels: impl Fn(&K) -> (String, String), text: &mut Text) {
    let named = shown.named.iter().map(|(key, figures)| (labels(key), figures));
    // An account is a number, so that no queue can be taken for this.
    let rest = ("other".to_owned(), "other".to_owned());
    let rows: Vec<_> = named.chain(shown.other.iter().map(|figures| (rest.clone(), figures))).collect();
    let mut family = |name, kind, help: &str, value: &dyn Fn(&Figures) -> f64| {
        text.family(name, kind, help);
        for ((account, queue), figures) in &rows {
            text.sample(&[("account", account), ("queue", queue)], value(figures));
        }
    };
    #[expect(clippy::cast_precision_loss, reason = "the 53 bits that a sample has")]
    let number = |value: u64| value as f64;
    family("evenkeel_queue_jobs_ready", Kind::Gauge, "Jobs waiting for their turn.", &|f| number(f.ready));
    family("evenkeel_queue_jobs_delayed", Kind::Gauge, "Jobs waiting for their delay to end.", &|f| number(f.delayed));
    family("evenkeel_queue_jobs_in_flight", Kind::Gauge, "Jobs with workers.", &|f| number(f.in_flight));
    family("evenkeel_queue_body_bytes", Kind::Gauge, "Bytes of the jobs' bodies.", &|f| number(f.bytes));
    family(
        "evenkeel_queue_oldest_age_seconds",
        Kind::Gauge,
        "How long ago the oldest job that waits for its turn was sent, of the groups looked at; 0 if none waits.",
        &|f| number(f.oldest_millis) / 1e3,
    );
    family("evenkeel_queue_groups_in_turns", Kind::Gauge, "Groups that take turns.", &|f| number(f.groups));
    for (at, (name, help)) in TOTALS.into_iter().enumerate() {
        family(name, Kind::Counter, help, &|f| number(f.totals.get(at).copied().unwrap_or_default()));
    }
}
