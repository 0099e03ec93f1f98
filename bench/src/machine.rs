//! The machine and the code behind a figure.

use std::fs;
use std::path::Path;
use std::process::Command;

/// CPU, cores, kernel, commit and command line, one per line.
pub fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let flags: Vec<String> = arguments.collect();
    format!(
        "machine  {} x {}, Linux {}\ncommit   {}\nflags    {program} {}",
        cores,
        model.unwrap_or("unknown CPU"),
        kernel.trim(),
        commit().unwrap_or_else(|| "unknown".to_owned()),
        flags.join(" "),
    )
}

/// The commit of the checkout this runs in, with `+` if there are changes.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let head = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    Some(if changed { head + "+" } else { head })
}
