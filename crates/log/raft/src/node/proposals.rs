//! What the owner proposes: into the core if this node still reigns under the epoch that the owner believes in, refused if not.

use super::Node;
use crate::{
    fault::{self, Fault},
    limits::MESSAGE_BYTES_MAX,
};
use evenkeel_disk::Disk;
use evenkeel_log::{LogEvent, RefusedReason};
use evenkeel_types::LogIndex;
use raft_proto::eraftpb::{self, Entry, MessageType};

impl<D: Disk> Node<D> {
    /// Takes what the owner proposed, one message's worth. `true` if there was something.
    pub(super) fn take_proposals(&mut self) -> bool {
        // First: the core of a node that was just deposed would pass proposals on to the new leader, and say that it took them.
        self.note_role();
        let term = self.core.raft.term;
        let (mut entries, mut tickets, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut refused = false;
        {
            let mut queue = self.shared.queue();
            while bytes < MESSAGE_BYTES_MAX {
                let Some(proposal) = queue.proposals.front() else { break };
                let reigns = self.announced == Some(proposal.epoch)
                    || self.announced.is_some() && fault::on(Fault::AcceptStaleProposals);
                if !reigns && !entries.is_empty() {
                    break;
                }
                let Some(proposal) = queue.proposals.pop_front() else { break };
                if reigns {
                    bytes += proposal.batch.len() as u64;
                    entries.push(Entry { data: proposal.batch.clone(), ..Entry::default() });
                    tickets.push(proposal);
                } else {
                    queue.proposals_bytes -= proposal.batch.len() as u64;
                    self.tickets.refuse(proposal.ticket);
                    refused = true;
                }
            }
        }
        self.tell_refusals();
        if entries.is_empty() {
            return refused;
        }
        let message = eraftpb::Message {
            msg_type: MessageType::MsgPropose,
            from: self.id.0,
            entries,
            ..eraftpb::Message::default()
        };
        let first = self.core.raft.raft_log.last_index() + 1;
        match self.core.raft.step(message) {
            Ok(()) => {
                for (proposal, index) in tickets.into_iter().zip(first..) {
                    self.shared.queue().proposals_bytes -= proposal.batch.len() as u64;
                    self.tickets.stands_at(proposal.ticket, LogIndex(index), term);
                }
                self.may_propose = true;
                true
            }
            // As much as may be without a majority's word is, or the leader is about to hand over: they wait.
            Err(_) => {
                self.may_propose = false;
                let mut queue = self.shared.queue();
                tickets.into_iter().rev().for_each(|proposal| queue.proposals.push_front(proposal));
                refused
            }
        }
    }

    pub(super) fn tell_refusals(&mut self) {
        while let Some(ticket) = self.tickets.next_refused() {
            if !fault::on(Fault::ForgetRefusals) {
                self.tell(LogEvent::Refused { ticket, reason: RefusedReason::Deposed });
            }
        }
    }
}
