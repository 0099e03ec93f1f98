//! What the real disk and the one in memory do alike, so that a test on the one speaks for the other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode, OverlayDisk, ReadOnlyDisk, RealDisk};
use std::{io::ErrorKind, path::Path};

fn check<D: Disk>(disk: &D, root: &Path) {
    let dir = root.join("a/b");
    disk.create_dir_all(&dir).unwrap();
    disk.create_dir_all(&dir).unwrap();
    assert!(disk.list(&dir).unwrap().is_empty());

    let path = dir.join("file");
    let kind = |result: std::io::Result<D::File>| result.err().map(|error| error.kind());
    assert_eq!(kind(disk.open(&path, OpenMode::Read)), Some(ErrorKind::NotFound));
    assert_eq!(kind(disk.open(&path, OpenMode::ReadWrite)), Some(ErrorKind::NotFound));
    let file = disk.open(&path, OpenMode::CreateNew).unwrap();
    assert_eq!(kind(disk.open(&path, OpenMode::CreateNew)), Some(ErrorKind::AlreadyExists));
    assert!(file.is_empty().unwrap());

    file.write_all_at(b"world", 6).unwrap();
    file.write_all_at(b"hello", 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir(&dir).unwrap();
    let mut bytes = [0; 11];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"hello\0world");
    assert_eq!(file.read_exact_at(&mut bytes, 1).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    file.set_len(3).unwrap();
    file.set_len(5).unwrap();
    let mut bytes = [0; 5];
    disk.open(&path, OpenMode::Read).unwrap().read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"hel\0\0");
    assert!(disk.open(&path, OpenMode::Read).unwrap().write_all_at(b"x", 0).is_err());

    let other = dir.join("another");
    disk.open(&other, OpenMode::CreateNew).unwrap();
    assert_eq!(disk.list(&dir).unwrap(), ["another", "file"]);
    disk.rename(&path, &other).unwrap();
    assert_eq!(disk.list(&dir).unwrap(), ["another"]);
    assert_eq!(disk.rename(&path, &other).unwrap_err().kind(), ErrorKind::NotFound);
    disk.remove(&other).unwrap();
    assert_eq!(disk.remove(&other).unwrap_err().kind(), ErrorKind::NotFound);
    file.read_exact_at(&mut bytes, 0).unwrap();

    let lock = dir.join("lock");
    let held = disk.lock(&lock).unwrap();
    assert_eq!(disk.lock(&lock).err().map(|error| error.kind()), Some(ErrorKind::WouldBlock));
    drop(held);
    disk.lock(&lock).unwrap();
}

#[test]
fn the_disk_in_memory_keeps_the_trait() {
    check(&MemDisk::new(0), Path::new("root"));
}

#[test]
fn the_real_disk_keeps_the_trait() {
    let root = tempfile::tempdir().unwrap();
    check(&RealDisk, root.path());
}

#[test]
fn real_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("private");
    RealDisk.create_dir_all(&dir).unwrap();
    RealDisk.open(&dir.join("file"), OpenMode::CreateNew).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("file")), 0o600);
}

#[test]
fn an_overlay_keeps_the_trait() {
    check(&OverlayDisk::new(ReadOnlyDisk(MemDisk::new(0))), Path::new("root"));
}
