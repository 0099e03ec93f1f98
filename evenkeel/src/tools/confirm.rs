//! Asking before what cannot be taken back.

use anyhow::bail;
use std::io::{self, IsTerminal, Write};

/// Goes on if `yes` was said on the command line, or is said now.
///
/// # Errors
/// If it is not, or there is nobody to ask.
pub(super) fn confirm(yes: bool, question: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        bail!("this cannot be taken back, and there is no terminal to ask on: say --yes");
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if !matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        bail!("nothing was done");
    }
    Ok(())
}
