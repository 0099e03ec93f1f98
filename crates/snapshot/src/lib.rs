//! Snapshots: the state at an index and the living bodies, streamed to another machine, resumable, installed atomically.
//!
//! A [`Sender`] offers a pinned checkpoint and the bodies of the jobs in it. Its [`Manifest`] says what there is: first the
//! checkpoint's files as they are, then *parts* with the bodies, sorted by (index, offset), each of which becomes a body
//! file. All of it is read in *chunks*, from any [`Position`]. A [`Receiver`] collects them under names of their own and
//! installs them.
//!
//! 1. Every chunk is checked and names its snapshot and its place; none is taken out of turn. The manifest stands for all
//!    of it: a part with other bodies than those of the checkpoint's jobs is refused.
//! 2. What the receiver says it has is durable or held by it: after a crash at most the part under way is sent again.
//! 3. What was in the folder before counts until a mark is durable that names all that shall be there instead. From then
//!    on the snapshot counts: whoever opens the folder finishes the installation first ([`settle`]; the engine does).
//! 4. A body that the sender has no more is marked as absent, since its job was finished after the snapshot's index. The
//!    log behind that index finishes it here, too; the engine does not serve before it knows of no body that it misses.
//! 5. Nobody's memory grows with the jobs: the sender passes over the checkpoint's records several times and holds about a
//!    million references at a time; the receiver holds a chunk.
//!
//! # The order of the steps
//! While chunks come, the receiving machine may go on with its old state. Then:
//!
//! 1. The engine ends; its checkpoints and body files are closed.
//! 2. [`Receiver::finish`] proves all, writes the mark and moves the files in. [`settle`] says from now on that a snapshot is
//!    [`Installed`], and that its log is to be reset.
//! 3. The log goes on after the snapshot's index: [`evenkeel_log::Log::install_snapshot`] with the index and epoch, until
//!    [`evenkeel_log::LogEvent::SnapshotInstalled`]. A log that was not open (after a crash: it must not be opened for use with
//!    a state ahead of it) is reset in its folder. With the embedded log, whose last entry may also be the snapshot's or
//!    a later one, when there is nothing to reset:
//!    ```ignore
//!    if let Some(snapshot) = evenkeel_snapshot::settle(&disk, folder)? {
//!        disk.create_dir_all(&log)?;
//!        let (mut segments, _) = Segments::open(disk, &log, options, LogIndex::ZERO, snapshot.index)?;
//!        if segments.last() < snapshot.index {
//!            segments.reset_to(snapshot.index, snapshot.epoch)?;
//!        }
//!        drop(segments);
//!        evenkeel_snapshot::log_was_reset(&disk, folder)?;
//!    }
//!    ```
//! 4. [`log_was_reset`] removes the mark, before anything is appended. Then the folder opens like any other.
//!
//! The bytes are in `manifest.rs`, `chunk.rs` and `mark.rs`, and in `docs/format.md`, "A snapshot stream". Deliberately not here: the
//! connection, the pace (whoever calls [`Sender::read`] sets it), and the log.
#![warn(missing_docs)]

mod chunk;
mod error;
mod format;
#[cfg(test)]
mod golden;
mod install;
pub mod limits;
mod manifest;
mod mark;
mod options;
mod plan;
mod receiver;
mod room;
mod scan;
mod sender;
mod source;
mod window;

pub use chunk::Chunk;
pub use error::{InstallError, ReceiveError, SendError};
pub use format::{FORMAT_VERSION, FormatError};
pub use install::{Installed, log_was_reset, settle};
pub use manifest::{BodyPart, Manifest, Position, SnapshotId};
pub use options::Options;
pub use receiver::Receiver;
pub use scan::{ScannedChunk, scan_chunk_bytes, scan_manifest_bytes, scan_mark_bytes};
pub use sender::Sender;
pub use source::Bodies;

/// The folder of what is being received and of the mark, within the data folder.
pub const SNAPSHOT: &str = "snapshot";
