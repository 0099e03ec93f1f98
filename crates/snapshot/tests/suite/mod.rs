//! The tests, by what they are about.

mod boundaries;
mod harness;
mod refusals;
mod trouble;
mod whole;
