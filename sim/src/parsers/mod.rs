//! Everything that reads bytes from outside, as plain functions that take any bytes and panic if a promise breaks.
//!
//! `fuzz/` runs them under a fuzzer; [`mutate`] and a test here run them on mutated good inputs within seconds.

pub mod body_file;
pub mod checkpoint;
pub mod console;
pub mod log_segment;
pub mod machine_batch;
pub mod mutate;
pub mod native;
pub mod peers;
pub mod policy;
pub mod raft;
pub mod seal;
pub mod signature;
pub mod snapshot;
pub mod sqs;

/// A parser's name, its judge, and good inputs to start from.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// All of them.
pub const TARGETS: [Target; 21] = [
    ("machine_batch", machine_batch::judge, machine_batch::corpus),
    ("machine_checkpoint", checkpoint::judge, checkpoint::corpus),
    ("checkpoint_run", checkpoint::judge_run, checkpoint::corpus_of_runs),
    ("checkpoint_manifest", checkpoint::judge_manifest, checkpoint::corpus_of_manifests),
    ("body_file", body_file::judge, body_file::corpus),
    ("snapshot_stream", snapshot::judge, snapshot::corpus),
    ("log_segment", log_segment::judge, log_segment::corpus),
    ("log_sidecar", log_segment::judge_sidecar, log_segment::corpus_of_sidecars),
    ("sqs_accept", sqs::judge_request, sqs::corpus_of_requests),
    ("sqs_form", sqs::judge_form, sqs::corpus_of_forms),
    ("sqs_blob", sqs::judge_blob, sqs::corpus_of_blobs),
    ("sqs_handle", sqs::judge_handle, sqs::corpus_of_handles),
    ("sigv4_verify", signature::judge, signature::corpus),
    ("policy_parse", policy::judge, policy::corpus),
    ("console_visit", console::judge, console::corpus),
    ("native_accept", native::judge, native::corpus),
    ("peers_frames", peers::judge_frames, peers::corpus_of_frames),
    ("peers_token", peers::judge_token, peers::corpus_of_tokens),
    ("raft_message", raft::judge_message, raft::corpus_of_messages),
    ("raft_change", raft::judge_change, raft::corpus_of_changes),
    ("raft_conversation", raft::judge_conversation, raft::corpus_of_conversations),
];
