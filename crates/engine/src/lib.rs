//! The engine (to come).
#![warn(missing_docs)]
mod request;
pub use request::{Answer, Delivery, Description, EngineError, Proposal, QueueName, Receive, Received, Request};
