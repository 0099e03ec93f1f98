//! What is sent, and in which order. Each file is one workload and the command that runs it.

pub mod all;
pub mod chain;
pub mod create;
pub mod cycle;
pub mod drain;
pub mod fairness;
pub mod fill;
pub mod groups;
pub mod latency;
