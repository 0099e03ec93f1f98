//! `cargo xtask ci`: what a change must pass. The cheap and likely first.

use crate::steps::{Steps, cargo};
use crate::{test, tidy};

pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    steps.run("format", &mut cargo(&["fmt", "--all", "--", "--check"]))?;
    steps.call("tidy", tidy::run)?;
    let lints = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
    steps.run("lints", &mut cargo(&lints))?;
    test::run(steps, test::SMALL)
}
