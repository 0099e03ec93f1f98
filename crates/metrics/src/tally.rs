//! Counters with one writer: plain memory for the thread that counts, readable by any other.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A count that grows. One thread writes it.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn bump(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        // Not `fetch_add`: there is no other writer, so that the bus need not be locked (1 ns and not 5 to 20).
        self.0.store(self.0.load(Relaxed).wrapping_add(more), Relaxed);
    }

    /// What it stands at.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The largest of all values. One thread writes it.
#[derive(Debug, Default)]
pub struct Largest(AtomicU64);

impl Largest {
    /// Takes in a value. Nearly always that is a comparison and nothing more.
    pub fn record(&self, value: u64) {
        if value > self.0.load(Relaxed) {
            self.0.store(value, Relaxed);
        }
    }

    /// The largest so far; 0 if there was none.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How often values fell into which range. One thread writes it.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what lies above the last.
    counts: Box<[Counter]>,
    sum: Counter,
}

/// What a histogram stood at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The upper end of each range, included.
    pub bounds: Vec<u64>,
    /// How many values there were in it, and last how many above all.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: u64,
}

impl Histogram {
    /// An empty one with these upper ends, which ascend.
    #[must_use]
    pub fn new(bounds: &'static [u64]) -> Self {
        debug_assert!(bounds.is_sorted());
        Self { bounds, counts: (0..=bounds.len()).map(|_| Counter::default()).collect(), sum: Counter::default() }
    }

    /// Counts a value. O(log bounds).
    pub fn record(&self, value: u64) {
        let at = self.bounds.partition_point(|&bound| bound < value);
        if let Some(count) = self.counts.get(at) {
            count.bump();
        }
        self.sum.add(value);
    }

    /// What it stands at. While the writer is at work the sum may be a value ahead of the counts or behind them.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            bounds: self.bounds.to_vec(),
            counts: self.counts.iter().map(Counter::get).collect(),
            sum: self.sum.get(),
        }
    }
}

impl Counts {
    /// Adds what another of the same bounds stood at; the first may be empty.
    pub fn add(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.clone_from(other);
            return;
        }
        debug_assert_eq!(self.bounds, other.bounds);
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// How many values there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_a_bound_belongs_below_it() {
        let histogram = Histogram::new(&[10, 20]);
        for value in [0, 10, 11, 20, 21, 1_000] {
            histogram.record(value);
        }
        let counts = histogram.counts();
        assert_eq!(counts.counts, [2, 2, 2]);
        assert_eq!((counts.total(), counts.sum), (6, 1_062));
    }

    #[test]
    fn the_largest_stays() {
        let largest = Largest::default();
        assert_eq!(largest.get(), 0);
        for value in [3, 7, 5, 0] {
            largest.record(value);
        }
        assert_eq!(largest.get(), 7);
    }

    #[test]
    fn threads_add_up() {
        let histograms = [Histogram::new(&[10]), Histogram::new(&[10])];
        let [first, second] = &histograms;
        first.record(1);
        second.record(1);
        second.record(11);
        let mut all = Counts::default();
        histograms.iter().for_each(|each| all.add(&each.counts()));
        assert_eq!((all.counts, all.sum), (vec![2, 1], 13));
    }

    #[test]
    fn what_one_thread_counts_another_reads() {
        let counter = Counter::default();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..10_000).for_each(|_| counter.bump()));
        });
        assert_eq!(counter.get(), 10_000);
    }
}
