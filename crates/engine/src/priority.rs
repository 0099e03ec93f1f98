//! Which threads stand back when there are more of them than processors.
//!
//! What nobody waits for (checkpoints) lets others go before it. On Linux a thread has a nice value of its own (setpriority(2): "a per-thread
//! attribute"), and raising it is always allowed. Elsewhere nothing is done. Why none goes first: docs/adr/0010-who-goes-first.md.

/// How far a thread that nobody waits for goes behind, in nice values: it gets a third of an even share.
const BEHIND: i32 = 5;

/// Lets others go before the calling thread, and before those that it makes from now on.
#[cfg(target_os = "linux")]
pub(crate) fn go_last() {
    // No process means the calling thread. Where it is refused, the thread stays where it was.
    if let Ok(nice) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, nice + BEHIND);
    }
}

/// Lets others go before the calling thread: not on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn go_last() {
    let _ = BEHIND;
}

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
        assert_eq!(nice_after(|| {}), before);
    }
}
