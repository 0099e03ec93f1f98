//! The offline check: it finds what opening finds, goes on behind it, and changes nothing.

use super::harness::{LOG, dir, open, path};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_log::{Entry, Log, LogReader};
use evenkeel_log_local::{FileState, LogId, Verified, scan_segment_bytes, verify};
use evenkeel_types::LogIndex;

fn check(disk: &MemDisk, applied: Option<u64>) -> (Verified, Vec<Entry>) {
    let before = disk.counters().changes;
    let (mut entries, mut last) = (Vec::new(), 0);
    let progress = &mut |done: u64, total: u64| {
        assert!(last <= done && done <= total, "{done} of {total} after {last}");
        last = done;
    };
    let applied = applied.map(LogIndex);
    let found = verify(disk, dir(), Some(LOG), applied, progress, &mut |entry| entries.push(entry.clone())).unwrap();
    assert_eq!(disk.counters().changes, before, "nothing is changed");
    (found, entries)
}

fn state(found: &Verified, name: &str) -> FileState {
    found.files.iter().find(|file| file.name == name).map(|file| file.state.clone()).unwrap()
}

fn ready() -> (MemDisk, Vec<Entry>) {
    let disk = MemDisk::new(0);
    let mut halves = open(&disk, 0).unwrap();
    halves.fill(40, 900);
    halves.drive();
    let reader = halves.log.reader();
    let entries = (1..=41).map(|index| reader.read(LogIndex(index)).unwrap()).collect();
    drop(halves);
    (disk, entries)
}

pub(crate) fn a_sound_log_is_read_wholly() {
    let (disk, entries) = ready();
    for applied in [None, Some(0), Some(20), Some(41)] {
        let (found, read) = check(&disk, applied);
        assert!(found.is_sound() && found.files.iter().all(|file| file.state == FileState::Ok), "{found:?}");
        assert_eq!(read, entries);
        assert_eq!(found.readable.iter().collect::<Vec<_>>(), [(LogIndex(1), LogIndex(41))]);
        assert!(found.files.len() > 5);
    }
    let (found, _) = check(&disk, Some(50));
    assert_eq!(found.missing.iter().collect::<Vec<_>>(), [(LogIndex(42), LogIndex(50))], "the state is ahead");
    let foreign = verify(&disk, dir(), Some(LogId([1; 16])), None, &mut |_, _| {}, &mut |_| {}).unwrap();
    assert!(!foreign.is_sound() && foreign.readable.pieces() == 0);
}

pub(crate) fn each_damage_is_found_offline_and_the_rest_is_read() {
    let (ready, entries) = ready();
    let names: Vec<String> = ready.list(dir()).unwrap().into_iter().filter(|name| name.ends_with(".seg")).collect();
    for name in &names {
        let end = scan_segment_bytes(&ready.contents(&path(name)).unwrap()).unwrap().0.position;
        for offset in (0..end).step_by(37) {
            let disk = ready.fork(0);
            disk.flip_bit(&path(name), offset, u8::try_from(offset % 8).unwrap()).unwrap();
            let (found, read) = check(&disk, Some(0));
            assert!(!found.is_sound(), "{name} byte {offset}");
            assert!(matches!(state(&found, name), FileState::Damaged { .. }), "{name} byte {offset}: {found:?}");
            assert!(read.iter().all(|read| entries.contains(read)), "{name} byte {offset}");
            let least = if offset < 4096 { 28 } else { 40 };
            assert!(read.len() >= least, "{name} byte {offset}: only {} entries are read", read.len());
        }
    }
    // Everything that opening objects to is found offline, wherever it is.
    for name in &names[..names.len() - 1] {
        let disk = ready.fork(0);
        disk.lose(&path(name)).unwrap();
        let (found, _) = check(&disk, Some(0));
        assert!(found.missing.pieces() == 1 && !found.is_sound(), "{name} is missing");
        let (found, _) = check(&disk, Some(41));
        assert!(found.is_sound(), "a hole below the state");
        let sidecar = state(&found, &name.replace(".seg", ".idx"));
        assert!(matches!(sidecar, FileState::Needless { .. }), "a sidecar without its segment");
    }
}

pub(crate) fn what_is_harmless_is_told_as_such() {
    let (ready, _) = ready();
    for name in ready.list(dir()).unwrap().into_iter().filter(|name| name.ends_with(".idx")) {
        for offset in 0..ready.contents(&path(&name)).unwrap().len() as u64 {
            let disk = ready.fork(0);
            disk.flip_bit(&path(&name), offset, 2).unwrap();
            let (found, _) = check(&disk, None);
            assert!(found.is_sound() && matches!(state(&found, &name), FileState::Needless { .. }), "{name} {offset}");
        }
    }
    // A torn write.
    let mut torn = 0;
    for seed in 0..60 {
        let disk = ready.fork(seed);
        let mut halves = open(&disk, 0).unwrap();
        halves.committed();
        halves.log.propose(vec![0x77; 1800].into()).unwrap();
        halves.writer.write();
        drop(halves);
        disk.crash();
        let (found, _) = check(&disk, Some(41));
        assert!(found.is_sound(), "seed {seed}: {found:?}");
        torn += found.files.iter().filter(|file| matches!(file.state, FileState::Torn { .. })).count();
    }
    assert!(torn > 10, "{torn} of 60");
}

pub(crate) fn any_bytes_can_be_checked_offline() {
    let mut random = evenkeel_log::conformance::Random::new(9);
    let (ready, _) = ready();
    let names = ready.list(dir()).unwrap();
    for round in 0..300 {
        let disk = ready.fork(round);
        for _ in 0..=random.below(3) {
            let name = &names[random.below(names.len())];
            let len = disk.contents(&path(name)).unwrap_or_default().len();
            match random.below(4) {
                0 if len > 0 => disk.truncate(&path(name), random.below(len) as u64).unwrap(),
                1 if len > 0 => {
                    let at = random.below(len) as u64;
                    disk.zero(&path(name), at..at + 700).unwrap();
                }
                2 => {
                    let noise: Vec<u8> = (0..200).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
                    let file = disk.open(&path(name), OpenMode::ReadWrite).unwrap();
                    file.write_all_at(&noise, random.below(len + 1) as u64).unwrap();
                }
                _ => {
                    let other = &names[random.below(names.len())];
                    if other != name {
                        disk.rename(&path(name), &path(other)).ok();
                    }
                    break;
                }
            }
        }
        let (found, read) = check(&disk, Some(0));
        // What the check calls sound, opens; and what it reads is what is told.
        if found.is_sound() {
            let opened = open(&disk, 0);
            assert!(opened.is_ok(), "round {round}: sound, and does not open: {:?}", opened.err());
            assert!(opened.unwrap().committed().len() > read.len(), "round {round}");
        }
    }
}
