//! Which runs are merged, and when.
//!
//! 1. All of them into a new base, when the others together exceed half the base. So the runs take at most
//!    one and a half times the state, and a byte of the base is written again only after half as many have come.
//! 2. The newest few, when at least four of them are of similar size. What comes out is larger than each, so
//!    a byte is written again about once per size class.
//! 3. The newer half, when there are too many; sizes that fit neither rule do not pile up.

use crate::options::Options;
use std::ops::Range;

/// Which adjacent runs to merge, given the lengths of all, oldest first.
pub(crate) fn choose(bytes: &[u64], options: &Options) -> Option<Range<usize>> {
    let (base, others) = bytes.split_first()?;
    if others.is_empty() {
        return None;
    }
    let sum: u64 = others.iter().sum();
    if sum > options.small_bytes && sum.saturating_mul(100) > base.saturating_mul(options.base_percent) {
        return Some(0..bytes.len());
    }
    let mut newer = 0u64;
    let similar = others.iter().rev().take_while(|&&bytes| {
        let fits = newer == 0 || bytes <= newer.saturating_mul(options.similar_ratio);
        newer += bytes;
        fits
    });
    let similar = similar.count();
    if similar >= options.similar_runs.max(2) {
        return Some(bytes.len() - similar..bytes.len());
    }
    if bytes.len() > options.runs_max.max(2) {
        return Some(bytes.len() / 2..bytes.len());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// What a long life of deltas does, each so many bytes, over a state that does not grow.
    fn live(base: u64, delta: impl Fn(u64) -> u64, checkpoints: u64) -> (usize, u64, u64) {
        let options = Options::default();
        let (mut runs, mut most, mut worst, mut written, mut came) = (vec![base], 0, 0, 0, 0);
        for nth in 0..checkpoints {
            runs.push(delta(nth));
            came += delta(nth);
            worst = worst.max(runs.iter().sum());
            while let Some(range) = choose(&runs, &options) {
                let sum: u64 = runs[range.clone()].iter().sum();
                let merged = if range.start == 0 { base } else { sum.min(base) };
                written += merged;
                runs.splice(range, [merged]);
            }
            most = most.max(runs.len());
        }
        (most, worst, written / came)
    }

    #[test]
    fn runs_stay_few_and_small_and_are_rewritten_seldom() {
        for (base, delta) in [(450, 30), (4500, 30), (45_000, 30), (450, 200), (450, 1)] {
            let (most, worst, rewrites) = live(base * MIB, |_| delta * MIB, 3000);
            assert!(most <= 12, "{base}, {delta}: {most} runs");
            assert!(worst <= (base * 3 / 2 + delta) * MIB + 4 * MIB, "{base}, {delta}: {worst} bytes");
            assert!(rewrites <= 9, "{base}, {delta}: {rewrites} times");
        }
    }

    #[test]
    fn sizes_of_all_kinds_do_not_pile_up() {
        for odd in [2, 3, 5, 7] {
            let (most, _, rewrites) =
                live(4500 * MIB, |nth| if nth % odd == 0 { 60 * MIB } else { 4096 << (nth % 9) }, 5000);
            assert!(most <= 12, "{odd}: {most} runs");
            assert!(rewrites <= 12, "{odd}: {rewrites} times");
        }
    }

    #[test]
    fn nothing_is_merged_without_need() {
        let options = Options::default();
        assert_eq!(choose(&[], &options), None);
        assert_eq!(choose(&[5], &options), None);
        assert_eq!(choose(&[100 * MIB, 20 * MIB, MIB, MIB, MIB], &options), None);
        assert_eq!(choose(&[100 * MIB, 30 * MIB, 21 * MIB], &options), Some(0..3));
        // Each is larger than four times all newer ones, so that no two are similar; the base is far larger.
        let steep: Vec<u64> = [15u32].into_iter().chain((0..13).rev()).map(|power| 5u64.pow(power)).collect();
        assert_eq!(choose(&steep, &options), Some(7..14));
        assert_eq!(choose(&steep[2..], &options), None);
        assert_eq!(choose(&[1000 * MIB, 100 * MIB, MIB, MIB, MIB, MIB], &options), Some(2..6));
    }
}
