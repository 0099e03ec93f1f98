//! What may happen to the two queues.

use crate::repeats::By;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    ConfigureGroup {
        queue: usize,
        group: usize,
        weight: u8,
        in_flight_max: u32,
    },
    /// Jobs with groups, delays and, for a FIFO queue, de-duplication ids.
    Enqueue {
        queue: usize,
        jobs: Vec<(usize, Option<u64>, usize)>,
        call: Option<usize>,
    },
    Receive {
        queue: usize,
        jobs_max: u8,
        lease: u64,
        by: By,
    },
    /// Lets the dead letters of the first queue go to the second after so many grants, or nowhere.
    Redrive {
        grants_max: Option<u16>,
    },
    /// Moves what is ready in the second queue back, or to the first one by its name.
    Move {
        named: bool,
    },
    Ack {
        picks: Vec<(usize, u32)>,
    },
    ChangeLease {
        pick: (usize, u32),
        lease: u64,
    },
    Purge {
        queue: usize,
    },
    /// And makes it anew.
    Delete {
        queue: usize,
    },
    Wait {
        micros: u64,
    },
    Checkpoint,
}

pub(crate) const GROUPS: [&str; 6] = ["", "a", "b", "c", "d", "much-longer-than-the-others"];
pub(crate) const ID: [&str; 5] = ["one", "two", "three", "four", "five"];

pub(crate) fn any_op() -> impl Strategy<Value = Op> {
    let queue = 0..2usize;
    let group = 0..GROUPS.len();
    let lease = prop_oneof![Just(0u64), 1_000..5_000_000u64, 40_000_000_000..43_200_000_000u64];
    let call = prop::option::weighted(0.3, 0..3usize);
    let pick = (0..1_000usize, prop_oneof![4 => Just(0u32), 1 => 1..3u32]);
    prop_oneof![
        1 => (queue.clone(), group.clone(), 1..=100u8, 0..3u32).prop_map(|(queue, group, weight, in_flight_max)| {
            Op::ConfigureGroup { queue, group, weight, in_flight_max }
        }),
        6 => (queue.clone(), prop::collection::vec((group, prop::option::weighted(0.2, 1..900_000_000u64), 0..ID.len()), 1..=10), call.clone())
            .prop_map(|(queue, jobs, call)| Op::Enqueue { queue, jobs, call }),
        6 => (queue, 1..=10u8, lease.clone(), call, prop::option::weighted(0.4, 0..2usize))
            .prop_map(|(queue, jobs_max, lease, call, attempt)| Op::Receive { queue, jobs_max, lease, by: By { call, attempt } }),
        1 => prop::option::weighted(0.8, 1..4u16).prop_map(|grants_max| Op::Redrive { grants_max }),
        1 => any::<bool>().prop_map(|named| Op::Move { named }),
        5 => prop::collection::vec(pick.clone(), 1..=10).prop_map(|picks| Op::Ack { picks }),
        3 => (pick, lease).prop_map(|(pick, lease)| Op::ChangeLease { pick, lease }),
        1 => (0..2usize).prop_map(|queue| Op::Purge { queue }),
        1 => (0..2usize).prop_map(|queue| Op::Delete { queue }),
        3 => prop_oneof![1..10_000u64, 1_000_000..100_000_000u64, 1_000_000_000..50_000_000_000u64]
            .prop_map(|micros| Op::Wait { micros }),
        1 => Just(Op::Checkpoint),
    ]
}
