//! What nodes say to each other, and its bytes.
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | XXH3-64 of all that follows |
//! | 8 | 1 | version: 1 |
//! | 9 | 1 | what it is: the consensus crate's number of it |
//! | 10 | 1 | 1 if it refuses |
//! | 11 | 1 | bytes of context |
//! | 12 | 4 | count of entries |
//! | 16 | 8 each | to, from, term, term of the entry at index, index, committed, term of that, snapshot asked for, hint, priority |
//! | 96 | n | context |
//! | .. | | entries: 1 byte kind (as in a segment), 3 zero, 4 bytes of payload, 8 epoch, and the payload. Their indexes follow the message's |
//! | .. | | in an offer of a snapshot: index and epoch, then the members: four counts, 1 if the change ends by itself, 3 zero, 8 each, in order |
//!
//! Nothing here panics, or allocates by what the bytes say. A message has one encoding: what is read is written back to the same bytes.

use crate::{
    limits::{CONTEXT_BYTES_MAX, ENTRIES_MAX, MEMBERS_MAX, NUMBER_MAX},
    members::{Members, NodeId},
};
use bytes::{Buf, Bytes};
use evenkeel_types::limits::ENTRY_BYTES_MAX;
use raft_proto::eraftpb::{self, Entry, EntryType, MessageType, Snapshot, SnapshotMetadata};
use xxhash_rust::xxh3::xxh3_64;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 96;
const ENTRY_HEADER_BYTES: usize = 16;

/// A message of one node's log to another's. Only whom it is for and whom it is from concerns others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(pub(crate) eraftpb::Message);

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of a log: {0}")]
pub struct MessageError(pub &'static str);

impl Message {
    /// For whom it is.
    #[must_use]
    pub fn to(&self) -> NodeId {
        NodeId(self.0.to)
    }

    /// From whom it says that it is. Whoever carries messages compares that with who sent it.
    #[must_use]
    pub fn from(&self) -> NodeId {
        NodeId(self.0.from)
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let entries: usize = self.0.entries.iter().map(|entry| ENTRY_HEADER_BYTES + entry.data.len()).sum();
        HEADER_BYTES + entries
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let message = &self.0;
        let mut bytes = Vec::with_capacity(self.bytes() + 512);
        bytes.extend_from_slice(&[0; 8]);
        let context = u8::try_from(message.context.len()).unwrap_or(u8::MAX);
        bytes.extend_from_slice(&[VERSION, message.msg_type as u8, u8::from(message.reject), context]);
        bytes.extend_from_slice(&u32::try_from(message.entries.len()).unwrap_or(u32::MAX).to_le_bytes());
        for number in [
            message.to,
            message.from,
            message.term,
            message.log_term,
            message.index,
            message.commit,
            message.commit_term,
            message.request_snapshot,
            message.reject_hint,
        ] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&message.priority.to_le_bytes());
        bytes.extend_from_slice(&message.context);
        for entry in &message.entries {
            bytes.extend_from_slice(&[kind_number(entry), 0, 0, 0]);
            bytes.extend_from_slice(&u32::try_from(entry.data.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend_from_slice(&entry.term.to_le_bytes());
            bytes.extend_from_slice(&entry.data);
        }
        if message.msg_type == MessageType::MsgSnapshot {
            encode_offer(&message.snapshot.metadata, &mut bytes);
        }
        let checksum = bytes.get(8..).map_or(0, xxh3_64);
        for (to, from) in bytes.iter_mut().zip(checksum.to_le_bytes()) {
            *to = from;
        }
        bytes
    }

    /// Reads a message. Its entries are slices of `bytes`.
    ///
    /// # Errors
    /// The bytes are not one, or say what cannot be.
    pub fn decode(mut bytes: Bytes) -> Result<Self, MessageError> {
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>().copied() else {
            return Err(MessageError("shorter than its header"));
        };
        let number = |at: usize| header.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b));
        if bytes.get(8..).map(xxh3_64) != Some(number(0)) {
            return Err(MessageError("it does not check"));
        }
        let [version, kind, reject, context] = [8, 9, 10, 11].map(|at| header.get(at).copied().unwrap_or(0));
        if version != VERSION {
            return Err(MessageError("of another version"));
        }
        let msg_type = MessageType::from_number(kind).ok_or(MessageError("of no known kind"))?;
        if reject > 1
            || usize::from(context) > CONTEXT_BYTES_MAX
            || (16..88).step_by(8).any(|at| number(at) > NUMBER_MAX)
        {
            return Err(MessageError("its numbers cannot be"));
        }
        let mut message = eraftpb::Message { msg_type, reject: reject == 1, ..eraftpb::Message::default() };
        [message.to, message.from, message.term, message.log_term, message.index] = [16, 24, 32, 40, 48].map(number);
        [message.commit, message.commit_term, message.request_snapshot, message.reject_hint] =
            [56, 64, 72, 80].map(number);
        message.priority = i64::from_le_bytes(number(88).to_le_bytes());
        message.deprecated_priority = u64::try_from(message.priority).unwrap_or(0);
        let entries = usize::try_from(number(8) >> 32).unwrap_or(usize::MAX);
        if entries > ENTRIES_MAX {
            return Err(MessageError("more entries than there can be"));
        }
        bytes.advance(HEADER_BYTES);
        message.context = take(&mut bytes, usize::from(context))?;
        let mut index = message.index;
        for _ in 0..entries {
            index += 1;
            message.entries.push(decode_entry(&mut bytes, index)?);
        }
        if msg_type == MessageType::MsgSnapshot {
            message.snapshot = Snapshot { data: Bytes::new(), metadata: decode_offer(&mut bytes)? };
        }
        if !bytes.is_empty() {
            return Err(MessageError("longer than it says"));
        }
        Ok(Self(message))
    }
}

fn take(bytes: &mut Bytes, count: usize) -> Result<Bytes, MessageError> {
    if bytes.len() < count { Err(MessageError("shorter than it says")) } else { Ok(bytes.split_to(count)) }
}

fn take_number(bytes: &mut Bytes) -> Result<u64, MessageError> {
    let number = bytes.try_get_u64_le().map_err(|_| MessageError("shorter than it says"))?;
    if number > NUMBER_MAX { Err(MessageError("its numbers cannot be")) } else { Ok(number) }
}

/// As in a segment: 1 batch, 2 fence, 3 membership.
fn kind_number(entry: &Entry) -> u8 {
    match entry.entry_type {
        EntryType::EntryNormal if entry.data.is_empty() => 2,
        EntryType::EntryNormal => 1,
        EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => 3,
    }
}

fn decode_entry(bytes: &mut Bytes, index: u64) -> Result<Entry, MessageError> {
    let header = take(bytes, 8)?;
    let kind = header.first().copied().unwrap_or(0);
    if header.get(1..4) != Some(&[0; 3]) {
        return Err(MessageError("an entry is not what it says"));
    }
    let payload_bytes = header.get(4..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b));
    let payload_bytes = usize::try_from(payload_bytes).unwrap_or(usize::MAX);
    let term = take_number(bytes)?;
    if payload_bytes > ENTRY_BYTES_MAX {
        return Err(MessageError("an entry is larger than one can be"));
    }
    let data = take(bytes, payload_bytes)?;
    let entry_type = match kind {
        1 | 2 => EntryType::EntryNormal,
        3 => EntryType::EntryConfChangeV2,
        _ => return Err(MessageError("an entry of no known kind")),
    };
    let entry = Entry { entry_type, term, index, data, ..Entry::default() };
    if kind_number(&entry) == kind { Ok(entry) } else { Err(MessageError("an entry is not what it says")) }
}

fn encode_offer(offer: &SnapshotMetadata, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&offer.index.to_le_bytes());
    bytes.extend_from_slice(&offer.term.to_le_bytes());
    let members = Members::from(&offer.conf_state);
    let lists = members.lists();
    bytes.extend(lists.iter().map(|list| u8::try_from(list.len()).unwrap_or(u8::MAX)));
    bytes.extend_from_slice(&[u8::from(members.leaves_by_itself), 0, 0, 0]);
    lists.iter().flat_map(|list| list.iter()).for_each(|node| bytes.extend_from_slice(&node.0.to_le_bytes()));
}

fn decode_offer(bytes: &mut Bytes) -> Result<SnapshotMetadata, MessageError> {
    let (index, term) = (take_number(bytes)?, take_number(bytes)?);
    let head = take(bytes, 8)?;
    let leaves_by_itself = match head.get(4..) {
        Some([flag @ (0 | 1), 0, 0, 0]) => *flag == 1,
        _ => return Err(MessageError("its members cannot be")),
    };
    let mut list = |number: usize| -> Result<Vec<NodeId>, MessageError> {
        let count = usize::from(head.get(number).copied().unwrap_or(0));
        if count > MEMBERS_MAX {
            return Err(MessageError("more members than there can be"));
        }
        let nodes = (0..count).map(|_| Ok(NodeId(take_number(bytes)?))).collect::<Result<Vec<_>, _>>()?;
        // As they are written, and nobody twice.
        if nodes.is_sorted_by(|one, next| one < next) { Ok(nodes) } else { Err(MessageError("its members cannot be")) }
    };
    let members = Members {
        voters: list(0)?,
        learners: list(1)?,
        voters_before: list(2)?,
        learners_next: list(3)?,
        leaves_by_itself,
    };
    if !members.is_sound() {
        return Err(MessageError("its members cannot be"));
    }
    Ok(SnapshotMetadata { conf_state: (&members).into(), index, term })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: u64, term: u64, data: &'static [u8]) -> Entry {
        Entry { index, term, data: Bytes::from_static(data), ..Entry::default() }
    }

    fn messages() -> Vec<Message> {
        let mut append = eraftpb::Message {
            msg_type: MessageType::MsgAppend,
            to: 2,
            from: 1,
            term: 9,
            log_term: 8,
            index: 41,
            commit: 40,
            ..eraftpb::Message::default()
        };
        let mut change = entry(44, 9, b"\0\0");
        change.entry_type = EntryType::EntryConfChangeV2;
        append.entries = vec![entry(42, 9, b""), entry(43, 9, b"a batch"), change];
        let vote = eraftpb::Message {
            msg_type: MessageType::MsgRequestVote,
            context: Bytes::from_static(b"CampaignTransfer"),
            priority: -3,
            ..append.clone()
        };
        let vote = eraftpb::Message { entries: Vec::new(), ..vote };
        let conf_state = (&Members {
            voters: vec![NodeId(1), NodeId(2)],
            learners: vec![NodeId(5)],
            voters_before: vec![NodeId(1), NodeId(4)],
            learners_next: vec![NodeId(4)],
            leaves_by_itself: true,
        })
            .into();
        let offer = eraftpb::Message {
            msg_type: MessageType::MsgSnapshot,
            snapshot: Snapshot { data: Bytes::new(), metadata: SnapshotMetadata { conf_state, index: 70, term: 6 } },
            ..vote.clone()
        };
        vec![Message(append), Message(vote), Message(offer)]
    }

    #[test]
    fn a_message_reads_back_and_every_flipped_bit_is_found() {
        for message in messages() {
            let bytes = message.encode();
            assert_eq!(Message::decode(bytes.clone().into()), Ok(message));
            for bit in 0..bytes.len() * 8 {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(Message::decode(bytes.into()).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_also_behind_a_right_checksum() {
        for message in messages() {
            let bytes = message.encode();
            for at in 8..bytes.len() {
                for byte in [0, 1, 5, 0x7F, 0xFF] {
                    let mut bytes = bytes.clone();
                    bytes[at] = byte;
                    let checksum = xxh3_64(&bytes[8..]).to_le_bytes();
                    bytes[..8].copy_from_slice(&checksum);
                    // Whatever it says now, it is refused, or read as just that.
                    if let Ok(read) = Message::decode(bytes.clone().into()) {
                        assert_eq!(read.encode(), bytes, "byte {at} is {byte}");
                    }
                }
            }
            for len in 0..bytes.len() {
                let mut bytes = bytes[..len].to_vec();
                if len >= 8 {
                    let checksum = xxh3_64(&bytes[8..]).to_le_bytes();
                    bytes[..8].copy_from_slice(&checksum);
                }
                assert!(Message::decode(bytes.into()).is_err(), "cut to {len}");
            }
        }
    }

    /// The core ends the process over members that no changes lead to.
    #[test]
    fn an_offer_of_members_that_cannot_be_is_refused() {
        let nodes = |numbers: &[u64]| numbers.iter().copied().map(NodeId).collect::<Vec<_>>();
        let decoded = |[voters, learners, voters_before, learners_next]: [&[u64]; 4], leaves_by_itself| {
            let (voters, learners) = (nodes(voters), nodes(learners));
            let (voters_before, learners_next) = (nodes(voters_before), nodes(learners_next));
            let members = Members { voters, learners, voters_before, learners_next, leaves_by_itself };
            let metadata = SnapshotMetadata { conf_state: (&members).into(), index: 70, term: 6 };
            let snapshot = Snapshot { data: Bytes::new(), metadata };
            let offer =
                eraftpb::Message { msg_type: MessageType::MsgSnapshot, snapshot, ..eraftpb::Message::default() };
            Message::decode(Message(offer).encode().into())
        };
        assert!(decoded([&[1, 2], &[5], &[], &[]], false).is_ok());
        assert!(decoded([&[1, 2], &[5], &[1, 4], &[4]], true).is_ok());
        assert!(decoded([&[], &[5], &[], &[]], false).is_err(), "nobody votes");
        assert!(decoded([&[1, 2], &[2], &[], &[]], false).is_err(), "it votes and only listens");
        assert!(decoded([&[1, 2], &[4], &[1, 4], &[]], false).is_err(), "it voted and only listens");
        assert!(decoded([&[1, 2], &[5], &[1, 4], &[2]], false).is_err(), "it votes and will only listen");
        assert!(decoded([&[1, 2], &[5], &[1, 4], &[6]], false).is_err(), "it will only listen, and never voted");
        assert!(decoded([&[1, 2], &[], &[], &[]], true).is_err(), "there is no change to end");
    }

    /// An entry takes several times as much in memory as the few bytes that an empty one takes on its way.
    #[test]
    fn more_entries_than_anybody_sends_are_refused() {
        let with = |count: usize| {
            let append = eraftpb::Message { msg_type: MessageType::MsgAppend, ..eraftpb::Message::default() };
            let entries = (1..=count as u64).map(|index| entry(index, 1, b"")).collect();
            Message(eraftpb::Message { entries, ..append })
        };
        let most = with(ENTRIES_MAX);
        assert_eq!(Message::decode(most.encode().into()), Ok(most));
        assert!(Message::decode(with(ENTRIES_MAX + 1).encode().into()).is_err());
        // What a leader sends at most takes that much or less.
        assert!(ENTRIES_MAX as u64 >= crate::limits::MESSAGE_BYTES_MAX / 64);
    }
}
