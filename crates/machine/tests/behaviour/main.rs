//! What the machine promises, one behaviour a test, through its public face.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

mod dead;
mod fairness;
mod fifo;
mod house;
mod keys;
mod leases;
mod once;
mod papers;
mod peek;
mod purge;
mod repeat;
mod script;
mod state;
mod view;
