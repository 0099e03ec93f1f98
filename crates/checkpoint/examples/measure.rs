//! Measures writing, loading and merging: `cargo run --release --example measure -- FOLDER [RECORDS] [DELTAS]`.
//!
//! A base of RECORDS records of 44 bytes (10,000,000) and DELTAS (10) checkpoints that each change a thirtieth of
//! them, scattered. All reads come from the page cache, if the machine has room for it.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails has nothing to report")]

use evenkeel_checkpoint::{Checkpoints, Merge, Options, Part, Sink, Source};
use evenkeel_disk::RealDisk;
use evenkeel_types::LogIndex;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// Adds up, as a reader would who decodes.
#[derive(Default)]
struct Sum {
    records: u64,
    bytes: u64,
    sum: u64,
}

impl Sink for Sum {
    fn meta(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn record(&mut self, _: u8, slot: u32, bytes: &[u8]) -> Result<(), String> {
        self.records += 1;
        self.bytes += bytes.len() as u64;
        let word = bytes.first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk));
        self.sum = self.sum.wrapping_add(word ^ u64::from(slot));
        Ok(())
    }
}

fn write(checkpoints: &mut Checkpoints<RealDisk>, index: u64, source: Source, slots: impl Iterator<Item = u32>) {
    let mut part = Part::default();
    checkpoints.begin(LogIndex(index), source).unwrap();
    for slot in slots {
        let mut record = [7; 44];
        record[..4].copy_from_slice(&slot.to_le_bytes());
        record[4..12].copy_from_slice(&index.to_le_bytes());
        part.push(2, slot, &record);
        if part.len() > 256 * 1024 {
            checkpoints.append(&part).unwrap();
            part.clear();
        }
    }
    checkpoints.append(&part).unwrap();
    checkpoints.finish(b"meta").unwrap();
}

fn report(what: &str, took: Duration, bytes: u64) {
    let rate = bytes as f64 / 1e6 / took.as_secs_f64();
    println!("{what}: {:.3} s, {:.0} MB, {rate:.0} MB/s", took.as_secs_f64(), bytes as f64 / 1e6);
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "target/checkpoint-measure".to_owned());
    let records: u32 = arguments.next().map_or(10_000_000, |text| text.parse().unwrap());
    let deltas: u64 = arguments.next().map_or(10, |text| text.parse().unwrap());
    let (mut checkpoints, _) = Checkpoints::open(RealDisk, Path::new(&folder), Options::default()).unwrap();

    let start = Instant::now();
    write(&mut checkpoints, 1, Source::Whole, 0..records);
    report("writing the base, with syncs and proof", start.elapsed(), checkpoints.run_bytes());
    println!("bytes per record of 44: {:.2}", checkpoints.run_bytes() as f64 / f64::from(records));
    let load = |checkpoints: &Checkpoints<RealDisk>, what: &str| {
        for _ in 0..3 {
            let (start, mut sum) = (Instant::now(), Sum::default());
            checkpoints.load(*checkpoints.kept().last().unwrap(), &mut sum).unwrap();
            report(what, start.elapsed(), checkpoints.newest_runs().1);
            assert_eq!(sum.records, u64::from(records), "sum {}", sum.sum);
        }
    };
    load(&checkpoints, "loading the base");

    let start = Instant::now();
    let before = checkpoints.run_bytes();
    let mut random = 1u64;
    for delta in 0..deltas {
        let mut slot = 0u32;
        let slots = std::iter::from_fn(|| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            slot += 1 + u32::try_from((random >> 33) % 59).unwrap();
            (slot < records).then_some(slot)
        });
        write(&mut checkpoints, 2 + delta, Source::Delta, slots);
    }
    report("writing the deltas", start.elapsed(), checkpoints.run_bytes() - before);
    println!("runs: {}", checkpoints.newest_runs().0);
    load(&checkpoints, "loading base and deltas");

    let (start, mut longest, mut steps) = (Instant::now(), Duration::ZERO, 0);
    let mut installed = 0;
    loop {
        let step = Instant::now();
        match checkpoints.merge_step().unwrap() {
            Merge::Nothing => break,
            Merge::Installed => {
                installed += 1;
                println!(
                    "installed after {:.3} s: {} runs",
                    start.elapsed().as_secs_f64(),
                    checkpoints.newest_runs().0
                );
            }
            Merge::More => {}
        }
        longest = longest.max(step.elapsed());
        steps += 1;
    }
    report(&format!("{installed} merges in {steps} steps"), start.elapsed(), checkpoints.newest_runs().1);
    println!("longest step: {:.1} ms", longest.as_secs_f64() * 1e3);
    load(&checkpoints, "loading the merged");
}
