//! The way between the nodes of a cluster: mutual TLS, the log's messages, questions with answers, and how a new node is let in.
//!
//! A node has one thread for it ([`Peers`]). To every other member that has an address it keeps one connection that it dialled, and takes one from each
//! that dials it: messages and questions go out on the former and come in on the latter, where the answers go back. Rules:
//!
//! 1. Who is at the other end is proved by TLS 1.3 before a byte is read as a frame: both sides show certificates of the cluster's own authority
//!    ([`Authority`]), which name the cluster and the node. A message whose sender or receiver is another than the connection's is dropped, and ends it.
//! 2. Whoever shows no certificate may say one thing of at most [`limits::JOIN_BYTES_MAX`] bytes: a token's secret, to be let in ([`join`]). It says
//!    that only after it has seen a certificate of the authority whose fingerprint stands in its [`Token`].
//! 3. A frame says its length, and is refused if that is more than its kind may have, or its kind is not for whoever is there to say, before any of it is kept.
//! 4. What waits for a peer is bounded in bytes. What does not fit, or has no connection, is dropped at once: the log says it again, and
//!    questions fail. One slow peer holds up nobody else.
//! 5. A question is asked once. If its answer does not come, it may have been done.
//!
//! # Frames
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 4 | the payload's length, little-endian |
//! | 4 | 1 | kind |
//! | 5 | n | payload |
//!
//! | kind | from | payload |
//! |---:|---|---|
//! | 1 | who dialled | a message of the log, as `evenkeel-log-raft` writes it |
//! | 2 | who dialled | a question: 8 bytes number, and what is asked |
//! | 3 | who dialled | the question of that number (8 bytes) is withdrawn |
//! | 4 | who dialled | a note: for whoever cares |
//! | 5 | who was dialled | an answer: 8 bytes number, and what is answered |
//! | 6 | a stranger | 16 bytes secret, and what it says of itself |
//! | 7 | who was dialled | the stranger is let in: what it needs to know |
//! | 8 | who was dialled | it is not: why, in words (UTF-8) |
//!
//! Deliberately not here: what questions, answers and notes mean, who is a member, where nodes are, and files.
#![warn(missing_docs)]

mod authority;
mod frame;
mod join;
pub mod limits;
mod link;
mod names;
mod peers;
mod porch;
mod queue;
mod scan;
#[cfg(test)]
mod tests;
mod tls;
mod token;

pub use authority::{Authority, AuthorityError, Identity};
pub use frame::Speaker;
pub use join::{JoinError, join};
pub use link::{Answered, AskError};
pub use names::ClusterId;
pub use peers::{Options, Peers};
pub use porch::{Asked, House, Joining, Reply};
pub use scan::scan_frames_bytes;
pub use token::{Secret, Token, TokenError};
