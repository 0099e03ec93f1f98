//! The engine: carries commands from the doors through the log to the machine, and answers back.
//!
//! Three rings: [`Engine`], the core, without threads or clocks; [`thread`], which drives it on a real
//! thread; and [`Client`], by which a door's thread asks. Here are batches, timers, waiting receivers, the tail
//! of bodies and checkpoints. Not here: any rule about jobs (the machine's) or bytes of a protocol (the doors').
#![warn(missing_docs)]

mod body_store;
mod carrying;
mod client;
mod clock;
mod damage_watch;
mod engine;
mod errand;
mod fatal;
pub mod fault;
mod gaps;
mod halt;
mod interpreter;
mod keeper;
mod key_watch;
pub mod limits;
mod living;
mod marks;
mod meters;
mod note_watch;
mod options;
mod priority;
mod read;
mod request;
mod skips;
mod start;
mod tail;
pub mod thread;
mod unreadable;
mod waiters;
mod watches;

pub use body_store::BodyStore;
pub use carrying::CarryOptions;
pub use client::{Call, Client, Mailbox, release};
pub use clock::TAKEOVER_ADVANCE_MAX;
pub use damage_watch::DamageWatcher;
pub use engine::{Engine, Totals};
pub use errand::{CheckpointStep, Done, Errand};
pub use fatal::Fatal;
pub use gaps::{Gaps, Round};
pub use halt::{Halt, Halted, applying};
pub use interpreter::{Attribute, Interpreter, JobPlace, Legible};
pub use keeper::Keeper;
pub use key_watch::KeyWatcher;
pub use marks::{Mark, Marks};
pub use meters::Meters;
pub use note_watch::NoteWatcher;
pub use options::{Options, Pace};
pub use request::{
    Again, Answer, Delivery, Demand, Description, EngineError, House, Look, Looked, Proposal, QueueName, Receive,
    Received, Request, Row, Watch,
};
pub use skips::{SKIPPED, STUMBLED, Skipped, Skips, Stumble, note_skip, note_stumble, read_skips, read_stumble};
pub use start::{BODIES, CHECKPOINTS, Found, Start, StartError, find, find_with, load};
pub use unreadable::Unreadable;
pub use watches::{Place, Sent, Watched};

/// Names one call from its request to its answer. Made by whoever calls; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);
