//! What clusters went through, for the summary.

use std::{fmt, ops::AddAssign};

macro_rules! counts {
    ($($(#[doc = $doc:literal])* $name:ident: $words:literal,)*) => {
        /// Counts of one run or of many.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl AddAssign for Counts {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl fmt::Display for Counts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>12}  {}", self.$name, $words)?;)*
                Ok(())
            }
        }

        impl Counts {
            /// What never happened, of all that must happen once there are enough seeds.
            #[must_use]
            pub fn never(&self) -> Vec<&'static str> {
                // That none took too long to judge is as it should be.
                let Self { $($name,)* } = Self { histories_undecided: 1, ..*self };
                [$(($name, $words),)*].into_iter().filter(|(count, _)| *count == 0).map(|(_, words)| words).collect()
            }
        }
    };
}

counts! {
    /// Seeds.
    seeds: "clusters, each from a seed",
    /// Events.
    events: "events",
    /// Seconds simulated.
    seconds: "simulated seconds",
    /// Entries.
    entries: "entries committed",
    /// Reigns.
    reigns: "reigns of a leader",
    /// Digests.
    digests: "states of nodes compared at equal entries",
    /// Requests.
    requests: "requests made",
    /// Forwarded.
    forwarded: "requests passed on to a leader",
    /// Refused.
    unavailable: "answers that nobody leads, or that nothing was done",
    /// Lost.
    unclear: "requests without an answer, or with one that says nothing of what was done",
    /// Retries.
    retries: "requests made again with the same number",
    /// Changes of queues.
    changes_made: "queues made, changed or deleted by calls with a number",
    /// Repeated.
    changes_told_again: "of these calls, those that were told so and made again",
    /// Entries that nobody could apply.
    poisons: "entries that nobody could apply",
    /// Lives that ended since such an entry is passed over.
    passed_over: "nodes that began again without such an entry",
    /// Proven reads.
    proven_reads: "reads whose state was judged",
    /// Histories.
    histories: "small histories that were found linearizable",
    /// Those that take too long to judge.
    histories_undecided: "small histories that took too long to judge",
    /// Their calls.
    history_calls: "calls in these",
    /// Kills.
    kills: "processes killed",
    /// Power cuts.
    power_cuts: "power cuts of a node",
    /// Power cuts of all.
    blackouts: "power cuts of all nodes at once",
    /// Failed syncs.
    sync_failures: "syncs that failed",
    /// Disks that died.
    disks_died: "disks that died in mid-operation",
    /// Full disks.
    disks_full: "disks that were full for a while",
    /// Slow disks.
    slow_disks: "disks that were slow for a while",
    /// Flipped bits.
    flipped_bits: "bits flipped on a node that was down",
    /// Lost nodes.
    nodes_lost: "nodes that said that they are damaged, and were replaced",
    /// Pauses.
    pauses: "nodes that stood still for a while",
    /// Paused leaders.
    leader_pauses: "of these, nodes that led",
    /// Wall jumps.
    wall_jumps: "jumps of a node's calendar",
    /// Partitions.
    isolated: "partitions: one node off",
    /// Leaders.
    leader_alone: "partitions: the leader alone",
    /// Halves.
    split: "partitions: a minority off",
    /// One way.
    one_way: "partitions: one way only",
    /// Ring.
    ring: "partitions: each hears two others at most, in a ring or a chain",
    /// Messages.
    messages: "messages between nodes",
    /// Lost messages.
    messages_lost: "messages lost",
    /// Cut messages.
    messages_cut: "messages that met a cut",
    /// Doubled messages.
    messages_doubled: "messages that came twice",
    /// Late messages.
    messages_late: "messages that came late, behind others",
    /// Restarts.
    restarts: "restarts of a node",
    /// States.
    states_fetched: "whole states fetched from a leader and installed",
    /// States cut off.
    states_cut_off: "of these, installations cut off by a crash",
    /// Learners.
    learners: "learners added",
    /// Promotions.
    promotions: "learners that got a vote",
    /// Removals.
    removals: "members removed",
    /// Hand-overs.
    hand_overs: "leaders asked to hand over",
    /// Upgrades.
    upgrades: "nodes that got a newer version",
    /// Downgrades.
    downgrades: "nodes that went back to the older one before the level was raised",
    /// Levels.
    levels_raised: "feature levels raised",
    /// Kept out.
    kept_out: "nodes of the older version that met the newer level, said so and stayed out",
    /// Turned away.
    turned_away: "new nodes of the older version that were not let in",
    /// Absences.
    absences: "nodes that were away for long",
    /// Checkpoints.
    checkpoints: "checkpoints",
    /// Carried.
    carried: "ranges of a log whose surviving bodies were carried",
    /// Bodies read.
    bodies_audited: "bodies of living jobs read and compared, on all nodes",
    /// Jobs accepted.
    jobs_accepted: "jobs accepted",
    /// Jobs finished.
    jobs_finished: "jobs finished",
    /// Messages received.
    received: "messages received by clients",
}
