//! A small SQS client: what the command line's tools speak to a server with, from outside like any other program.
//!
//! It signs with our own SigV4 over hyper's HTTP/1 client, one connection and one call at a time, and it never retries: a call
//! whose answer did not arrive *may* have been done, and only the person or the program that asked can say what then.
//! TLS is absent, as it is in the server.

mod connection;
mod endpoint;
mod error;
mod health;
mod identity;
mod native;
mod sqs;

pub(crate) use endpoint::Endpoint;
pub(crate) use error::CallError;
pub(crate) use health::health;
pub(crate) use identity::Identity;
pub(crate) use native::Native;
pub(crate) use sqs::{Sqs, batch_failures};
