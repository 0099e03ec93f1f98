//! The AWS SDK for JavaScript v3, and sqs-consumer over it: the scripts in `tests/clients/javascript`, run by Node's
//! own test runner.

use crate::program;
use evenkeel_tests::{Server, node};
use std::path::Path;

pub(crate) fn sdk() {
    run("sdk.test.mjs");
}

pub(crate) fn consumer() {
    run("consumer.test.mjs");
}

fn run(script: &str) {
    static FOLDER: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    let folder = FOLDER.get_or_init(node::folder);
    let server = Server::start();
    let mut node = program(Path::new("node"), &server);
    let output = node.args(["--test", "--test-reporter=spec"]).arg(folder.join(script)).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script} failed:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // A script that runs nothing succeeds too.
    assert!(!said.contains("tests 0\n"), "{script} ran no test:\n{said}");
}
