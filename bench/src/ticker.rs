//! Waking up on time: a timer in the poll set.
//!
//! `epoll_wait` counts in milliseconds and rounds up, which would add up to a millisecond to each scheduled call; a
//! timerfd wakes within some tens of microseconds, without spinning on a core the server needs.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

pub struct Ticker(OwnedFd);

impl Ticker {
    /// # Errors
    /// As the operating system says.
    pub fn new(registry: &Registry, token: Token) -> anyhow::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self(timer))
    }

    /// Wakes the poll once, `after` from now; replaces what was set before.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn set(&self, after: Duration) -> anyhow::Result<()> {
        let after = after.max(Duration::from_nanos(1));
        let once = Itimerspec {
            it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: Timespec { tv_sec: i64::try_from(after.as_secs())?, tv_nsec: after.subsec_nanos().into() },
        };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }
}
