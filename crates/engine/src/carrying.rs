//! Carrying: what still lives in files that are mostly dead is copied into body files, and the dead go.
//!
//! 1. It begins when the files take more than half again what lives in them, and some slack: at a start once the log was replayed,
//!    then with each checkpoint, and when as much as the slack has died.
//! 2. Neighbouring files that are poor, and small body files next to them, become one file: a *group*.
//! 3. Nobody keeps a list of which jobs' bodies lie where. A *sweep* over the jobs, in slices between the engine's
//!    steps, finds those of all groups, and is told of jobs that change their slots meanwhile. It costs a few nanoseconds per job, and there is none before a fixed share of
//!    all that was written is dead.

use crate::living::{Extent, Kind, Living};
use evenkeel_types::{BodyRef, LogIndex};
use std::ops::Range;

/// When and how much is carried.
#[derive(Clone, Copy, Debug)]
pub struct CarryOptions {
    /// What the files may take beyond half again what lives in them, in bytes.
    pub slack_bytes: u64,
    /// The most that a group's file gets, in bytes.
    pub group_bytes_max: u64,
    /// A body file below this size is joined with its neighbours, in bytes.
    pub small_bytes: u64,
    /// Bodies that one sweep looks for, so that its list stays small.
    pub bodies_max: u64,
}

impl Default for CarryOptions {
    fn default() -> Self {
        let segment = 64 * 1_048_576;
        Self { slack_bytes: 2 * segment, group_bytes_max: segment, small_bytes: segment / 4, bodies_max: 262_144 }
    }
}

/// Files to be rewritten as one.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) first: LogIndex,
    pub(crate) last: LogIndex,
    pub(crate) bodies: Vec<BodyRef>,
}

/// Looks for the bodies of some groups.
#[derive(Debug)]
pub(crate) struct Sweep {
    /// In order, apart from each other.
    groups: Vec<Group>,
    /// The next job to look at.
    next: u32,
}

/// Chooses what to rewrite, and holds it. `None` while it is not worth it.
pub(crate) fn choose(living: &mut Living, options: &CarryOptions) -> Option<Sweep> {
    let (mut disk, mut alive) = (0, 0);
    for extent in living.extents() {
        disk += extent.disk_bytes;
        alive += extent.living.bytes;
    }
    if disk <= alive + alive / 2 + options.slack_bytes {
        return None;
    }
    let groups = group(living.extents(), options);
    if groups.is_empty() {
        return None;
    }
    for group in &groups {
        living.hold(group.first, group.last, true);
    }
    Some(Sweep { groups, next: 0 })
}

/// A file of which at least a quarter is dead.
fn is_poor(extent: &Extent) -> bool {
    extent.living.bytes < extent.disk_bytes / 4 * 3
}

/// A group that may still grow.
struct Open {
    group: Group,
    bytes: u64,
    bodies: u64,
    /// Something in it is poor. Small body files alone are left as they are.
    is_worth_it: bool,
}

/// Groups, and how many bodies they have.
#[derive(Default)]
struct Groups {
    closed: Vec<Group>,
    bodies: u64,
    open: Option<Open>,
}

fn group(extents: &[Extent], options: &CarryOptions) -> Vec<Group> {
    let mut groups = Groups::default();
    for extent in extents {
        let is_small = extent.kind == Kind::BodyFile && extent.disk_bytes < options.small_bytes;
        let wanted = !extent.held && (is_poor(extent) || is_small);
        let fits = groups.open.as_ref().is_none_or(|open| open.bytes + extent.living.bytes <= options.group_bytes_max);
        if !wanted || !fits || !groups.can_afford(extent, options) {
            groups.close();
        }
        // One that was just left as it is costs nothing.
        if wanted && groups.can_afford(extent, options) {
            groups.add(extent);
        }
    }
    groups.close();
    groups.closed
}

impl Groups {
    /// The first one may be larger than the limits: it has to go on somehow.
    fn can_afford(&self, extent: &Extent, options: &CarryOptions) -> bool {
        let bodies = self.bodies + self.open.as_ref().map_or(0, |open| open.bodies);
        bodies == 0 || bodies + extent.living.bodies <= options.bodies_max
    }

    fn add(&mut self, extent: &Extent) {
        let Extent { first, last, .. } = *extent;
        let group = || Group { first, last, bodies: Vec::new() };
        let new = || Open { group: group(), bytes: 0, bodies: 0, is_worth_it: false };
        let open = self.open.get_or_insert_with(new);
        open.group.last = last;
        open.bytes += extent.living.bytes;
        open.bodies += extent.living.bodies;
        open.is_worth_it |= is_poor(extent);
    }

    fn close(&mut self) {
        if let Some(Open { group, bodies, is_worth_it: true, .. }) = self.open.take() {
            self.bodies += bodies;
            self.closed.push(group);
        }
    }
}

impl Sweep {
    /// The next jobs to look at, of those that there are; empty when all were seen.
    pub(crate) fn slice(&mut self, jobs: Range<u32>, jobs_max: u32) -> Range<u32> {
        let end = self.next.saturating_add(jobs_max).min(jobs.end);
        let slice = self.next..end;
        self.next = end;
        slice
    }

    /// Takes in a living job's body.
    pub(crate) fn see(&mut self, body: BodyRef) {
        let after = self.groups.partition_point(|group| group.first <= body.index);
        let group = after.checked_sub(1).and_then(|at| self.groups.get_mut(at));
        if let Some(group) = group.filter(|group| body.index <= group.last) {
            group.bodies.push(body);
        }
    }

    /// The groups with their bodies, in no order; that of a job that was moved may be there twice.
    pub(crate) fn finish(self) -> Vec<Group> {
        self.groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::living::Count;

    const OPTIONS: CarryOptions =
        CarryOptions { slack_bytes: 1_000, group_bytes_max: 1_000, small_bytes: 250, bodies_max: 100 };

    fn extent(first: u64, disk_bytes: u64, living: u64, kind: Kind) -> Extent {
        let living = Count { bodies: living.div_ceil(50), bytes: living };
        Extent { first: LogIndex(first), last: LogIndex(first + 9), disk_bytes, kind, living, held: false }
    }

    fn chosen(extents: Vec<Extent>) -> Vec<(u64, u64)> {
        let mut living = Living::new(extents, LogIndex(1_000));
        let sweep = choose(&mut living, &OPTIONS);
        sweep.map_or_else(Vec::new, |sweep| sweep.groups.iter().map(|g| (g.first.0, g.last.0)).collect())
    }

    #[test]
    fn nothing_is_carried_while_the_files_are_mostly_alive() {
        let segments = (0..10).map(|n| extent(n * 10, 1_000, 700, Kind::Segment)).collect();
        assert_eq!(chosen(segments), [], "10,000 bytes for 7,000 alive: below half again and the slack");
    }

    #[test]
    fn poor_neighbours_become_one_file_and_rich_ones_stay() {
        let extents = vec![
            extent(0, 1_000, 100, Kind::Segment),
            extent(10, 1_000, 900, Kind::Segment),
            extent(20, 1_000, 100, Kind::Segment),
            extent(30, 200, 200, Kind::BodyFile),
            extent(40, 1_000, 50, Kind::Segment),
            extent(50, 1_000, 0, Kind::Segment),
            extent(60, 1_000, 700, Kind::Segment),
        ];
        assert_eq!(chosen(extents), [(0, 9), (20, 59), (60, 69)]);
    }

    #[test]
    fn a_long_list_is_worked_off_in_parts() {
        let segments: Vec<_> = (0..10).map(|n| extent(n * 10, 10_000, 1_000, Kind::Segment)).collect();
        let mut living = Living::new(segments, LogIndex(1_000));
        let first = choose(&mut living, &OPTIONS).unwrap();
        assert_eq!(first.groups.iter().map(|group| group.first.0).collect::<Vec<_>>(), [0, 10, 20, 30, 40]);
        let second = choose(&mut living, &OPTIONS).unwrap();
        assert_eq!(second.groups.first().map(|group| group.first.0), Some(50), "what is held is not chosen again");
    }

    /// Found by the simulator: such a file used up all that a sweep may look for, and nothing was ever carried again.
    #[test]
    fn a_small_file_with_many_bodies_that_is_left_as_it_is_does_not_stand_in_the_way() {
        let mut many = extent(0, 240, 240, Kind::BodyFile);
        many.living.bodies = OPTIONS.bodies_max;
        let poor = (1..5).map(|n| extent(n * 10, 10_000, 1_000, Kind::Segment));
        assert_eq!(chosen([many].into_iter().chain(poor).collect()), [(10, 19), (20, 29), (30, 39), (40, 49)]);
    }

    #[test]
    fn a_sweep_sees_every_job_once_and_what_lies_in_its_groups() {
        let mut living = Living::new(vec![extent(0, 9_000, 50, Kind::Segment)], LogIndex(10));
        let mut sweep = choose(&mut living, &OPTIONS).unwrap();
        let mut seen = Vec::new();
        while let slice @ Range { start, end } = sweep.slice(0..25, 10)
            && start < end
        {
            seen.extend(slice);
        }
        assert_eq!(seen, (0..25).collect::<Vec<_>>());
        for (index, offset) in [(11, 0), (3, 7), (3, 2), (0, 1)] {
            sweep.see(BodyRef { index: LogIndex(index), offset, bytes: 1 });
        }
        let groups = sweep.finish();
        let found: Vec<_> = groups[0].bodies.iter().map(|body| (body.index.0, body.offset)).collect();
        assert_eq!(found, [(3, 7), (3, 2), (0, 1)]);
    }
}
