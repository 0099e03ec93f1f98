//! The last moments of a server that is told to stop, so that those who use it notice as little as can be.
//!
//! 1. `/readyz` says `stopping`: whoever sends work here is to send it elsewhere.
//! 2. Whoever still comes is served, and told by `Connection: close` to come back on another connection. What waits for an answer of another node
//!    is given up after a moment, since a long poll would hold up the end.
//! 3. The doors close: no connection is taken any more, and those that rest are closed.

use std::time::Duration;
use tokio::{sync::watch, time::sleep};

/// How long an answer of another node is waited for: most take milliseconds, and those that do not are long polls.
const LAST_WORDS: Duration = Duration::from_millis(400);

/// Whether it has begun.
#[derive(Debug)]
pub(crate) struct Stopping(watch::Sender<bool>);

impl Default for Stopping {
    fn default() -> Self {
        Self(watch::channel(false).0)
    }
}

impl Stopping {
    /// From now on.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it began a moment ago.
    pub(super) async fn is_overdue(&self) {
        // The sender is here, so it cannot be gone.
        _ = self.0.subscribe().wait_for(|&begun| begun).await;
        sleep(LAST_WORDS).await;
    }
}
