//! The real client library, boto3, against the real server: the tests in `tests/boto3/`, once with a boto3 of today, which
//! speaks JSON, and once with the last one that spoke Query.
//!
//! They run in virtual environments under `target/`, made at the first run from `requirements.txt` and `requirements-query.txt`
//! (which needs the package index once) and again when these files change. By hand: `cargo test -p evenkeel-tests --test boto3`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Server, binary, python};
use std::path::Path;

#[test]
fn boto3_finds_what_it_expects() {
    run(&python::with_boto3());
}

#[test]
fn a_boto3_that_speaks_query_finds_the_same() {
    run(&python::with_old_boto3());
}

fn run(python: &Path) {
    let server = Server::start();
    let status = python::aws(python)
        .args(["-W", "error::ResourceWarning", "-m", "unittest", "discover", "--start-directory"])
        .arg(binary::workspace().join("tests/boto3"))
        .env("EVENKEEL_ENDPOINT", server.endpoint())
        .status()
        .unwrap();
    assert!(status.success(), "the boto3 tests failed; what they said is above");
}
