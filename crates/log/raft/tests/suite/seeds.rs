//! Clusters under everything at once, each from a seed: messages lost, doubled, late and out of order; nodes cut off, one way and both; nodes that
//! stand still; power cuts and kills in the middle of a write; syncs that fail; floors, releases and snapshots; members that come and go; hand-overs.
//!
//! What must hold is the oracle's affair (committed entries are the same on every node for ever; what is refused never is committed; epochs begin with
//! fences; answers come in order), and here: **no term has two owners or two leaders**, and once all heals, everybody has heard everything.

use super::harness::{Cluster, id};
use evenkeel_log::{
    Log, LogEvent, Role,
    conformance::{End, Oracle, Random},
};
use evenkeel_log_raft::{Change, Offer};
use evenkeel_types::{Epoch, LogIndex};
use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
};

/// Machines at most.
const NODES_MAX: usize = 5;

/// How a seed's world is, so that some are hard where others are easy.
#[derive(Clone, Copy, Debug)]
struct Climate {
    /// Disks take long: more comes to pass between a write and its sync.
    slow_disks: bool,
    /// Owners seldom listen, and believe what was.
    busy_owners: bool,
    /// Trouble comes often.
    storm: bool,
    /// Elections come often, and proposals seldom.
    hasty_clocks: bool,
}

struct World {
    climate: Climate,
    cluster: Cluster,
    oracle: Oracle,
    random: Random,
    /// Which node owned the log under an epoch, and which led in a term.
    owners: BTreeMap<Epoch, usize>,
    leaders: BTreeMap<u64, usize>,
    /// The lowest state that each node may start from.
    lowest: Vec<u64>,
    /// The snapshot that each node's state came from last.
    restored: Vec<Option<Offer>>,
    /// Nodes that do nothing for now.
    still: Vec<bool>,
    digest: u64,
    counts: Counts,
}

/// What happened, so that a test can tell whether it tried anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    reigns: usize,
    committed: usize,
    refused: usize,
    truncated: usize,
    snapshots: usize,
    crashes: usize,
    failures: usize,
    changes: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0xA11);
        let nodes = 1 + random.below(4);
        let cluster = Cluster::new(nodes, seed);
        let mut is = || random.one_in(3);
        let climate = Climate { slow_disks: is(), busy_owners: is(), storm: is(), hasty_clocks: is() };
        Self {
            climate,
            cluster,
            oracle: Oracle::new(NODES_MAX),
            random,
            owners: BTreeMap::new(),
            leaders: BTreeMap::new(),
            lowest: vec![0; NODES_MAX],
            restored: vec![None; NODES_MAX],
            still: vec![false; NODES_MAX],
            digest: 0,
            counts: Counts::default(),
        }
    }

    fn note(&mut self, what: impl Hash) {
        // A hasher whose result is the same on every machine and in every build of this test.
        let mut hasher = std::hash::DefaultHasher::new();
        (self.digest, what).hash(&mut hasher);
        self.digest = hasher.finish();
    }

    fn nodes(&self) -> usize {
        self.cluster.parts.len()
    }

    /// A node hears what there is.
    fn listen(&mut self, node: usize) {
        let Some(parts) = &mut self.cluster.parts[node] else { return };
        let events = self.oracle.listen(node, &mut parts.log);
        let mut failed = false;
        for event in events {
            match &event {
                LogEvent::Committed { entry, ticket } => {
                    self.counts.committed += usize::from(ticket.is_some());
                    self.note((node, entry.index.0, entry.epoch.0, &entry.batch[..], ticket.is_some()));
                }
                LogEvent::Refused { ticket, .. } => {
                    self.counts.refused += 1;
                    self.note((node, ticket.0, "refused"));
                }
                LogEvent::Truncated { from } => {
                    self.counts.truncated += 1;
                    self.note((node, from.0, "truncated"));
                }
                LogEvent::SnapshotInstalled { at } => {
                    self.counts.snapshots += 1;
                    self.lowest[node] = at.0;
                    self.note((node, at.0, "snapshot"));
                }
                LogEvent::RoleChanged(Role::Owner(epoch)) => {
                    self.counts.reigns += 1;
                    let known = *self.owners.entry(*epoch).or_insert(node);
                    assert_eq!(known, node, "epoch {epoch} has two owners");
                    self.note((node, epoch.0, "owns"));
                }
                LogEvent::RoleChanged(_) => self.note((node, "follows")),
                LogEvent::Failed(_) => failed = true,
            }
        }
        if failed {
            self.counts.failures += 1;
            self.restart(node, End::Kill);
        }
    }

    /// No term has two leaders, whether they know of each other or not.
    fn check_leaders(&mut self) {
        for (node, parts) in self.cluster.parts.iter().enumerate() {
            let Some(parts) = parts else { continue };
            let status = parts.node.status();
            if status.leader == Some(id(node)) {
                let known = *self.leaders.entry(status.term).or_insert(node);
                assert_eq!(known, node, "term {} has two leaders", status.term);
            }
        }
    }

    fn restart(&mut self, node: usize, end: End) {
        self.counts.crashes += 1;
        self.cluster.stop(node, end);
        let (lowest, heard) = (self.lowest[node], self.oracle.applied(node).0);
        let span = usize::try_from(heard.saturating_sub(lowest)).unwrap();
        // From some state that was kept, often the newest.
        let back = if self.random.one_in(3) { 0 } else { self.random.below(span + 1) };
        let applied = lowest + (span - back) as u64;
        self.cluster.start_restored(node, applied, self.restored[node].clone());
        if applied > heard {
            // Its state came as a snapshot, and its log had no time to say so.
            self.oracle.restored(node, LogIndex(applied));
        } else {
            self.oracle.restarted(node, LogIndex(applied));
        }
        self.note((node, applied, "starts"));
    }

    fn step(&mut self) {
        let node = self.random.below(self.nodes());
        let moves = !self.still[node];
        let Climate { slow_disks, busy_owners, storm, hasty_clocks } = self.climate;
        match self.random.below(100) {
            0..=29 => {
                self.cluster.collect();
                self.deliver();
            }
            30..=54 if moves && !(slow_disks && self.random.below(4) > 0) => self.cluster.disk_part(node),
            55..=64 if moves => {
                self.cluster.node(node).node.work();
            }
            65..=76 if moves => {
                for _ in 0..if hasty_clocks { 1 + self.random.below(12) } else { 1 } {
                    self.cluster.node(node).node.tick();
                }
            }
            77..=86 if !(hasty_clocks && self.random.below(3) > 0) => {
                let bytes = if self.random.one_in(10) { self.random.below(9000) } else { self.random.below(400) };
                for _ in 0..self.random.below(4) {
                    // Refused at once unless it believes to own the log.
                    self.oracle.propose(node, self.cluster.log(node), bytes);
                }
            }
            87..=93 if !(busy_owners && self.random.below(8) > 0) => self.listen(node),
            94.. if storm || self.random.one_in(4) => self.trouble(node),
            94.. => self.snapshots(node),
            _ => {}
        }
        self.check_leaders();
    }

    fn deliver(&mut self) {
        for _ in 0..self.random.below(4) {
            if self.cluster.under_way.is_empty() {
                return;
            }
            // Mostly in order, so that something comes of it.
            let which = if self.random.one_in(5) { self.random.below(self.cluster.under_way.len()) } else { 0 };
            let message = self.cluster.under_way.remove(which);
            if self.random.one_in(40) {
                continue;
            }
            if self.random.one_in(40) {
                self.cluster.under_way.push(message.clone());
            }
            if self.still[message.1] {
                // It waits at its door.
                self.cluster.under_way.push(message);
                return;
            }
            self.cluster.carry(message);
        }
    }

    fn trouble(&mut self, node: usize) {
        match self.random.below(16) {
            0 => self.restart(node, End::Kill),
            1 => self.restart(node, End::PowerCut),
            2..=3 => self.cluster.isolate(node),
            4..=5 => {
                // One way only.
                let other = self.random.below(self.nodes());
                self.cluster.cut[node][other] = true;
            }
            6..=9 => self.cluster.heal(),
            10 => self.still[node] = true,
            11..=12 => self.still.fill(false),
            13 => {
                let count = self.random.below(12) as u64;
                self.cluster.disks[node].fail_sync(count);
            }
            14 => {
                let to = id(self.random.below(self.nodes()));
                // Only the leader can.
                let _ = self.cluster.node(node).node.hand_over(to);
            }
            _ => self.change(node),
        }
    }

    fn change(&mut self, node: usize) {
        if self.nodes() < NODES_MAX && self.random.one_in(2) {
            self.cluster.add();
            self.still.fill(false);
        }
        let whom = id(self.random.below(self.nodes()));
        let change = match self.random.below(3) {
            0 => Change::AddLearner(whom),
            1 => Change::Promote(whom),
            // Never below two voters, so that a power cut of one never is the end of all.
            _ if self.cluster.node(node).node.status().members.voters.len() > 2 => Change::Remove(whom),
            _ => return,
        };
        if self.cluster.node(node).node.change_members(change).is_ok() {
            self.counts.changes += 1;
        }
    }

    /// Floors rise, files go, snapshots are offered and installed.
    fn snapshots(&mut self, node: usize) {
        let applied = self.oracle.applied(node).0;
        let log = self.cluster.log(node);
        log.offer_snapshot(LogIndex(u64::MAX));
        if log.wanted_snapshot().is_some() {
            self.listen(node);
            let log = self.cluster.log(node);
            if let Some(offer) = log.wanted_snapshot()
                && !self.still[node]
                && log.install_snapshot(offer.at, offer.epoch).is_ok()
            {
                self.finish_install(node, offer);
            }
            return;
        }
        if self.random.one_in(3) && applied > 0 {
            let floor = LogIndex(1 + self.lowest[node].max(applied * 3 / 4));
            let log = self.cluster.log(node);
            if self.oracle.trim(node, log, floor) {
                self.lowest[node] = self.lowest[node].max(floor.0 - 1);
            }
            let log = self.cluster.log(node);
            self.oracle.release(node, log, LogIndex(1), floor);
        }
    }

    /// At times a crash comes on the way. The state is durable before the log hears of it, so it is what the node starts from.
    fn finish_install(&mut self, node: usize, offer: Offer) {
        self.lowest[node] = offer.at.0;
        self.restored[node] = Some(offer);
        if !self.random.one_in(3) {
            return;
        }
        for _ in 0..self.random.below(6) {
            self.cluster.node(node).node.work();
            self.cluster.disk_part(node);
        }
        let end = if self.random.one_in(2) { End::Kill } else { End::PowerCut };
        self.restart(node, end);
    }

    /// Everything heals; all members hear all.
    fn finish(&mut self) {
        self.still.fill(false);
        self.cluster.heal();
        for disk in &self.cluster.disks {
            // No sync fails from here on.
            disk.fail_sync(u64::MAX);
        }
        for round in 0.. {
            assert!(round < 60, "seed {}: nothing is settled", self.cluster.seed);
            self.cluster.pump();
            for node in 0..self.nodes() {
                self.listen(node);
            }
            self.cluster.settle();
            for node in 0..self.nodes() {
                self.listen(node);
            }
            self.check_leaders();
            if self.cluster.is_settled() && self.all_have_heard() {
                let owner = self.cluster.owner().expect("it is settled");
                if self.oracle.unanswered(owner) == 0 {
                    break;
                }
                // It may be handing over to somebody who does not take it, and proposals wait for the end of that.
                self.cluster.tick();
            }
        }
        let owner = self.cluster.owner().expect("it is settled");
        let members = self.cluster.node(owner).node.status().members;
        for node in self.members() {
            let parts = self.cluster.parts[node].as_ref().unwrap();
            assert_eq!(parts.node.status().members, members, "node {node} knows who the members are");
            self.oracle.check_reads(node, &parts.log);
        }
    }

    /// The machines that are members by the owner's word.
    fn members(&self) -> Vec<usize> {
        let owner = self.cluster.owner().expect("it is settled");
        let status = self.cluster.parts[owner].as_ref().unwrap().node.status();
        (0..self.nodes()).filter(|node| status.members.contains(id(*node))).collect()
    }

    fn all_have_heard(&self) -> bool {
        self.members().iter().all(|node| self.oracle.applied(*node) == self.oracle.last())
    }
}

fn run(seed: u64, steps: usize) -> (u64, Counts) {
    let mut world = World::new(seed);
    for _ in 0..steps {
        world.step();
    }
    world.finish();
    // Once more: a power cut of all at the same time, and all is still there.
    for node in 0..world.nodes() {
        world.restart(node, End::PowerCut);
    }
    world.finish();
    (world.digest, world.counts)
}

pub(crate) fn clusters_of_seeds_lose_nothing_and_have_one_owner_a_term() {
    let seeds: u64 = std::env::var("EVENKEEL_RAFT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(150);
    let mut all = Counts::default();
    for seed in 0..seeds {
        let told = std::panic::catch_unwind(|| run(seed, 2500));
        let (_, counts) = told.unwrap_or_else(|_| panic!("seed {seed}"));
        all.reigns += counts.reigns;
        all.committed += counts.committed;
        all.refused += counts.refused;
        all.truncated += counts.truncated;
        all.snapshots += counts.snapshots;
        all.crashes += counts.crashes;
        all.failures += counts.failures;
        all.changes += counts.changes;
    }
    eprintln!("{seeds} seeds: {all:?}");
    let tried =
        [all.reigns, all.committed, all.refused, all.truncated, all.snapshots, all.crashes, all.failures, all.changes];
    assert!(tried.iter().all(|count| *count > 0), "something was never tried: {all:?}");
}

pub(crate) fn a_cluster_of_one_seed_does_the_same_again() {
    for seed in 1000..1020 {
        assert_eq!(run(seed, 800), run(seed, 800), "seed {seed}");
    }
}
