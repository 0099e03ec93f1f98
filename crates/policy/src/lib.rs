//! What somebody may do: the rights of an access key, compared with what is asked. Pure: no clock, no look-ups, no protocol.
//!
//! 1. Whatever is not allowed is refused.
//! 2. Comparing costs no more than pattern times text, whatever a stranger writes into either.
#![warn(missing_docs)]

mod pattern;
mod rights;

pub use pattern::matches;
pub use rights::{EVERYTHING, Rights, is_action_pattern};
