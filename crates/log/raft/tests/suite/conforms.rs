//! The suite that every log passes, and many more random crashes.

use super::harness::Cluster;
use evenkeel_disk::MemDisk;
use evenkeel_log::conformance::{self, End, Harness};
use evenkeel_log_raft::RaftLog;
use evenkeel_types::LogIndex;

/// A cluster of so many nodes, under the suite.
pub(super) struct Under<const NODES: usize>(Cluster);

impl<const NODES: usize> Harness for Under<NODES> {
    type Log = RaftLog<MemDisk>;

    fn fresh(seed: u64) -> Self {
        Self(Cluster::new(NODES, seed))
    }

    fn nodes(&self) -> usize {
        NODES
    }

    fn owner(&self) -> usize {
        self.0.owner().unwrap_or(0)
    }

    fn log(&mut self, node: usize) -> &mut RaftLog<MemDisk> {
        self.0.log(node)
    }

    fn drive(&mut self) {
        self.0.settle();
    }

    fn drive_a_bit(&mut self) {
        let cluster = &mut self.0;
        let node = cluster.random.below(NODES);
        match cluster.random.below(8) {
            0..=2 => cluster.disk_part(node),
            3 => {
                cluster.node(node).node.work();
            }
            4 if cluster.random.one_in(4) => cluster.node(node).node.tick(),
            _ => {
                cluster.collect();
                if !cluster.under_way.is_empty() {
                    let which = cluster.random.below(cluster.under_way.len());
                    let message = cluster.under_way.remove(which);
                    cluster.carry(message);
                }
            }
        }
    }

    fn restart(&mut self, node: usize, end: End, applied: LogIndex) {
        self.0.stop(node, end);
        self.0.start(node, applied.0);
    }

    fn depose(&mut self) -> Option<usize> {
        let cluster = &mut self.0;
        if NODES == 1 {
            return None;
        }
        cluster.heal();
        let old = cluster.owner().unwrap_or(0);
        cluster.isolate(old);
        for _ in 0..200 {
            let others = (0..NODES).filter(|node| *node != old);
            let mut owners = others.filter(|node| cluster.parts[*node].as_ref().unwrap().node.status().owns.is_some());
            if let Some(new) = owners.next() {
                return Some(new);
            }
            // The one cut off has no time to notice: only the others' goes by.
            for node in (0..NODES).filter(|node| *node != old) {
                cluster.node(node).node.tick();
            }
            cluster.pump_but(old);
        }
        panic!("the others find no owner");
    }
}

impl Cluster {
    /// As `pump`, but one node does nothing and hears nothing.
    fn pump_but(&mut self, still: usize) {
        let parts = self.parts[still].take();
        let kept: Vec<_> = self.under_way.extract_if(.., |(from, ..)| *from == still).collect();
        self.pump();
        self.parts[still] = parts;
        self.under_way.extend(kept);
    }
}

pub(crate) fn three_nodes_conform() {
    conformance::check_all::<Under<3>>();
}

pub(crate) fn one_node_conforms() {
    conformance::check_all::<Under<1>>();
}

pub(crate) fn many_random_crashes_lose_and_double_nothing() {
    for seed in 100..250 {
        conformance::random_crashes_lose_and_double_nothing::<Under<3>>(seed, 60);
    }
}
