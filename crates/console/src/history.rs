//! The last minutes: samples of queues and of the house, taken as somebody looks and every other second besides. In memory, and bounded.

use crate::limits::{CHART_SPAN, RATE_SPAN, SAMPLE_EVERY, SAMPLED_QUEUES_MAX, SAMPLES_MAX};
use evenkeel_engine::{House, Row};
use evenkeel_metrics::Counts;
use evenkeel_types::{Micros, Now, QueueId};
use std::collections::{BTreeMap, VecDeque};

/// A queue at a moment of the monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) at: Micros,
    pub(crate) ready: u64,
    pub(crate) delayed: u64,
    pub(crate) leased: u64,
    /// Ever come in.
    pub(crate) sent: u64,
    /// Ever finished.
    pub(crate) finished: u64,
    /// For how long the oldest had waited, in milliseconds.
    pub(crate) oldest_millis: u64,
}

/// The house at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HouseSample {
    at: Micros,
    commands: u64,
    received: u64,
    syncs: Counts,
}

/// What happened per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rates {
    pub(crate) sent: f64,
    pub(crate) finished: f64,
}

/// The same of the house, and how long its syncs took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct HouseRates {
    pub(crate) commands: f64,
    pub(crate) received: f64,
    /// Half of them took no longer.
    pub(crate) sync_p50: Option<Micros>,
    /// 99 of 100 took no longer.
    pub(crate) sync_p99: Option<Micros>,
}

/// All samples.
#[derive(Debug, Default)]
pub(crate) struct History {
    queues: BTreeMap<QueueId, VecDeque<Sample>>,
    house: VecDeque<HouseSample>,
}

impl History {
    /// Keeps a sample of a queue, unless there is one of just now.
    pub(crate) fn record(&mut self, row: &Row, now: Now) {
        let counts = row.queue.counts;
        let sample = Sample {
            at: now.monotonic,
            ready: counts.ready,
            delayed: counts.delayed,
            leased: counts.leased,
            sent: counts.enqueued + counts.moved_in,
            finished: counts.acked,
            oldest_millis: row.queue.oldest.map_or(0, |sent| now.wall.0.saturating_sub(sent.0)),
        };
        let queue = row.queue.id;
        if !self.queues.contains_key(&queue) && self.queues.len() >= SAMPLED_QUEUES_MAX {
            let last = |samples: &VecDeque<Sample>| samples.back().map(|sample| sample.at);
            let stalest = self.queues.iter().min_by_key(|(_, samples)| last(samples)).map(|(queue, _)| *queue);
            stalest.map(|stalest| self.queues.remove(&stalest));
        }
        keep(self.queues.entry(queue).or_default(), sample, |sample| sample.at);
    }

    /// Keeps a sample of the house.
    pub(crate) fn record_house(&mut self, house: &House, syncs: Counts, at: Micros) {
        let sample = HouseSample { at, commands: house.totals.commands, received: house.totals.received, syncs };
        keep(&mut self.house, sample, |sample| sample.at);
    }

    /// What is known of a queue, oldest first.
    pub(crate) fn of(&self, queue: QueueId) -> Vec<Sample> {
        self.queues.get(&queue).map(|samples| samples.iter().copied().collect()).unwrap_or_default()
    }

    /// What happened to it lately; `None` until there are two samples.
    pub(crate) fn rates(&self, queue: QueueId) -> Option<Rates> {
        let samples = self.queues.get(&queue)?;
        let (first, last) = lately(samples, |sample| sample.at)?;
        Some(rates(first, last))
    }

    pub(crate) fn house_rates(&self) -> Option<HouseRates> {
        let (first, last) = lately(&self.house, |sample| sample.at)?;
        let per_second = |from: u64, to: u64| per_second(from, to, first.at, last.at);
        let counts = last.syncs.counts.iter().zip(&first.syncs.counts).map(|(last, first)| last.saturating_sub(*first));
        let counts: Vec<u64> = counts.collect();
        Some(HouseRates {
            commands: per_second(first.commands, last.commands),
            received: per_second(first.received, last.received),
            sync_p50: quantile(&last.syncs.bounds, &counts, 50),
            sync_p99: quantile(&last.syncs.bounds, &counts, 99),
        })
    }
}

/// What happened between two samples.
pub(crate) fn rates(first: &Sample, last: &Sample) -> Rates {
    let per_second = |from: u64, to: u64| per_second(from, to, first.at, last.at);
    Rates { sent: per_second(first.sent, last.sent), finished: per_second(first.finished, last.finished) }
}

fn per_second(from: u64, to: u64, began: Micros, ended: Micros) -> f64 {
    let micros = ended.0.saturating_sub(began.0);
    #[expect(clippy::cast_precision_loss, reason = "shown, not reckoned with")]
    if micros == 0 { 0.0 } else { to.saturating_sub(from) as f64 * 1e6 / micros as f64 }
}

/// The upper end of the range below which so many of a hundred lie; `None` if there are none. What lies above all bounds counts as the
/// last of them.
fn quantile(bounds: &[u64], counts: &[u64], percent: u64) -> Option<Micros> {
    let total: u64 = counts.iter().sum();
    let wanted = (total * percent).div_ceil(100);
    let mut below = 0;
    let at = counts.iter().position(|count| {
        below += count;
        below >= wanted
    })?;
    (total > 0).then(|| Micros(bounds.get(at).or_else(|| bounds.last()).copied().unwrap_or_default()))
}

fn keep<S>(samples: &mut VecDeque<S>, sample: S, at: fn(&S) -> Micros) {
    let now = at(&sample);
    if samples.back().is_some_and(|last| now.0 < at(last).0.saturating_add(SAMPLE_EVERY.0)) {
        return;
    }
    let is_old = |sample: &S| at(sample).0.saturating_add(CHART_SPAN.0) < now.0;
    while samples.len() >= SAMPLES_MAX || samples.front().is_some_and(is_old) {
        samples.pop_front();
    }
    samples.push_back(sample);
}

/// The last sample, and the first of those within [`RATE_SPAN`] before it; the one before it if there is none.
fn lately<S>(samples: &VecDeque<S>, at: fn(&S) -> Micros) -> Option<(&S, &S)> {
    let last = samples.back()?;
    let before = samples.iter().rev().skip(1);
    let mut first = before.clone().next()?;
    for sample in before.take_while(|sample| at(sample).0.saturating_add(RATE_SPAN.0) >= at(last).0) {
        first = sample;
    }
    Some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_machine::queue::{Counts as QueueCounts, QueueRow};
    use evenkeel_types::{AccountId, WallTime};

    const SECOND: u64 = 1_000_000;

    fn row(slot: u32, enqueued: u64) -> Row {
        let counts = QueueCounts { ready: enqueued, enqueued, ..QueueCounts::default() };
        let queue = QueueRow {
            id: QueueId { slot, generation: 0 },
            account: AccountId::default(),
            name: "q".into(),
            counts,
            bytes: 0,
            oldest: Some(WallTime(0)),
            groups_in_turns: 1,
        };
        Row { queue, received: 0 }
    }

    fn at(seconds: u64) -> Now {
        Now { monotonic: Micros(seconds * SECOND), wall: WallTime(seconds * 1_000) }
    }

    #[test]
    fn rates_are_taken_over_the_last_seconds() {
        let mut history = History::default();
        let queue = row(1, 0).queue.id;
        history.record(&row(1, 0), at(0));
        assert_eq!(history.rates(queue), None);
        history.record(&row(1, 500), at(100));
        assert_eq!(history.rates(queue).unwrap().sent, 5.0, "there is nothing nearer");
        for second in 101..=110 {
            history.record(&row(1, 500 + (second - 100) * 20), at(second));
        }
        assert_eq!(history.rates(queue).unwrap().sent, 20.0);
        assert_eq!(history.of(queue).last().unwrap().oldest_millis, 110_000);
    }

    #[test]
    fn samples_are_few_and_of_few_queues() {
        let mut history = History::default();
        for tenth in 0..10_000 {
            let now = Now { monotonic: Micros(tenth * SECOND / 10), wall: WallTime(0) };
            history.record(&row(1, 0), now);
        }
        let samples = history.of(row(1, 0).queue.id);
        assert!(samples.len() <= SAMPLES_MAX);
        assert!(samples.windows(2).all(|pair| pair[1].at.0 - pair[0].at.0 >= SAMPLE_EVERY.0));
        for slot in 0..2 * u32::try_from(SAMPLED_QUEUES_MAX).unwrap() {
            history.record(&row(slot, 0), at(2_000 + u64::from(slot)));
        }
        assert_eq!(history.queues.len(), SAMPLED_QUEUES_MAX);
        assert!(history.of(row(1, 0).queue.id).is_empty(), "the stalest go");
    }

    #[test]
    fn a_quantile_is_the_upper_end_of_its_range() {
        let bounds = [10, 20, 30];
        assert_eq!(quantile(&bounds, &[0, 0, 0, 0], 50), None);
        assert_eq!(quantile(&bounds, &[50, 49, 1, 0], 50), Some(Micros(10)));
        assert_eq!(quantile(&bounds, &[50, 49, 1, 0], 99), Some(Micros(20)));
        assert_eq!(quantile(&bounds, &[0, 0, 0, 5], 99), Some(Micros(30)));
    }

    #[test]
    fn the_house_tells_of_what_it_did_lately_and_not_of_yesterday() {
        let mut history = History::default();
        let syncs = |counts: [u64; 3]| Counts { bounds: vec![100, 1_000], counts: counts.to_vec(), sum: 0 };
        let mut house = House::default();
        history.record_house(&house, syncs([0, 900, 0]), Micros(0));
        (house.totals.commands, house.totals.received) = (100, 10);
        history.record_house(&house, syncs([10, 900, 0]), Micros(10 * SECOND));
        let rates = history.house_rates().unwrap();
        assert_eq!((rates.commands, rates.received, rates.sync_p99), (10.0, 1.0, Some(Micros(100))));
    }
}
