//! The SQS door: Amazon SQS's wire protocols in, questions to the engine out, and back.
//!
//! The door is pure: bytes in, a [`Request`](evenkeel_engine::Request) to the engine out; its
//! [`Answer`](evenkeel_engine::Answer) in, bytes out. No sockets, no clock, no async: a server drives it over HTTP, the
//! simulator drives the same code. Rules it keeps:
//!
//! 1. No input panics, and none makes the server hold many times its own size.
//! 2. What is not supported yet is refused with a clear error, never ignored.
//! 3. Nothing is decided here that the machine decides; the door checks what a client could get wrong by itself.
//! 4. Errors have AWS's names and, where they are known, AWS's words. Every difference is in `COMPAT.md`.
//!
//! Start reading at [`Door::accept`], then the files of `actions`, one per SQS action. They speak AWS JSON 1.0, as current
//! SDKs do; the older Query protocol is translated from and to it (`query`). Authentication is not here.
#![warn(missing_docs)]

mod access;
mod actions;
mod arn;
mod attributes;
mod auth;
mod batch;
mod blob;
mod caller;
mod door;
mod error;
mod hex;
mod ids;
mod json_in;
mod json_out;
mod legible;
pub mod limits;
mod md5_lanes;
mod message;
mod protocol;
mod query;
mod queue_attributes;
mod queue_url;
mod refusals;
mod response;
mod system_attributes;
mod tags;
mod text;
mod tokens;
mod unanswered;
mod unread;

pub use actions::ACTIONS;
pub use auth::auth_error;
pub use caller::{Caller, Head};
pub use door::{Door, Pending, Step};
pub use ids::Ids;
pub use queue_attributes::POLICY;
pub use response::Response;
pub use unanswered::engine_error;
pub use unread::{Unread, unread_error};
