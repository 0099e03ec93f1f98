//! Changes bytes in another process's memory, as cosmic rays do.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

/// Overwrites these bytes wherever they stand, aligned to four, in memory that the process may write.
///
/// # Panics
/// If they stand nowhere, or the memory of that process cannot be reached (it must be a child of this one).
pub fn overwrite(pid: u32, old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len(), "as many bytes as there were");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process is there");
    let memory = OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem")).expect("it is ours");
    let mut count = 0;
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|may| may.starts_with("rw"))) {
        let (from, to) = line.split_once(' ').and_then(|(range, _)| range.split_once('-')).expect("a range");
        let number = |hex| u64::from_str_radix(hex, 16).expect("an address");
        let (from, to) = (number(from), number(to));
        let mut held = vec![0; usize::try_from(to - from).expect("it fits")];
        // What the process gave back meanwhile cannot be read.
        if memory.read_exact_at(&mut held, from).is_err() {
            continue;
        }
        for (at, _) in held.chunks(4).enumerate().filter(|(_, chunk)| chunk.starts_with(old)) {
            count += u32::from(memory.write_all_at(new, from + 4 * at as u64).is_ok());
        }
    }
    assert!(count > 0, "these bytes stand nowhere in its memory");
}
