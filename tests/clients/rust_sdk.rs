//! The AWS SDK for Rust: the program in `tests/clients/rust`, a workspace of its own.

use crate::program;
use evenkeel_tests::{Server, binary};
use std::path::Path;

pub(crate) fn works() {
    let server = Server::start();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut run = program(Path::new(&cargo), &server);
    run.args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(binary::workspace().join("tests/clients/rust/Cargo.toml"))
        .arg("--target-dir")
        .arg(binary::target_dir().join("rust-sdk"));
    let output = run.output().unwrap();
    assert!(output.status.success(), "the Rust SDK failed:\n{}", String::from_utf8_lossy(&output.stderr));
}
