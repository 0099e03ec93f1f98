//! Which threads go first when there are more of them than processors.
//!
//! Every request waits for one thread, the engine's, and for the one that makes the log durable. On a busy machine they would stand in line
//! behind those that serve connections, a few milliseconds each time, and all who wait for them stand with them. What can wait (checkpoints) goes last.
//!
//! On Linux a thread has a nice value of its own (setpriority(2): "a per-thread attribute"). Lowering it needs `CAP_SYS_NICE` or a limit
//! (`LimitNICE=` in a unit of systemd); without, the thread stays where it was, and nothing else changes. Elsewhere both calls do nothing.
#![warn(missing_docs)]

/// How far a thread that all wait for goes ahead of where it is, in nice values. A real-time class would let a defect take the machine; this leaves the
/// others their share.
const AHEAD: i32 = 10;
/// How far a thread that nobody waits for goes behind: it gets a third of an even share.
const BEHIND: i32 = 5;

/// Lets the calling thread go before others, where that is allowed. Threads that it makes from now on do so too.
pub fn go_first() {
    change(-AHEAD);
}

/// Lets others go before the calling thread.
pub fn go_last() {
    change(BEHIND);
}

#[cfg(target_os = "linux")]
fn change(by: i32) {
    // No process means the calling thread. A refusal is no error: see above.
    if let Ok(nice) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, nice + by);
    }
}

#[cfg(not(target_os = "linux"))]
fn change(_by: i32) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn nice_after(change: fn()) -> i32 {
        let change = move || {
            change();
            rustix::process::getpriority_process(None)
        };
        std::thread::spawn(change).join().expect("it does not panic").expect("it is there")
    }

    #[test]
    fn a_thread_changes_its_own_turn_and_no_others() {
        let before = nice_after(|| {});
        assert_eq!(nice_after(go_last), (before + BEHIND).min(19));
        let first = nice_after(go_first);
        assert!(first == (before - AHEAD).max(-20) || first == before, "{first}: allowed or not");
        assert_eq!(nice_after(|| {}), before);
    }
}
