//! What is done to three nodes in a [`Net`] of their own, one fault at a time or several at once, and how all of it is undone.

use crate::net::Net;
use crate::random::Random;
use crate::small_disk::SmallDisk;
use crate::{Cluster, Tool};
use std::cell::Cell;
use std::fmt;
use std::process::Child;
use std::time::{Duration, Instant};

/// How long faults hold, in milliseconds: longer than nodes wait for a leader that is silent, which is 800 ms at most.
const HOLD_MS: std::ops::Range<u64> = 1_200..4_500;
/// How often a node that comes and goes does so, in milliseconds.
const FLAP_MS: u64 = 250;

/// The kinds of faults, in the order in which they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Killed,
    AllKilled,
    Paused,
    CutBothWays,
    CutOneWay,
    Alone,
    Deaf,
    Mute,
    Off,
    AllApart,
    Flapping,
    Slow,
    Lossy,
    FullDisk,
    HandOver,
}

/// Each of them.
pub const KINDS: [Kind; 15] = [
    Kind::Killed,
    Kind::AllKilled,
    Kind::Paused,
    Kind::CutBothWays,
    Kind::CutOneWay,
    Kind::Alone,
    Kind::Deaf,
    Kind::Mute,
    Kind::Off,
    Kind::AllApart,
    Kind::Flapping,
    Kind::Slow,
    Kind::Lossy,
    Kind::FullDisk,
    Kind::HandOver,
];

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Killed => "a node killed with -9",
            Self::AllKilled => "all three killed with -9",
            Self::Paused => "a node stopped in its midst (SIGSTOP), and woken",
            Self::CutBothWays => "two nodes cut from each other",
            Self::CutOneWay => "two nodes cut, one way only",
            Self::Alone => "a node cut from both others, not from clients",
            Self::Deaf => "a node that hears no other",
            Self::Mute => "a node that no other hears",
            Self::Off => "a node cut from others and clients",
            Self::AllApart => "each node cut from each",
            Self::Flapping => "a node cut off and on four times a second",
            Self::Slow => "packets held up between all",
            Self::Lossy => "packets lost between all",
            Self::FullDisk => "a full disk",
            Self::HandOver => "the leader hands over",
        })
    }
}

/// A fault, and whom it strikes. Nodes are counted from 0.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    pub kind: Kind,
    node: usize,
    other: usize,
    /// Of packets held up.
    delay: Duration,
    /// Of packets lost.
    percent: u32,
}

impl Fault {
    /// One of that kind: every other one strikes the node that leads.
    pub fn draw(kind: Kind, leader: Option<usize>, random: &mut Random) -> Self {
        let any = *random.pick(&[0, 1, 2]);
        let node = if random.once_in(2) { leader.unwrap_or(any) } else { any };
        let other = (node + *random.pick(&[1, 2])) % 3;
        let delay = Duration::from_millis(*random.pick(&[5, 20, 60, 120]));
        Self { kind, node, other, delay, percent: *random.pick(&[1, 5, 15, 30]) }
    }

    /// Whether it strikes that node.
    pub fn strikes(&self, node: usize) -> bool {
        match self.kind {
            Kind::AllKilled | Kind::AllApart | Kind::Slow | Kind::Lossy | Kind::HandOver => true,
            Kind::CutBothWays | Kind::CutOneWay => self.node == node || self.other == node,
            _ => self.node == node,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, other) = (self.node + 1, self.other + 1);
        match self.kind {
            Kind::Killed => write!(out, "{node} killed"),
            Kind::AllKilled => write!(out, "all killed"),
            Kind::Paused => write!(out, "{node} paused"),
            Kind::CutBothWays => write!(out, "{node} and {other} cut"),
            Kind::CutOneWay => write!(out, "{other} does not hear {node}"),
            Kind::Alone => write!(out, "{node} alone"),
            Kind::Deaf => write!(out, "{node} deaf"),
            Kind::Mute => write!(out, "{node} mute"),
            Kind::Off => write!(out, "{node} off, for clients too"),
            Kind::AllApart => write!(out, "all apart"),
            Kind::Flapping => write!(out, "{node} on and off"),
            Kind::Slow => write!(out, "{:?} to {:?} between all", self.delay, self.delay * 2),
            Kind::Lossy => write!(out, "{} % lost between all", self.percent),
            Kind::FullDisk => write!(out, "{node}'s disk full"),
            Kind::HandOver => write!(out, "hand-over"),
        }
    }
}

/// Where faults are made.
pub struct World<'a> {
    pub net: &'a Net,
    /// The nodes'.
    pub disks: &'a [SmallDisk],
    /// How often a node ended by itself while its disk was full.
    pub revived: Cell<u32>,
}

impl World<'_> {
    /// Has these faults at once, for a while, and then undoes them: all nodes run and reach each other again.
    ///
    /// # Panics
    /// If a node ends by itself though its disk has room, or cannot be started again.
    pub fn suffer(&self, cluster: &mut Cluster, faults: &[Fault], random: &mut Random) -> Duration {
        let began = Instant::now();
        let tools: Vec<Child> = faults.iter().filter_map(|fault| self.begin(cluster, fault)).collect();
        let hold = Duration::from_millis(HOLD_MS.start + random.below(HOLD_MS.end - HOLD_MS.start));
        let flapping: Vec<usize> =
            faults.iter().filter(|fault| fault.kind == Kind::Flapping).map(|fault| fault.node).collect();
        let mut is_off = true;
        while began.elapsed() < hold {
            let rest = hold.saturating_sub(began.elapsed());
            std::thread::sleep(rest.min(Duration::from_millis(FLAP_MS / 2)));
            is_off = !is_off;
            // What cuts more than this node stays as it is.
            if faults.len() == 1 {
                flapping.iter().for_each(|&node| self.cut_off(node, is_off));
            }
        }
        self.mend(cluster, faults);
        for mut tool in tools {
            _ = tool.kill();
            _ = tool.wait();
        }
        began.elapsed()
    }

    /// Gives the command that asks for it, if there is one: it may wait for longer than this.
    fn begin(&self, cluster: &mut Cluster, fault: &Fault) -> Option<Child> {
        let (wire, node, other) = (self.net.wire(), fault.node, fault.other);
        match fault.kind {
            Kind::Killed => cluster.nodes[node].kill(),
            Kind::AllKilled => cluster.nodes.iter_mut().for_each(crate::Server::kill),
            // One that was killed already stays as it is.
            Kind::Paused if cluster.nodes[node].is_running() => cluster.nodes[node].pause(),
            Kind::Paused => {}
            Kind::CutBothWays => {
                wire.change(node, other, |line| line.is_cut = true);
                wire.change(other, node, |line| line.is_cut = true);
            }
            Kind::CutOneWay => wire.change(node, other, |line| line.is_cut = true),
            Kind::Alone | Kind::Flapping => self.cut_off(node, true),
            Kind::Deaf => others(node).for_each(|other| wire.change(other, node, |line| line.is_cut = true)),
            Kind::Mute => others(node).for_each(|other| wire.change(node, other, |line| line.is_cut = true)),
            Kind::Off => {
                self.cut_off(node, true);
                self.net.place(node).let_clients_reach(false);
            }
            Kind::AllApart => wire.change_all(|line| line.is_cut = true),
            Kind::Slow => wire.change_all(|line| (line.delay, line.jitter) = (fault.delay, fault.delay)),
            Kind::Lossy => wire.change_all(|line| line.lost_percent = fault.percent),
            Kind::FullDisk => self.disks[node].fill(),
            // It may be refused: there may be nobody to hand over to, or nobody who leads.
            Kind::HandOver if cluster.nodes[node].is_running() => {
                return Some(Tool::of(&cluster.nodes[node], &["cluster", "transfer"]).start());
            }
            Kind::HandOver => {}
        }
        None
    }

    fn cut_off(&self, node: usize, is_cut: bool) {
        for other in others(node) {
            self.net.wire().change(node, other, |line| line.is_cut = is_cut);
            self.net.wire().change(other, node, |line| line.is_cut = is_cut);
        }
    }

    fn mend(&self, cluster: &mut Cluster, faults: &[Fault]) {
        let struck = |kind: Kind, node: usize| faults.iter().any(|fault| fault.kind == kind && fault.node == node);
        self.net.heal();
        self.disks.iter().for_each(SmallDisk::make_room);
        for (at, node) in cluster.nodes.iter_mut().enumerate() {
            if node.is_running() {
                node.resume();
            } else if struck(Kind::Killed, at) || faults.iter().any(|fault| fault.kind == Kind::AllKilled) {
                node.kill();
                node.start_again();
            }
        }
        self.revive(cluster);
    }

    /// Starts nodes again that ended because their disk was full, as a supervisor does: one may do so until it notices that there is room.
    ///
    /// # Panics
    /// If a node ended by itself for another reason.
    pub fn revive(&self, cluster: &mut Cluster) {
        for (at, node) in cluster.nodes.iter_mut().enumerate() {
            if node.is_running() {
                continue;
            }
            let said = node.stderr();
            assert!(said.contains("No space left on device"), "node {} ended by itself:\n{said}", at + 1);
            node.kill();
            node.start_again();
            self.revived.set(self.revived.get() + 1);
        }
    }
}

fn others(node: usize) -> impl Iterator<Item = usize> {
    (0..3).filter(move |&other| other != node)
}
