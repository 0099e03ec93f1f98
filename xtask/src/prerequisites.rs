//! What must be on the machine besides the Rust toolchain: Python with venv, for the boto3 tests.

use crate::steps::Steps;
use anyhow::bail;
use std::process::{Command, Stdio};

/// Python with its venv module; installed if it is missing and this may.
///
/// # Errors
/// If it is missing and cannot be installed here; says what to do.
pub(crate) fn python(steps: &mut Steps) -> anyhow::Result<()> {
    if has_python() {
        return Ok(());
    }
    let can_install = rustix::process::geteuid().is_root()
        && Command::new("apt-get").arg("--version").stdout(Stdio::null()).status().is_ok();
    if can_install {
        steps.run("list packages", Command::new("apt-get").args(["update", "--quiet"]))?;
        let install = ["install", "--quiet", "--yes", "--no-install-recommends", "python3", "python3-venv"];
        steps.run("install python3", Command::new("apt-get").args(install).env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    if !has_python() {
        bail!("the boto3 tests need python3 with its venv module; on Debian: apt-get install python3 python3-venv");
    }
    Ok(())
}

fn has_python() -> bool {
    // Some distributions have venv without what it needs.
    let mut python = Command::new("python3");
    python.args(["-c", "import venv, ensurepip"]).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}
