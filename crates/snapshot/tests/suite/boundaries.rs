//! The receiver dies at every boundary between two operations of its disk, from the first chunk to the log that goes on. Its
//! folder then opens as before or as the snapshot, and what was begun can be finished.

use super::harness::{Stream, Working, check_bodies, check_is_snapshot, folder, found, path, reset_log};
use crate::driver::House;
use evenkeel_disk::{Disk, MemDisk};
use std::collections::BTreeSet;

struct Scene {
    working: Working,
    /// The receiver's folder before.
    before: MemDisk,
    alive_before: BTreeSet<u64>,
    digest_before: u64,
    stream: Stream,
}

fn scene() -> Scene {
    let mut working = Working::with_body_files(30);
    let (before, alive_before) = (working.disk.fork(31), working.alive.clone());
    let digest_before = found(&before.fork(1)).start.machine.digest();
    (0..3).for_each(|_| working.round());
    let stream = Stream::of(working.sender(), 4_000);
    Scene { before, alive_before, digest_before, stream, working }
}

fn all(disk: &MemDisk, scene: &Scene) -> Result<(), String> {
    scene.stream.transfer(disk).map_err(|error| error.to_string())?;
    reset_log(disk)
}

fn check(scene: &Scene, disk: &MemDisk, power_cut: bool, what: &str) -> bool {
    if power_cut {
        disk.crash()
    } else {
        disk.kill()
    }
    let opened = found(disk);
    let (applied, digest) = (opened.start.machine.applied(), opened.start.machine.digest());
    drop(opened);
    if applied == scene.stream.manifest.index() {
        check_is_snapshot(disk, applied, &scene.working, what);
        return true;
    }
    assert_eq!(digest, scene.digest_before, "{what}");
    let mut house = House::open(disk).unwrap_or_else(|why| panic!("{what}: {why}"));
    check_bodies(&mut house, &scene.alive_before, what);
    drop(house);
    disk.kill();
    // The old machine has moved on by a few entries, which the snapshot replaces.
    all(disk, scene).unwrap_or_else(|why| panic!("{what}, again: {why}"));
    check_is_snapshot(disk, scene.stream.manifest.index(), &scene.working, what);
    false
}

#[test]
fn wherever_the_receiver_dies_its_folder_is_the_old_one_or_the_snapshot() {
    let scene = scene();
    let disk = scene.before.fork(32);
    let start = disk.counters().changes;
    let mut half = scene.stream.receiver(&disk).unwrap();
    scene.stream.feed(&mut half).unwrap();
    let received = disk.counters().changes - start;
    half.finish().unwrap();
    drop(half);
    reset_log(&disk).unwrap();
    let operations = disk.counters().changes - start;
    assert!(operations > received + 40, "{operations} operations, {received} of them before the end");
    let mut as_snapshot = BTreeSet::new();
    for operation in (0..operations).filter(|operation| *operation >= received || operation % 3 == 0) {
        for power_cut in [true, false] {
            let disk = scene.before.fork(100 + operation);
            disk.fail_from(operation);
            assert!(all(&disk, &scene).is_err(), "operation {operation} did not fail");
            if check(&scene, &disk, power_cut, &format!("operation {operation}, power cut {power_cut}")) {
                as_snapshot.insert(operation);
            }
        }
    }
    let first = *as_snapshot.first().unwrap();
    assert!(first > received, "the snapshot counts before all of it is proven");
    assert!((first + 3..operations).all(|operation| as_snapshot.contains(&operation)), "{as_snapshot:?}");
}

#[test]
fn whoever_opens_the_folder_may_die_as_well() {
    let scene = scene();
    let disk = scene.before.fork(33);
    let mut half = scene.stream.receiver(&disk).unwrap();
    scene.stream.feed(&mut half).unwrap();
    drop(half);
    let received = disk.fork(34);
    let start = disk.counters().changes;
    scene.stream.transfer(&disk).unwrap();
    let operations = disk.counters().changes - start;
    let mut installing = 0;
    for operation in 0..operations {
        for power_cut in [false, true] {
            let disk = received.fork(operation);
            disk.fail_from(operation);
            let _ = scene.stream.transfer(&disk);
            if power_cut {
                disk.crash()
            } else {
                disk.kill()
            }
            if !disk.list(&path("snapshot")).unwrap().iter().any(|name| name == "install") {
                continue;
            }
            installing += 1;
            let start = disk.counters().changes;
            let whole = disk.fork(1);
            reset_log(&whole).unwrap();
            for second in (0..whole.counters().changes - start).filter(|second| (second + operation) % 3 == 0) {
                let disk = disk.fork(operation * 100 + second);
                disk.fail_from(second);
                let _ = evenkeel_engine::find(disk.clone(), folder());
                let _ = reset_log(&disk);
                check(&scene, &disk, true, &format!("operations {operation} and {second}"));
            }
        }
    }
    assert!(installing > 20, "{installing}");
}
