//! The network between hosts: late, lossy, out of order, and cut in every way.
//!
//! What the log says may be lost, doubled and overtaken: it must bear all of it. Questions between nodes go over a connection: a cut
//! swallows them, and nothing else does.

use super::{Event, World, host::Host};
use crate::{
    clock::{MILLISECOND, SECOND, Time},
    wire::Wire,
};
use bytes::Bytes;
use evenkeel_engine::Request;
use evenkeel_log_raft::NodeId;
use evenkeel_snapshot::Position;
use evenkeel_sqs::Response;
use evenkeel_types::{Epoch, LogIndex};

/// What goes from one host to another.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    /// A message of the log.
    Log(Bytes),
    /// What a client asked, passed on under a number.
    Asked(u64, Wire),
    /// The answer to it; none if nothing was done.
    Answered(u64, Option<Box<Response>>),
    /// The client of it has gone.
    Withdrawn(u64),
    /// An answer found nobody: this gives back what it handed out.
    GivenBack(Request),
    /// A part of the state at an index is asked for: the chunk at a position, or its manifest.
    Wanted { at: LogIndex, epoch: Epoch, position: Option<Position> },
    /// That part; empty if it is not there.
    Part { at: LogIndex, position: Option<Position>, bytes: Bytes },
    /// The leader asks which feature level the version of a node knows; with the time of the question.
    LevelAsked(Time),
    /// This one.
    LevelTold(Time, u32),
}

/// Something under way between two hosts.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) parcel: Parcel,
}

impl World {
    /// The host of a node.
    pub(super) fn host_of(&self, id: NodeId) -> Option<usize> {
        self.hosts.iter().position(|host| host.id == id && !host.is_gone)
    }

    /// Sends what the log of a node has to say.
    pub(super) fn send_messages(&mut self, from: usize) {
        let Some(house) = &mut self.host(from).house else { return };
        for message in house.node.take_messages() {
            self.counts.messages += 1;
            let Some(to) = self.host_of(message.to()) else { continue };
            self.send(from, to, Parcel::Log(message.encode().into()));
        }
    }

    /// Sends something, if there is a way.
    pub(super) fn send(&mut self, from: usize, to: usize, parcel: Parcel) {
        if self.cuts.contains_key(&(from, to)) {
            self.counts.messages_cut += 1;
            return;
        }
        let may_err = matches!(parcel, Parcel::Log(_));
        let faults = self.profile.faults;
        if may_err && self.fate.chance(faults.message_lost) {
            self.counts.messages_lost += 1;
            return;
        }
        if may_err && self.fate.chance(faults.message_doubled) {
            self.counts.messages_doubled += 1;
            let late = self.fate.span(100, 500 * MILLISECOND);
            let carried = Carried { from, to, parcel: parcel.clone() };
            self.schedule.at(self.now + late, Event::Carried(Box::new(carried)));
        }
        let takes = if self.fate.chance(faults.message_late) {
            self.counts.messages_late += u64::from(may_err);
            self.fate.span(MILLISECOND, 600 * MILLISECOND)
        } else {
            self.fate.span(30, 800)
        };
        self.schedule.at(self.now + takes, Event::Carried(Box::new(Carried { from, to, parcel })));
    }

    /// The network is cut in some way, for a while.
    pub(super) fn cut(&mut self) {
        let mut hosts: Vec<usize> = (0..self.hosts.len()).filter(|&at| !self.host(at).is_gone).collect();
        if hosts.len() < 2 {
            return;
        }
        let victim = *self.fate.pick(&hosts);
        let mut cuts = Vec::new();
        let both = |cuts: &mut Vec<(usize, usize)>, one: usize, two: usize| cuts.extend([(one, two), (two, one)]);
        // In a storm mostly chains: whoever is in the middle is asked for its vote from both sides.
        let kind = if self.profile.is_stormy && self.fate.chance(600) { 5 } else { self.fate.below(6) };
        let words = match kind {
            0 => {
                self.counts.isolated += 1;
                hosts.iter().filter(|&&other| other != victim).for_each(|&other| both(&mut cuts, victim, other));
                "one node off"
            }
            1 => {
                self.counts.leader_alone += 1;
                let leader = self.leader().unwrap_or(victim);
                hosts.iter().filter(|&&other| other != leader).for_each(|&other| both(&mut cuts, leader, other));
                "the leader alone"
            }
            2 => {
                self.counts.split += 1;
                let off: Vec<usize> = hosts.iter().copied().filter(|_| self.fate.chance(400)).collect();
                for &one in &off {
                    let others = hosts.iter().filter(|other| !off.contains(other));
                    others.for_each(|&other| both(&mut cuts, one, other));
                }
                "split"
            }
            3 | 4 => {
                self.counts.one_way += 1;
                let speaks = self.fate.chance(500);
                for &other in hosts.iter().filter(|&&other| other != victim) {
                    cuts.push(if speaks { (victim, other) } else { (other, victim) });
                }
                "one way"
            }
            _ => {
                self.counts.ring += 1;
                let count = hosts.len();
                let turn = usize::try_from(self.fate.below(count as u64)).unwrap_or(0);
                hosts.rotate_left(turn);
                // With three a ring cuts nothing; then one link goes, and they stand in a chain.
                let reach = |one: usize, two: usize| {
                    let apart = one.abs_diff(two);
                    apart == 1 || (count > 3 && apart == count - 1)
                };
                for (one, &a) in hosts.iter().enumerate() {
                    for (two, &b) in hosts.iter().enumerate() {
                        if one != two && !reach(one, two) {
                            cuts.push((a, b));
                        }
                    }
                }
                "ring"
            }
        };
        self.line(format_args!("the network is cut: {words}: {cuts:?}"));
        cuts.iter().for_each(|way| *self.cuts.entry(*way).or_default() += 1);
        let longest = if self.profile.is_stormy { 3 * SECOND } else { 12 * SECOND };
        let lasts = self.fate.span(100 * MILLISECOND, longest);
        self.schedule.at(self.now + lasts, Event::Mended(cuts));
    }

    /// A cut is over: its ways are open again, but for those that another cuts as well.
    pub(super) fn mend(&mut self, cuts: &[(usize, usize)]) {
        self.line(format_args!("the network is mended: {cuts:?}"));
        for way in cuts {
            // All may be mended already.
            if let Some(count) = self.cuts.get_mut(way) {
                *count -= 1;
                if *count == 0 {
                    self.cuts.remove(way);
                }
            }
        }
    }

    /// The host that owns the log under the highest epoch.
    pub(super) fn leader(&self) -> Option<usize> {
        let owns = |host: &Host| host.house.as_ref().and_then(|house| house.node.status().owns);
        let owners = self.hosts.iter().enumerate().filter_map(|(at, host)| Some((owns(host)?, at)));
        owners.max().map(|(_, at)| at)
    }
}
