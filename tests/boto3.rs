//! The real client library, boto3, against the real server: the tests in `tests/boto3/`, once with a boto3 of today, which
//! speaks JSON, and once with the last one that spoke Query.
//!
//! They run in virtual environments under `target/`, made at the first run from `requirements.txt` and `requirements-query.txt`
//! (which needs the package index once) and again when these files change. By hand: `cargo test -p evenkeel-tests --test boto3`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::signed::{ACCESS_KEY, SECRET_KEY};
use evenkeel_tests::{Server, binary, python};
use std::path::Path;
use std::process::Command;

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
    let mut tests = Command::new(python);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        tests.env_remove(name);
    }
    let status = tests
        .args(["-B", "-W", "error::ResourceWarning", "-m", "unittest", "discover", "--start-directory"])
        .arg(binary::workspace().join("tests/boto3"))
        .env("EVENKEEL_ENDPOINT", server.endpoint())
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        // No settings of the person who runs this.
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("NO_PROXY", "127.0.0.1")
        .status()
        .unwrap();
    assert!(status.success(), "the boto3 tests failed; what they said is above");
}
