//! Deliberate defects, so that the tests can be tested: each must make some check fail.
//!
//! Behind the cargo feature `faults`; without it no defect is ever on, and asking costs nothing.

/// One defect that a careless writer of this room might have left in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// A run is not synced before it is named.
    SkipRunSync = 1,
    /// A manifest is not synced before it gets its name.
    SkipManifestSync,
    /// Names are not made durable.
    SkipFolderSync,
    /// What is on the disk when opening is believed to have durable names.
    TrustNames,
    /// What the new manifest does not need goes before it has its name.
    RemoveTooEarly,
    /// Runs go although the removal of the manifests that name them is not durable.
    SkipSweepSync,
    /// Blocks are not checked.
    SkipBlockChecksum,
    /// A run need not be the one that the manifest names.
    SkipRunIdentity,
    /// A manifest is not checked.
    SkipManifestChecksum,
    /// In a merge the oldest run wins.
    MergeOldestWins,
    /// What was written is not read back.
    SkipProof,
    /// Runs are removed although some manifest cannot be read.
    ForgetUnreadable,
    /// A failed sync is tried again, and believed.
    RetryFailedSync,
    /// On a full disk the ballast stays.
    KeepBallast,
    /// A merge forgets that its manifest may or may not have got its name.
    ForgetDoubt,
    /// Received bytes that may not be durable count as received.
    TrustReceived,
}

/// All of them, for the test that turns each on.
pub const ALL: [Fault; 16] = [
    Fault::SkipRunSync,
    Fault::SkipManifestSync,
    Fault::SkipFolderSync,
    Fault::TrustNames,
    Fault::RemoveTooEarly,
    Fault::SkipSweepSync,
    Fault::SkipBlockChecksum,
    Fault::SkipRunIdentity,
    Fault::SkipManifestChecksum,
    Fault::MergeOldestWins,
    Fault::SkipProof,
    Fault::ForgetUnreadable,
    Fault::RetryFailedSync,
    Fault::KeepBallast,
    Fault::ForgetDoubt,
    Fault::TrustReceived,
];

evenkeel_types::faults_of_the_process!(Fault);
