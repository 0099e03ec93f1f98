//! The messages of the consensus crate `raft`, as plain Rust.
//!
//! The crate of this name on crates.io makes them from a `.proto` file at every build, which takes `protoc` and forty crates. The
//! consensus crate needs structures with accessors and no more; these have the same names, and what an entry carries is
//! [`bytes::Bytes`] here, so that handing an entry to three nodes copies nothing.
//!
//! Deliberately not here: any encoding for a wire or a disk but that of a change of membership, which is a log entry.

mod accessors;
mod change;
pub mod eraftpb;

pub use change::{ConfChangeI, new_conf_change_single};
pub use eraftpb::conf_state_eq;

/// All messages, as the consensus crate imports them.
pub mod prelude {
    pub use crate::eraftpb::{
        ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, ConfState, Entry, EntryType,
        HardState, Message, MessageType, Snapshot, SnapshotMetadata,
    };
}

/// Here because the consensus crate's users look for it here.
pub mod util {}
