//! Disks that stand before another: one refuses every change, the other keeps them, and what lies below stays as it was.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode, OverlayDisk, ReadOnlyDisk, RealDisk};
use std::{io::ErrorKind, path::Path};

fn disk() -> MemDisk {
    let disk = MemDisk::new(1);
    disk.create_dir_all(Path::new("dir")).unwrap();
    disk.open(Path::new("dir/file"), OpenMode::CreateNew).unwrap().write_all_at(b"as it was", 0).unwrap();
    disk
}

#[test]
fn a_read_only_disk_refuses_every_change() {
    let below = disk();
    let disk = ReadOnlyDisk(below.clone());
    let (dir, path) = (Path::new("dir"), Path::new("dir/file"));
    let refused = |result: std::io::Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
    let counters = below.counters();
    refused(disk.create_dir_all(Path::new("other")));
    refused(disk.open(path, OpenMode::ReadWrite).map(|_| ()));
    refused(disk.open(Path::new("dir/new"), OpenMode::CreateNew).map(|_| ()));
    refused(disk.rename(path, Path::new("dir/new")));
    refused(disk.remove(path));
    refused(disk.sync_dir(dir));
    let file = disk.open(path, OpenMode::Read).unwrap();
    refused(file.write_all_at(b"x", 0));
    refused(file.set_len(0));
    refused(file.sync());
    assert_eq!(below.counters().changes, counters.changes);
    let mut bytes = [0; 9];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!((&bytes, disk.list(dir).unwrap()), (b"as it was", vec!["file".to_owned()]));
}

#[test]
fn a_lock_on_what_is_there_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    assert_eq!(RealDisk.lock_existing(&path).err().unwrap().kind(), ErrorKind::NotFound);
    assert!(!path.exists());
    let held = RealDisk.lock(&path).unwrap();
    assert_eq!(RealDisk.lock_existing(&path).err().unwrap().kind(), ErrorKind::WouldBlock);
    drop(held);
    let _held = ReadOnlyDisk(RealDisk).lock(&path).unwrap();
    assert_eq!(RealDisk.lock(&path).err().unwrap().kind(), ErrorKind::WouldBlock);
}

#[test]
fn an_overlay_shows_changes_and_keeps_them_to_itself() {
    let below = disk();
    let disk = OverlayDisk::new(ReadOnlyDisk(below.clone()));
    let (path, moved) = (Path::new("dir/file"), Path::new("dir/moved"));
    let file = disk.open(path, OpenMode::ReadWrite).unwrap();
    file.write_all_at(b"IS", 3).unwrap();
    let mut bytes = [0; 9];
    disk.open(path, OpenMode::Read).unwrap().read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"as IS was");
    disk.rename(path, moved).unwrap();
    disk.open(Path::new("dir/new"), OpenMode::CreateNew).unwrap();
    assert_eq!(disk.list(Path::new("dir")).unwrap(), ["moved", "new"]);
    assert_eq!(disk.open(path, OpenMode::Read).err().unwrap().kind(), ErrorKind::NotFound);
    disk.remove(moved).unwrap();
    assert_eq!(below.contents(path).unwrap(), b"as it was");
    assert_eq!(below.list(Path::new("dir")).unwrap(), ["file"]);
}

/// Whatever is done to a file in an overlay, it reads like the same file in memory.
#[test]
fn an_overlaid_file_reads_like_any_other() {
    const MOST: u64 = 300_000;
    let size = |bytes: u64| usize::try_from(bytes).unwrap();
    let mut seed = 1u64;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..20 {
        let (below, other) = (disk(), disk());
        let path = Path::new("dir/file");
        let start: Vec<u8> = (0..draw(MOST)).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for disk in [&below, &other] {
            disk.open(path, OpenMode::ReadWrite).unwrap().write_all_at(&start, 0).unwrap();
        }
        let overlaid = OverlayDisk::new(ReadOnlyDisk(below.clone())).open(path, OpenMode::ReadWrite).unwrap();
        let plain = other.open(path, OpenMode::ReadWrite).unwrap();
        for _ in 0..40 {
            let (offset, bytes) = (draw(MOST), vec![u8::try_from(draw(3)).unwrap(); size(draw(150_000))]);
            match draw(4) {
                0 => [overlaid.set_len(offset), plain.set_len(offset)].map(Result::unwrap),
                _ => [overlaid.write_all_at(&bytes, offset), plain.write_all_at(&bytes, offset)].map(Result::unwrap),
            };
            let len = plain.len().unwrap();
            assert_eq!(overlaid.len().unwrap(), len);
            let from = draw(len + 1);
            let (mut one, mut two) = (vec![7; size(len - from)], vec![8; size(len - from)]);
            overlaid.read_exact_at(&mut one, from).unwrap();
            plain.read_exact_at(&mut two, from).unwrap();
            assert!(one == two, "from {from} of {len}");
            assert_eq!(overlaid.read_exact_at(&mut [0; 2], len).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }
}
