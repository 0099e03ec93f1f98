//! The words every room shares: identifiers, times and limits.
//!
//! Nothing here does I/O, reads a clock or depends on another room. What could be swapped by
//! mistake (two kinds of time, two kinds of number) is a type of its own.
#![warn(missing_docs)]

mod faults;
mod ids;
pub mod limits;
mod time;

pub use ids::{AccountId, BodyRef, Epoch, JobId, LeaseToken, LogIndex, ParseAccountIdError, QueueId};
pub use time::{LogTime, Micros, Now, WallTime};
