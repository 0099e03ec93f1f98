//! Deliberate defects, so that the checks can be checked: each must make some test or invariant fail.
//!
//! Behind the cargo feature `faults`; without it [`is`] is constantly false and costs nothing. A defect is chosen for
//! one thread, so that seeds with different ones can run side by side.

/// One defect that a careless writer of this engine might have left in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A job is called finished when the command arrives.
    AnswerBeforeCommit,
    /// Receivers that wait are not woken.
    ForgetWaiter,
    /// Jobs set aside for a receive stay so when it is over.
    KeepSetAside,
    /// The log is trimmed without regard to bodies that are still needed.
    TrimBodies,
    /// The log that the checkpoint before the newest needs is trimmed.
    TrimToNewest,
    /// Jobs that are received together get each other's bodies.
    WrongBody,
    /// Files with bodies are given up when they are chosen to be carried, not when they were.
    ReleaseBeforeCarry,
    /// A sweep for bodies leaves out the last slice of jobs.
    SweepTooShort,
    /// Every step proposes a batch, whether or not a timer is due.
    TickAlways,
    /// Over a restart log time advances by whatever the calendar says.
    TrustCalendar,
    /// Timers are looked at a while after they are due.
    LateTimers,
    /// On one of several nodes, a queue is described without proof that the node still owns the log.
    ReadUnproven,
    /// What came with a newer feature level is proposed before that is in force.
    ProposeEarly,
}

/// All of them.
pub const ALL: [Fault; 13] = [
    Fault::AnswerBeforeCommit,
    Fault::ForgetWaiter,
    Fault::KeepSetAside,
    Fault::TrimBodies,
    Fault::TrimToNewest,
    Fault::WrongBody,
    Fault::ReleaseBeforeCarry,
    Fault::SweepTooShort,
    Fault::TickAlways,
    Fault::TrustCalendar,
    Fault::LateTimers,
    Fault::ReadUnproven,
    Fault::ProposeEarly,
];

#[cfg(feature = "faults")]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
}

/// Chooses the defect of the calling thread, or none.
#[cfg(feature = "faults")]
pub fn choose(fault: Option<Fault>) {
    CHOSEN.set(fault);
}

/// Whether this defect is chosen.
#[cfg(feature = "faults")]
pub(crate) fn is(fault: Fault) -> bool {
    CHOSEN.get() == Some(fault)
}

/// Whether this defect is chosen: never, in this build.
#[cfg(not(feature = "faults"))]
pub(crate) const fn is(_fault: Fault) -> bool {
    false
}

/// With [`Fault::AnswerBeforeCommit`]: what an ack is answered with at once.
#[cfg(feature = "faults")]
pub(crate) fn answer_before_commit(command: &[u8]) -> Option<evenkeel_machine::Reply> {
    use evenkeel_machine::{Reply, codec::Reader, command::Command};
    match Command::decode(&mut Reader::new(command)) {
        Ok(Command::Ack { jobs, .. }) if is(Fault::AnswerBeforeCommit) => Some(Reply::Acked(vec![Ok(()); jobs.len()])),
        _ => None,
    }
}

/// With [`Fault::AnswerBeforeCommit`]: what an ack is answered with at once. Never, in this build.
#[cfg(not(feature = "faults"))]
pub(crate) const fn answer_before_commit(_command: &[u8]) -> Option<evenkeel_machine::Reply> {
    None
}
