//! Snapshots: what a leader offers, what a follower is offered, and how a log goes on after one.
//!
//! The state is not the log's affair. A leader's application says which state it would stream ([`crate::RaftLog::offer_snapshot`]); a follower that is too far
//! behind is told which one there is ([`crate::RaftLog::wanted_snapshot`]), fetches it by ways of its own, and calls `install_snapshot`.

use super::{Node, new_core, ready::Waiting};
use crate::{
    limits::{OFFERS_MAX, SNAPSHOT_TICKS},
    members::{Members, NodeId},
    message::Message,
    shared::{Job, Offer},
    store::Store,
    votes::Record,
};
use evenkeel_disk::Disk;
use evenkeel_log::{LogError, LogEvent};
use evenkeel_types::{Epoch, LogIndex};
use raft::{ProgressState, SnapshotStatus, StateRole};
use raft_proto::eraftpb::{self, HardState, MessageType};

/// A log that is about to go on after a snapshot.
pub(super) struct Reset {
    job: u64,
    at: LogIndex,
    epoch: Epoch,
    hard: HardState,
    members: (Members, LogIndex),
    /// The leader that is to hear of it.
    from: Option<NodeId>,
    /// This node led, and is to lead again.
    led: bool,
}

impl<D: Disk> Node<D> {
    /// A message that offers a snapshot. It is stepped only if nothing of it is needed, so that the leader hears how far this node is.
    pub(super) fn take_offer(&mut self, message: eraftpb::Message) -> Option<eraftpb::Message> {
        let raft = &self.core.raft;
        let offered = &message.snapshot.metadata;
        let (at, epoch) = (LogIndex(offered.index), Epoch(offered.term));
        // The core takes 0 for the epoch of every entry that it does not have.
        if message.term < raft.term || at.0 == 0 || epoch.0 == 0 || epoch.0 > message.term {
            return None;
        }
        if self.has(at, epoch) {
            return Some(message);
        }
        let members = Members::from(&offered.conf_state);
        if !members.contains(self.id) || !members.fits() {
            // It was made before this node was a member. There will be a newer one.
            return None;
        }
        let offer = Offer { from: NodeId(message.from), at, epoch, members };
        self.offered.retain(|known| (known.at, known.epoch) != (at, epoch));
        if self.offered.len() >= OFFERS_MAX {
            self.offered.pop_front();
        }
        self.offered.push_back(offer.clone());
        self.shared.queue().wanted = Some(offer);
        self.woken = true;
        self.work();
        None
    }

    /// Whether nothing of a snapshot is needed. One at the last committed entry, but of another epoch, is: its owner restored it there, in the
    /// place of all that was.
    fn has(&self, at: LogIndex, epoch: Epoch) -> bool {
        let log = &self.core.raft.raft_log;
        at.0 < log.committed || log.match_term(at.0, epoch.0)
    }

    /// Asks followers anew that were offered a snapshot long ago: either message may have been lost.
    pub(super) fn retry_snapshots(&mut self) {
        if self.core.raft.state != StateRole::Leader {
            self.snapshot_ticks.clear();
            return;
        }
        let progress = self.core.raft.prs().iter();
        let mut waiting: Vec<u64> =
            progress.filter(|(_, progress)| progress.state == ProgressState::Snapshot).map(|(id, _)| *id).collect();
        waiting.sort_unstable();
        self.snapshot_ticks.retain(|id, _| waiting.contains(id));
        for id in waiting {
            let ticks = self.snapshot_ticks.entry(id).or_default();
            *ticks += 1;
            if *ticks >= SNAPSHOT_TICKS {
                self.snapshot_ticks.remove(&id);
                self.core.report_snapshot(id, SnapshotStatus::Failure);
            }
        }
    }

    /// Takes what the owner wants with snapshots. `true` if a reset was begun.
    pub(super) fn take_reset(&mut self) -> bool {
        if self.resetting.is_some() {
            return false;
        }
        let committed = LogIndex(self.core.raft.raft_log.committed);
        let (reset, offer) = {
            let mut queue = self.shared.queue();
            if queue.wanted.as_ref().is_some_and(|wanted| self.has(wanted.at, wanted.epoch)) {
                queue.wanted = None;
            }
            (queue.reset.take(), queue.offer.take())
        };
        if let Some(at) = offer {
            self.core.mut_store().offer(at);
        }
        let Some((at, epoch)) = reset else { return false };
        if at < committed {
            self.fail(LogError::Misuse("the log has gone past the snapshot that is to replace it"));
            return true;
        }
        let found = self.offered.iter().find(|known| (known.at, known.epoch) == (at, epoch));
        let store = self.core.store();
        let (members, from) = match found {
            Some(offer) => ((offer.members.clone(), at), Some(offer.from)),
            // An owner's own restore: whoever was a member still is.
            None => ((store.members.clone(), store.members_index), None),
        };
        let known = &store.hard;
        let vote = if epoch.0 > known.term { 0 } else { known.vote };
        let hard = HardState { term: known.term.max(epoch.0), vote, commit: at.0 };
        let old = self.record();
        self.base = (at, epoch);
        // First what the log begins with, and only then the log itself: whoever finds the state ahead of the log can finish it.
        let (term, base) = (hard.term, self.base);
        let record =
            Record { term, vote, committed: old.committed, members: members.0.clone(), members_index: members.1, base };
        let job = Job { number: self.issued + 1, votes: Some(record), reset: Some((at, epoch)), ..Job::default() };
        let led = self.core.raft.state == StateRole::Leader;
        self.resetting = Some(Reset { job: job.number, at, epoch, hard, members, from, led });
        self.announced = None;
        (self.truncated_in, self.voted_in) = (job.number, job.number);
        let waiting = Waiting::of(job.number);
        self.give(job, Vec::new(), waiting);
        true
    }

    /// Goes on after a snapshot, if that is on the disk by now.
    pub(super) fn finish_reset(&mut self) -> bool {
        if self.resetting.as_ref().is_none_or(|reset| reset.job > self.done) {
            return false;
        }
        let Some(Reset { at, epoch, hard, members, from, led, .. }) = self.resetting.take() else { return false };
        let term = hard.term;
        self.shared.kept_by(&members.0);
        let reader = self.core.store().reader().clone();
        let mut store = Store::new(reader, vec![(at, epoch)], at, hard, members);
        // The owner holds this state.
        store.offer(at);
        match new_core(self.id, at, store) {
            Ok(core) => self.core = core,
            Err(error) => {
                self.fail(error);
                return true;
            }
        }
        self.draw_timeout();
        self.offered.clear();
        self.snapshot_ticks.clear();
        {
            let mut queue = self.shared.queue();
            queue.events.clear();
            queue.wanted = None;
        }
        self.publish(vec![LogEvent::SnapshotInstalled { at }]);
        if let Some(leader) = from {
            // So that it goes on at once. If this is lost, it asks again.
            self.outbox.push(Message(eraftpb::Message {
                msg_type: MessageType::MsgAppendResponse,
                to: leader.0,
                from: self.id.0,
                term,
                index: at.0,
                commit: at.0,
                ..eraftpb::Message::default()
            }));
        }
        if led {
            self.campaign();
        }
        true
    }
}
