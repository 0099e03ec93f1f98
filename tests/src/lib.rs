//! The real binary from outside: what the tests in this folder share.
//!
//! Each test starts its own server (the binary itself, a child process) on a port and a folder of its own, and speaks
//! to it as a stranger would: over TCP, in HTTP and signed JSON. Nothing here reaches into the server.
//!
//! The binary is the one that `EVENKEEL_BIN` names. Without it the binary is built first, so that
//! `cargo test -p evenkeel-tests` needs no preparation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

pub mod binary;
pub mod client;
pub mod cluster;
pub mod fault;
pub mod form;
pub mod haproxy;
pub mod http;
pub mod ledger;
pub mod load;
pub mod memory;
pub mod net;
pub mod node;
pub mod pages;
pub mod ports;
pub mod python;
pub mod random;
pub mod server;
pub mod signed;
pub mod small_disk;
pub mod tool;
pub mod traffic;
pub mod wait;
pub mod web_driver;
pub mod wire;

pub use client::{Client, Failure, Message};
pub use cluster::Cluster;
pub use server::{Launch, Server};
pub use tool::Tool;
pub use traffic::Traffic;
