//! All checks of the log on several nodes, as plain functions: `tests/raft.rs` runs each as a test, and
//! `tests/faults.rs` proves that each deliberate defect makes one of them fail.

pub(crate) mod conforms;
pub(crate) mod full;
mod harness;
pub(crate) mod lies;
pub(crate) mod members;
pub(crate) mod promises;
pub(crate) mod real;
pub(crate) mod seeds;
pub(crate) mod starts;

/// A check and its name.
pub(crate) type Check = (&'static str, fn());

/// Lists functions by module, for a loop and as tests.
macro_rules! checks {
    ($($module:ident: $($name:ident),*;)*) => {
        #[allow(dead_code, reason = "each test binary uses one of the two")]
        pub(crate) const CHECKS: &[Check] = &[$($((stringify!($name), $module::$name),)*)*];
        #[allow(unused_macros, reason = "each test binary uses one of the two")]
        macro_rules! tests {
            () => { $($(#[test] fn $name() { suite::$module::$name(); })*)* };
        }
        #[allow(unused_imports, reason = "each test binary uses one of the two")]
        pub(crate) use tests;
    };
}

checks! {
    conforms:
        three_nodes_conform,
        one_node_conforms,
        many_random_crashes_lose_and_double_nothing;
    starts:
        a_single_node_s_folder_becomes_the_first_of_a_cluster,
        a_node_without_its_vote_file_does_not_start,
        a_node_that_lost_its_log_says_so_when_its_leader_speaks,
        an_older_vote_file_is_found_by_the_entries,
        one_that_is_left_of_a_lost_majority_goes_on_alone;
    members:
        a_learner_joins_catches_up_votes_and_another_leaves,
        a_member_that_needs_a_snapshot_gets_one_and_goes_on,
        members_survive_a_power_cut,
        a_leader_offers_its_state_before_it_owns_the_log,
        one_that_a_new_leader_has_not_heard_from_is_not_called_too_far_behind,
        handing_over_is_one_election_and_loses_nothing;
    promises:
        no_promise_leaves_before_it_is_synced,
        a_leader_s_entries_leave_beside_its_own_sync,
        a_lone_voter_sends_nothing_under_a_term_that_is_not_synced,
        a_proposal_of_an_earlier_reign_is_refused,
        a_proposal_that_meets_the_news_of_a_new_leader_is_refused,
        a_follower_that_is_far_behind_catches_up_in_pieces,
        what_cannot_be_is_dropped_and_harms_nobody;
    lies:
        a_candidate_with_a_priority_is_not_heard,
        an_epoch_that_begins_without_a_fence_is_not_taken,
        entries_behind_one_of_term_0_and_a_snapshot_of_epoch_0_are_dropped,
        more_members_than_there_can_be_stop_a_node_and_are_not_written_down;
    full:
        a_follower_whose_disk_is_full_waits_and_catches_up,
        an_owner_whose_disk_is_full_refuses_and_goes_on_when_there_is_room,
        one_that_is_deposed_with_a_full_disk_gives_up_its_entries_without_room;
    seeds:
        clusters_of_seeds_lose_nothing_and_have_one_owner_a_term,
        a_cluster_of_one_seed_does_the_same_again;
    real:
        threads_carry_a_cluster_over_real_disks,
        a_node_that_is_held_up_holds_up_nobody_who_does_not_wait;
}
