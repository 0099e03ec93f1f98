//! All checks of the checkpoints, as plain functions: `tests/checkpoint.rs` runs each as a test, and
//! `tests/faults.rs` proves that each deliberate defect makes one of them fail.

pub(crate) mod anything;
pub(crate) mod boundaries;
pub(crate) mod bytes;
pub(crate) mod damage;
pub(crate) mod disk_trouble;
mod harness;
pub(crate) mod life;
pub(crate) mod transfer;
mod trouble;

/// A check and its name.
pub(crate) type Check = (&'static str, fn());

/// Lists functions by module, for a loop and as tests.
macro_rules! checks {
    ($($module:ident: $($name:ident),*;)*) => {
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
    life:
        each_kept_checkpoint_holds_the_newest_record_of_each_slot,
        two_are_kept_and_no_file_too_many,
        merges_change_no_record_and_keep_runs_few,
        a_merge_goes_on_while_checkpoints_come,
        a_delta_without_changes_makes_no_run,
        records_out_of_turn_are_refused_and_nothing_is_left,
        an_abandoned_checkpoint_leaves_nothing,
        forgotten_checkpoints_go_with_the_next,
        large_runs_are_read_ahead_and_a_refusal_ends_it,
        arbitrary_lives_equal_their_model,
        a_real_disk_serves_too;
    anything:
        whatever_happens_what_was_promised_is_there;
    boundaries:
        dying_at_any_write_loses_no_checkpoint,
        dying_while_receiving_leaves_the_old_or_the_new;
    damage:
        every_flipped_bit_of_a_run_is_found,
        every_flipped_bit_of_a_manifest_is_found_and_the_one_before_serves,
        beside_a_damaged_manifest_nothing_is_merged,
        cut_and_lengthened_files_are_damage,
        a_missing_or_foreign_run_is_damage,
        exchanged_blocks_are_damage,
        damage_in_a_large_run_is_found_ahead,
        a_newer_format_is_refused_by_name,
        a_merge_that_finds_damage_asks_for_a_whole_checkpoint;
    disk_trouble:
        a_failed_sync_costs_one_attempt_and_is_never_believed,
        the_ballast_makes_room_for_a_checkpoint,
        a_disk_that_is_found_full_by_a_sync_costs_the_ballast_and_no_second_sync,
        a_full_disk_without_ballast_costs_one_attempt,
        a_merge_leaves_the_ballast_alone,
        what_does_not_read_back_is_not_installed,
        a_merge_of_doubtful_name_keeps_its_run,
        a_long_run_is_synced_on_the_way;
    transfer:
        a_pinned_checkpoint_is_readable_when_its_files_are_gone,
        a_received_checkpoint_is_the_same_and_the_old_ones_go,
        a_transfer_goes_on_after_a_crash_with_what_is_durable,
        what_was_damaged_on_the_way_is_sent_again,
        a_full_disk_interrupts_a_transfer,
        lists_and_pieces_that_make_no_sense_are_refused;
    bytes:
        format_1_is_written_and_read_as_ever,
        arbitrary_bytes_do_not_panic,
        good_checksums_over_nonsense_are_damage;
}
