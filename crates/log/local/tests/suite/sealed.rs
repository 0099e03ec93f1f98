//! Sealed segments: their sidecars, and what is opened without a walk.

use super::harness::{Halves, LOG, dir, open, open_with, options, path};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_log::{Entry, Log, LogError, LogReader, ReadError, conformance::Random};
use evenkeel_log_local::{Append, EntryKind, Segments, scan_segment_bytes, scan_sidecar_bytes};
use evenkeel_types::{Epoch, LogIndex};

/// A log of many segments with their sidecars, what is in it, and the last index.
fn ready(count: u8, bytes: usize) -> (MemDisk, Vec<Entry>, u64) {
    let disk = MemDisk::new(0);
    let mut halves = open(&disk, 0).unwrap();
    halves.fill(count, bytes);
    halves.drive();
    let last = u64::from(count) + 1;
    let reader = halves.log.reader();
    let entries = (1..=last).map(|index| reader.read(LogIndex(index)).unwrap()).collect();
    (disk, entries, last)
}

fn names(disk: &MemDisk, end: &str) -> Vec<String> {
    disk.list(dir()).unwrap().into_iter().filter(|name| name.ends_with(end)).collect()
}

/// All entries can be read, wholly and in part.
fn check_all(halves: &Halves, entries: &[Entry], what: &str) {
    let reader = halves.log.reader();
    for entry in entries {
        let read = reader.read(entry.index).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(read, *entry, "{what}");
        if entry.batch.len() > 20 {
            let part = reader.read_range(entry.index, 5, 15).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(part, entry.batch.slice(5..20), "{what}");
        }
    }
}

pub(crate) fn opening_reads_only_what_lies_above_the_state() {
    let (disk, entries, last) = ready(200, 900);
    let segments = names(&disk, ".seg");
    assert!(segments.len() > 15);
    assert_eq!(names(&disk, ".idx").len(), segments.len() - 1, "all but the one in use have a sidecar");
    for applied in [0, 1, last / 2, last - 30, last] {
        let disk = disk.fork(applied);
        let before = disk.counters().bytes_read;
        let mut halves = open(&disk, applied).unwrap();
        let read = disk.counters().bytes_read - before;
        let above = usize::try_from((last - applied) / 12 + 2).unwrap();
        assert!(halves.report.scanned <= above, "{applied}: {} were scanned", halves.report.scanned);
        let most = halves.report.scanned * 40_000 + segments.len() * 5_000;
        assert!(read < most as u64, "{applied}: {read} bytes were read, {most} would do");
        assert_eq!(halves.report.sidecars, [""; 0]);
        assert_eq!(halves.log.first_index(), LogIndex(1), "all are there, one after the other");
        check_all(&halves, &entries, &format!("applied {applied}"));
        assert_eq!(halves.committed().len() as u64, last - applied + 1);
    }
}

pub(crate) fn a_sidecar_that_is_lost_or_damaged_is_made_anew() {
    let (ready, entries, last) = ready(40, 900);
    let mut damages: Vec<(String, Option<(u64, u8)>)> = Vec::new();
    for name in names(&ready, ".idx") {
        let len = ready.contents(&path(&name)).unwrap().len() as u64;
        damages.push((name.clone(), None));
        damages.extend((0..len * 8).step_by(7).map(|bit| (name.clone(), Some((bit / 8, (bit % 8) as u8)))));
    }
    for (name, damage) in damages {
        let disk = ready.fork(0);
        match damage {
            Some((offset, bit)) => disk.flip_bit(&path(&name), offset, bit).unwrap(),
            None => disk.lose(&path(&name)).unwrap(),
        }
        let what = format!("{name}, {damage:?}");
        let mut halves = open(&disk, last).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(matches!(&halves.report.sidecars[..], [warning] if warning.starts_with(&name)), "{what}");
        check_all(&halves, &entries, &what);
        halves.drive();
        drop(halves);
        assert_eq!(disk.contents(&path(&name)).unwrap(), ready.contents(&path(&name)).unwrap(), "{what}");
        // Above the state, where the segment is walked through anyway, too.
        let disk = ready.fork(0);
        disk.lose(&path(&name)).unwrap();
        let mut halves = open(&disk, 0).unwrap();
        halves.drive();
        assert_eq!(disk.contents(&path(&name)).unwrap(), ready.contents(&path(&name)).unwrap(), "{what}");
    }
}

pub(crate) fn a_sidecar_of_another_length_or_segment_is_made_anew() {
    let (ready, entries, last) = ready(60, 900);
    let sidecars = names(&ready, ".idx");
    let name = &sidecars[1];
    let bytes = ready.contents(&path(name)).unwrap();
    for len in [0, 1, 100, 128, bytes.len() as u64 - 1, bytes.len() as u64 + 1, 1_000_000] {
        let disk = ready.fork(0);
        disk.truncate(&path(name), len).unwrap();
        let halves = open(&disk, last).unwrap();
        assert_eq!(halves.report.sidecars.len(), 1, "{len}");
        check_all(&halves, &entries, &format!("{name} cut to {len}"));
    }
    // A good one, of another segment.
    let disk = ready.fork(0);
    disk.remove(&path(name)).unwrap();
    let file = disk.open(&path(name), OpenMode::CreateNew).unwrap();
    file.write_all_at(&ready.contents(&path(&sidecars[2])).unwrap(), 0).unwrap();
    let halves = open(&disk, last).unwrap();
    assert_eq!(halves.report.sidecars.len(), 1);
    check_all(&halves, &entries, "a foreign sidecar");
}

pub(crate) fn leftovers_of_sidecars_are_removed() {
    let (disk, entries, last) = ready(40, 900);
    let in_use = names(&disk, ".seg").pop().unwrap().replace(".seg", ".idx");
    for name in ["00000000deadbeef.idx", "idx.new", &in_use] {
        disk.open(&path(name), OpenMode::CreateNew).unwrap().write_all_at(b"left over", 0).unwrap();
    }
    disk.open(&path("strange.idx"), OpenMode::CreateNew).unwrap();
    let halves = open(&disk, last).unwrap();
    let left = disk.list(dir()).unwrap();
    assert!(
        !left.iter().any(|name| name == "00000000deadbeef.idx" || name == "idx.new" || *name == in_use),
        "{left:?}"
    );
    assert!(left.iter().any(|name| name == "strange.idx"), "other names are left alone");
    check_all(&halves, &entries, "leftovers");
}

pub(crate) fn holes_are_damage_above_the_state_alone() {
    let (ready, entries, last) = ready(100, 900);
    let segments = names(&ready, ".seg");
    let first_of = |name: &String| u64::from_str_radix(name.strip_suffix(".seg").unwrap(), 16).unwrap();
    for number in 0..segments.len() - 1 {
        let (first, next) = (first_of(&segments[number]), first_of(&segments[number + 1]));
        for sidecar_too in [false, true] {
            let lose = |disk: &MemDisk| {
                disk.lose(&path(&segments[number])).unwrap();
                if sidecar_too {
                    disk.lose(&path(&segments[number].replace(".seg", ".idx"))).unwrap();
                }
            };
            let disk = ready.fork(0);
            lose(&disk);
            let halves = open(&disk, next - 1).unwrap();
            let expected = if number == 0 { first_of(&segments[1]) } else { next };
            assert_eq!(halves.log.first_index(), LogIndex(expected));
            let (gone, there): (Vec<_>, Vec<_>) =
                entries.iter().cloned().partition(|entry| (first..next).contains(&entry.index.0));
            check_all(&halves, &there, "a hole");
            for entry in gone {
                let read = halves.log.reader().read(entry.index);
                assert!(matches!(read, Err(ReadError::Trimmed(_))), "{}: {read:?}", entry.index);
            }
            drop(halves);
            let disk = ready.fork(0);
            lose(&disk);
            assert!(matches!(open(&disk, next - 2), Err(LogError::Damaged { .. })), "entry {} is needed", next - 1);
        }
    }
    let _ = last;
}

pub(crate) fn damage_below_the_state_hits_only_what_it_hits() {
    let (ready, entries, last) = ready(40, 900);
    let name = &names(&ready, ".seg")[1];
    let end = scan_segment_bytes(&ready.contents(&path(name)).unwrap()).unwrap().0.position;
    let mut random = Random::new(3);
    for round in 0..300 {
        let disk = ready.fork(round);
        let at = 4096 + random.below(usize::try_from(end - 4096).unwrap()) as u64;
        disk.flip_bit(&path(name), at, 3).unwrap();
        // Without its sidecar, too: then a walk meets the damage, and goes on behind it.
        if round % 2 == 0 {
            disk.lose(&path(&name.replace(".seg", ".idx"))).unwrap();
        }
        let halves = open(&disk, last).unwrap_or_else(|error| panic!("byte {at}: {error}"));
        let reader = halves.log.reader();
        let mut broken = 0;
        for entry in &entries {
            match reader.read(entry.index) {
                Ok(read) => assert_eq!(read, *entry, "byte {at}"),
                Err(ReadError::Log(LogError::Damaged { file, .. })) if file == *name => broken += 1,
                Err(error) => panic!("byte {at}: {error}"),
            }
        }
        assert!(broken <= 1, "byte {at}: {broken} entries cannot be read");
        if round % 2 == 0 {
            let warnings = &halves.report.sidecars;
            assert!(matches!(&warnings[..], [warning] if warning.contains("is damaged at byte")), "{warnings:?}");
        }
    }
    // The header is looked at, and the rest of the file is as long as it says.
    let disk = ready.fork(0);
    disk.flip_bit(&path(name), 40, 3).unwrap();
    assert!(matches!(open(&disk, last), Err(LogError::Damaged { file, .. }) if file == *name));
    let disk = ready.fork(0);
    disk.truncate(&path(name), 8192).unwrap();
    assert!(matches!(open(&disk, last), Err(LogError::Damaged { file, .. }) if file == *name));
}

pub(crate) fn many_entries_are_found_through_the_sidecar_and_without_it() {
    let disk = MemDisk::new(0);
    let mut halves = open_with(&disk, options(512 * 1024), 0).unwrap();
    halves.committed();
    let mut entries = Vec::new();
    for round in 0..70u64 {
        for n in 0..100u64 {
            halves.log.propose((round * 100 + n).to_le_bytes().repeat(4).into()).unwrap();
        }
        entries.extend(halves.committed());
    }
    halves.drive();
    let last = entries.last().unwrap().index.0;
    check_all(&halves, &entries, "as written");
    drop(halves);
    let sidecar = names(&disk, ".idx").remove(0);
    let (header, offsets) = scan_sidecar_bytes(&disk.contents(&path(&sidecar)).unwrap()).unwrap();
    assert!(offsets.len() > 2000, "they are not kept in memory");
    for applied in [0, last] {
        let halves = open_with(&disk.fork(1), options(512 * 1024), applied).unwrap();
        check_all(&halves, &entries, "as opened");
    }
    // It rots while the log is open.
    let disk = disk.fork(2);
    let mut halves = open_with(&disk, options(512 * 1024), last).unwrap();
    for byte in 128..disk.contents(&path(&sidecar)).unwrap().len() {
        disk.flip_bit(&path(&sidecar), byte as u64, 1).unwrap();
    }
    check_all(&halves, &entries, "rotten");
    let beyond = halves.log.reader().read_range(header.last, 0, 400);
    assert!(matches!(beyond, Err(ReadError::Log(LogError::Misuse(_)))), "{beyond:?}");
    assert!(halves.committed().last().is_some_and(|fence| fence.epoch == Epoch(2)));
}

pub(crate) fn a_range_is_one_read_and_never_more_than_the_file_has() {
    let (disk, entries, last) = ready(30, 900);
    let halves = open(&disk, last).unwrap();
    let reader = halves.log.reader();
    let before = disk.counters();
    assert_eq!(reader.read_range(LogIndex(5), 100, 700).unwrap(), entries[4].batch.slice(100..800));
    let after = disk.counters();
    assert_eq!((after.reads - before.reads, after.bytes_read - before.bytes_read), (1, 700), "neither header nor rest");
    for index in 1..=last {
        for (offset, bytes) in
            [(0, u32::MAX), (u32::MAX, 1), (u32::MAX, u32::MAX), (900, 200), (0, 20_000), (1_000_000, 0)]
        {
            let read = reader.read_range(LogIndex(index), offset, bytes);
            assert!(matches!(read, Err(ReadError::Log(LogError::Misuse(_)))), "{index}, {offset}, {bytes}: {read:?}");
        }
    }
    assert!(matches!(reader.read_range(LogIndex(last + 1), 0, 1), Ok(_) | Err(ReadError::Log(_))), "the fence");
    assert!(matches!(reader.read_range(LogIndex(last + 2), 0, 1), Err(ReadError::NotThere(_))));
}

pub(crate) fn what_was_truncated_never_comes_back_through_a_sidecar() {
    let payload = |random: &mut Random| vec![u8::try_from(random.below(256)).unwrap(); 1 + random.below(600)];
    for seed in 0..30 {
        let disk = MemDisk::new(seed);
        disk.create_dir_all(dir()).unwrap();
        let zero = LogIndex::ZERO;
        let mut store = Segments::open(disk.clone(), dir(), options(4608), zero, zero).unwrap().0;
        let mut random = Random::new(seed);
        let mut expected = Vec::new();
        for _ in 0..60 {
            match random.below(6) {
                0 => {
                    let after = random.below(expected.len() + 1);
                    expected.truncate(after);
                    store.truncate_after(LogIndex(after as u64)).unwrap();
                }
                1 => while store.fill().unwrap() {},
                2 => {
                    drop(store);
                    disk.crash();
                    // From a state in the middle, so that what is below is read through the sidecars.
                    let applied = LogIndex(random.below(expected.len() + 1) as u64);
                    store = Segments::open(disk.clone(), dir(), options(4608), applied, applied).unwrap().0;
                }
                _ => {
                    let payload = payload(&mut random);
                    store.append(&[Append { epoch: Epoch(0), kind: EntryKind::Batch, payload: &payload }]).unwrap();
                    store.sync().unwrap();
                    expected.push(payload);
                }
            }
            assert_eq!(store.last().0, expected.len() as u64);
            store.commit(store.last());
            for (index, payload) in (1..).zip(&expected) {
                let read = store.reader().read(LogIndex(index)).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                assert_eq!(read.batch, payload, "seed {seed}, entry {index}");
            }
        }
    }
    assert_eq!(options(0).log, LOG);
}
