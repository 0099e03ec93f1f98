//! What a run went through, for the summary.

use crate::kinds::{PerBoundary, PerFile};
use std::{fmt, ops::AddAssign};

macro_rules! counts {
    ($($(#[doc = $doc:literal])* $name:ident: $words:literal,)*) => {
        /// Counts of one run or of many.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[doc = $doc])* pub $name: u64,)*
            /// Flipped bits by the kind of file.
            pub files: PerFile,
            /// Deaths of the disk by what it was doing.
            pub died: PerBoundary,
            /// Operations that changed something, by what they were part of.
            pub boundaries: PerBoundary,
        }

        impl AddAssign for Counts {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
                self.files += other.files;
                self.died += other.died;
                self.boundaries += other.boundaries;
            }
        }

        impl fmt::Display for Counts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $(writeln!(f, "{:>12}  {}", self.$name, $words)?;)*
                if self.flipped_bits > 0 {
                    write!(f, "Of the flipped bits:\n{}", self.files)?;
                }
                if self.died.total() > 0 {
                    write!(f, "Disks died:\n{}", self.died)?;
                }
                Ok(())
            }
        }
    };
}

counts! {
    /// Seeds.
    seeds: "seeds",
    /// Events.
    events: "events",
    /// Seconds simulated.
    seconds: "simulated seconds",
    /// Batches committed.
    batches: "batches committed",
    /// Requests that clients made.
    requests: "requests made",
    /// Kills.
    kills: "processes killed",
    /// Power cuts.
    power_cuts: "power cuts",
    /// Disks that died.
    disks_died: "disks that died in mid-operation",
    /// Failed syncs.
    sync_failures: "syncs that failed",
    /// Full disks.
    disks_full: "disks that were full for a while",
    /// Requests refused by a full disk.
    refused_full: "requests refused because the disk was full",
    /// Slow disks.
    slow_disks: "disks that were slow for a while",
    /// Jumps of the calendar.
    wall_jumps: "jumps of the calendar",
    /// Restarts.
    restarts: "restarts",
    /// Torn writes that were repaired.
    torn_writes: "torn writes repaired at a start",
    /// Checkpoints written.
    checkpoints: "checkpoints written",
    /// Steps of merges of checkpoints.
    merge_steps: "steps of merging checkpoints",
    /// Body files written.
    carried: "ranges of the log whose surviving bodies were carried",
    /// Flipped bits.
    flipped_bits: "bits flipped in what was durable",
    /// Damaged files detected.
    damage_detected: "damaged files detected",
    /// Seeds that ended by a refusal.
    ended_by_refusal: "seeds that ended by refusing damage",
    /// What-if power cuts tried on a copy.
    what_ifs: "power cuts tried on a copy of the disk",
    /// Copies that went on.
    what_ifs_on: "of these that went on with checkpoints and had another",
    /// Copies taken within a step of the keeper.
    what_ifs_within: "of these in the middle of a checkpoint, merge or carry",
    /// Bodies read at audits.
    bodies_audited: "bodies of living jobs read and compared at audits",
    /// Moments at which the room taken was judged.
    rooms_judged: "quiet moments at which the room on the disk was judged",
    /// Calls cancelled.
    cancelled: "calls whose client had gone",
    /// Leases given back for lack of a reader.
    given_back: "answers given back undelivered",
    /// Cold body reads.
    cold_reads: "answers with bodies read from the disk",
    /// Jobs accepted.
    jobs_accepted: "jobs accepted",
    /// Jobs finished.
    jobs_finished: "jobs finished",
    /// Jobs purged.
    jobs_purged: "jobs purged",
    /// Queues deleted.
    queues_deleted: "queues deleted",
    /// Messages received.
    received: "messages received by clients",
}
