//! How the bodies of a checkpoint are divided into parts, without a list of them.
//!
//! One pass over the records counts bodies by ranges of indexes. The ranges are as narrow as memory allows: they become
//! twice as wide whenever there are too many of them with a body. What is too much for one part even so is counted again,
//! alone and in narrower ranges.

use crate::{Options, limits::BODY_OVERHEAD_BYTES, manifest::BodyPart, window::each_body};
use evenkeel_checkpoint::{LoadError, Pinned};
use evenkeel_disk::Disk;
use evenkeel_types::BodyRef;
use std::collections::BTreeMap;

/// The parts of a checkpoint's bodies, ascending.
pub(crate) fn plan<D: Disk>(pinned: &Pinned<D>, options: &Options) -> Result<Vec<BodyPart>, LoadError> {
    divide(options, |see| each_body(pinned, see))
}

/// The same of the bodies that `each` passes over, the same ones in the same order every time.
fn divide<E>(
    options: &Options,
    mut each: impl FnMut(&mut dyn FnMut(BodyRef)) -> Result<(), E>,
) -> Result<Vec<BodyPart>, E> {
    let mut counted = Vec::new();
    let mut counts = Counts::new(options.buckets);
    each(&mut |body| counts.add(body))?;
    loop {
        let (width, mut buckets) = counts.finish();
        counted.extend(buckets.extract_if(.., |bucket| fits(bucket, options) || bucket.first == bucket.last));
        if buckets.is_empty() {
            break;
        }
        // An entry's width is the end; and so are more heavy ranges than can be counted apart (some TiB of bodies).
        let mut finer = Counts::new(options.buckets);
        each(&mut |body| {
            let after = buckets.partition_point(|bucket| bucket.first <= body.index);
            let bucket = after.checked_sub(1).and_then(|at| buckets.get(at));
            if bucket.is_some_and(|bucket| body.index <= bucket.last) {
                finer.add(body);
            }
        })?;
        // With the last body: it may be one range too many.
        finer.close();
        if finer.width >= width {
            counted.append(&mut buckets);
            break;
        }
        counts = finer;
    }
    counted.sort_by_key(|bucket| bucket.first);
    Ok(join(counted, options))
}

fn weight(part: &BodyPart) -> u64 {
    part.bytes.saturating_add(part.bodies.saturating_mul(BODY_OVERHEAD_BYTES))
}

fn fits(part: &BodyPart, options: &Options) -> bool {
    part.bodies <= options.part_bodies && weight(part) <= options.part_bytes
}

/// Neighbours that fit into one part become one.
fn join(buckets: Vec<BodyPart>, options: &Options) -> Vec<BodyPart> {
    let mut parts: Vec<BodyPart> = Vec::new();
    for bucket in buckets {
        let joined = parts.last().map(|part| part.with(bucket)).filter(|joined| fits(joined, options));
        match (joined, parts.last_mut()) {
            (Some(joined), Some(last)) => *last = joined,
            _ => parts.push(bucket),
        }
    }
    parts
}

/// Bodies counted by ranges of indexes that are 2^`width` wide.
struct Counts {
    width: u32,
    buckets_max: usize,
    buckets: BTreeMap<u64, BodyPart>,
    /// The range that the last body fell into: neighbours in the records often are in the log.
    open: Option<(u64, BodyPart)>,
}

impl Counts {
    fn new(buckets_max: usize) -> Self {
        Self { width: 0, buckets_max: buckets_max.max(1), buckets: BTreeMap::new(), open: None }
    }

    fn add(&mut self, body: BodyRef) {
        let key = body.index.0 >> self.width;
        let one = BodyPart::of(body);
        match &mut self.open {
            Some((open, part)) if *open == key => *part = part.with(one),
            _ => {
                self.close();
                self.open = Some((body.index.0 >> self.width, one));
            }
        }
    }

    fn close(&mut self) {
        let Some((key, part)) = self.open.take() else { return };
        put(&mut self.buckets, key, part);
        while self.buckets.len() > self.buckets_max {
            self.width += 1;
            let narrow = std::mem::take(&mut self.buckets);
            narrow.into_iter().for_each(|(key, part)| put(&mut self.buckets, key >> 1, part));
        }
    }

    fn finish(mut self) -> (u32, Vec<BodyPart>) {
        self.close();
        (self.width, self.buckets.into_values().collect())
    }
}

fn put(buckets: &mut BTreeMap<u64, BodyPart>, key: u64, part: BodyPart) {
    buckets.entry(key).and_modify(|there| *there = there.with(part)).or_insert(part);
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_types::LogIndex;

    fn body(index: u64, bytes: u32) -> BodyRef {
        BodyRef { index: LogIndex(index), offset: 0, bytes }
    }

    #[test]
    fn ranges_widen_only_as_far_as_there_are_bodies() {
        let mut counts = Counts::new(8);
        // Far from the beginning, and in no order.
        for index in [7, 3, 5, 1, 0, 6, 4, 2] {
            counts.add(body((1 << 40) + index, 10));
        }
        counts.close();
        assert_eq!((counts.width, counts.buckets.len()), (0, 8));
        counts.add(body(1, 1));
        let (width, buckets) = counts.finish();
        assert_eq!((width, buckets.len()), (1, 5));
        assert_eq!(buckets[0], BodyPart::of(body(1, 1)));
        let last = (1 << 40) + 7;
        assert_eq!(buckets[4], BodyPart::of(body(last, 10)).with(BodyPart::of(body(last - 1, 10))));
    }

    /// Found by seed 12 of the simulated clusters: where the last body made one range too many, the ranges were no narrower than before, and were
    /// counted again for ever.
    #[test]
    fn dividing_comes_to_an_end() {
        for buckets in 1..6 {
            let options = Options { part_bodies: 1, buckets, ..Options::default() };
            for pattern in 0u32..1 << 10 {
                // Two bodies each in some entries, which no part holds.
                let indexes = (0..10).filter(|index| pattern >> index & 1 == 1);
                let bodies: Vec<BodyRef> = indexes.flat_map(|index| [body(index, 1), body(index, 1)]).collect();
                let mut passes = 0;
                let parts = divide(&options, |see| {
                    passes += 1;
                    bodies.iter().for_each(|&body| see(body));
                    if passes < 20 { Ok(()) } else { Err(format!("{buckets} ranges, {pattern:010b}")) }
                });
                let parts = parts.expect("it ends");
                assert_eq!(parts.iter().map(|part| part.bodies).sum::<u64>(), bodies.len() as u64);
            }
        }
    }

    #[test]
    fn neighbours_are_joined_as_long_as_they_fit() {
        let options = Options { part_bytes: 1_000, part_bodies: 3, ..Options::default() };
        let bucket = |index: u64, bodies: u64, bytes: u64| {
            let index = LogIndex(index);
            BodyPart { first: index, last: index, bodies, bytes, sum: 0 }
        };
        let buckets = vec![bucket(1, 1, 400), bucket(5, 1, 400), bucket(6, 1, 1), bucket(7, 9, 2_000), bucket(8, 1, 0)];
        let parts = join(buckets, &options);
        let seen: Vec<_> = parts.iter().map(|part| (part.first.0, part.last.0, part.bodies)).collect();
        assert_eq!(seen, [(1, 6, 3), (7, 7, 9), (8, 8, 1)]);
    }
}
