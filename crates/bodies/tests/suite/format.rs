//! The bytes of a file: as ever, whatever they are.

use super::harness::{bodies, bytes_of, carry, expect_there, folder, open, path};
use evenkeel_bodies::{Scanned, scan_body_file_bytes};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_types::{BodyRef, LogIndex};
use proptest::{collection::btree_map, prelude::*, test_runner::TestRunner};

/// A file of format 1: bodies of entries 0x101 to 0x11B, in two groups.
const GOLDEN: &[u8] = include_bytes!("../golden/body-file-1.bin");

pub(crate) fn format_1_is_written_and_read_as_ever() {
    let disk = MemDisk::new(0);
    let (shelf, _) = open(&disk);
    let extent = carry(&shelf, 0x100, 0x123, &bodies(0x101, 0x11B)).unwrap().unwrap();
    let written = disk.contents(&path(0x100, 0x123)).unwrap();
    assert!(written == GOLDEN, "the bytes written are others than ever");
    drop(shelf);
    let disk = MemDisk::new(1);
    disk.create_dir_all(folder()).unwrap();
    let file = disk.open(&path(0x100, 0x123), OpenMode::CreateNew).unwrap();
    file.write_all_at(GOLDEN, 0).unwrap();
    let (shelf, report) = open(&disk);
    assert_eq!((report.files, report.bodies, report.bytes), (1, 81, GOLDEN.len() as u64));
    assert_eq!(shelf.extents(), [extent]);
    expect_there(&shelf.reader(), &bodies(0x101, 0x11B), "the golden file");
    assert_eq!(scan_body_file_bytes(GOLDEN), Scanned::Sound(extent));
    // As the layout is drawn, by hand: the first frame, and the footer.
    let (first, end) = (bodies(0x101, 0x101)[0], GOLDEN.len());
    let number = |at: usize| u64::from_le_bytes(GOLDEN[at..at + 8].try_into().unwrap());
    assert_eq!(&GOLDEN[8..20], b"EVKLBOD\0\x01\0\0\0");
    assert_eq!(number(512), xxhash_rust::xxh3::xxh3_64(&bytes_of(first)));
    assert_eq!(&GOLDEN[520..524], first.bytes.to_le_bytes());
    assert_eq!(GOLDEN[524..524 + first.bytes as usize], bytes_of(first));
    assert_eq!((number(end - 48), number(end - 40)), (81, end as u64 - 64 - 40));
}

pub(crate) fn arbitrary_files_do_not_panic() {
    let mut state = 7u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % limit
    };
    for round in 0..4000 {
        let mut bytes = GOLDEN.to_vec();
        for _ in 0..=below(20) {
            let at = below(bytes.len());
            bytes[at] = u8::try_from(below(256)).unwrap();
        }
        if round % 3 == 0 {
            bytes.truncate(below(bytes.len()));
        }
        // Numbers that check and lie: the checksums are made right again.
        if round % 3 == 1 {
            let header = xxhash_rust::xxh3::xxh3_64(&bytes[8..512]);
            bytes[..8].copy_from_slice(&header.to_le_bytes());
            let at = bytes.len() - 64;
            bytes[at + 16 + below(32)] = u8::try_from(below(256)).unwrap();
            let footer = xxhash_rust::xxh3::xxh3_64(&bytes[at + 8..]);
            bytes[at..at + 8].copy_from_slice(&footer.to_le_bytes());
        }
        let scanned = scan_body_file_bytes(&bytes);
        assert!(bytes == GOLDEN || !matches!(scanned, Scanned::Sound(_)), "round {round}: {scanned:?}");
    }
    for len in 0..GOLDEN.len() {
        assert!(matches!(scan_body_file_bytes(&GOLDEN[..len]), Scanned::Damaged(_)));
    }
}

pub(crate) fn any_bodies_come_back() {
    let kept = btree_map((1u64..200, 0u32..5), 0u32..3000, 1..300);
    let mut runner = TestRunner::new(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() });
    let outcome = runner.run(&kept, |kept| {
        let wanted: Vec<_> = kept
            .into_iter()
            .map(|((index, offset), bytes)| BodyRef { index: LogIndex(index), offset, bytes })
            .collect();
        let disk = MemDisk::new(0);
        let (shelf, _) = open(&disk);
        let extent = carry(&shelf, 1, 200, &wanted).unwrap().unwrap();
        prop_assert_eq!(extent.bodies, wanted.len() as u64);
        expect_there(&shelf.reader(), &wanted, "any bodies");
        let many = shelf.reader().read_many(&wanted);
        prop_assert!(many.into_iter().zip(&wanted).all(|(read, body)| read.unwrap() == bytes_of(*body)));
        let all = shelf.pin().bodies(LogIndex(0), LogIndex(u64::MAX), None);
        prop_assert_eq!(all.map(|read| read.unwrap().0).collect::<Vec<_>>(), wanted);
        prop_assert_eq!(scan_body_file_bytes(&disk.contents(&path(1, 200)).unwrap()), Scanned::Sound(extent));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
