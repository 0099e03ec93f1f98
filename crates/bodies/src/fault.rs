//! Deliberate defects, so that the tests can be tested: each must make some check fail.
//!
//! Behind the cargo feature `faults`; without it [`on`] is constantly false and costs nothing.

/// One defect that a careless writer of this room might have left in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// A file is renamed into place without being synced.
    SkipSync = 1,
    /// Renames and removals are not made durable.
    SkipFolderSync,
    /// The older files go before the new one is in place.
    RemoveBeforeInstall,
    /// Bodies are not compared with their checksums.
    SkipChecksum,
    /// Blocks of the table are not compared with their checksums.
    SkipTableChecksum,
    /// A new file is not read back before it replaces others.
    SkipProof,
    /// A large file is synced once, at its end.
    OneLargeSync,
    /// Bodies are taken in any order.
    AcceptAnyOrder,
    /// Older files stay on the disk when they are replaced.
    KeepReplaced,
    /// Removed files stay visible to readers.
    KeepVisible,
    /// An abandoned file is left behind.
    KeepUnfinished,
    /// When opening, the wider of two nested files is taken for the leftover.
    KeepNarrower,
    /// When opening, a partial overlap is accepted.
    AcceptOverlap,
    /// What is seen when opening is believed to be durable.
    TrustCache,
    /// A file's own range is not compared with its name.
    TrustName,
}

/// All of them, for the test that turns each on.
pub const ALL: [Fault; 15] = [
    Fault::SkipSync,
    Fault::SkipFolderSync,
    Fault::RemoveBeforeInstall,
    Fault::SkipChecksum,
    Fault::SkipTableChecksum,
    Fault::SkipProof,
    Fault::OneLargeSync,
    Fault::AcceptAnyOrder,
    Fault::KeepReplaced,
    Fault::KeepVisible,
    Fault::KeepUnfinished,
    Fault::KeepNarrower,
    Fault::AcceptOverlap,
    Fault::TrustCache,
    Fault::TrustName,
];

evenkeel_types::faults_of_the_process!(Fault);
