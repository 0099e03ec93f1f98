//! Deliberate defects, so that the tests can be tested: each must make some check fail.
//!
//! Behind the cargo feature `faults`; without it [`on`] is constantly false and costs nothing.

/// One defect that a careless writer of this log might have left in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// A sync of the log does nothing and reports success.
    DropSync = 1,
    /// Entries are called committed before the sync.
    AckBeforeSync,
    /// A failed sync is tried again, and believed.
    RetryFailedSync,
    /// The name of a new segment is not made durable.
    SkipDirSync,
    /// Taking ownership writes no fence.
    SkipFence,
    /// Entries of a deposed owner count as any other.
    AcceptStale,
    /// Payloads are not checked, neither when opening nor when reading.
    SkipChecksum,
    /// Index and chain of an entry are not checked.
    SkipChain,
    /// An entry that was torn is kept as it is.
    AcceptTornTail,
    /// Every broken entry in the last segment is taken for torn, and cut off.
    CallDamageTorn,
    /// Later entries that prove a broken one was durable are not looked for.
    IgnoreEvidence,
    /// What lies beyond the tail is left there after a torn write.
    SkipZeroing,
    /// A segment is not compared with the next one's header.
    SkipContinuity,
    /// Trimming removes the segment that holds the floor too.
    TrimTooFar,
    /// A sidecar is believed without its checksums.
    TrustSidecar,
    /// A sidecar is made before the last entry is in its segment.
    SealTooEarly,
    /// What is released goes, below the floor or not.
    ReleaseAboveFloor,
    /// A truncation or reset is done without writing down that it has begun.
    SkipIntent,
    /// What reads back when opening is believed to be on the medium.
    TrustCache,
    /// The answers of a full disk are lost.
    ForgetRefusal,
}

/// All of them, for the test that turns each on.
pub const ALL: [Fault; 20] = [
    Fault::DropSync,
    Fault::AckBeforeSync,
    Fault::RetryFailedSync,
    Fault::SkipDirSync,
    Fault::SkipFence,
    Fault::AcceptStale,
    Fault::SkipChecksum,
    Fault::SkipChain,
    Fault::AcceptTornTail,
    Fault::CallDamageTorn,
    Fault::IgnoreEvidence,
    Fault::SkipZeroing,
    Fault::SkipContinuity,
    Fault::TrimTooFar,
    Fault::TrustSidecar,
    Fault::SealTooEarly,
    Fault::ReleaseAboveFloor,
    Fault::SkipIntent,
    Fault::TrustCache,
    Fault::ForgetRefusal,
];

evenkeel_types::faults_of_the_process!(Fault);
