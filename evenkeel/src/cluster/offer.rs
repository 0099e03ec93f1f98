//! The leader's side of a snapshot: its newest checkpoint, held open for nodes that are too far behind for entries, and its chunks.
//!
//! 1. The keeper gives each checkpoint when it is durable. One that a node is just receiving is not exchanged for a newer one: it would begin again.
//! 2. A node can use only a state that knows it as a member. If the newest does not, a checkpoint is made.
//! 3. The log behind what is offered stays until the node has that as well, or for [`KEPT_MAX`]: so one that is slow does not fill the leader's disk.
//!
//! | request (kind [`super::house::SNAPSHOT`]) | bytes |
//! |---|---|
//! | the manifest | 0, index, epoch (8 bytes each) |
//! | a chunk | 1, index, epoch, position (12 bytes) |
//!
//! The answer is what was asked for as `evenkeel-snapshot` writes it, or nothing if it is not here.

use super::node::Cluster;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use evenkeel_checkpoint::Pinned;
use evenkeel_disk::RealDisk;
use evenkeel_log_local::Reader;
use evenkeel_log_raft::{NodeId, Status};
use evenkeel_peers::Asked;
use evenkeel_snapshot::{Bodies, Position, Sender};
use evenkeel_types::{Epoch, LogIndex};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

/// Bytes of a chunk, about.
const CHUNK_BYTES: usize = 1024 * 1024;
/// After so long without a question nobody receives any more.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// How long the log is kept for nodes that catch up.
const KEPT_MAX: Duration = Duration::from_secs(1_800);
/// Between two requests for a checkpoint.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

type Made = (Pinned<RealDisk>, Bodies<Reader<RealDisk>, RealDisk>);

/// What there is to offer.
#[derive(Default)]
pub(super) struct Offering {
    /// The newest checkpoint.
    newest: Option<Made>,
    held: Option<Held>,
    /// The nodes that need one, and the entry that it must reach at least.
    needed: BTreeMap<NodeId, LogIndex>,
    /// Since when the log is kept for them.
    since: Option<Instant>,
    asked_for_checkpoint: Option<Instant>,
}

/// What is offered.
struct Held {
    at: LogIndex,
    state: State,
    last_asked: Option<Instant>,
}

enum State {
    Made(Made),
    Sending(Epoch, Box<Sender<Reader<RealDisk>, RealDisk>>),
    /// It could not be read.
    Failed,
}

impl Held {
    fn is_being_sent(&self) -> bool {
        matches!(self.state, State::Sending(..)) && self.last_asked.is_some_and(|asked| asked.elapsed() < IDLE_MAX)
    }

    fn sender(&mut self, epoch: Epoch) -> anyhow::Result<Option<&mut Sender<Reader<RealDisk>, RealDisk>>> {
        self.last_asked = Some(Instant::now());
        if let State::Made(_) = &self.state
            && let State::Made((pinned, bodies)) = std::mem::replace(&mut self.state, State::Failed)
        {
            let sender = Sender::new(pinned, epoch, bodies, &evenkeel_snapshot::Options::default())?;
            self.state = State::Sending(epoch, Box::new(sender));
        }
        Ok(match &mut self.state {
            State::Sending(of, sender) if *of == epoch => Some(sender),
            _ => None,
        })
    }
}

impl Cluster {
    /// A checkpoint is durable. On the keeper's thread.
    pub(crate) fn checkpoint_made(&self, pinned: Pinned<RealDisk>, bodies: Bodies<Reader<RealDisk>, RealDisk>) {
        self.offering.lock().unwrap_or_else(PoisonError::into_inner).newest = Some((pinned, bodies));
    }

    /// Lets go of all that it could offer.
    pub(super) fn offers_nothing(&self) {
        *self.offering.lock().unwrap_or_else(PoisonError::into_inner) = Offering::default();
    }

    /// Looks who needs a snapshot, while this node leads.
    pub(super) fn offer(&self, status: &Status) {
        let Some(inbox) = self.inbox() else { return };
        let mut offering = self.offering.lock().unwrap_or_else(PoisonError::into_inner);
        // Also before it owns the log: that may wait for just the node that needs the state.
        if !status.leads() {
            if offering.since.take().is_some() {
                inbox.keep_from(None);
            }
            offering.needed.clear();
            return;
        }
        let there = || status.peers.iter().filter(|peer| peer.is_there);
        let Offering { needed, .. } = &mut *offering;
        needed.retain(|node, _| there().any(|peer| peer.node == *node && peer.needs_snapshot));
        for peer in there().filter(|peer| peer.needs_snapshot) {
            needed.entry(peer.node).or_insert(status.committed);
        }
        let held_at = offering.held.as_ref().map(|held| held.at);
        if let Some(&wanted) = offering.needed.values().max()
            && held_at.is_none_or(|at| at < wanted)
            && !offering.held.as_ref().is_some_and(Held::is_being_sent)
        {
            self.prepare_offer(&mut offering, wanted);
        }
        let all_have =
            there().all(|peer| !peer.needs_snapshot && peer.matched.0 + super::watch::NEARLY >= status.last.0);
        if all_have {
            if offering.since.take().is_some() {
                inbox.keep_from(None);
            }
            // As long as there is no newer one, this may be needed again.
            if offering.newest.is_some() && !offering.held.as_ref().is_some_and(Held::is_being_sent) {
                offering.held = None;
            }
        } else if let Some(held) = &offering.held {
            let at = held.at;
            let since = *offering.since.get_or_insert_with(Instant::now);
            let lowest = there().map(|peer| if peer.needs_snapshot { at } else { peer.matched }).min().unwrap_or(at);
            inbox.keep_from((since.elapsed() < KEPT_MAX).then_some(lowest.next()));
        }
    }

    fn prepare_offer(&self, offering: &mut Offering, wanted: LogIndex) {
        if let Some(made) = offering.newest.take_if(|(pinned, _)| pinned.index() >= wanted) {
            let at = made.0.index();
            offering.held = Some(Held { at, state: State::Made(made), last_asked: None });
            tracing::info!("a node is too far behind for entries; the state at entry {at} is offered to it");
            if let Some(inbox) = self.inbox() {
                inbox.offer_snapshot(at);
            }
            return;
        }
        if offering.asked_for_checkpoint.is_none_or(|asked| asked.elapsed() > CHECKPOINT_EVERY)
            && let Some(engine) = self.engine.get()
        {
            offering.asked_for_checkpoint = Some(Instant::now());
            engine.make_checkpoint();
        }
    }

    fn snapshot_part(&self, mut request: Bytes) -> anyhow::Result<Option<Vec<u8>>> {
        let (what, at, epoch) =
            (request.try_get_u8()?, LogIndex(request.try_get_u64_le()?), Epoch(request.try_get_u64_le()?));
        let mut offering = self.offering.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = offering.held.as_mut().filter(|held| held.at == at) else { return Ok(None) };
        let Some(sender) = held.sender(epoch)? else { return Ok(None) };
        if what == 0 {
            return Ok(Some(sender.manifest().encode()));
        }
        let Some(&position) = request.first_chunk() else { return Ok(None) };
        let chunk = sender.read(Position::from_bytes(position), CHUNK_BYTES)?;
        if chunk.as_ref().is_none_or(|chunk| chunk.next == sender.manifest().end()) {
            held.last_asked = None;
        }
        Ok(chunk.map(|chunk| chunk.bytes))
    }
}

/// What asks for the manifest, or for the chunk at a position.
pub(super) fn question(at: LogIndex, epoch: Epoch, position: Option<Position>) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(super::house::SNAPSHOT);
    bytes.put_u8(position.is_some().into());
    bytes.put_u64_le(at.0);
    bytes.put_u64_le(epoch.0);
    if let Some(position) = position {
        bytes.extend_from_slice(&position.to_bytes());
    }
    bytes.freeze()
}

/// A node asks. The disk is read on a thread of its own, since the one for peers must not wait for it.
pub(super) fn asked(cluster: &Arc<Cluster>, asked: Asked) {
    let cluster = Arc::clone(cluster);
    let Asked { from, request, reply, .. } = asked;
    let answer = move || {
        let part = cluster.snapshot_part(request).unwrap_or_else(|error| {
            tracing::error!("the state cannot be sent to node {from}: {error:#}");
            None
        });
        reply.send(part.unwrap_or_default().into());
    };
    if let Err(error) = std::thread::Builder::new().name("snapshot".into()).spawn(answer) {
        tracing::error!("the state cannot be sent: {error}");
    }
}
