//! All checks of the shelf, as plain functions: `tests/bodies.rs` runs each as a test, and `tests/faults.rs` proves that
//! each deliberate defect makes one of them fail.

pub(crate) mod boundaries;
pub(crate) mod damage;
pub(crate) mod disk_trouble;
pub(crate) mod format;
mod harness;
pub(crate) mod store;
pub(crate) mod streams;

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
    boundaries:
        dying_at_any_write_leaves_the_older_files_or_the_new_one,
        dying_while_many_files_are_removed_loses_no_other,
        what_was_finished_outlives_a_power_cut,
        what_is_only_in_the_page_cache_replaces_nothing;
    damage:
        every_flipped_bit_is_found_by_a_check_of_all_bytes,
        every_flipped_bit_is_found_when_opening_or_reading_and_never_served,
        a_truncated_file_is_found,
        a_file_under_another_name_is_damage,
        files_that_overlap_in_part_are_damage,
        a_newer_format_is_refused_by_name,
        damage_changes_nothing;
    disk_trouble:
        a_full_disk_leaves_everything_as_before,
        a_failed_sync_leaves_everything_as_before,
        a_file_that_does_not_read_back_is_not_installed,
        a_half_done_change_refuses_others,
        a_large_file_is_synced_in_pieces;
    format:
        format_1_is_written_and_read_as_ever,
        arbitrary_files_do_not_panic,
        any_bodies_come_back;
    store:
        bodies_come_back_and_others_are_not_there,
        misuse_is_refused_and_the_carry_goes_on,
        ranges_are_whole_and_carried_once,
        an_empty_carry_removes_the_older_files,
        an_abandoned_carry_leaves_nothing,
        removed_files_are_readable_to_those_who_hold_them,
        unfinished_and_superfluous_files_are_removed_when_opening,
        the_sparse_table_is_small_and_opening_reads_little,
        many_are_read_at_once,
        a_real_disk_serves_threads;
    streams:
        a_stream_yields_a_range_in_order_and_can_go_on,
        a_stream_outlives_removal_and_replacement,
        a_stream_is_read_in_large_pieces,
        a_stream_ends_behind_damage;
}
