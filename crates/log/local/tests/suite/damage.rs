//! What was durable and is not what it was must be found, named and left alone.

use super::harness::{Halves, LOG, dir, open, open_with, options, path};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_log::{Log, LogError, LogReader, ReadError, conformance::Random};
use evenkeel_log_local::{LogId, NewEntry, Options, decode_entry_header, encode_entry, scan_segment_bytes};
use evenkeel_types::LogIndex;

/// A synced log of several segments, and the file names.
fn ready(count: u8, bytes: usize) -> (MemDisk, Vec<String>) {
    let disk = MemDisk::new(0);
    open(&disk, 0).unwrap().fill(count, bytes);
    let names = segments(&disk);
    (disk, names)
}

fn segments(disk: &MemDisk) -> Vec<String> {
    disk.list(dir()).unwrap().into_iter().filter(|name| name.ends_with(".seg")).collect()
}

/// Everything but the leftovers that opening may remove.
fn contents(disk: &MemDisk) -> Vec<(String, Vec<u8>)> {
    segments(disk).into_iter().map(|name| (name.clone(), disk.contents(&path(&name)).unwrap())).collect()
}

fn expect_damage(opened: Result<Halves, LogError>, file: &str, what: &str) {
    match opened {
        Err(LogError::Damaged { file: named, .. }) => assert_eq!(named, file, "{what}: the wrong file is named"),
        Err(error) => panic!("{what}: {error}"),
        Ok(halves) => panic!("{what}: opened with {:?}", halves.report),
    }
}

pub(crate) fn every_flipped_bit_is_found_and_named_and_nothing_is_changed() {
    // Payloads of zeros, of single bits and of ordinary bytes, in entries of all sizes.
    let ready = MemDisk::new(0);
    let mut halves = open_with(&ready, options(8192), 0).unwrap();
    halves.committed();
    for (n, bytes) in [(0u8, 3000), (1, 1), (7, 600), (0, 600), (2, 2000)] {
        let mut batch = vec![0; bytes];
        let end = bytes.div_ceil(4);
        batch[..end].fill(n);
        batch[bytes - 1] = 1;
        halves.log.propose(batch.into()).unwrap();
        halves.committed();
    }
    drop(halves);
    let names = segments(&ready);
    assert!(names.len() > 1);
    for name in names {
        let tail = scan_segment_bytes(&ready.contents(&path(&name)).unwrap()).unwrap().0.position;
        for offset in 0..tail {
            let disk = ready.fork(offset);
            let bit = u8::try_from(offset % 8).unwrap();
            disk.flip_bit(&path(&name), offset, bit).unwrap();
            let before = contents(&disk);
            expect_damage(open_with(&disk, options(8192), 0), &name, &format!("{name} byte {offset} bit {bit}"));
            assert!(contents(&disk) == before, "{name} byte {offset}: damage was touched");
        }
    }
}

pub(crate) fn a_flipped_bit_is_found_when_an_entry_is_read() {
    let (ready, names) = ready(3, 900);
    let bytes = ready.contents(&path(&names[0])).unwrap();
    let end = scan_segment_bytes(&bytes).unwrap().0.position;
    let mut random = Random::new(1);
    for _ in 0..300 {
        let disk = ready.fork(0);
        let mut halves = open(&disk, 0).unwrap();
        let entries = halves.committed();
        let at = 4096 + random.below(usize::try_from(end - 4096).unwrap());
        disk.flip_bit(&path(&names[0]), at as u64, 5).unwrap();
        let reader = halves.log.reader();
        let mut found = 0;
        for entry in &entries {
            match reader.read(entry.index) {
                Ok(read) => assert_eq!(read, *entry, "damage at {at} is served"),
                Err(ReadError::Log(LogError::Damaged { file, .. })) => found += usize::from(file == names[0]),
                Err(error) => panic!("{error}"),
            }
        }
        // A flipped bit of the padding hurts nobody here; opening finds it.
        let header = (4096..=at).rev().step_by(1).find_map(|at| {
            (at % 64 == 0).then(|| decode_entry_header(&bytes[at..], LOG)).flatten().map(|header| (at, header))
        });
        let (start, header) = header.unwrap();
        assert_eq!(found, usize::from(at < start + 64 + header.payload_bytes as usize), "damage at {at}");
    }
}

pub(crate) fn zeroed_sectors_of_synced_entries_are_damage() {
    // Whatever is zeroed, as long as one entry that was written after the next sync is left.
    let (ready, names) = ready(40, 700);
    for (number, name) in names.iter().enumerate() {
        let bytes = ready.contents(&path(name)).unwrap();
        let end = scan_segment_bytes(&bytes).unwrap().0.position;
        let last = number + 1 == names.len();
        // In the last segment, what comes after the zeroed sectors must hold a whole header.
        let until = if last { end - 2048 } else { end };
        for sector in 0..until.div_ceil(512) {
            let disk = ready.fork(sector);
            disk.zero(&path(name), sector * 512..(sector + 1) * 512).unwrap();
            if disk.contents(&path(name)).unwrap() == bytes {
                continue;
            }
            let before = contents(&disk);
            expect_damage(open(&disk, 0), name, &format!("{name} sector {sector}"));
            assert!(contents(&disk) == before, "{name} sector {sector}: damage was touched");
        }
    }
}

pub(crate) fn a_missing_cut_or_foreign_segment_is_damage() {
    let (ready, names) = ready(60, 900);
    assert!(names.len() > 3);
    for (number, name) in names.iter().enumerate() {
        let last = number + 1 == names.len();
        let disk = ready.fork(0);
        disk.lose(&path(name)).unwrap();
        match number {
            // The first may have been trimmed, but not if it is needed.
            0 => expect_damage(open(&disk, 0), "log", "the first is missing"),
            _ if last => expect_damage(open(&disk, 61), &names[number - 1], "the last is missing"),
            _ => expect_damage(open(&disk, 0), &names[number - 1], "one is missing"),
        }
        for len in [0, 100, 4096, 8192, 16 * 1024 - 1, 16 * 1024 + 1] {
            let disk = ready.fork(0);
            disk.truncate(&path(name), len).unwrap();
            expect_damage(open(&disk, 0), name, &format!("{name} cut to {len}"));
        }
        let disk = ready.fork(0);
        disk.rename(&path(name), &path("00000000deadbeef.seg")).unwrap();
        assert!(matches!(open(&disk, 0), Err(LogError::Damaged { .. })), "{name} under another name");
    }
    let foreign = Options { log: LogId([9; 16]), ..options(16 * 1024) };
    expect_damage(open_with(&ready.fork(0), foreign, 0), &names[0], "another log's");
    let disk = ready.fork(0);
    disk.rename(&path(&names[1]), &path("copy.seg")).unwrap();
    expect_damage(open(&disk, 0), "copy.seg", "a strange name");
}

/// Not what a bit does, but what a misdirected write or a mistaken restore does.
pub(crate) fn an_entry_copied_to_another_place_is_damage() {
    let (ready, names) = ready(6, 100);
    let bytes = ready.contents(&path(&names[0])).unwrap();
    let (end, _) = scan_segment_bytes(&bytes).unwrap();
    let write = |disk: &MemDisk, bytes: &[u8], offset: u64| {
        disk.open(&path(&names[0]), OpenMode::ReadWrite).unwrap().write_all_at(bytes, offset).unwrap();
    };
    let fence = 128;
    let entry = 192;
    for from in [0, 1, 3] {
        let disk = ready.fork(0);
        let at = 4096 + fence + from * entry;
        write(&disk, &bytes[at..at + entry], end.position);
        expect_damage(open(&disk, 0), &names[0], "an old entry once more at the tail");
        let disk = ready.fork(0);
        write(&disk, &bytes[at..at + entry], (4096 + fence + 4 * entry) as u64);
        expect_damage(open(&disk, 0), &names[0], "an old entry over another");
    }
    // All numbers are right, but it continues something else.
    let mut forged = Vec::new();
    let header = decode_entry_header(&bytes[4096 + fence..], LOG).unwrap();
    let (index, epoch, kind) = (end.running.next, end.running.epoch, header.kind);
    let chain = end.running.chain ^ 1;
    let new = NewEntry { kind, index, epoch, chain, synced_below: index, payload: b"forged" };
    encode_entry(LOG, &new, end.position, &mut forged);
    let disk = ready.fork(0);
    write(&disk, &forged, end.position);
    expect_damage(open(&disk, 0), &names[0], "a broken chain");
}

pub(crate) fn a_log_behind_its_state_is_damage() {
    let (ready, names) = ready(5, 100);
    expect_damage(open(&ready, 7), &names[0], "the state is ahead");
    assert!(open(&ready.fork(0), 6).is_ok());
    let empty = MemDisk::new(0);
    expect_damage(open(&empty, 1), "log", "there is no log at all");
    let restored = Options { restored: true, ..options(16 * 1024) };
    let mut halves = open_with(&ready.fork(0), restored, 70).unwrap();
    assert!(halves.report.behind_state);
    assert_eq!(halves.committed().first().map(|entry| entry.index), Some(LogIndex(71)));
}

pub(crate) fn a_torn_write_is_cut_off_and_reported() {
    let doubtful = torn_writes(3);
    assert_eq!(doubtful, 0, "after a power cut alone the log must open");
}

pub(crate) fn a_torn_sector_of_one_bit_is_seldom_taken_for_a_flipped_bit() {
    let doubtful = torn_writes(1);
    assert!(doubtful < 30, "{doubtful} of 600 are called damaged");
}

/// Tears 600 groups whose batches have scattered bytes with those `bits`; returns how many are called damaged.
fn torn_writes(bits: u8) -> usize {
    let mut reported = 0;
    let mut doubtful = 0;
    for seed in 0..600 {
        let disk = MemDisk::new(seed);
        let mut halves = open(&disk, 0).unwrap();
        halves.fill(2, 300);
        let mut random = Random::new(seed);
        for _ in 0..=random.below(4) {
            let mut batch = vec![0; 1 + random.below(2500)];
            for byte in &mut batch {
                *byte = if random.one_in(300) { bits << random.below(6) } else { 0 };
            }
            if random.one_in(2) {
                batch.fill(0x77);
            }
            halves.log.propose(batch.into()).unwrap();
        }
        // A group that was written and never synced.
        halves.writer.write();
        drop(halves);
        disk.crash();
        // Once more torn while it is mended.
        disk.fail_from(seed % 5);
        let _ = open(&disk, 0);
        disk.crash();
        let mut halves = match open(&disk, 0) {
            Ok(halves) => halves,
            Err(LogError::Damaged { .. }) if bits.count_ones() == 1 => {
                doubtful += 1;
                continue;
            }
            Err(error) => panic!("seed {seed}: {error}"),
        };
        reported += usize::from(halves.report.torn.is_some());
        let entries = halves.committed();
        assert_eq!(entries[1].batch, vec![1; 300], "seed {seed}");
        assert_eq!(entries[2].batch, vec![2; 300], "seed {seed}");
        halves.fill(3, 300);
        drop(halves);
        disk.crash();
        let mut halves = open(&disk, 0).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(halves.committed().last().map(|fence| fence.batch.len()), Some(0), "seed {seed}");
    }
    assert!(reported > 50, "{reported} torn tails in 600 crashes are too few to test anything");
    doubtful
}

pub(crate) fn a_newer_format_is_refused_by_name() {
    let (disk, names) = ready(1, 10);
    let mut bytes = disk.contents(&path(&names[0])).unwrap();
    bytes[16] = 2;
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[8..4096]).to_le_bytes();
    bytes[..8].copy_from_slice(&checksum);
    disk.open(&path(&names[0]), OpenMode::ReadWrite).unwrap().write_all_at(&bytes[..4096], 0).unwrap();
    match open(&disk, 0) {
        Err(LogError::TooNew { file, found: 2, supported: 1 }) => assert_eq!(file, names[0]),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("opened"),
    }
}
