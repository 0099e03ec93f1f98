//! How long commits take on a real disk while segments roll: 1 GiB in entries of 256 KiB.
//!
//! `cargo run --release -p evenkeel-log-local --example commits -- <folder> [in flight] [MiB]`. The folder must not
//! exist; it is removed at the end. The yardstick is the disk: look at the p50 beside the longest.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people")]

use evenkeel_disk::RealDisk;
use evenkeel_log::{Log, LogEvent};
use evenkeel_log_local::{LocalLog, LogId, Options};
use evenkeel_types::LogIndex;
use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

const ENTRY_BYTES: usize = 256 * 1024;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("the folder to measure in"));
    let in_flight: usize = arguments.next().map_or(2, |number| number.parse().unwrap());
    let mib: usize = arguments.next().map_or(1024, |number| number.parse().unwrap());
    let (mut log, writer, _) = LocalLog::open(RealDisk, &folder, Options::new(LogId([7; 16])), LogIndex(0)).unwrap();
    let (wake, woken) = mpsc::channel();
    log.set_waker(Arc::new(move || {
        // Nobody listens any more at the end.
        let _ = wake.send(());
    }));
    let writer = thread::spawn(|| writer.run());
    while log.poll().is_some() {}
    // The first spare is ready before the load begins.
    thread::sleep(Duration::from_secs(2));
    let batch = bytes::Bytes::from(vec![0x5A; ENTRY_BYTES]);
    let total = mib * 1024 * 1024 / ENTRY_BYTES;
    let (mut sent, mut took) = (VecDeque::new(), Vec::new());
    let mut proposed = 0;
    let start = Instant::now();
    while took.len() < total {
        while proposed < total && sent.len() < in_flight {
            log.propose(batch.clone()).unwrap();
            sent.push_back(Instant::now());
            proposed += 1;
        }
        woken.recv_timeout(Duration::from_secs(60)).unwrap();
        while let Some(event) = log.poll() {
            match event {
                LogEvent::Committed { .. } => took.push(sent.pop_front().unwrap().elapsed()),
                event => panic!("{event:?}"),
            }
        }
    }
    let whole = start.elapsed();
    took.sort_unstable();
    let at = |permille: usize| took.get((took.len() * permille / 1000).min(took.len() - 1)).unwrap();
    println!(
        "{total} commits of 256 KiB, {in_flight} in flight: {:.0} MB/s; p50 {:?}, p99 {:?}, p999 {:?}, longest {:?}",
        (total * ENTRY_BYTES) as f64 / 1e6 / whole.as_secs_f64(),
        at(500),
        at(990),
        at(999),
        at(1000)
    );
    drop(log);
    writer.join().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}
