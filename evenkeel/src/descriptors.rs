//! File descriptors: enough of them for the connections, and always some left for the log.
//!
//! A log that cannot open its next segment stops the server, so connections must never take the last descriptor.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that connections leave to the log, checkpoints and event loops.
const KEPT: u64 = 128;

/// Raises the process's limit as far as it may, and tells how many connections it then allows, at most `wanted`.
pub(crate) fn connections(wanted: u32) -> u32 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = u64::from(wanted) + KEPT;
    let raised = enough.min(maximum.unwrap_or(u64::MAX)).max(current.unwrap_or(u64::MAX));
    let limit = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => current.unwrap_or(u64::MAX),
    };
    let allowed = u32::try_from(limit.saturating_sub(KEPT).clamp(1, wanted.into())).unwrap_or(wanted);
    if allowed < wanted {
        tracing::warn!("this process may open {limit} files; holding {allowed} connections at most (see `ulimit -n`)");
    }
    allowed
}
