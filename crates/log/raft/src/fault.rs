//! Deliberate defects, so that the tests can be tested: each must make some check fail.
//!
//! Behind the cargo feature `faults`; without it [`on`] is constantly false and costs nothing.

/// One defect that a careless writer of this log might have left in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// Terms and votes are not synced before what promises them leaves.
    SendBeforeVoteSync = 1,
    /// Entries are acknowledged to the leader before they are synced.
    AckBeforeSync,
    /// The vote file is not written at all.
    ForgetVotes,
    /// Proposals of an earlier reign are taken under the present one.
    AcceptStaleProposals,
    /// What was truncated is not refused to its proposer.
    ForgetRefusals,
    /// A conflicting entry does not truncate what is on the disk.
    SkipTruncation,
    /// Ownership is told as soon as an election is won, before all that came before is committed.
    AnnounceEarly,
    /// A change of membership is forgotten by a restart.
    ForgetMembers,
}

/// All of them, for the test that turns each on.
pub const ALL: [Fault; 8] = [
    Fault::SendBeforeVoteSync,
    Fault::AckBeforeSync,
    Fault::ForgetVotes,
    Fault::AcceptStaleProposals,
    Fault::ForgetRefusals,
    Fault::SkipTruncation,
    Fault::AnnounceEarly,
    Fault::ForgetMembers,
];

evenkeel_types::faults_of_the_process!(Fault);
