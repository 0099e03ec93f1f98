//! How fast bodies are found and read, and how much memory that takes: `cargo run --release --example lookup [bodies] [bytes]`.
//!
//! The yardstick: all is in the page cache, one thread, bodies in random order. A temporary folder is made and removed.
#![allow(clippy::print_stdout, reason = "it is made to print")]

use evenkeel_bodies::{Shelf, verify};
use evenkeel_disk::RealDisk;
use evenkeel_types::{BodyRef, LogIndex};
use std::{error::Error, hint::black_box, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>());
    let count = arguments.next().transpose()?.unwrap_or(200_000);
    let bytes = arguments.next().transpose()?.unwrap_or(500);
    let root = tempfile::tempdir()?;
    let (shelf, _) = Shelf::open(RealDisk, &root.path().join("bodies"))?;
    let bodies: Vec<_> = (0..count)
        .map(|n| BodyRef { index: LogIndex(1 + u64::from(n / 100)), offset: n % 100 * 4096, bytes })
        .collect();
    let content = vec![0xA7; bytes as usize];

    let start = Instant::now();
    let mut carry = shelf.begin(LogIndex(1), LogIndex(u64::from(count)))?;
    for body in &bodies {
        carry.push(*body, &content)?;
    }
    let written = start.elapsed();
    let extent = carry.finish()?.ok_or("no bodies")?;
    let took = start.elapsed();
    println!("{count} bodies of {bytes} bytes: {} bytes in the file", extent.bytes);
    println!("carried in {took:?}, of which {:?} for the last sync and reading back", took - written);
    println!(
        "sparse table: {} bytes of memory, {:.3} for a body",
        shelf.memory_bytes(),
        shelf.memory_bytes() as f64 / f64::from(count)
    );

    let start = Instant::now();
    drop(Shelf::open(RealDisk, &root.path().join("bodies"))?);
    println!("opened in {:?}", start.elapsed());

    let mut shuffled = bodies.clone();
    let mut state = 1u64;
    for n in (1..shuffled.len()).rev() {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        shuffled.swap(n, usize::try_from(state >> 33)? % (n + 1));
    }
    let reader = shelf.reader();
    let each = |took: std::time::Duration| took.as_nanos() / u128::from(count.max(1));
    for _ in 0..2 {
        let start = Instant::now();
        for body in &shuffled {
            black_box(reader.read(*body)?);
        }
        println!("read at random: {} ns for a body", each(start.elapsed()));
    }
    let start = Instant::now();
    for ten in bodies.chunks(10) {
        for read in reader.read_many(ten) {
            black_box(read?);
        }
    }
    println!("read ten neighbours at once: {} ns for a body", each(start.elapsed()));
    let start = Instant::now();
    for read in shelf.pin().bodies(LogIndex(0), LogIndex(u64::MAX), None) {
        black_box(read?);
    }
    println!("streamed: {} ns for a body", each(start.elapsed()));
    let start = Instant::now();
    let sound = verify(&RealDisk, &root.path().join("bodies"), |_| {})?.is_sound();
    println!("verified in {:?}: sound {sound}", start.elapsed());
    Ok(())
}
