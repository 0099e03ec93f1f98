//! When the machine itself stood still.
//!
//! A thread of real-time priority on each core does nothing but wake every two milliseconds. Nothing in the system goes before it, so that if it
//! comes late, the core was not there: whoever shares the machine underneath had it. On such a machine the longest of a hundred thousand rounds of a
//! server is the machine's as often as the server's, and no average tells them apart.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use rustix::thread::{CpuSet, sched_setaffinity};
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

const EVERY: Duration = Duration::from_millis(2);
/// What a core that is there may be late.
const TOLERANCE: Duration = Duration::from_millis(1);
/// Above all who share a core, below what the system needs for itself.
const PRIORITY: u8 = 50;

/// A time in which a core was not there: begin and end after 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stall {
    pub from: Duration,
    pub to: Duration,
}

/// Watches all cores until dropped.
pub struct Stalls {
    seen: Arc<Mutex<Vec<Stall>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Stalls {
    /// `None` where this process may not have real-time priority: then nobody knows.
    pub fn watch() -> Option<Self> {
        let cores = std::thread::available_parallelism().ok()?.get();
        let mut stalls = Self { seen: Arc::default(), stop: Arc::default(), threads: Vec::new() };
        let (say, told) = std::sync::mpsc::channel();
        for core in 0..cores {
            let (seen, stop, say) = (Arc::clone(&stalls.seen), Arc::clone(&stalls.stop), say.clone());
            let watch = move || {
                let may = take(core).is_ok();
                if say.send(may).is_ok() && may {
                    watch(&seen, &stop);
                }
            };
            stalls.threads.push(std::thread::Builder::new().name(format!("stalls-{core}")).spawn(watch).ok()?);
        }
        drop(say);
        told.iter().take(cores).all(|may| may).then_some(stalls)
    }

    /// What was seen so far, in the order of their beginnings.
    pub fn seen(&self) -> Vec<Stall> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        seen.sort_unstable();
        seen
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            _ = thread.join();
        }
    }
}

/// Of the time from `from` to `to`, how much lies in none of the stalls, which are in the order of their beginnings.
pub fn outside(from: Duration, to: Duration, stalls: &[Stall]) -> Duration {
    let (mut outside, mut at) = (Duration::ZERO, from);
    for stall in stalls.iter().take_while(|stall| stall.from < to) {
        outside += stall.from.saturating_sub(at);
        at = at.max(stall.to);
    }
    outside + to.saturating_sub(at)
}

/// The calling thread is on that core from now on, before all others.
fn take(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores)?;
    let priority = ThreadPriorityValue::try_from(PRIORITY).map_err(|error| anyhow::anyhow!("{error}"))?;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy)
        .map_err(|error| anyhow::anyhow!("{error:?}"))
}

fn watch(seen: &Mutex<Vec<Stall>>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let due = Instant::now() + EVERY;
        std::thread::sleep(EVERY);
        let late = due.elapsed();
        if late > TOLERANCE {
            let to = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(Stall { from: to.saturating_sub(late), to });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stall(from: u64, to: u64) -> Stall {
        Stall { from: Duration::from_millis(from), to: Duration::from_millis(to) }
    }

    fn outside_millis(from: u64, to: u64, stalls: &[Stall]) -> u128 {
        outside(Duration::from_millis(from), Duration::from_millis(to), stalls).as_millis()
    }

    #[test]
    fn what_lies_in_a_stall_of_any_core_counts_once() {
        assert_eq!(outside_millis(100, 150, &[]), 50);
        assert_eq!(outside_millis(100, 150, &[stall(10, 20), stall(200, 300)]), 50);
        assert_eq!(outside_millis(100, 150, &[stall(90, 110), stall(95, 112), stall(120, 125), stall(140, 400)]), 23);
        assert_eq!(outside_millis(100, 150, &[stall(90, 400), stall(120, 130)]), 0);
        assert_eq!(outside_millis(100, 150, &[stall(110, 140), stall(111, 112)]), 20);
    }
}
