//! A full disk: sends are refused in time, receives and deletes go on, and what they free makes room again.

use crate::driver::{House, SEGMENT_BYTES, body, number_of};
use evenkeel_disk::MemDisk;
use evenkeel_engine::EngineError;

#[test]
fn what_is_deleted_makes_room_and_nobody_has_to_help() {
    fills_and_empties(1_000, 4);
}

/// Small jobs: their records are as large as they are, and so are the checkpoints.
#[test]
fn the_same_with_jobs_as_small_as_their_records() {
    fills_and_empties(18, 1);
}

fn fills_and_empties(body_bytes: usize, rounds: usize) {
    let disk = MemDisk::new(3);
    let mut house = House::open(&disk).unwrap();
    assert!(house.create_queue());
    disk.set_capacity(Some(disk.used() + 20 * SEGMENT_BYTES));
    let mut next = 0;
    for round in 0..rounds {
        let mut accepted = Vec::new();
        let refused = loop {
            match house.send(&body(next, body_bytes)) {
                Some(Ok(())) => accepted.push(next),
                Some(Err(error)) => break error,
                None => panic!("a full disk is no failure"),
            }
            next += 1;
            assert!(next < 100_000, "it never gets full");
        };
        assert_eq!(refused, EngineError::DiskFull, "round {round}");
        assert!(accepted.len() > 300, "round {round}: {}", accepted.len());
        house.settle();
        let mut received = Vec::new();
        while let Some(job) = house.receive() {
            received.push(number_of(&job.body));
            assert!(house.ack(&job), "deletes go on");
        }
        assert_eq!(received.len(), accepted.len(), "round {round}");
        assert_eq!(received, accepted, "round {round}");
        assert!(!house.dead);
        house.settle();
    }
}

#[test]
fn a_disk_that_somebody_else_fills_recovers_when_they_leave() {
    let disk = MemDisk::new(4);
    let mut house = House::open(&disk).unwrap();
    assert!(house.create_queue());
    for number in 0..100 {
        assert_eq!(house.send(&body(number, 1_000)), Some(Ok(())));
    }
    disk.set_capacity(Some(disk.used()));
    let mut number = 100;
    while house.send(&body(number, 1_000)) == Some(Ok(())) {
        number += 1;
    }
    // A start on a full disk works as well.
    drop(house);
    disk.kill();
    let mut house = House::open(&disk).unwrap();
    let first = house.receive().unwrap();
    assert_eq!(number_of(&first.body), 0);
    assert!(house.ack(&first));
    disk.set_capacity(None);
    house.end_leases();
    for more in 0..200 {
        assert_eq!(house.send(&body(number + more, 1_000)), Some(Ok(())), "{more}");
    }
    let mut left = 0;
    while let Some(job) = house.receive() {
        left += 1;
        assert_eq!(number_of(&job.body), left);
        assert!(house.ack(&job));
    }
    assert_eq!(left, number + 199);
}
