//! The golden folder, unpacked again: see `pack.rs`.

use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use std::path::Path;

/// Writes all files.
pub(crate) fn unpack(mut packed: &[u8], disk: &MemDisk, folder: &Path) {
    let mut take = |count: usize| {
        let (taken, rest) = packed.split_at(count);
        packed = rest;
        (taken, rest.is_empty())
    };
    disk.create_dir_all(folder).unwrap();
    loop {
        let name_bytes = u16::from_le_bytes(take(2).0.try_into().unwrap());
        let name = std::str::from_utf8(take(name_bytes.into()).0).unwrap();
        let bytes = u64::from_le_bytes(take(8).0.try_into().unwrap());
        let path = folder.join(name);
        disk.create_dir_all(path.parent().unwrap()).unwrap();
        let file = disk.open(&path, OpenMode::CreateNew).unwrap();
        let (mut at, mut is_last) = (0, false);
        while at < bytes {
            at += u64::from(u32::from_le_bytes(take(4).0.try_into().unwrap()));
            let length = u32::from_le_bytes(take(4).0.try_into().unwrap());
            let (piece, last) = take(length as usize);
            file.write_all_at(piece, at).unwrap();
            at += u64::from(length);
            is_last = last;
        }
        file.set_len(bytes).unwrap();
        file.sync().unwrap();
        disk.sync_dir(path.parent().unwrap()).unwrap();
        if is_last {
            return;
        }
    }
}
