//! Body files: the bodies of jobs that outlive the log segments in which they came.
//!
//! A body comes in the log. When a stretch of the log is kept for a few bodies only, the engine *carries* those into one
//! body file of that range of log indices, and lets the stretch go. Later the file may be carried again, alone or with its
//! neighbours, and so its dead are left behind.
//!
//! Rules:
//! 1. A file is there wholly or not at all: it is written under another name, synced, read back, and only then renamed.
//! 2. Files never overlap. A file is replaced only by one whose range holds its whole range, so whoever finds one range
//!    inside another knows that the narrower one is left over from a replacement that was cut short.
//! 3. What is replaced goes only when what replaces it is durable. A body that is carried on can always be read.
//! 4. Every byte of a file is covered by a checksum, and whatever is served was checked on its way.
//! 5. Neither a writer nor a reader holds more in memory than the sparse table (24 bytes for each 64 bodies), a window, and
//!    one body.
//!
//! # A file
//! `<first index, 16 hexadecimal digits>-<last index>.bodies`. Numbers are little-endian; checksums are XXH3-64.
//! Bodies are sorted by (index, offset), in groups of 64; the last group may be smaller. Each group is followed by its
//! part of the table, so that it can be written in one go without a list of all bodies in memory:
//!
//! ```text
//! header 512 | frames of group 0 | block 0 | frames of group 1 | block 1 | ... | sparse table | footer 64
//! ```
//!
//! | part | at | bytes | what |
//! |---|---:|---:|---|
//! | header | 0 | 8 | checksum of bytes 8..512 |
//! | | 8 | 8 | `EVKLBOD` and a zero byte |
//! | | 16 | 4 | format version: 1 |
//! | | 20 | 4 | 0 |
//! | | 24 | 8 | first index of the range |
//! | | 32 | 8 | last index of the range |
//! | | 40 | 472 | 0 |
//! | frame | 0 | 8 | checksum of the body, as in the log |
//! | | 8 | 4 | bytes of the body, at most 8 MiB |
//! | | 12 | n | the body |
//! | block | 0 | 8 | checksum of the rest of the block |
//! | | 8 | 16 × bodies | for each body of the group: index u64, offset u32, bytes u32 |
//! | sparse table | 0 | 20 × groups | for each group: index u64 and offset u32 of its first body, position of its block u64 |
//! | footer | 0 | 8 | checksum of bytes 8..64 |
//! | | 8 | 8 | `EVKLBDE` and a zero byte |
//! | | 16 | 8 | bodies in the file, at least 1 |
//! | | 24 | 8 | position of the sparse table |
//! | | 32 | 8 | checksum of the sparse table |
//! | | 40 | 8 | first index of the range |
//! | | 48 | 8 | last index of the range |
//! | | 56 | 8 | 0 |
//!
//! A frame's position is not stored: frames lie one behind the other, and the first of a group lies behind the block before.
//!
//! `docs/format.md`, "Body files", tells the crash cases. Deliberately not here: which bodies live (the engine counts),
//! retries (a failed sync is the end of that file), caches (the page cache does it).
#![warn(missing_docs)]

mod body_file;
mod carry;
mod cursor;
mod error;
mod extent;
pub mod fault;
mod format;
pub mod limits;
mod names;
mod open;
mod pinned;
mod reader;
mod scan;
mod shared;
mod shelf;
mod source;
mod table;
mod verify;

pub use carry::Carry;
pub use error::{Damage, ShelfError, ShelfReadError};
pub use extent::Extent;
pub use format::FORMAT_VERSION;
pub use open::OpenReport;
pub use pinned::{Bodies, Pinned};
pub use reader::ShelfReader;
pub use scan::{Scanned, scan_body_file_bytes};
pub use shelf::Shelf;
pub use verify::{FileState, Progress, Verified, VerifiedFile, verify};
