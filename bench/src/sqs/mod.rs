//! SQS's AWS JSON 1.0 protocol, as far as the workloads speak it.

pub mod action;
pub mod body;
pub mod control;
pub mod request;
pub mod scan;
