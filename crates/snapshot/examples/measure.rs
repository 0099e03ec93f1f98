//! How long a snapshot takes, side by side: `cargo run --release -p evenkeel-snapshot --example measure -- 10000000 FOLDER`.
//!
//! That many jobs with bodies of 100 bytes, 100 in an entry, from a checkpoint of one run and a log in memory: what is measured is
//! this room's own work, with the disk for the checkpoint and what the receiver writes.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "it prints figures, and what goes wrong ends it")]

use bytes::Bytes;
use evenkeel_bodies::Shelf;
use evenkeel_checkpoint::{Checkpoints, Part, Source};
use evenkeel_disk::RealDisk;
use evenkeel_log::{Entry, LogReader, ReadError};
use evenkeel_snapshot::{Bodies, Options, Position, Receiver, Sender};
use evenkeel_types::{Epoch, LogIndex};
use std::{
    path::Path,
    time::{Duration, Instant},
};

const BODY_BYTES: u32 = 100;
const JOBS_PER_ENTRY: u32 = 100;
const FRAMED_BYTES: u32 = BODY_BYTES + 12;

/// A log whose entries are all the same.
#[derive(Clone)]
struct Same(Bytes);

impl LogReader for Same {
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError> {
        Ok(Entry { index, epoch: Epoch(1), batch: self.0.clone() })
    }
}

fn entry() -> Bytes {
    let body = [7; BODY_BYTES as usize];
    let frame = [&xxhash_rust::xxh3::xxh3_64(&body).to_le_bytes()[..], &BODY_BYTES.to_le_bytes(), &body].concat();
    frame.repeat(JOBS_PER_ENTRY as usize).into()
}

/// A job that is ready, as `docs/format.md` has it.
fn record(slot: u32) -> Vec<u8> {
    let offset = u64::from(slot % JOBS_PER_ENTRY * FRAMED_BYTES + 12);
    let packed = u64::from(BODY_BYTES << 11 | 2);
    let words = [u64::from(slot / JOBS_PER_ENTRY + 1), 0, packed << 32 | offset, 0, 0];
    [1].into_iter().chain(words.into_iter().flat_map(u64::to_le_bytes)).collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let jobs: u32 = arguments.next().map_or(1_000_000, |jobs| jobs.parse().unwrap());
    let folder = arguments.next().unwrap_or_else(|| "target/snapshot-example".into());
    let (from, to) = (Path::new(&folder).join("from"), Path::new(&folder).join("to"));

    let options = evenkeel_checkpoint::Options::default();
    let (mut checkpoints, _) = Checkpoints::open(RealDisk, &from.join("checkpoints"), options).unwrap();
    let index = LogIndex(u64::from(jobs.div_ceil(JOBS_PER_ENTRY)));
    checkpoints.begin(index, Source::Whole).unwrap();
    let mut part = Part::default();
    for slot in 0..jobs {
        part.push(2, slot, &record(slot));
        if part.len() > 1 << 20 {
            checkpoints.append(&part).unwrap();
            part.clear();
        }
    }
    checkpoints.append(&part).unwrap();
    checkpoints.finish(&[]).unwrap();
    let (shelf, _) = Shelf::open(RealDisk, &from.join("bodies")).unwrap();

    let started = Instant::now();
    let pinned = checkpoints.pin(index).unwrap();
    let mut sender =
        Sender::new(pinned, Epoch(1), Bodies::new(Same(entry()), shelf.reader()), &Options::default()).unwrap();
    let parts = sender.manifest().body_parts().len();
    println!("{jobs} jobs in {parts} parts planned in {:?}", started.elapsed());

    let manifest = sender.manifest().clone();
    let mut receiver = Receiver::open(RealDisk, &to, &manifest, &Options::default()).unwrap();
    let (mut reading, mut longest, mut writing) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut position, mut bytes, mut chunks) = (Position::default(), 0u64, 0);
    loop {
        let started = Instant::now();
        let chunk = sender.read(position, 1 << 20).unwrap();
        reading += started.elapsed();
        longest = longest.max(started.elapsed());
        let Some(chunk) = chunk else { break };
        let started = Instant::now();
        position = receiver.write(&chunk.bytes).unwrap();
        writing += started.elapsed();
        bytes += chunk.bytes.len() as u64;
        chunks += 1;
    }
    println!(
        "{} MB in {chunks} chunks: read in {reading:?}, the longest {longest:?}; written in {writing:?}",
        bytes / 1_000_000
    );
    let started = Instant::now();
    receiver.finish().unwrap();
    println!("proven and moved in in {:?}", started.elapsed());
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("no peak of memory known"));
}
