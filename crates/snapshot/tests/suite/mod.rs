mod boundaries;
mod harness;
mod refusals;
mod trouble;
mod whole;
