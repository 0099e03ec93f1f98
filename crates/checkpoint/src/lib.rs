//! Checkpoints: the machine's records in files, written as they change, merged in the background, installed atomically.
//!
//! A record is a section, a slot and some bytes; what they mean is not known here. A **run** is a file of records in
//! ascending order. A **manifest** names the runs that make up the state at an index; where several have
//! the same slot, the newest wins. A slot never disappears: one that became free is a record, too.
//!
//! 1. A checkpoint is there wholly or not at all. Its run is synced and read back, then its manifest is
//!    written beside and synced, then renamed; only a manifest with its name counts.
//! 2. What the two newest checkpoints name stays. Manifests go before the runs they name, durably.
//! 3. Every byte is checked before it is handed out. Damage is named and never passed over.
//! 4. A failed write or sync ends the file it was meant for, and nothing else: the next attempt takes a new one.
//!
//! [`Checkpoints`] does all of it, without threads of its own (but for reading ahead in [`Checkpoints::load`]): one thread
//! writes ([`Checkpoints::begin`], [`Checkpoints::append`], [`Checkpoints::finish`]) and merges between
//! ([`Checkpoints::merge_step`]). [`Pinned`] and [`Receiver`] carry a checkpoint to another machine. [`verify`] reads all
//! and changes nothing. The bytes are in `format.rs` and `format/manifest.rs`, and in `docs/format.md`, "A checkpoint".
//!
//! Deliberately not here: what a record means, when a checkpoint is due, and trimming the log.
#![warn(missing_docs)]

mod ballast;
mod error;
pub mod fault;
mod format;
mod limits;
mod names;
mod options;
mod part;
mod pinned;
mod policy;
mod receiver;
mod run;
mod scan;
mod store;
mod verify;

pub use error::{CheckpointError, LoadError};
pub use format::FORMAT_VERSION;
pub use limits::{META_BYTES_MAX, RECORD_BYTES_MAX};
pub use options::Options;
pub use part::Part;
pub use pinned::{FileInfo, Pinned};
pub use receiver::{ReceiveError, Receiver};
pub use run::merged::Sink;
pub use scan::{ScannedManifest, ScannedRun, scan_manifest_bytes, scan_run_bytes};
pub use store::{Checkpoints, DamagedManifest, Merge, OpenReport, Source};
pub use verify::{FileState, Verified, VerifiedFile, verify};
