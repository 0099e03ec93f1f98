//! The golden folder, packed: files one behind the other, their runs of zeros left out.
//!
//! ```text
//! each file:   u16 length of the name, the name (from the data folder), u64 bytes
//! then, until that many bytes are there:   u32 zeros, u32 length, the bytes
//! ```
//! All numbers are little-endian.

use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use std::path::Path;

/// Bytes of each job's body.
pub(crate) const BODY_BYTES: usize = 200;

/// What is in it: the last entry, jobs, queues, and the digest of the state.
#[allow(dead_code, reason = "who packs does not compare")]
pub(crate) const STATE: (u64, u64, u64, &str) = include!("state.in");

/// Shorter runs of zeros are kept: leaving one out costs eight bytes.
#[allow(dead_code, reason = "who unpacks does not pack")]
const ZEROS_MIN: usize = 16;

/// Appends a file.
#[allow(dead_code, reason = "who unpacks does not pack")]
pub(crate) fn pack(name: &str, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    let mut rest = bytes;
    while !rest.is_empty() {
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        rest = &rest[zeros..];
        let mut length = 0;
        while length < rest.len() && rest[length..].iter().take(ZEROS_MIN).any(|&byte| byte != 0) {
            length += 1;
        }
        out.extend_from_slice(&u32::try_from(zeros).unwrap().to_le_bytes());
        out.extend_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
        out.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
}

/// Writes all files.
#[allow(dead_code, reason = "who packs does not unpack")]
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
