//! How long a start takes apart from applying: opening a log, and replaying it.
//!
//! `cargo run --release -p evenkeel-log-local --example replay -- <folder> [bytes of an entry] [MiB]`. The folder must not
//! exist; it is removed at the end. The files are in the page cache. Opened twice: from the beginning, and from the last entry.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people")]

use evenkeel_disk::RealDisk;
use evenkeel_log::{Log, LogEvent};
use evenkeel_log_local::{Durability, LocalLog, LogId, Options, Step};
use evenkeel_types::LogIndex;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("the folder to measure in"));
    let entry_bytes: usize = arguments.next().map_or(16 * 1024, |number| number.parse().unwrap());
    let mib: usize = arguments.next().map_or(60, |number| number.parse().unwrap());
    let durability = Durability::Interval(Duration::from_secs(60));
    let options = Options { durability, ..Options::new(LogId([7; 16])) };
    let (mut log, mut writer, _) = LocalLog::open(RealDisk, &folder, options, LogIndex(0)).unwrap();
    while log.poll().is_some() {}
    let batch = bytes::Bytes::from((0..entry_bytes).map(|at| at.to_le_bytes()[0] | 1).collect::<Vec<_>>());
    let mut last = LogIndex(0);
    for _ in 0..mib * 1024 * 1024 / entry_bytes {
        log.propose(batch.clone()).unwrap();
        writer.step();
        while let Some(LogEvent::Committed { entry, .. }) = log.poll() {
            last = entry.index;
        }
    }
    while writer.step() == Step::Filled {}
    drop((log, writer));
    for applied in [LogIndex(0), last] {
        let start = Instant::now();
        let (mut log, writer, report) = LocalLog::open(RealDisk, &folder, options, applied).unwrap();
        let opened = start.elapsed();
        let start = Instant::now();
        let (mut entries, mut bytes) = (0, 0);
        while let Some(event) = log.poll() {
            if let LogEvent::Committed { entry, .. } = event {
                entries += 1;
                bytes += entry.batch.len();
            }
        }
        let replayed = start.elapsed();
        println!(
            "{} of {} segments scanned in {opened:?}; {entries} entries, {:.1} MiB replayed in {replayed:?}",
            report.scanned,
            report.segments,
            bytes as f64 / 1048576.0
        );
        drop((log, writer));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
