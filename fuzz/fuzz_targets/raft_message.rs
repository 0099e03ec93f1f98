#![no_main]
//! See `evenkeel_sim::parsers`.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| evenkeel_sim::parsers::raft::judge_message(bytes));
