//! Which messages are stepped. The core panics where it is told what cannot be; a message that says so comes from a node that is broken or
//! from this one having lost what it promised, and neither may end the process without a word.

use super::Node;
use crate::error::damaged;
use evenkeel_disk::Disk;
use evenkeel_types::limits::ENTRY_BYTES_MAX;
use raft_proto::eraftpb::{Entry, EntryType, Message, MessageType};

impl<D: Disk> Node<D> {
    /// The message, if it may be stepped.
    pub(super) fn admit(&mut self, message: Message) -> Option<Message> {
        let raft = &self.core.raft;
        let from_member = message.from != 0 && message.from != self.id.0;
        // No node has a priority, and a candidate without enough of it would be refused in a term that a new node does not have: the core does not bear that.
        if message.to != self.id.0 || !from_member || message.term == 0 || message.priority != 0 {
            return None;
        }
        let last = raft.raft_log.last_index();
        match message.msg_type {
            MessageType::MsgAppend => {
                // The core takes 0 for the term of every entry that it does not have, so that a log would be continued behind its end.
                let has_term = (message.log_term == 0) == (message.index == 0);
                let follow = (message.index + 1..).zip(&message.entries).all(|(index, entry)| entry.index == index);
                let mut term = message.log_term;
                let rise = message.entries.iter().all(|entry| {
                    let rises = entry.term >= term && entry.term <= message.term;
                    // The segments begin each epoch with one; what did not would be damage to whoever opens them.
                    let begins_well = entry.term == term || is_fence(entry);
                    term = entry.term;
                    rises && begins_well && entry.data.len() <= ENTRY_BYTES_MAX
                });
                (has_term && follow && rise).then_some(message)
            }
            MessageType::MsgHeartbeat => {
                if message.term >= raft.term && message.commit > last {
                    // The leader speaks of no more than this node said that it has.
                    let what =
                        format!("it ends at entry {last}, and entries up to {} were acknowledged", message.commit);
                    self.fail(damaged("log", 0, what));
                    return None;
                }
                Some(message)
            }
            MessageType::MsgSnapshot => self.take_offer(message),
            // What a node says to have cannot lie beyond what the leader gave it.
            MessageType::MsgAppendResponse if !message.reject && message.term == raft.term && message.index > last => {
                None
            }
            MessageType::MsgAppendResponse
            | MessageType::MsgRequestVote
            | MessageType::MsgRequestVoteResponse
            | MessageType::MsgRequestPreVote
            | MessageType::MsgRequestPreVoteResponse
            | MessageType::MsgHeartbeatResponse
            | MessageType::MsgTimeoutNow => Some(message),
            // Never sent, or not used: the leader itself is asked to hand over, proposals are passed on by the doors, and reads go through the log.
            MessageType::MsgHup
            | MessageType::MsgBeat
            | MessageType::MsgPropose
            | MessageType::MsgUnreachable
            | MessageType::MsgSnapStatus
            | MessageType::MsgCheckQuorum
            | MessageType::MsgTransferLeader
            | MessageType::MsgReadIndex
            | MessageType::MsgReadIndexResp => None,
        }
    }
}

/// What a new leader writes first.
fn is_fence(entry: &Entry) -> bool {
    entry.entry_type == EntryType::EntryNormal && entry.data.is_empty()
}
