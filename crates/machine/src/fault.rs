//! Deliberate defects, so that the checks can be checked: each must make some test or invariant fail.
//!
//! Behind the cargo feature `faults`; without it [`is`] is constantly false and costs nothing. A defect is chosen for
//! one thread, so that seeds with different ones can run side by side.

/// One defect that a careless writer of this machine might have left in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A lease that was lost may still finish the job.
    AcceptStaleToken,
    /// A lane that has a lease out does not enter the turns again.
    LoseTurn,
    /// Every group weighs the same.
    IgnoreWeight,
    /// Groups have no limit.
    IgnoreGroupLimit,
    /// A lease that runs out is prolonged by an hour instead.
    LoseTimer,
    /// A lease is over as soon as it is given.
    DoubleGrant,
    /// A second grant of a job has the token of the first.
    ReuseToken,
    /// Finished jobs are not counted.
    LeakCount,
    /// A new job goes before the others of its group.
    LoseOrder,
    /// A delay is half as long as asked for.
    EndDelayEarly,
    /// Now and then a lease ends a tick later, by something that is not in the log.
    Nondeterministic,
    /// A job that is with a worker survives a purge.
    PurgeForgetsLeased,
    /// Nobody is told that the bodies of purged jobs are not needed any more.
    ReapLeaks,
    /// The number of a deleted queue means the next one in its slot.
    StaleQueueId,
    /// Queues take more than they may.
    IgnoreCaps,
    /// A group's jobs are granted while one of them is with a worker, in a FIFO queue too.
    IgnoreLock,
    /// A job that comes back to a FIFO queue goes before all others of its group.
    LoseFifoOrder,
    /// A job sent again is added again.
    ForgetDedup,
    /// A call that is repeated is done again.
    ForgetCalls,
    /// A job past its retention period stays.
    KeepExpired,
    /// A job that was granted too often is granted on.
    NeverDead,
    /// A job that comes to the dead letters is not counted there.
    LoseDead,
    /// A change of a queue that is repeated is made again.
    ForgetChanges,
    /// What needs a newer version is applied all the same, as far as it is understood.
    ApplyAnyLevel,
}

/// All of them.
pub const ALL: [Fault; 24] = [
    Fault::AcceptStaleToken,
    Fault::LoseTurn,
    Fault::IgnoreWeight,
    Fault::IgnoreGroupLimit,
    Fault::LoseTimer,
    Fault::DoubleGrant,
    Fault::ReuseToken,
    Fault::LeakCount,
    Fault::LoseOrder,
    Fault::EndDelayEarly,
    Fault::Nondeterministic,
    Fault::PurgeForgetsLeased,
    Fault::ReapLeaks,
    Fault::StaleQueueId,
    Fault::IgnoreCaps,
    Fault::IgnoreLock,
    Fault::LoseFifoOrder,
    Fault::ForgetDedup,
    Fault::ForgetCalls,
    Fault::KeepExpired,
    Fault::NeverDead,
    Fault::LoseDead,
    Fault::ForgetChanges,
    Fault::ApplyAnyLevel,
];

#[cfg(feature = "faults")]
thread_local! {
    static CHOSEN: std::cell::Cell<Option<Fault>> = const { std::cell::Cell::new(None) };
    static CALLS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
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

/// True now and then, by how often this thread has asked.
#[cfg(feature = "faults")]
pub(crate) fn by_chance() -> bool {
    CALLS.set(CALLS.get() + 1);
    is(Fault::Nondeterministic) && CALLS.get().is_multiple_of(37)
}

/// Never, in this build.
#[cfg(not(feature = "faults"))]
pub(crate) const fn by_chance() -> bool {
    false
}
