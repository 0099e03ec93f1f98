//! The messages. Names and meanings are those of the consensus crate's `eraftpb.proto`.

use crate::accessors::message;
use bytes::Bytes;
use protobuf::ProtobufError;

/// What an entry carries.
#[allow(clippy::enum_variant_names, reason = "the consensus crate's names")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EntryType {
    /// A batch, or nothing.
    #[default]
    EntryNormal = 0,
    /// A change of membership, in the older form.
    EntryConfChange = 1,
    /// Changes of membership.
    EntryConfChangeV2 = 2,
}

impl EntryType {
    /// The one of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::EntryNormal,
            1 => Self::EntryConfChange,
            2 => Self::EntryConfChangeV2,
            _ => return None,
        })
    }
}

/// What a message is.
#[allow(clippy::enum_variant_names, reason = "the consensus crate's names")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// Begin to campaign (never sent).
    #[default]
    MsgHup = 0,
    /// Send heartbeats (never sent).
    MsgBeat = 1,
    /// Append this.
    MsgPropose = 2,
    /// Entries for a follower.
    MsgAppend = 3,
    /// How far a follower has them.
    MsgAppendResponse = 4,
    /// Vote for me.
    MsgRequestVote = 5,
    /// Whether it did.
    MsgRequestVoteResponse = 6,
    /// The log begins later: take a snapshot.
    MsgSnapshot = 7,
    /// I lead.
    MsgHeartbeat = 8,
    /// I heard.
    MsgHeartbeatResponse = 9,
    /// A node was not reached (never sent).
    MsgUnreachable = 10,
    /// What became of a snapshot (never sent).
    MsgSnapStatus = 11,
    /// Look who is there (never sent).
    MsgCheckQuorum = 12,
    /// Lead instead of me.
    MsgTransferLeader = 13,
    /// Campaign at once.
    MsgTimeoutNow = 14,
    /// From which index on may I read?
    MsgReadIndex = 15,
    /// From that.
    MsgReadIndexResp = 16,
    /// Would you vote for me?
    MsgRequestPreVote = 17,
    /// Whether it would.
    MsgRequestPreVoteResponse = 18,
}

impl MessageType {
    /// The one of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::MsgHup,
            1 => Self::MsgBeat,
            2 => Self::MsgPropose,
            3 => Self::MsgAppend,
            4 => Self::MsgAppendResponse,
            5 => Self::MsgRequestVote,
            6 => Self::MsgRequestVoteResponse,
            7 => Self::MsgSnapshot,
            8 => Self::MsgHeartbeat,
            9 => Self::MsgHeartbeatResponse,
            10 => Self::MsgUnreachable,
            11 => Self::MsgSnapStatus,
            12 => Self::MsgCheckQuorum,
            13 => Self::MsgTransferLeader,
            14 => Self::MsgTimeoutNow,
            15 => Self::MsgReadIndex,
            16 => Self::MsgReadIndexResp,
            17 => Self::MsgRequestPreVote,
            18 => Self::MsgRequestPreVoteResponse,
            _ => return None,
        })
    }
}

/// How changes take effect.
#[allow(clippy::enum_variant_names, reason = "the consensus crate's names")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConfChangeTransition {
    /// Simply if it is one, else as `Implicit`.
    #[default]
    Auto = 0,
    /// Through a time with both memberships, which ends by itself.
    Implicit = 1,
    /// Through a time with both, which is ended by another change.
    Explicit = 2,
}

impl ConfChangeTransition {
    /// The one of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Auto,
            1 => Self::Implicit,
            2 => Self::Explicit,
            _ => return None,
        })
    }
}

/// What changes.
#[allow(clippy::enum_variant_names, reason = "the consensus crate's names")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConfChangeType {
    /// It votes.
    #[default]
    AddNode = 0,
    /// It is gone.
    RemoveNode = 1,
    /// It listens.
    AddLearnerNode = 2,
}

impl ConfChangeType {
    /// The one of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::AddNode,
            1 => Self::RemoveNode,
            2 => Self::AddLearnerNode,
            _ => return None,
        })
    }
}

message! {
    /// One entry of the log.
    Entry {
        /// What it carries.
        entry_type: EntryType [get_entry_type set_entry_type mut_entry_type take_entry_type copy],
        /// Under which term it was written.
        term: u64 [get_term set_term mut_term take_term copy],
        /// Its position.
        index: u64 [get_index set_index mut_index take_index copy],
        /// What was proposed; a change of membership, encoded; empty in the first entry of a term.
        data: Bytes [get_data set_data mut_data take_data borrow],
        /// What its proposer said beside.
        context: Bytes [get_context set_context mut_context take_context borrow],
        /// Not used.
        sync_log: bool [get_sync_log set_sync_log mut_sync_log take_sync_log copy],
    }
}

message! {
    /// Where a snapshot stands.
    SnapshotMetadata {
        /// Who is a member there.
        conf_state: ConfState [get_conf_state set_conf_state mut_conf_state take_conf_state borrow],
        /// The last index that it covers.
        index: u64 [get_index set_index mut_index take_index copy],
        /// The term of that index.
        term: u64 [get_term set_term mut_term take_term copy],
    }
}

message! {
    /// A snapshot. The state itself is streamed by others.
    Snapshot {
        /// Not used.
        data: Bytes [get_data set_data mut_data take_data borrow],
        /// Where it stands.
        metadata: SnapshotMetadata [get_metadata set_metadata mut_metadata take_metadata borrow],
    }
}

message! {
    /// What nodes say to each other.
    Message {
        /// What it is.
        msg_type: MessageType [get_msg_type set_msg_type mut_msg_type take_msg_type copy],
        /// To whom.
        to: u64 [get_to set_to mut_to take_to copy],
        /// From whom.
        from: u64 [get_from set_from mut_from take_from copy],
        /// The sender's term; 0 in what has none.
        term: u64 [get_term set_term mut_term take_term copy],
        /// The term of the entry at `index`.
        log_term: u64 [get_log_term set_log_term mut_log_term take_log_term copy],
        /// An index, by type: the entry before the first, the last that matched.
        index: u64 [get_index set_index mut_index take_index copy],
        /// Entries, in order.
        entries: Vec<Entry> [get_entries set_entries mut_entries take_entries borrow],
        /// How far all is committed.
        commit: u64 [get_commit set_commit mut_commit take_commit copy],
        /// The term of the entry at `commit`.
        commit_term: u64 [get_commit_term set_commit_term mut_commit_term take_commit_term copy],
        /// A snapshot's place.
        snapshot: Snapshot [get_snapshot set_snapshot mut_snapshot take_snapshot borrow],
        /// Which snapshot a follower asks for; 0 for none.
        request_snapshot: u64 [get_request_snapshot set_request_snapshot mut_request_snapshot take_request_snapshot copy],
        /// Whether it refuses.
        reject: bool [get_reject set_reject mut_reject take_reject copy],
        /// Where the sender's log may still agree.
        reject_hint: u64 [get_reject_hint set_reject_hint mut_reject_hint take_reject_hint copy],
        /// What travels with a heartbeat or a campaign.
        context: Bytes [get_context set_context mut_context take_context borrow],
        /// The priority of a candidate, if it is not negative.
        deprecated_priority: u64 [get_deprecated_priority set_deprecated_priority mut_deprecated_priority take_deprecated_priority copy],
        /// The priority of a candidate.
        priority: i64 [get_priority set_priority mut_priority take_priority copy],
    }
}

message! {
    /// What a node must never forget.
    HardState {
        /// The highest term it heard of.
        term: u64 [get_term set_term mut_term take_term copy],
        /// Whom it voted for in that term; 0 for nobody.
        vote: u64 [get_vote set_vote mut_vote take_vote copy],
        /// How far it knows all to be committed.
        commit: u64 [get_commit set_commit mut_commit take_commit copy],
    }
}

message! {
    /// Who is a member.
    ConfState {
        /// Who votes.
        voters: Vec<u64> [get_voters set_voters mut_voters take_voters slice],
        /// Who only listens.
        learners: Vec<u64> [get_learners set_learners mut_learners take_learners slice],
        /// Who voted before, while a change of several is under way.
        voters_outgoing: Vec<u64> [get_voters_outgoing set_voters_outgoing mut_voters_outgoing take_voters_outgoing slice],
        /// Who will only listen once that is over.
        learners_next: Vec<u64> [get_learners_next set_learners_next mut_learners_next take_learners_next slice],
        /// Whether it ends by itself.
        auto_leave: bool [get_auto_leave set_auto_leave mut_auto_leave take_auto_leave copy],
    }
}

message! {
    /// One change of membership, in the older form.
    ConfChange {
        /// What changes.
        change_type: ConfChangeType [get_change_type set_change_type mut_change_type take_change_type copy],
        /// Of whom.
        node_id: u64 [get_node_id set_node_id mut_node_id take_node_id copy],
        /// What its proposer said beside.
        context: Bytes [get_context set_context mut_context take_context borrow],
        /// Not used.
        id: u64 [get_id set_id mut_id take_id copy],
    }
}

message! {
    /// One change of one member.
    ConfChangeSingle {
        /// What changes.
        change_type: ConfChangeType [get_change_type set_change_type mut_change_type take_change_type copy],
        /// Of whom.
        node_id: u64 [get_node_id set_node_id mut_node_id take_node_id copy],
    }
}

message! {
    /// Changes of membership that take effect together.
    ConfChangeV2 {
        /// How.
        transition: ConfChangeTransition [get_transition set_transition mut_transition take_transition copy],
        /// Which.
        changes: Vec<ConfChangeSingle> [get_changes set_changes mut_changes take_changes borrow],
        /// What its proposer said beside.
        context: Bytes [get_context set_context mut_context take_context borrow],
    }
}
impl Snapshot {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.metadata.index == 0
    }
}

impl<Voters, Learners> From<(Voters, Learners)> for ConfState
where
    Voters: IntoIterator<Item = u64>,
    Learners: IntoIterator<Item = u64>,
{
    fn from((voters, learners): (Voters, Learners)) -> Self {
        let (voters, learners) = (voters.into_iter().collect(), learners.into_iter().collect());
        Self { voters, learners, ..Self::default() }
    }
}

/// Whether both say the same, in whatever order.
#[must_use]
pub fn conf_state_eq(one: &ConfState, other: &ConfState) -> bool {
    let sorted = |ids: &[u64]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    let all = |state: &ConfState| {
        [&state.voters, &state.learners, &state.voters_outgoing, &state.learners_next].map(|ids| sorted(ids))
    };
    all(one) == all(other) && one.auto_leave == other.auto_leave
}

impl protobuf::Message for Entry {
    fn compute_size(&self) -> u32 {
        // As it takes in a segment, about.
        u32::try_from(self.data.len() + self.context.len() + 64).unwrap_or(u32::MAX)
    }

    fn write_to_bytes(&self) -> Result<Vec<u8>, ProtobufError> {
        Err(ProtobufError::NoEncoding)
    }

    fn merge_from_bytes(&mut self, _: &[u8]) -> Result<(), ProtobufError> {
        Err(ProtobufError::NoEncoding)
    }
}
