//! Feature levels: what a newer version brought is used once it is in force, and an older version stays away from it.

use crate::driver::{House, QUEUE, options};
use evenkeel_disk::MemDisk;
use evenkeel_engine::{Answer, Options};
use evenkeel_machine::{
    Build, Reply,
    command::{CallKey, Command},
    limits::FEATURE_LEVEL,
};
use std::sync::atomic::Ordering;

/// `Once` comes with the level after the present one.
const NEXT: Build = Build { feature_level: FEATURE_LEVEL + 1, once_since: FEATURE_LEVEL + 1 };
/// The version before that.
const LAST: Build = Build { feature_level: FEATURE_LEVEL, ..NEXT };

/// One of several: somebody else raises the level.
fn in_company() -> Options {
    Options { is_alone: false, ..options() }
}

fn level(house: &House) -> u32 {
    let level = house.engine.machine().feature_level();
    assert_eq!(house.engine.meters().feature_level.load(Ordering::Relaxed), level, "it can be seen from outside");
    level
}

/// How many jobs a purge took that comes with the same number each time.
fn purge(house: &mut House) -> u64 {
    let change = Command::PurgeQueue { queue: QUEUE };
    let answer = house.propose(&Command::Once { call: CallKey([1, 2]), change: Box::new(change) });
    match answer {
        Some(Answer::Reply(Reply::Purged(Ok(jobs)))) => jobs,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_alone_raises_the_level_when_it_starts_in_a_newer_version() {
    let disk = MemDisk::new(1);
    let mut house = House::open_in(&disk, options(), LAST).unwrap();
    assert!(house.create_queue());
    assert_eq!(level(&house), FEATURE_LEVEL);
    drop(house);
    let house = House::open_in(&disk, options(), NEXT).unwrap();
    assert_eq!(level(&house), FEATURE_LEVEL + 1);
    let batches = house.engine.totals().batches;
    drop(house);
    let house = House::open_in(&disk, options(), NEXT).unwrap();
    assert_eq!((batches, house.engine.totals().batches), (1, 0), "it is raised once");
}

#[test]
fn what_came_with_a_level_is_proposed_from_that_level_on() {
    let disk = MemDisk::new(1);
    let mut house = House::open_in(&disk, in_company(), LAST).unwrap();
    assert!(house.create_queue());
    drop(house);
    let mut house = House::open_in(&disk, in_company(), NEXT).unwrap();
    assert_eq!(level(&house), FEATURE_LEVEL, "it does not know what others know");
    house.send(b"one").unwrap().unwrap();
    assert_eq!(purge(&mut house), 1);
    house.send(b"two").unwrap().unwrap();
    assert_eq!(purge(&mut house), 1, "a version that knows no calls follows this log, too");
    drop(house);
    let mut old = House::open_in(&disk, in_company(), LAST).unwrap();
    assert!(old.send(b"three").unwrap().is_ok());
    drop(old);
    let mut house = House::open_in(&disk, in_company(), NEXT).unwrap();
    house.propose(&Command::RaiseFeatureLevel { level: FEATURE_LEVEL + 1 }).unwrap();
    assert_eq!(level(&house), FEATURE_LEVEL + 1);
    assert_eq!(purge(&mut house), 1);
    house.send(b"four").unwrap().unwrap();
    assert_eq!(purge(&mut house), 1, "what was told before");
    assert_eq!(house.engine.machine().queues().counts(house.queue()).unwrap().ready, 1);
}

#[test]
fn an_older_version_stops_at_the_level_and_leaves_all_as_it_is() {
    let disk = MemDisk::new(1);
    let mut house = House::open_in(&disk, options(), NEXT).unwrap();
    assert!(house.create_queue());
    house.send(b"one").unwrap().unwrap();
    drop(house);
    // By an entry of the log...
    let old = House::open_in(&disk, options(), LAST).unwrap();
    assert!(old.dead && old.engine.machine().begin().is_none(), "it applied nothing");
    drop(old);
    // ... and by a checkpoint.
    let mut house = House::open_in(&disk, options(), NEXT).unwrap();
    house.stop();
    assert_eq!(house.checkpoints, 1);
    drop(house);
    let error = House::open_in(&disk, options(), LAST).map(drop).unwrap_err();
    assert!(error.contains("feature level 2, and this version knows 1: use the newer version"), "{error}");
    let mut house = House::open_in(&disk, options(), NEXT).unwrap();
    assert_eq!(house.receive().unwrap().body, b"one");
}
