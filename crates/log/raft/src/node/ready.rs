//! What the core has ready: entries and votes for the disk, messages that may go and messages that wait, and what is committed.

use super::Node;
use crate::{
    fault::{self, Fault},
    members::Members,
    message::Message,
    shared::{Job, JobEntry},
    votes::Record,
};
use bytes::Bytes;
use evenkeel_disk::Disk;
use evenkeel_log::{Entry, LogError, LogEvent, Role};
use evenkeel_log_local::EntryKind;
use evenkeel_types::{Epoch, LogIndex};
use protobuf::Message as _;
use raft::StateRole;
use raft_proto::eraftpb::{self, ConfChangeV2, EntryType};

/// What happens once a job is done.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) job: u64,
    /// The core's number of what it gave out.
    ready: Option<u64>,
    /// The last entry of it.
    last: Option<LogIndex>,
    messages: Vec<eraftpb::Message>,
    /// Whether what is told from here on waits, too.
    pub(super) holds_events: bool,
    pub(super) events: Vec<LogEvent>,
}

impl Waiting {
    /// Nothing but that the job is done.
    pub(super) fn of(job: u64) -> Self {
        Self { job, ..Self::default() }
    }
}

impl<D: Disk> Node<D> {
    /// Takes what the disk half has done. `true` if it has done something.
    pub(super) fn take_done(&mut self) -> bool {
        let done = self.shared.queue().done;
        let mut ready = None;
        let mut any = false;
        self.done = self.done.max(done);
        while self.waiting.front().is_some_and(|waiting| waiting.job <= self.done) {
            let Some(waiting) = self.waiting.pop_front() else { break };
            any = true;
            // What was synced before a truncation says nothing of what stands there now.
            if waiting.job >= self.truncated_in {
                ready = waiting.ready.or(ready);
                if let Some(last) = waiting.last {
                    self.core.mut_store().has_synced(last);
                }
            }
            self.outbox.extend(waiting.messages.into_iter().map(Message));
            self.publish(waiting.events);
        }
        if let Some(number) = ready {
            self.core.on_persist_ready(number);
        }
        any | self.finish_reset()
    }

    /// Takes what the core has ready. `true` if it had something.
    pub(super) fn take_ready(&mut self) -> bool {
        self.note_role();
        if self.resetting.is_some() || !self.core.has_ready() {
            return false;
        }
        let mut ready = self.core.ready();
        let mut votes_are_new = false;
        if let Some(hard) = ready.hs() {
            let known = &self.core.store().hard;
            votes_are_new = (known.term, known.vote) != (hard.term, hard.vote);
            self.core.mut_store().hard = hard.clone();
        }
        let entries = ready.take_entries();
        let truncate_after = self.core.mut_store().append(&entries);
        if let Some(after) = truncate_after {
            self.tickets.truncate(after);
            self.tell(LogEvent::Truncated { from: after.next() });
            self.tell_refusals();
        }
        let (at_once, later) = (ready.take_messages(), ready.take_persisted_messages());
        let committed = ready.take_committed_entries();
        let number = ready.number();
        if fault::on(Fault::AnnounceEarly) {
            self.announce();
        }
        let mut events = Vec::new();
        let mut members_are_new = false;
        for entry in &committed {
            members_are_new |= self.tell_committed(entry, &mut events);
        }
        self.core.advance_append_async(ready);
        if !committed.is_empty() {
            self.core.advance_apply();
        }
        let last = entries.last().map(|entry| LogIndex(entry.index));
        let votes = (votes_are_new || members_are_new).then(|| self.record());
        let job = Job { number: self.issued + 1, votes, reset: None, truncate_after, entries: Vec::new() };
        if truncate_after.is_some() {
            self.truncated_in = job.number;
        }
        if votes_are_new {
            self.voted_in = job.number;
        }
        if self.issued == self.done && entries.is_empty() && job.votes.is_none() {
            self.core.on_persist_ready(number);
            self.outbox.extend(at_once.into_iter().chain(later).map(Message));
            events.into_iter().for_each(|event| self.tell(event));
            return true;
        }
        let mut waiting = Waiting { ready: Some(number), last, ..Waiting::of(job.number) };
        // A leader's messages need not wait for its entries, but for its term.
        let unsynced_term = self.voted_in > self.done && !fault::on(Fault::SendBeforeVoteSync);
        if unsynced_term {
            waiting.messages = at_once;
        } else {
            self.outbox.extend(at_once.into_iter().map(Message));
        }
        let is_early = |message: &eraftpb::Message| {
            let answers_entries = message.msg_type == eraftpb::MessageType::MsgAppendResponse;
            fault::on(Fault::AckBeforeSync) && answers_entries
                || fault::on(Fault::SendBeforeVoteSync) && !answers_entries
        };
        let (early, later): (Vec<_>, Vec<_>) = later.into_iter().partition(is_early);
        self.outbox.extend(early.into_iter().map(Message));
        waiting.messages.extend(later);
        waiting.holds_events = members_are_new;
        if members_are_new {
            self.give(job, entries, waiting);
            events.into_iter().for_each(|event| self.tell(event));
        } else {
            events.into_iter().for_each(|event| self.tell(event));
            self.give(job, entries, waiting);
        }
        true
    }

    /// Gives the disk half a job.
    pub(super) fn give(&mut self, mut job: Job, entries: Vec<eraftpb::Entry>, waiting: Waiting) {
        job.entries = entries
            .into_iter()
            .map(|entry| {
                let kind = match entry.entry_type {
                    EntryType::EntryNormal if entry.data.is_empty() => EntryKind::Fence,
                    EntryType::EntryNormal => EntryKind::Batch,
                    EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => EntryKind::Membership,
                };
                JobEntry { epoch: Epoch(entry.term), kind, payload: entry.data }
            })
            .collect();
        self.issued = job.number;
        self.waiting.push_back(waiting);
        self.shared.queue().jobs.push_back(job);
        self.shared.for_disk.notify_all();
    }

    /// What must not be forgotten, as of now.
    pub(super) fn record(&self) -> Record {
        let store = self.core.store();
        let committed = LogIndex(self.core.raft.raft_log.committed).min(store.synced());
        Record {
            term: store.hard.term,
            vote: store.hard.vote,
            committed,
            members: store.members.clone(),
            members_index: store.members_index,
            base: self.base,
        }
    }

    /// `true` if it changed the members.
    fn tell_committed(&mut self, entry: &eraftpb::Entry, events: &mut Vec<LogEvent>) -> bool {
        let (index, epoch) = (LogIndex(entry.index), Epoch(entry.term));
        let is_change = entry.entry_type != EntryType::EntryNormal;
        let changed = is_change && self.change_takes_effect(index, &entry.data);
        let batch = if is_change { Bytes::new() } else { entry.data.clone() };
        let ticket = self.tickets.committed(index, entry.term);
        events.push(LogEvent::Committed { entry: Entry { index, epoch, batch }, ticket });
        while let Some(ticket) = self.tickets.next_refused() {
            if !fault::on(Fault::ForgetRefusals) {
                let reason = evenkeel_log::RefusedReason::Deposed;
                events.push(LogEvent::Refused { ticket, reason });
            }
        }
        let raft = &self.core.raft;
        if self.announced.is_none() && raft.state == StateRole::Leader && raft.term == entry.term {
            self.announced = Some(epoch);
            events.push(LogEvent::RoleChanged(Role::Owner(epoch)));
        }
        changed
    }

    /// A deliberate defect: the owner is told before its fence is committed.
    fn announce(&mut self) {
        let raft = &self.core.raft;
        if self.announced.is_none() && raft.state == StateRole::Leader {
            self.announced = Some(Epoch(raft.term));
            self.tell(LogEvent::RoleChanged(Role::Owner(Epoch(raft.term))));
        }
    }

    fn change_takes_effect(&mut self, index: LogIndex, data: &[u8]) -> bool {
        // After a restart entries are told again whose changes were written down.
        if index <= self.core.store().members_index {
            return false;
        }
        let mut change = ConfChangeV2::default();
        let applied = change
            .merge_from_bytes(data)
            .map_err(|_| ())
            .and_then(|()| self.core.apply_conf_change(&change).map_err(|_| ()));
        let Ok(state) = applied else {
            self.fail(LogError::Misuse("a committed change of members cannot be read"));
            return false;
        };
        let members = Members::from(&state);
        if !members.fits() {
            // No sound leader proposes it. The vote file has no room for them.
            self.fail(LogError::Misuse("a committed change of members makes more of them than there can be"));
            return false;
        }
        self.shared.kept_by(&members);
        self.core.mut_store().set_members(members, index);
        !fault::on(Fault::ForgetMembers)
    }
}
