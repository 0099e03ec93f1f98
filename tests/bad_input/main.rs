//! Bad input, case by case and in both protocols: the protocol's own error, nothing is changed by it, memory stays bounded, and the
//! process goes on.
//!
//! What each case gets is what AWS documents (API Reference, 2012-11-05, and the quotas of the Developer Guide) or, where that says
//! nothing, what `COMPAT.md` of the door says. The server takes unsigned requests here, so that each request is what its
//! table says and nothing else; signed oddities and framing are in `http_abuse.rs` and `http_framing.rs`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

mod attributes;
mod characters;
mod forms;
mod house;
mod memory;
mod queue_attributes;
mod slow;
mod types;
mod values;
mod wire;
