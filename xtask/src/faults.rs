//! `cargo xtask faults`: tests of the tests. Packages with a feature `faults` hold deliberate defects, and their
//! integration test `faults` turns each on and demands that some check fails.

use crate::packages::Workspace;
use crate::steps::{Steps, cargo};

/// The name of the feature, and of the test.
const FAULTS: &str = "faults";

pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    for package in Workspace::read()?.packages {
        let has = |names: &[String]| names.iter().any(|name| name == FAULTS);
        if has(&package.features) && has(&package.tests) {
            let test = ["test", "--package", &package.name, "--features", FAULTS, "--test", FAULTS];
            steps.run(&format!("deliberate faults in {}", package.folder), &mut cargo(&test))?;
        }
    }
    Ok(())
}
