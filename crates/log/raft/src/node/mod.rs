//! A node: the consensus core, stepped. No sockets, no threads, no clock; what it reads of the disk, it reads through the store.
//!
//! In go messages ([`Node::step`]), ticks ([`Node::tick`]), and what the owner and the disk half left for it ([`Node::work`]); out come
//! messages ([`Node::take_messages`]), jobs for the disk half, and events for the owner. Rules:
//!
//! 1. What promises something (a vote, an acknowledgement) leaves only once it is synced. A leader's entries go out at once, beside its own
//!    sync, but not under a term that is not synced yet.
//! 2. An entry is told once it is committed and synced here.
//! 3. No message is stepped that could make the core panic: `guard.rs`.
//! 4. The same inputs give the same outputs: what the core draws by chance is overwritten from the seed.

mod guard;
mod members;
mod proposals;
mod ready;
mod snapshot;

use crate::{
    limits::{
        CATCH_UP_BYTES, COMMITTED_BYTES_MAX, ELECTION_TICKS, HEARTBEAT_TICKS, MESSAGE_BYTES_MAX,
        MESSAGES_IN_FLIGHT_MAX, UNCOMMITTED_BYTES_MAX,
    },
    members::{Members, NodeId},
    message::Message,
    shared::{Offer, Shared},
    store::Store,
    tickets::Tickets,
};
use evenkeel_disk::Disk;
use evenkeel_log::{LogError, LogEvent, Role};
use evenkeel_types::{Epoch, LogIndex};
use raft::{Config, RawNode, StateRole};
use raft_proto::eraftpb::{self, MessageType};
use ready::Waiting;
use snapshot::Reset;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// What is known of another member, by the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Which one.
    pub node: NodeId,
    /// How far its log is known to equal the leader's; 0 before it has said so, since that leads.
    pub matched: LogIndex,
    /// Whether it was heard of within the last election time.
    pub is_there: bool,
    /// Whether it needs a snapshot: it has said that it has too little for entries.
    pub needs_snapshot: bool,
}

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// This node.
    pub node: NodeId,
    /// The highest term that it heard of.
    pub term: u64,
    /// Who leads, as far as it knows.
    pub leader: Option<NodeId>,
    /// Under which epoch this node owns the log, if it does.
    pub owns: Option<Epoch>,
    /// Its last entry.
    pub last: LogIndex,
    /// How far it knows all to be committed.
    pub committed: LogIndex,
    /// Who the members are.
    pub members: Members,
    /// The other members; empty unless this node leads.
    pub peers: Vec<Peer>,
}

impl Status {
    /// Whether it leads. It may not own the log yet: if so, it waits for a majority to have all that came before, and brings them what they lack.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.leader == Some(self.node)
    }
}

/// A node of a log of several.
pub struct Node<D: Disk> {
    shared: Arc<Shared<D>>,
    core: RawNode<Store<D>>,
    id: NodeId,
    seed: u64,
    /// The last job that was given out, and the last that is done.
    issued: u64,
    done: u64,
    /// The last job that removes entries: what was synced before says nothing of what stands there now.
    truncated_in: u64,
    /// The last job with a new term or vote.
    voted_in: u64,
    waiting: VecDeque<Waiting>,
    outbox: Vec<Message>,
    tickets: Tickets,
    /// The epoch under which the owner was told that it is one.
    announced: Option<Epoch>,
    offered: VecDeque<Offer>,
    base: (LogIndex, Epoch),
    resetting: Option<Reset>,
    /// Since how many ticks each follower needs a snapshot.
    snapshot_ticks: BTreeMap<u64, usize>,
    /// The core took what was proposed last.
    may_propose: bool,
    woken: bool,
    stopped: bool,
}

impl<D: Disk> Node<D> {
    pub(crate) fn new(
        shared: Arc<Shared<D>>,
        store: Store<D>,
        (id, seed): (NodeId, u64),
        applied: LogIndex,
        base: (LogIndex, Epoch),
    ) -> Result<Self, LogError> {
        let core = new_core(id, applied, store)?;
        let mut node = Self {
            shared,
            core,
            id,
            seed,
            issued: 0,
            done: 0,
            truncated_in: 0,
            voted_in: 0,
            waiting: VecDeque::new(),
            outbox: Vec::new(),
            tickets: Tickets::default(),
            announced: None,
            offered: VecDeque::new(),
            base,
            resetting: None,
            snapshot_ticks: BTreeMap::new(),
            may_propose: true,
            woken: false,
            stopped: false,
        };
        node.draw_timeout();
        // What is known to be committed comes first: nobody campaigns before the changes of members in it have taken effect.
        node.work();
        if node.core.store().members.is_alone(id) {
            // Nobody else could win, so nobody need be waited for.
            node.campaign();
        }
        Ok(node)
    }

    /// Takes a message. One that is not for this node, or says what cannot be, is dropped.
    pub fn step(&mut self, message: Message) {
        if self.stopped || self.resetting.is_some() {
            return;
        }
        let Some(message) = self.admit(message.0) else { return };
        // It refuses what it cannot use, and nothing else: a repeated answer, say.
        let _ = self.core.step(message);
        self.draw_timeout();
        self.work();
    }

    /// Time goes on by a tick.
    pub fn tick(&mut self) {
        if self.stopped || self.resetting.is_some() {
            return;
        }
        self.retry_snapshots();
        self.let_catch_up(CATCH_UP_BYTES);
        // A lone voter that won at once would have to have synced all it has; it asks again with the next tick.
        let all_synced = self.core.store().synced() == self.core.store().last() && self.issued == self.done;
        let leads = self.core.raft.state == StateRole::Leader;
        if leads || all_synced || !self.core.store().members.is_alone(self.id) {
            self.core.tick();
        }
        self.draw_timeout();
        self.work();
    }

    /// Lets followers that are far behind have so much more of what has to be read from the disk. Each tick does as well.
    pub fn let_catch_up(&mut self, bytes: u64) {
        if self.stopped || self.resetting.is_some() {
            return;
        }
        for follower in self.core.store().give_leave(bytes) {
            self.core.on_entries_fetched(follower);
        }
        self.work();
    }

    /// Whether a follower waits for [`Node::let_catch_up`].
    #[must_use]
    pub fn has_catching_up(&self) -> bool {
        self.core.store().has_catching_up()
    }

    /// Campaigns at once, without asking first whether it may. A majority still decides.
    pub fn campaign(&mut self) {
        if self.stopped || self.resetting.is_some() || self.core.raft.state == StateRole::Leader {
            return;
        }
        let lone = self.core.store().members.is_alone(self.id);
        if lone && self.core.store().synced() < self.core.store().last() {
            return;
        }
        let message =
            eraftpb::Message { msg_type: MessageType::MsgTimeoutNow, to: self.id.0, ..eraftpb::Message::default() };
        // A campaign for another term may be under way; then this one has to wait for its end.
        let term = self.core.raft.term;
        if self.core.raft.state != StateRole::Follower {
            self.core.raft.become_follower(term, 0);
        }
        let _ = self.core.raft.step(message);
        self.draw_timeout();
        self.work();
    }

    /// Does what became possible: what the disk half has done, what the owner asks for. Returns whether anything was.
    pub fn work(&mut self) -> bool {
        let mut worked = false;
        while !self.stopped {
            if let Some(error) = self.core.store().failure() {
                self.fail(error);
                return true;
            }
            if self.shared.queue().failed.is_some() {
                self.stopped = true;
                break;
            }
            let went_on = self.take_done() || self.take_reset() || self.take_proposals() || self.take_ready();
            worked |= went_on;
            if !went_on {
                break;
            }
        }
        if std::mem::take(&mut self.woken) {
            self.shared.wake_owner();
        }
        worked
    }

    /// What it has to say to others, in order.
    pub fn take_messages(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.outbox)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<D>> {
        &self.shared
    }

    /// Whether nothing is under way to the disk, and no answer is due.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.resetting.is_none()
    }

    /// Whether more may be proposed now.
    pub(crate) fn can_propose(&self) -> bool {
        self.may_propose
    }

    /// The last job that it knows to be done.
    pub(crate) fn has_seen_done(&self) -> u64 {
        self.done
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let raft = &self.core.raft;
        let mut peers = Vec::new();
        if raft.state == StateRole::Leader {
            for (id, progress) in raft.prs().iter().filter(|(id, _)| **id != self.id.0) {
                peers.push(Peer {
                    node: NodeId(*id),
                    matched: LogIndex(progress.matched),
                    is_there: progress.recent_active,
                    needs_snapshot: self.needs_snapshot(progress),
                });
            }
            peers.sort_by_key(|peer| peer.node);
        }
        Status {
            node: self.id,
            term: raft.term,
            leader: (raft.leader_id != 0).then_some(NodeId(raft.leader_id)),
            owns: self.announced,
            last: LogIndex(raft.raft_log.last_index()),
            committed: LogIndex(raft.raft_log.committed),
            members: self.core.store().members.clone(),
            peers,
        }
    }

    /// Whether a member has too little for entries, as far as it has said what it has.
    fn needs_snapshot(&self, progress: &raft::Progress) -> bool {
        match progress.state {
            raft::ProgressState::Snapshot => true,
            raft::ProgressState::Replicate => self.is_gone(progress.matched + 1),
            // What it has is being asked for, from the leader's end downwards: `matched` is 0 until it is found.
            raft::ProgressState::Probe => self.is_gone(progress.next_idx),
        }
    }

    /// Whether that entry cannot be had from the log any more. What may be replayed is there; what is kept for its bodies may be, and is of use from
    /// the base on.
    fn is_gone(&self, index: u64) -> bool {
        let (index, store) = (LogIndex(index), self.core.store());
        // The disk is looked at last.
        store.is_withheld(index)
            || store.begins_above(index)
            || index < self.shared.upkeep.first() && store.lacks(index)
    }

    /// Tells the owner that it is none any more.
    pub(super) fn note_role(&mut self) {
        let raft = &self.core.raft;
        let reigns = (raft.state == StateRole::Leader).then_some(Epoch(raft.term));
        if self.announced.is_some() && self.announced != reigns {
            self.announced = None;
            self.tell(LogEvent::RoleChanged(Role::Follower));
        }
    }

    /// Tells the owner something, behind all that it waits for.
    fn tell(&mut self, event: LogEvent) {
        if let Some(waiting) = self.waiting.iter_mut().rev().find(|waiting| waiting.holds_events) {
            waiting.events.push(event);
            return;
        }
        self.publish(vec![event]);
    }

    fn publish(&mut self, events: Vec<LogEvent>) {
        for event in &events {
            if let LogEvent::Committed { entry, .. } = event {
                self.shared.upkeep.commit(entry.index);
            }
        }
        self.woken |= !events.is_empty();
        let mut queue = self.shared.queue();
        for event in events {
            match &event {
                LogEvent::Committed { entry, .. } => queue.told = entry.index,
                LogEvent::SnapshotInstalled { at } => queue.told = *at,
                _ => {}
            }
            queue.events.push_back(event);
        }
    }

    fn fail(&mut self, error: LogError) {
        self.stopped = true;
        self.shared.fail(error);
    }

    /// The core draws by chance when it would campaign. Here it depends on the seed, the node and the term alone.
    fn draw_timeout(&mut self) {
        let mut z = self.seed ^ self.id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.core.raft.term.rotate_left(32);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let more = usize::try_from((z ^ (z >> 31)) % ELECTION_TICKS as u64).unwrap_or(0);
        self.core.raft.set_randomized_election_timeout(ELECTION_TICKS + more);
    }
}

impl<D: Disk> Drop for Node<D> {
    fn drop(&mut self) {
        {
            let mut queue = self.shared.queue();
            queue.node_gone = true;
            if !queue.closed {
                queue.fail(LogError::Misuse("the log's node is gone"));
            }
        }
        self.shared.for_disk.notify_all();
        self.shared.wake_owner();
    }
}

fn new_core<D: Disk>(id: NodeId, applied: LogIndex, store: Store<D>) -> Result<RawNode<Store<D>>, LogError> {
    let config = Config {
        id: id.0,
        applied: applied.0,
        election_tick: ELECTION_TICKS,
        heartbeat_tick: HEARTBEAT_TICKS,
        check_quorum: true,
        pre_vote: true,
        max_size_per_msg: MESSAGE_BYTES_MAX,
        max_inflight_msgs: MESSAGES_IN_FLIGHT_MAX,
        max_uncommitted_size: UNCOMMITTED_BYTES_MAX,
        max_committed_size_per_ready: COMMITTED_BYTES_MAX,
        ..Config::default()
    };
    // Its lines would be one more thing to read; what matters comes as events and in the status.
    let nobody = slog::Logger::root(slog::Discard, slog::o!());
    RawNode::new(&config, store, &nobody).map_err(|_| LogError::Misuse("a node's number is not 0"))
}
