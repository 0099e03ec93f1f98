//! The disk dies at every boundary between two of its operations, in the middle of checkpoints, merges, carrying and
//! trimming; then the power is cut. Whatever was acknowledged is there afterwards, each body as it was.

use crate::driver::{House, body, number_of};
use evenkeel_disk::MemDisk;
use std::collections::BTreeSet;

/// What clients were told.
#[derive(Default)]
struct Told {
    accepted: BTreeSet<u64>,
    acked: BTreeSet<u64>,
    /// Sent or acked, and nobody knows with what end.
    unsure: BTreeSet<u64>,
}

/// Sends, receives and acks so that checkpoints are made and survivors carried; stops when the disk dies.
fn work(house: &mut House, told: &mut Told) {
    if !house.create_queue() {
        return;
    }
    for round in 0..12 {
        for number in round * 60..(round + 1) * 60 {
            match house.send(&body(number, 1_000)) {
                Some(Ok(())) => drop(told.accepted.insert(number)),
                Some(Err(_)) => {}
                None => drop(told.unsure.insert(number)),
            }
        }
        while let Some(job) = house.receive() {
            let number = number_of(&job.body);
            if number % 60 == 7 {
                continue;
            }
            if house.ack(&job) {
                told.acked.insert(number)
            } else {
                told.unsure.insert(number)
            };
        }
        if house.dead {
            return;
        }
    }
}

fn operations() -> u64 {
    let disk = MemDisk::new(5);
    let mut house = House::open(&disk).unwrap();
    let before = disk.counters().changes;
    work(&mut house, &mut Told::default());
    assert!(house.checkpoints > 5 && house.carried > 2, "{} and {}", house.checkpoints, house.carried);
    disk.counters().changes - before
}

fn dies_at(operation: u64, power_cut: bool) {
    let disk = MemDisk::new(5 + operation);
    let mut house = House::open(&disk).unwrap();
    let mut told = Told::default();
    disk.fail_from(operation);
    house.disk_is_ill = true;
    work(&mut house, &mut told);
    drop(house);
    if power_cut {
        disk.crash()
    } else {
        disk.kill()
    }
    let mut house = House::open(&disk).unwrap_or_else(|why| panic!("operation {operation}: {why}"));
    house.engine.machine().audit().unwrap();
    house.end_leases();
    if !told.accepted.is_empty() {
        let mut left = BTreeSet::new();
        while let Some(job) = house.receive() {
            let number = number_of(&job.body);
            assert_eq!(job.body, body(number, 1_000), "operation {operation}");
            assert!(left.insert(number), "operation {operation}: {number} twice");
        }
        for number in &told.accepted {
            let gone = told.acked.contains(number);
            if told.unsure.contains(number) {
                continue;
            }
            assert_eq!(left.contains(number), !gone, "operation {operation}: job {number}");
        }
        assert!(left.iter().all(|number| told.accepted.contains(number) || told.unsure.contains(number)));
    }
    // And life goes on.
    assert!(house.create_queue());
    assert_eq!(house.send(&body(1 << 40, 1_000)), Some(Ok(())));
}

/// Every so many boundaries by default; `EVENKEEL_BOUNDARIES=1` tries each.
fn stride() -> usize {
    std::env::var("EVENKEEL_BOUNDARIES").ok().and_then(|stride| stride.parse().ok()).unwrap_or(23)
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_disk_dies() {
    for operation in (0..operations()).step_by(stride()) {
        dies_at(operation, true);
        dies_at(operation, false);
    }
}
