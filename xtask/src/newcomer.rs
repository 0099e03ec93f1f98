//! `cargo xtask newcomer`: the README's path from a fresh clone, timed apart from compiling.

use crate::packages::workspace;
use crate::prerequisites;
use crate::steps::{Steps, cargo};

pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    if !workspace().join(".git").exists() {
        eprintln!("\n== a newcomer's path: not walked, this is no clone");
        return Ok(());
    }
    prerequisites::python(steps)?;
    let test = ["test", "--package", "evenkeel-tests", "--test", "newcomer", "--", "--ignored", "--nocapture"];
    steps.run("a newcomer's path, from the clone to the snippets", &mut cargo(&test))
}
