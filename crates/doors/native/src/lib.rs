//! The native door: what no other protocol has words for. JSON over HTTP under `/v1/`, signed for the service `evenkeel`.
//!
//! | request | what it does | answer |
//! |---|---|---|
//! | `POST /v1/keys` | makes an access key | 201, the key with its secret |
//! | `GET /v1/keys?after=ID` | lists keys by pages, in order of their ids | 200, `keys` and, if there are more, `next` |
//! | `POST /v1/keys/ID/rotate` | gives a key a new secret | 200, the key with its secret |
//! | `DELETE /v1/keys/ID` | revokes a key | 200, `{}` |
//! | `GET /v1/queues/NAME/next?max=N` | shows the jobs that receives would get next | 200, `jobs` |
//! | `GET /v1/queues/NAME/sent?after=PLACE&wait=SECONDS` | shows what is sent, from now on or behind a place; waits if there is nothing | 200, `jobs`, `after`, `missed` |
//!
//! An error is `{"error":{"code":"...","message":"..."}}`. Only root may administer keys; jobs are shown to
//! keys that may receive them. The door is pure, as its sisters are: bytes in,
//! engine requests out, answers in, bytes out; randomness for new keys is the one thing that it takes from the system.
#![warn(missing_docs)]

mod door;
mod error;
mod jobs;
mod keys;
pub mod limits;

pub use door::{Asked, Door, Pending, Response, Step};
pub use error::{auth_error, engine_error, not_root};
pub use jobs::gathers_bodies;

/// The service that credentials must be scoped to.
pub const SERVICE: &str = "evenkeel";
/// What the paths of this door begin with.
pub const PREFIX: &str = "/v1/";
