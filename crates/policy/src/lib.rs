//! What somebody may do: the rights of an access key and the policies of queues, compared with what is asked. Pure: no clock, no
//! look-ups, no protocol.
//!
//! 1. Whatever is not allowed is refused.
//! 2. Comparing costs no more than pattern times text, whatever a stranger writes into either.
#![warn(missing_docs)]

mod actions;
mod document;
pub mod limits;
mod pattern;
mod permission;
mod rights;

pub use actions::{READ_METRICS, is_action_pattern, is_owners, is_read_metrics, is_shareable, without_batch};
pub use document::{Asked, Policy, PolicyError, Verdict, normal};
pub use pattern::matches;
pub use permission::{PermissionError, add_permission, remove_permission};
pub use rights::{EVERYTHING, Rights};
