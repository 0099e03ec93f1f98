//! HTTP/1.1 for all doors: connections in, requests to the door that they are for.
//!
//! Threads, sockets and timeouts live here and nowhere else; a door's core sees bytes. One thread accepts and
//! hands connections out in turn; each thread has its own event loop and its own client of the engine.

mod answer;
mod body;
mod by_https;
mod console;
mod cors;
mod doors;
mod forwarded;
mod outside;
mod request_id;
mod server;
mod service;
mod stopping;
mod stream;
mod unread;
mod unsigned;

pub(crate) use body::Whole;
pub(crate) use server::{Server, Settings};
pub(crate) use service::{LargeBodies, Shared};
pub(crate) use stopping::Stopping;
