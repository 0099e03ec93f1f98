//! The suite that every log passes: one function per behaviour, and a crash suite with an oracle.
//!
//! An implementation writes a [`Harness`], and calls [`check_all`]. A check panics with what went
//! wrong. All that is random comes from seeds, so a failure repeats.

mod crashes;
mod oracle;
mod random;
mod releases;
mod rules;

pub use crashes::random_crashes_lose_and_double_nothing;
pub use oracle::Oracle;
pub use random::Random;
pub use releases::*;
pub use rules::*;

use crate::Log;
use evenkeel_types::LogIndex;

/// How a node's process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `kill -9`: what was written stays written, synced or not.
    Kill,
    /// What was not synced is gone, or half gone.
    PowerCut,
}

/// A log under test, with its storage and its peers.
pub trait Harness: Sized {
    /// The log.
    type Log: Log;

    /// All nodes on fresh storage; one of them owns the log, or will once driven.
    fn fresh(seed: u64) -> Self;
    /// How many nodes there are.
    fn nodes(&self) -> usize;
    /// The node that owns the log (under the highest epoch), or will once driven.
    fn owner(&self) -> usize;
    /// A node's log.
    fn log(&mut self, node: usize) -> &mut Self::Log;
    /// Works until nothing is left to do: all is connected, an owner reigns, what was proposed is answered.
    fn drive(&mut self);
    /// Does a small part of the work that is pending, such as a write without its sync.
    fn drive_a_bit(&mut self);
    /// Ends a node's process and starts it again with a state at `applied`.
    fn restart(&mut self, node: usize, end: End, applied: LogIndex);
    /// Makes another node the owner without telling the present one; `None` if there is no other.
    fn depose(&mut self) -> Option<usize>;
}

/// Runs every check.
///
/// # Panics
/// If one fails.
pub fn check_all<H: Harness>() {
    proposals_come_back_in_order_with_consecutive_indexes::<H>();
    nothing_can_be_proposed_before_the_log_is_owned::<H>();
    an_empty_batch_and_one_too_large_are_refused::<H>();
    ownership_begins_with_a_fence_of_a_higher_epoch::<H>();
    a_restart_replays_what_comes_after_the_applied_state::<H>(End::Kill);
    a_restart_replays_what_comes_after_the_applied_state::<H>(End::PowerCut);
    committed_entries_read_back_whole_and_in_part::<H>();
    trimmed_entries_can_be_read_until_they_are_released::<H>();
    released_entries_go_and_all_others_stay::<H>();
    a_release_above_the_floor_waits_for_it::<H>();
    a_snapshot_replaces_the_log_which_goes_on_after_it::<H>();
    a_snapshot_older_than_the_log_is_refused::<H>();
    the_waker_is_called_when_there_is_something_new::<H>();
    a_deposed_owner_s_late_proposals_are_never_committed::<H>();
    every_node_hears_the_same::<H>();
    for seed in 0..48 {
        random_crashes_lose_and_double_nothing::<H>(seed, 60);
    }
}
