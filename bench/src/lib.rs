//! The load tool: an SQS client that costs little, a few workloads, and what is needed to judge their figures.
//!
//! It shares the machine with the server it loads, so that its own CPU time per request counts as much as the
//! server's: one thread, epoll, requests patched in place, answers scanned rather than parsed. A second thread times
//! the disk a few times a second.
//!
//! Figures it prints were measured with client and server on the same cores, over loopback; the yardsticks are the
//! disk's own sync times, printed beside each run, and the client's CPU time per request.
#![allow(clippy::print_stdout, reason = "a tool for the command line: its output is its result")]

pub mod cli;
pub mod clock;
pub mod depth;
pub mod disk;
pub mod fleet;
pub mod gaps;
pub mod http;
pub mod limits;
pub mod machine;
pub mod measure;
pub mod mock;
pub mod nodes;
pub mod payload;
pub mod procfs;
pub mod report;
pub mod rng;
pub mod server;
pub mod session;
pub mod sqs;
pub mod stalls;
pub mod stats;
pub mod storage;
pub mod target;
pub mod ticker;
pub mod workload;
