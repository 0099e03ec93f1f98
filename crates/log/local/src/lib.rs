//! The embedded log of a single node: segment files in one folder.
//!
//! [`LocalLog`] is the half that the engine holds (proposals in, events out, no I/O but the replay
//! of history), [`Writer`] the half that does the I/O, on a thread of its own or step by step under a
//! simulator. What is pending when the writer is free goes into one write and one sync.
//! Underneath lies [`Segments`], the store, which knows neither threads nor proposals.
//!
//! `docs/format.md`, "The log", says what every byte means and what happens when it is not there.
//!
//! Deliberately not here: retries (a failed write or sync is the end of this life), clocks (save for
//! measuring syncs and for the interval, if one is chosen), compaction and archiving.
#![warn(missing_docs)]

mod bell;
mod error;
pub mod fault;
mod format;
mod history;
mod intent;
mod keeper;
pub mod limits;
mod log;
mod options;
mod places;
mod reader;
mod salvage;
mod scan;
mod segments;
mod shared;
mod sidecar;
mod spare;
mod stats;
mod table;
mod upkeep;
mod verify;
mod window;
mod writer;

pub use format::{
    EntryHeader, EntryKind, FORMAT_VERSION, LogId, NewEntry, SegmentHeader, SegmentHeaderError, decode_entry_header,
    decode_segment_header, encode_entry, encode_segment_header, entry_extent,
};
pub use log::LocalLog;
pub use options::{Durability, OpenReport, Options, TornTail};
pub use reader::Reader;
pub use scan::{Running, ScanEnd, ScanError, scan_segment_bytes};
pub use segments::{Append, Appended, Segments};
pub use sidecar::{SidecarError, SidecarHeader, encode_sidecar, scan_sidecar_bytes};
pub use stats::{SyncStats, SyncTimes};
pub use upkeep::Upkeep;
pub use verify::{FileState, Verified, VerifiedFile, verify};
pub use writer::{Step, Writer};
