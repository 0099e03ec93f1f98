//! A whole state on its way to a node that is too far behind for entries: what the leader holds for it, and how it comes and is put in place.
//!
//! As in the binary (`cluster/offer.rs`, `cluster/fetch.rs`): the leader holds a checkpoint that knows the node as a member, and the log behind it; the
//! node fetches chunk by chunk, writes down that all is here, ends its house, installs, and starts again behind it.

use super::{Event, World, host::FOLDER, net::Parcel};
use crate::{
    clock::{MILLISECOND, SECOND, Time},
    invariants::Broken,
};
use bytes::Bytes;
use evenkeel_checkpoint::Pinned;
use evenkeel_disk::MemDisk;
use evenkeel_log_local::Reader;
use evenkeel_log_raft::{NodeId, Offer, Status};
use evenkeel_snapshot::{Bodies, Manifest, Options, Position, ReceiveError, Receiver, Sender};
use evenkeel_types::{Epoch, LogIndex};
use std::{collections::BTreeMap, path::Path};

/// Bytes of a chunk, about: so that a state takes many.
const CHUNK_BYTES: usize = 3_000;
/// How long the leader may take to answer.
const ANSWER_MAX: Time = 3 * SECOND;
/// After so long without a question nobody receives any more.
const IDLE_MAX: Time = 5 * SECOND;
/// How far behind a node may be that needs the log no more.
const NEARLY: u64 = 16;

/// What a leader has for those that are too far behind.
#[derive(Default)]
pub(crate) struct Offering {
    held: Option<Held>,
    /// Who needs one, and the entry that it must reach at least.
    needed: BTreeMap<NodeId, LogIndex>,
}

/// A checkpoint that is held, and where the bodies of its jobs are.
type Made = (Pinned<MemDisk>, Bodies<Reader<MemDisk>, MemDisk>);

struct Held {
    at: LogIndex,
    made: Option<Made>,
    sender: Option<(Epoch, Sender<Reader<MemDisk>, MemDisk>)>,
    asked: Option<Time>,
}

impl Held {
    fn is_being_sent(&self, now: Time) -> bool {
        self.sender.is_some() && self.asked.is_some_and(|asked| asked + IDLE_MAX > now)
    }

    fn sender(&mut self, epoch: Epoch) -> Option<&mut Sender<Reader<MemDisk>, MemDisk>> {
        if let Some((pinned, bodies)) = self.made.take() {
            let sender = Sender::new(pinned, epoch, bodies, &sizes()).ok()?;
            self.sender = Some((epoch, sender));
        }
        self.sender.as_mut().filter(|(of, _)| *of == epoch).map(|(_, sender)| sender)
    }
}

/// What is being fetched.
pub(crate) struct Fetch {
    offer: Offer,
    receiver: Option<(Manifest, Receiver<MemDisk>)>,
    asked: Time,
}

/// So small that there are several of everything.
fn sizes() -> Options {
    Options { part_bytes: 8 * 1_024, part_bodies: 24, buckets: 16, sync_every_bytes: 2_048 }
}

impl World {
    /// Looks who needs a state, while this node leads.
    pub(super) fn offer(&mut self, at: usize, status: &Status) {
        let now = self.now;
        let reads = self.read(at);
        let host = self.host(at);
        let Some(house) = &mut host.house else { return };
        let offering = &mut host.offering;
        // Also before it owns the log: that may wait for just the node that needs the state.
        if !status.leads() {
            house.engine.log().keep_from(None);
            *offering = Offering::default();
            return;
        }
        let there = || status.peers.iter().filter(|peer| peer.is_there);
        offering.needed.retain(|node, _| there().any(|peer| peer.node == *node && peer.needs_snapshot));
        for peer in there().filter(|peer| peer.needs_snapshot) {
            offering.needed.entry(peer.node).or_insert(status.committed);
        }
        let is_busy = offering.held.as_ref().is_some_and(|held| held.is_being_sent(now));
        let held_at = offering.held.as_ref().map(|held| held.at);
        if let Some(&wanted) = offering.needed.values().max()
            && held_at.is_none_or(|held| held < wanted)
            && !is_busy
        {
            match house.keeper.snapshot().filter(|(pinned, _)| pinned.index() >= wanted) {
                Some(made) => {
                    let index = made.0.index();
                    offering.held = Some(Held { at: index, made: Some(made), sender: None, asked: None });
                    house.engine.log().offer_snapshot(index);
                }
                None => house.engine.begin_checkpoint(reads),
            }
        }
        if there().all(|peer| !peer.needs_snapshot && peer.matched.0 + NEARLY >= status.last.0) {
            house.engine.log().keep_from(None);
            if !is_busy {
                offering.held = None;
            }
        } else if let Some(held) = &offering.held {
            let has = |peer: &evenkeel_log_raft::Peer| if peer.needs_snapshot { held.at } else { peer.matched };
            let lowest = there().map(has).min().unwrap_or(held.at);
            house.engine.log().keep_from(Some(lowest.next()));
        }
    }

    /// A part of a state is asked for.
    pub(super) fn part_wanted(
        &mut self,
        at: usize,
        by: usize,
        index: LogIndex,
        epoch: Epoch,
        position: Option<Position>,
    ) {
        let now = self.now;
        let held = self.host(at).offering.held.as_mut().filter(|held| held.at == index);
        let bytes = held.and_then(|held| {
            held.asked = Some(now);
            let sender = held.sender(epoch)?;
            let Some(position) = position else { return Some(sender.manifest().encode()) };
            sender.read(position, CHUNK_BYTES).ok()?.map(|chunk| chunk.bytes)
        });
        let bytes = Bytes::from(bytes.unwrap_or_default());
        self.send(at, by, Parcel::Part { at: index, position, bytes });
    }

    /// Fetches what the leader offers, if this node needs it and does not do so already.
    pub(super) fn fetch_wanted(&mut self, at: usize) {
        let now = self.now;
        let host = self.host(at);
        if host.fetch.as_ref().is_some_and(|fetch| fetch.asked + ANSWER_MAX < now) {
            host.fetch = None;
        }
        if host.fetch.is_some() {
            return;
        }
        let Some(offer) = host.house.as_ref().and_then(|house| house.engine.log().wanted_snapshot()) else { return };
        host.fetch = Some(Fetch { offer, receiver: None, asked: now });
        self.ask_for_part(at);
    }

    fn ask_for_part(&mut self, at: usize) {
        let now = self.now;
        let Some(fetch) = &mut self.host(at).fetch else { return };
        fetch.asked = now;
        let position = fetch.receiver.as_ref().map(|(_, receiver)| receiver.have());
        let Offer { from, at: index, epoch, .. } = fetch.offer;
        let Some(from) = self.host_of(from) else { return };
        self.send(at, from, Parcel::Wanted { at: index, epoch, position });
    }

    /// A part of the state has come.
    pub(super) fn part_comes(
        &mut self,
        at: usize,
        index: LogIndex,
        position: Option<Position>,
        bytes: &Bytes,
    ) -> Result<(), Broken> {
        let host = self.host(at);
        let (disk, may_fail) = (host.disk.clone(), host.may_fail());
        let Some(fetch) = host.fetch.as_mut().filter(|fetch| fetch.offer.at == index) else { return Ok(()) };
        if fetch.receiver.as_ref().map(|(_, receiver)| receiver.have()) != position {
            // The answer to an earlier question.
            return Ok(());
        }
        if bytes.is_empty() {
            host.fetch = None;
            return Ok(());
        }
        let taken = match fetch.receiver.as_mut().map(|(_, receiver)| receiver.write(bytes)) {
            None => take_manifest(fetch, &disk, bytes),
            Some(taken) => taken.map(|_| ()),
        };
        if let Err(error) = taken {
            host.fetch = None;
            // Another state than the one that was begun may have come; the node then begins anew.
            return if may_fail || host.damaged.is_some() || matches!(error, ReceiveError::AnotherSnapshot) {
                Ok(())
            } else {
                Err(Broken::new("state", format!("what the leader sends is refused: {error}")))
            };
        }
        if fetch.receiver.as_ref().is_some_and(|(manifest, receiver)| receiver.have() == manifest.end()) {
            return self.state_has_come(at);
        }
        self.ask_for_part(at);
        Ok(())
    }

    /// All is here. The house ends, and starts again from it; at times a crash comes in between.
    fn state_has_come(&mut self, at: usize) -> Result<(), Broken> {
        let Some(fetch) = self.host(at).fetch.take() else { return Ok(()) };
        let Some((_, mut receiver)) = fetch.receiver else { return Ok(()) };
        self.line(format_args!("node {} has the state at {}", self.hosts_id(at), fetch.offer.at));
        self.counts.states_fetched += 1;
        let dies_after = self.fate.chance(150).then(|| self.fate.below(30));
        let host = self.host(at);
        host.papers.incoming = Some(fetch.offer);
        let is_cut_off = dies_after.is_some();
        if let Some(operations) = dies_after {
            host.is_ill = true;
            host.disk.fail_from(operations);
        }
        self.counts.states_cut_off += u64::from(is_cut_off);
        self.house_ends(at);
        let installed = receiver.finish();
        drop(receiver);
        let host = self.host(at);
        match installed {
            Ok(_) => {}
            Err(ReceiveError::NotNewer { .. }) => {
                if let Err(error) = Receiver::discard(host.disk.clone(), Path::new(FOLDER))
                    && !host.may_fail()
                {
                    return Err(Broken::new("state", format!("it cannot be thrown away: {error}")));
                }
            }
            Err(_) if host.may_fail() || host.damaged.is_some() => {}
            Err(error) => return Err(Broken::new("state", format!("it cannot be installed: {error}"))),
        }
        if is_cut_off {
            let power = self.fate.chance(600);
            self.end_life_of_disk(at, power);
        }
        let soon = self.fate.span(100, 100 * MILLISECOND);
        self.schedule.at(self.now + soon, Event::Restart(at));
        Ok(())
    }
}

fn take_manifest(fetch: &mut Fetch, disk: &MemDisk, bytes: &Bytes) -> Result<(), ReceiveError> {
    let manifest = Manifest::decode(bytes)?;
    let receiver = Receiver::open(disk.clone(), Path::new(FOLDER), &manifest, &sizes())?;
    fetch.receiver = Some((manifest, receiver));
    Ok(())
}
