//! Nodes on disks in memory, with messages that are encoded, carried and decoded by hand.

use bytes::Bytes;
use evenkeel_disk::MemDisk;
use evenkeel_log::{
    Log, LogError,
    conformance::{End, Random},
};
use evenkeel_log_local::LogId;
use evenkeel_log_raft::{Members, Message, Node, NodeId, Offer, Opened, Options, RaftLog, Start, Writer};
use evenkeel_types::LogIndex;
use std::path::Path;

pub(super) const LOG: LogId = LogId([0x52; 16]);

pub(super) fn dir() -> &'static Path {
    Path::new("data/log")
}

/// Nodes are numbered from 1 in a cluster, and from 0 in tests.
pub(super) fn id(node: usize) -> NodeId {
    NodeId(node as u64 + 1)
}

pub(super) fn options(node: usize, start: Start, seed: u64) -> Options {
    Options { segment_bytes: 8192, seed, ..Options::new(LOG, id(node), start) }
}

/// All parts of a node.
pub(super) struct Parts {
    pub(super) log: RaftLog<MemDisk>,
    pub(super) node: Node<MemDisk>,
    pub(super) writer: Writer<MemDisk>,
    /// Which part of a write comes next.
    pub(super) part: u8,
}

pub(super) fn open(disk: &MemDisk, options: &Options, applied: u64) -> Result<(Parts, Opened), LogError> {
    let (log, node, writer, opened) = RaftLog::open(disk.clone(), dir(), options, LogIndex(applied))?;
    Ok((Parts { log, node, writer, part: 0 }, opened))
}

/// Several nodes and what is under way between them.
pub(super) struct Cluster {
    pub(super) disks: Vec<MemDisk>,
    pub(super) parts: Vec<Option<Parts>>,
    /// From, to, and what.
    pub(super) under_way: Vec<(usize, usize, Bytes)>,
    /// Between whom nothing gets through.
    pub(super) cut: Vec<Vec<bool>>,
    pub(super) members: Members,
    pub(super) seed: u64,
    pub(super) random: Random,
}

impl Cluster {
    pub(super) fn new(nodes: usize, seed: u64) -> Self {
        let voters: Vec<_> = (0..nodes).map(id).collect();
        let mut cluster = Self {
            disks: Vec::new(),
            parts: Vec::new(),
            under_way: Vec::new(),
            cut: Vec::new(),
            members: Members::of(&voters),
            seed,
            random: Random::new(seed ^ 0x5EED),
        };
        (0..nodes).for_each(|_| cluster.add());
        cluster
    }

    /// One more machine, with a node that is new.
    pub(super) fn add(&mut self) {
        let node = self.parts.len();
        let disk = MemDisk::new(self.seed.wrapping_mul(31) + node as u64);
        let parts = open(&disk, &options(node, Start::New(self.members.clone()), self.seed), 0).unwrap().0;
        self.disks.push(disk);
        self.parts.push(Some(parts));
        self.heal();
    }

    pub(super) fn node(&mut self, node: usize) -> &mut Parts {
        self.parts[node].as_mut().expect("it runs")
    }

    pub(super) fn log(&mut self, node: usize) -> &mut RaftLog<MemDisk> {
        &mut self.node(node).log
    }

    pub(super) fn heal(&mut self) {
        self.cut = vec![vec![false; self.parts.len()]; self.parts.len()];
    }

    pub(super) fn isolate(&mut self, node: usize) {
        for other in 0..self.parts.len() {
            self.cut[node][other] = true;
            self.cut[other][node] = true;
        }
    }

    /// The node that owns the log under the highest epoch.
    pub(super) fn owner(&self) -> Option<usize> {
        let owns = |parts: &Option<Parts>| parts.as_ref().and_then(|parts| parts.node.status().owns);
        let owners = self.parts.iter().enumerate().filter(|(_, parts)| owns(parts).is_some());
        owners.max_by_key(|(_, parts)| owns(parts)).map(|(node, _)| node)
    }

    pub(super) fn stop(&mut self, node: usize, end: End) {
        self.parts[node] = None;
        match end {
            End::Kill => self.disks[node].kill(),
            End::PowerCut => self.disks[node].crash(),
        }
    }

    pub(super) fn start(&mut self, node: usize, applied: u64) {
        self.start_restored(node, applied, None);
    }

    /// With a state that came as a snapshot.
    pub(super) fn start_restored(&mut self, node: usize, applied: u64, restored: Option<Offer>) {
        let options = Options { restored, ..options(node, Start::Again, self.seed) };
        let opened = open(&self.disks[node], &options, applied);
        let (parts, _) = opened.unwrap_or_else(|error| panic!("node {node} with state at {applied}: {error}"));
        self.parts[node] = Some(parts);
    }

    /// Takes what the nodes have to say.
    pub(super) fn collect(&mut self) {
        for (from, parts) in self.parts.iter_mut().enumerate() {
            let Some(parts) = parts else { continue };
            for message in parts.node.take_messages() {
                assert_eq!(message.from(), id(from), "a node speaks for itself");
                let to = usize::try_from(message.to().0 - 1).unwrap();
                self.under_way.push((from, to, message.encode().into()));
            }
        }
    }

    /// Carries a message, unless the way is cut or nobody is there.
    pub(super) fn carry(&mut self, (from, to, bytes): (usize, usize, Bytes)) {
        if to < self.parts.len() && !self.cut[from][to] && self.parts[to].is_some() {
            let message = Message::decode(bytes).expect("it was encoded by a node");
            self.node(to).node.step(message);
        }
    }

    /// Does a part of the disk's work of one node: a write, its sync, or telling of it.
    pub(super) fn disk_part(&mut self, node: usize) {
        let Some(parts) = &mut self.parts[node] else { return };
        match parts.part {
            0 => {
                if !parts.writer.write() {
                    parts.writer.fill();
                    return;
                }
            }
            1 => parts.writer.sync(),
            _ => {
                parts.writer.publish();
            }
        }
        parts.part = (parts.part + 1) % 3;
    }

    /// Works and carries until nothing is left, without any time going by.
    pub(super) fn pump(&mut self) {
        for _ in 0..100_000 {
            let mut worked = false;
            for parts in self.parts.iter_mut().flatten() {
                if parts.part > 0 {
                    // What was begun in parts comes first.
                    parts.writer.sync();
                    parts.writer.publish();
                    parts.part = 0;
                    worked = true;
                }
                while parts.writer.step() {
                    worked = true;
                }
                worked |= parts.node.work();
            }
            self.collect();
            worked |= !self.under_way.is_empty();
            for message in std::mem::take(&mut self.under_way) {
                self.carry(message);
            }
            if !worked {
                return;
            }
        }
        panic!("the nodes never come to rest");
    }

    pub(super) fn tick(&mut self) {
        self.parts.iter_mut().flatten().for_each(|parts| parts.node.tick());
    }

    /// Whether all that run agree, one of them owns the log, and nothing is left to do.
    pub(super) fn is_settled(&self) -> bool {
        let Some(owner) = self.owner() else { return false };
        let stands = |node: usize| self.parts[node].as_ref().map(|parts| parts.node.status());
        let Some(leader) = stands(owner) else { return false };
        (0..self.parts.len()).filter(|node| leader.members.contains(id(*node))).filter_map(stands).all(|status| {
            status.leader == Some(id(owner))
                && status.term == leader.term
                && (status.last, status.committed) == (leader.last, leader.last)
        })
    }

    /// Heals everything and lets time go by until all is settled. Snapshots are carried as they are wanted.
    pub(super) fn settle(&mut self) {
        self.heal();
        for _ in 0..400 {
            self.pump();
            if self.carry_snapshots() {
                continue;
            }
            if self.is_settled() {
                return;
            }
            self.tick();
            if self.waits_for_owners() {
                return;
            }
        }
        let status: Vec<_> = self.parts.iter().flatten().map(|parts| parts.node.status()).collect();
        panic!("seed {}: nothing is settled after 400 ticks: {status:#?}", self.seed);
    }

    /// Whether it goes on only once owners have heard what there is: a snapshot is not installed before answers are taken, and not offered of what
    /// its owner has not heard of.
    fn waits_for_owners(&self) -> bool {
        let Some(owner) = self.owner() else { return false };
        let peers = self.parts[owner].as_ref().map(|parts| parts.node.status().peers).unwrap_or_default();
        let wants = |parts: &Parts| parts.log.wanted_snapshot().is_some();
        self.parts.iter().flatten().any(wants) || peers.iter().any(|peer| peer.needs_snapshot)
    }

    /// Installs the snapshots that are wanted: the state itself is nothing here. `true` if one was.
    pub(super) fn carry_snapshots(&mut self) -> bool {
        let mut any = false;
        for parts in self.parts.iter_mut().flatten() {
            // Whatever its owner has heard of, it could stream.
            parts.log.offer_snapshot(LogIndex(u64::MAX));
            if let Some(offer) = parts.log.wanted_snapshot() {
                any |= parts.log.install_snapshot(offer.at, offer.epoch).is_ok();
            }
        }
        any
    }
}
