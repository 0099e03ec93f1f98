//! Errors of the system that say nothing of a file.

use std::io;

/// Too many files are open, in all (`ENFILE`) and in this process (`EMFILE`): the numbers of Linux and the BSDs, for which
/// the standard library has no words.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Whether a call failed for want of something that the process may have a moment later: memory, a descriptor, its turn.
/// The same call may succeed then, and what it was to read is what it was. All else tells of the file or its medium.
#[must_use]
pub fn is_passing(error: &io::Error) -> bool {
    let by_kind =
        matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory);
    by_kind || matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}
