//! The machine: the product itself. Commands in, state, replies and events out.
//!
//! 1. It is deterministic: the same log gives bit-equal state on every node, for ever. No clock, no I/O,
//!    no threads, no floats, no hash order; what is uncertain outside travels inside the command.
//! 2. A command is validated wholly, then applied; on an error nothing has changed.
//! 3. What a client sends is refused, never asserted; what would be our own bug is asserted before
//!    the first change.
//! 4. No single step grows with the backlog or the number of tenants.
//!
//! Start reading at [`Machine::apply`], then [`queue`]; [`account`] is small.
#![warn(missing_docs)]

pub mod account;
pub mod batch;
mod build;
mod checkpoint;
pub mod codec;
pub mod command;
mod digest;
mod event;
pub mod fault;
pub mod limits;
mod machine;
mod once;
pub mod queue;
mod recent;
mod reply;
mod slab;
mod table;
mod visits;

pub use build::Build;
pub use checkpoint::{Leftovers, Restorer, checkpoint_body, feature_level_of};
pub use event::Event;
pub use machine::{ApplyError, Machine, Outcome};
pub use reply::{Enqueued, Grant, Reply};
