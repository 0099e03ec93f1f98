//! Full disks, syncs that fail, files that rot.

use super::harness::{Stream, Working, check_bodies, check_is_snapshot, folder, found, path};
use crate::driver::House;
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_snapshot::{ReceiveError, Receiver};
use std::{collections::BTreeSet, io::ErrorKind};

struct Scene {
    working: Working,
    before: MemDisk,
    alive_before: BTreeSet<u64>,
    stream: Stream,
}

fn scene() -> Scene {
    let mut working = Working::with_body_files(40);
    let (before, alive_before) = (working.disk.fork(41), working.alive.clone());
    (0..3).for_each(|_| working.round());
    let stream = Stream::of(working.sender(), 4_000);
    Scene { before, alive_before, stream, working }
}

impl Scene {
    fn check_before(&self, disk: &MemDisk, what: &str) {
        let disk = disk.fork(1);
        let mut house = House::open(&disk).unwrap_or_else(|why| panic!("{what}: {why}"));
        check_bodies(&mut house, &self.alive_before, what);
    }
}

#[test]
fn a_full_disk_leaves_what_was_before_and_passes() {
    let scene = scene();
    let mut refused = 0;
    for room in (0..400_000).step_by(3_001) {
        let disk = scene.before.fork(room);
        disk.set_capacity(Some(disk.used() + room));
        let mut receiver = match scene.stream.receiver(&disk) {
            Ok(receiver) => receiver,
            Err(ReceiveError::Io(error)) => {
                assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
                disk.set_capacity(None);
                scene.check_before(&disk, "no room at all");
                scene.stream.receiver(&disk).unwrap()
            }
            Err(other) => panic!("{other}"),
        };
        let result = scene.stream.feed(&mut receiver).and_then(|()| receiver.finish());
        if let Err(error) = result {
            refused += 1;
            let full = match &error {
                ReceiveError::Io(error) => error.kind(),
                ReceiveError::Checkpoint(evenkeel_checkpoint::ReceiveError::Io(error)) => error.kind(),
                other => panic!("{other}"),
            };
            assert_eq!(full, ErrorKind::StorageFull, "{error}");
            scene.check_before(&disk, &format!("room {room}"));
            // With the same receiver, once there is room.
            disk.set_capacity(None);
            scene.stream.feed(&mut receiver).unwrap();
            receiver.finish().unwrap();
        } else {
            disk.set_capacity(None);
        }
        drop(receiver);
        check_is_snapshot(&disk, scene.stream.manifest.index(), &scene.working, &format!("room {room}"));
        if refused > 0 && room > 200_000 {
            break;
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_sync_that_fails_is_never_trusted() {
    let scene = scene();
    let disk = scene.before.fork(0);
    let before = disk.counters().syncs;
    scene.stream.transfer(&disk).unwrap();
    let syncs = disk.counters().syncs - before;
    assert!(syncs > 10, "{syncs}");
    for sync in 0..syncs {
        let disk = scene.before.fork(sync);
        disk.fail_sync(sync);
        scene.stream.transfer(&disk).expect_err("a sync failed");
        disk.crash_losing_all();
        if found(&disk).start.machine.applied() != scene.stream.manifest.index() {
            scene.check_before(&disk, &format!("sync {sync}"));
            scene.stream.transfer(&disk).unwrap();
        }
        check_is_snapshot(&disk, scene.stream.manifest.index(), &scene.working, &format!("sync {sync}"));
    }
}

#[test]
fn what_rots_before_the_end_is_found_at_the_end() {
    let scene = scene();
    let disk = scene.before.fork(50);
    let mut whole = scene.stream.receiver(&disk).unwrap();
    scene.stream.feed(&mut whole).unwrap();
    drop(whole);
    let mut noticed = 0;
    for dir in ["snapshot/checkpoints", "snapshot/bodies", "snapshot"] {
        for name in disk.list(&path(dir)).unwrap() {
            let file = path(dir).join(&name);
            let length = disk.contents(&file).unwrap().len() as u64;
            for at in (0..length).step_by(97) {
                let disk = disk.fork(at);
                disk.flip_bit(&file, at, 5).unwrap();
                let result = scene.stream.receiver(&disk).and_then(|mut receiver| receiver.finish());
                let error = result.expect_err("a rotten file was installed");
                let known = matches!(
                    error,
                    ReceiveError::Checkpoint(_)
                        | ReceiveError::Bodies(_)
                        | ReceiveError::Damaged { .. }
                        | ReceiveError::Incomplete(_)
                );
                assert!(known, "{name}, byte {at}: {error}");
                noticed += 1;
                if at % 5 == 0 {
                    Receiver::discard(disk.clone(), folder()).unwrap();
                    scene.check_before(&disk, &name);
                    scene.stream.transfer(&disk).unwrap();
                }
            }
        }
    }
    assert!(noticed > 300, "{noticed}");
}

#[test]
fn a_mark_that_rots_opens_nothing() {
    let scene = scene();
    let disk = scene.before.fork(51);
    scene.stream.transfer(&disk).unwrap();
    let mark = path("snapshot/installed");
    for at in 0..disk.contents(&mark).unwrap().len() as u64 {
        let disk = disk.fork(at);
        disk.flip_bit(&mark, at, 1).unwrap();
        let error = evenkeel_engine::find(disk, folder()).err().unwrap();
        assert!(error.to_string().starts_with("snapshot/installed: "), "{error}");
        assert!(!error.is_io());
    }
    check_is_snapshot(&disk, scene.stream.manifest.index(), &scene.working, "the mark is well");
}
