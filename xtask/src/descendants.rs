//! What a process started, and what that started in its turn: `/proc/PID/task/*/children`.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::Child;

/// Kills all that the child started, as far as it can be seen (on Linux), not the child itself.
pub(crate) fn kill(child: &Child) {
    let mut found = children(child.id());
    // Whoever is killed no longer tells whom it started, so all are found first.
    let mut seen = 0;
    while let Some(&process) = found.get(seen) {
        found.extend(children(process));
        seen += 1;
    }
    for process in found {
        if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
            _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Those that a process started itself and that still run.
fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<_>>()).collect()
}
