//! Everything that reads bytes from outside, as plain functions that take any bytes and panic if a promise breaks.
//!
//! `fuzz/` runs them under a fuzzer; [`mutate`] and a test here run them on mutated good inputs within seconds.

pub mod checkpoint;
pub mod log_segment;
pub mod machine_batch;
pub mod mutate;
pub mod signature;
pub mod snapshot;
pub mod sqs;

/// A parser's name, its judge, and good inputs to start from.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// All of them.
pub const TARGETS: [Target; 9] = [
    ("machine_batch", machine_batch::judge, machine_batch::corpus),
    ("machine_checkpoint", checkpoint::judge, checkpoint::corpus),
    ("checkpoint_file", checkpoint::judge_file, checkpoint::corpus_of_files),
    ("snapshot_stream", snapshot::judge, snapshot::corpus),
    ("log_segment", log_segment::judge, log_segment::corpus),
    ("sqs_accept", sqs::judge_request, sqs::corpus_of_requests),
    ("sqs_blob", sqs::judge_blob, sqs::corpus_of_blobs),
    ("sqs_handle", sqs::judge_handle, sqs::corpus_of_handles),
    ("sigv4_verify", signature::judge, signature::corpus),
];
