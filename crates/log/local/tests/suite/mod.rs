//! All checks of the local log, as plain functions: `tests/local.rs` runs each as a test, and
//! `tests/faults.rs` proves that each deliberate defect makes one of them fail.

pub(crate) mod boundaries;
pub(crate) mod conforms;
pub(crate) mod damage;
pub(crate) mod disk_trouble;
pub(crate) mod epochs;
mod harness;
pub(crate) mod offline;
pub(crate) mod sealed;
pub(crate) mod store;

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
    conforms:
        conforms_with_segments_of_one_sector,
        conforms_with_small_segments,
        many_random_crashes_lose_and_double_nothing;
    boundaries:
        dying_at_any_write_loses_nothing_and_power_cuts_neither,
        dying_while_a_truncation_runs_leaves_all_or_nothing_of_it;
    damage:
        every_flipped_bit_is_found_and_named_and_nothing_is_changed,
        a_flipped_bit_is_found_when_an_entry_is_read,
        zeroed_sectors_of_synced_entries_are_damage,
        a_missing_cut_or_foreign_segment_is_damage,
        an_entry_copied_to_another_place_is_damage,
        a_log_behind_its_state_is_damage,
        a_torn_write_is_cut_off_and_reported,
        a_torn_sector_of_one_bit_is_seldom_taken_for_a_flipped_bit,
        a_newer_format_is_refused_by_name;
    disk_trouble:
        a_failed_sync_is_the_end_of_this_life,
        what_a_failed_sync_dropped_is_written_again_or_gone,
        a_full_disk_refuses_in_order_and_goes_on_when_there_is_room,
        the_room_is_known_before_it_runs_out,
        a_log_opens_on_a_full_disk_whose_last_segment_is_full,
        without_syncs_a_killed_process_loses_nothing;
    epochs:
        a_deposed_owner_s_late_appends_are_skipped,
        an_epoch_without_a_fence_is_damage,
        a_folder_has_one_owner_at_a_time,
        history_is_read_in_large_pieces;
    offline:
        a_sound_log_is_read_wholly,
        each_damage_is_found_offline_and_the_rest_is_read,
        what_is_harmless_is_told_as_such,
        any_bytes_can_be_checked_offline;
    sealed:
        opening_reads_only_what_lies_above_the_state,
        a_sidecar_that_is_lost_or_damaged_is_made_anew,
        a_sidecar_of_another_length_or_segment_is_made_anew,
        leftovers_of_sidecars_are_removed,
        holes_are_damage_above_the_state_alone,
        damage_below_the_state_hits_only_what_it_hits,
        many_entries_are_found_through_the_sidecar_and_without_it,
        a_range_is_one_read_and_never_more_than_the_file_has,
        what_was_truncated_never_comes_back_through_a_sidecar;
    store:
        a_group_is_one_write_and_one_sync,
        a_roll_finds_its_segment_ready,
        an_entry_larger_than_a_segment_gets_one_of_its_own,
        letting_go_keeps_the_floor_s_segment,
        a_truncated_log_goes_on_from_there,
        truncations_need_no_room,
        arbitrary_segments_do_not_panic,
        a_writer_thread_serves_a_real_disk;
}
