//! Any bytes as a message of one node's log to another's, and as a change of membership; and whole conversations with a node, whose log must bear
//! whatever a member says.
//!
//! The bytes of messages are made here from the tables in `crates/log/raft`, not by its writer, so that the two are compared.

use evenkeel_disk::MemDisk;
use evenkeel_log::{Log as _, LogError, LogEvent};
use evenkeel_log_local::LogId;
use evenkeel_log_raft::{Members, Message, Node, NodeId, Opened, Options, RaftLog, Start, Writer};
use evenkeel_types::LogIndex;
use protobuf::Message as _;
use raft_proto::eraftpb::ConfChangeV2;
use std::{collections::BTreeMap, path::Path};
use xxhash_rust::xxh3::xxh3_64;

const THIS: u64 = 1;
/// Kinds of messages, by the consensus crate's numbers.
const APPEND: u8 = 3;
const APPENDED: u8 = 4;
const ASK_VOTE: u8 = 5;
const VOTE: u8 = 6;
const OFFER: u8 = 7;
const HEARTBEAT: u8 = 8;
const HEARD: u8 = 9;
const CAMPAIGN_NOW: u8 = 14;
const ASK_EARLY_VOTE: u8 = 17;
const EARLY_VOTE: u8 = 18;

/// A message is never larger than what it says of itself and this: a context, and an offer's members.
const BESIDE_BYTES: usize = 512;
/// Of a message, about.
const BYTES_MAX: usize = 60_000;

/// Panics if reading them as a message does, or if one has two encodings. The checksum is made right, too, so that the rest is reached.
pub fn judge_message(bytes: &[u8]) {
    read(bytes);
    if let Some(rest) = bytes.get(8..) {
        read(&sealed(rest));
    }
}

fn read(bytes: &[u8]) -> Option<Message> {
    let message = Message::decode(bytes.to_vec().into()).ok()?;
    assert_eq!(message.encode(), bytes, "a message has one encoding");
    assert!(bytes.len() <= message.bytes() + BESIDE_BYTES, "what waits for a connection is counted");
    Some(message)
}

/// Panics if reading them as a change of membership does, or if one has two encodings. No bytes are one as well: the consensus crate writes it so.
pub fn judge_change(bytes: &[u8]) {
    let mut change = ConfChangeV2::default();
    if change.merge_from_bytes(bytes).is_ok() {
        let written = change.write_to_bytes().expect("what was read can be written");
        assert!(written == bytes || bytes.is_empty() && written == [0, 0], "a change has one encoding");
    }
}

/// The first byte says how the node stands, the rest is what it is told: messages without their checksums, each behind its length (2 bytes). Panics if
/// the node does, or breaks what the others rely on: see [`Ear`]. Then its power is cut, it is started again and told the same once more.
pub fn judge_conversation(bytes: &[u8]) {
    let Some((&standing, mut rest)) = bytes.split_first() else { return };
    let mut messages = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(behind.len());
        let (said, behind) = behind.split_at(length);
        messages.extend(read(&sealed(said)));
        rest = behind;
    }
    let mut ear = Ear::default();
    let disk = MemDisk::new(7);
    let (mut talk, _) = Talk::open(&disk, standing, Start::New(members(standing)), 0);
    talk.prepare(standing, &mut ear);
    talk.tell(&messages, standing, &mut ear);
    let (installed, members) = (talk.installed, talk.node.status().members);
    drop(talk);
    disk.crash();
    ear.committed = None;
    let (mut talk, opened) = Talk::open(&disk, standing, Start::Again, installed);
    assert!(opened.term >= ear.term, "what it said in a term was written down before");
    assert_eq!(opened.members, members, "who the members are was written down when it took effect");
    talk.tell(&messages, standing, &mut ear);
}

/// Hears what a node says, and remembers what it promised.
#[derive(Default)]
struct Ear {
    /// The highest term that it spoke in.
    term: u64,
    /// Whom it gave its vote, by term.
    votes: BTreeMap<u64, u64>,
    /// The last entry that it told its owner of, in this life.
    committed: Option<LogIndex>,
}

impl Ear {
    /// Panics if what is said cannot be read by another, is another's, or gives a second vote in one term.
    fn hear(&mut self, message: &Message) {
        let bytes = message.encode();
        let number =
            |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b));
        let (to, from, term) = (number(16), number(24), number(32));
        assert_eq!((from, message.from(), message.to()), (THIS, NodeId(THIS), NodeId(to)));
        assert_ne!(to, THIS, "it does not speak to itself");
        if term < evenkeel_log_raft::limits::NUMBER_MAX {
            assert_eq!(Message::decode(bytes.clone().into()).as_ref(), Ok(message), "others can read it");
        }
        if let Some([kind, reject]) = bytes.get(9..).and_then(|rest| rest.first_chunk()) {
            // One that asks whether it might win speaks of a term that it has not begun.
            if ![ASK_EARLY_VOTE, EARLY_VOTE].contains(kind) {
                self.term = self.term.max(term);
            }
            if (*kind, *reject) == (VOTE, 0) {
                assert_eq!(*self.votes.entry(term).or_insert(to), to, "one vote in term {term}");
            }
        }
    }
}

/// A node on a disk in memory, and whoever listens to it.
struct Talk {
    log: RaftLog<MemDisk>,
    node: Node<MemDisk>,
    writer: Writer<MemDisk>,
    /// The snapshot that it went on after last.
    installed: u64,
    has_failed: bool,
}

/// Who the members are at first: alone; not one of them; one of three.
fn members(standing: u8) -> Members {
    match standing % 5 {
        0 => Members::of(&[NodeId(THIS)]),
        1 => Members::of(&[NodeId(2), NodeId(3)]),
        _ => Members::of(&[NodeId(THIS), NodeId(2), NodeId(3)]),
    }
}

impl Talk {
    fn open(disk: &MemDisk, standing: u8, start: Start, applied: u64) -> (Self, Opened) {
        let usual = Options::new(LogId([9; 16]), NodeId(THIS), start);
        let options = Options { segment_bytes: 8_192, seed: u64::from(standing), ..usual };
        let opened = RaftLog::open(disk.clone(), Path::new("log"), &options, LogIndex(applied));
        let (log, node, writer, opened) = opened.expect("no message harms what is on the disk");
        (Self { log, node, writer, installed: applied, has_failed: false }, opened)
    }

    /// A follower with entries, a candidate, or a leader.
    fn prepare(&mut self, standing: u8, ear: &mut Ear) {
        let mut tell = |said: Vec<u8>| {
            let said = read(&sealed(&said)).expect("a good message");
            self.tell(&[said], 0, ear);
        };
        match standing % 5 {
            2 => tell(append(2, 0, 0, 2, &[(2, 2, b""), (1, 2, b"one"), (1, 2, b"two")])),
            3 => self.campaign(ear),
            4 => {
                self.campaign(ear);
                self.tell(&[read(&sealed(&say(VOTE, 2, 1, &[]))).expect("a vote")], 0, ear);
                assert!(self.node.status().leads(), "it won");
                let appended = read(&sealed(&say(APPENDED, 2, 1, &[(Number::Index, 1)]))).expect("an answer");
                self.tell(&[appended], 0, ear);
                assert!(self.node.status().owns.is_some(), "its fence is committed");
            }
            _ => self.go_on(ear),
        }
    }

    fn campaign(&mut self, ear: &mut Ear) {
        self.node.campaign();
        self.go_on(ear);
    }

    /// Bits of `standing` say what else happens: time goes by, the owner installs what is offered, and proposes.
    fn tell(&mut self, messages: &[Message], standing: u8, ear: &mut Ear) {
        self.go_on(ear);
        for message in messages {
            if self.has_failed {
                return;
            }
            let before = self.node.status();
            self.node.step(message.clone());
            self.go_on(ear);
            let now = self.node.status();
            assert!(before.term <= now.term && before.committed <= now.committed && now.committed <= now.last);
            assert!(!now.members.voters.is_empty(), "somebody votes");
            if standing & 0x20 != 0 {
                self.node.tick();
            }
            if standing & 0x40 != 0 {
                self.install(ear);
            }
            if standing & 0x80 != 0 && self.log.propose(b"a batch".as_slice().into()).is_ok() {
                self.log.offer_snapshot(LogIndex(u64::MAX));
            }
            self.go_on(ear);
        }
    }

    /// Works and listens until there is nothing left to do.
    fn go_on(&mut self, ear: &mut Ear) {
        loop {
            let mut worked = false;
            while self.writer.step() {
                worked = true;
            }
            worked |= self.node.work();
            self.node.take_messages().iter().for_each(|message| ear.hear(message));
            while let Some(event) = self.log.poll() {
                worked = true;
                self.hear(event, ear);
            }
            if !worked {
                return;
            }
        }
    }

    fn hear(&mut self, event: LogEvent, ear: &mut Ear) {
        match event {
            LogEvent::Committed { entry, .. } => {
                let next = ear.committed.map_or(entry.index, LogIndex::next);
                assert_eq!(entry.index, next, "entries are told in order");
                ear.committed = Some(entry.index);
            }
            LogEvent::Truncated { from } => {
                assert!(ear.committed.is_none_or(|last| from > last), "what is committed stays");
            }
            LogEvent::SnapshotInstalled { at } => {
                assert!(ear.committed.is_none_or(|last| at >= last), "what is committed stays");
                (self.installed, ear.committed) = (at.0, Some(at));
            }
            // A leader that is not to be believed can stop a node, with words.
            LogEvent::Failed(LogError::Misuse(what)) if what.contains("change of members") => self.has_failed = true,
            LogEvent::Failed(LogError::Damaged { what, .. }) if what.contains("acknowledged") => self.has_failed = true,
            LogEvent::Failed(error) => panic!("nothing else a message can do: {error}"),
            LogEvent::Refused { .. } | LogEvent::RoleChanged(_) => {}
        }
    }

    fn install(&mut self, ear: &mut Ear) {
        if let Some(offer) = self.log.wanted_snapshot() {
            assert!(offer.members.contains(NodeId(THIS)));
            if self.log.install_snapshot(offer.at, offer.epoch).is_ok() {
                self.go_on(ear);
            }
        }
    }
}

fn sealed(rest: &[u8]) -> Vec<u8> {
    let rest = rest.get(..BYTES_MAX).unwrap_or(rest);
    [&xxh3_64(rest).to_le_bytes()[..], rest].concat()
}

/// Numbers of a message behind its term, in their order.
#[derive(Clone, Copy)]
enum Number {
    TermAt,
    Index,
    Committed,
    CommittedTerm,
    SnapshotAsked,
    Hint,
    Priority,
}

/// All of a message but its checksum, without context and entries.
fn say(kind: u8, from: u64, term: u64, numbers: &[(Number, u64)]) -> Vec<u8> {
    say_more(kind, from, term, numbers, b"", 0)
}

fn say_more(kind: u8, from: u64, term: u64, numbers: &[(Number, u64)], context: &[u8], entries: u32) -> Vec<u8> {
    let mut all = [THIS, from, term, 0, 0, 0, 0, 0, 0, 0];
    for (number, value) in numbers {
        if let Some(place) = all.get_mut(3 + *number as usize) {
            *place = *value;
        }
    }
    let mut said = vec![1, kind, 0, u8::try_from(context.len()).expect("it is short")];
    said.extend_from_slice(&entries.to_le_bytes());
    all.iter().for_each(|number| said.extend_from_slice(&number.to_le_bytes()));
    said.extend_from_slice(context);
    said
}

/// Entries behind that one, of the second node in that term.
fn append(term: u64, index: u64, term_at: u64, committed: u64, entries: &[(u8, u64, &[u8])]) -> Vec<u8> {
    let numbers = [(Number::TermAt, term_at), (Number::Index, index), (Number::Committed, committed)];
    let count = u32::try_from(entries.len()).expect("they are few");
    let mut said = say_more(APPEND, 2, term, &numbers, b"", count);
    for (kind, epoch, payload) in entries {
        said.extend_from_slice(&[*kind, 0, 0, 0]);
        said.extend_from_slice(&u32::try_from(payload.len()).expect("it is short").to_le_bytes());
        said.extend_from_slice(&epoch.to_le_bytes());
        said.extend_from_slice(payload);
    }
    said
}

/// A snapshot that the second node offers: who votes, listens, voted before, and will only listen, while a change of several is under way.
fn offer(term: u64, index: u64, epoch: u64, lists: [&[u64]; 4]) -> Vec<u8> {
    let mut said = say(OFFER, 2, term, &[]);
    said.extend_from_slice(&index.to_le_bytes());
    said.extend_from_slice(&epoch.to_le_bytes());
    said.extend(lists.iter().map(|list| u8::try_from(list.len()).expect("they are few")));
    said.extend_from_slice(&[0; 4]);
    lists.concat().iter().for_each(|node| said.extend_from_slice(&node.to_le_bytes()));
    said
}

/// A change of these nodes: 0 votes, 1 is gone, 2 listens.
fn change(transition: u8, nodes: &[(u8, u64)]) -> Vec<u8> {
    let mut bytes = vec![transition, u8::try_from(nodes.len()).expect("they are few")];
    for (what, node) in nodes {
        bytes.push(*what);
        bytes.extend_from_slice(&node.to_le_bytes());
    }
    bytes
}

/// What a node may hear: one of each.
fn good() -> Vec<Vec<u8>> {
    let joint = change(1, &[(0, 4), (1, 3)]);
    let learner = change(0, &[(2, 9)]);
    vec![
        append(2, 0, 0, 0, &[(2, 2, b""), (1, 2, b"one")]),
        append(2, 3, 2, 3, &[(1, 2, b"three"), (3, 2, &learner)]),
        append(3, 3, 2, 5, &[(2, 3, b""), (3, 3, &joint)]),
        append(3, 5, 3, 7, &[(3, 3, b""), (1, 3, b"end")]),
        append(2, 0, 0, 0, &[]),
        say(APPENDED, 2, 1, &[(Number::Index, 1)]),
        // 3 refuses.
        {
            let mut refused = say(APPENDED, 3, 1, &[(Number::Index, 1), (Number::Hint, 1), (Number::TermAt, 1)]);
            refused.iter_mut().skip(2).take(1).for_each(|reject| *reject = 1);
            refused
        },
        say(APPENDED, 3, 1, &[(Number::Index, 1), (Number::SnapshotAsked, 1)]),
        say(ASK_VOTE, 2, 3, &[(Number::TermAt, 2), (Number::Index, 5)]),
        say_more(ASK_VOTE, 3, 3, &[(Number::TermAt, 2), (Number::Index, 5)], b"CampaignTransfer", 0),
        say(VOTE, 2, 1, &[]),
        say(VOTE, 3, 2, &[]),
        offer(2, 9, 2, [&[1, 2, 3], &[8], &[], &[]]),
        offer(2, 2, 2, [&[1, 2, 3], &[], &[], &[]]),
        offer(2, 12, 2, [&[1, 2], &[8], &[1, 2, 3], &[3]]),
        say(HEARTBEAT, 2, 2, &[(Number::Committed, 3)]),
        say_more(HEARTBEAT, 2, 2, &[], b"12345678", 0),
        say(HEARD, 2, 1, &[]),
        say(HEARD, 3, 1, &[(Number::Committed, 1), (Number::CommittedTerm, 1)]),
        say(CAMPAIGN_NOW, 2, 2, &[]),
        say(ASK_EARLY_VOTE, 3, 3, &[(Number::TermAt, 2), (Number::Index, 5)]),
        say(ASK_EARLY_VOTE, 3, 3, &[(Number::Index, 1), (Number::Priority, 1)]),
        say(EARLY_VOTE, 2, 2, &[]),
    ]
}

/// Good messages of every kind.
#[must_use]
pub fn corpus_of_messages() -> Vec<Vec<u8>> {
    good().iter().map(|said| sealed(said)).collect()
}

/// Changes of every kind.
#[must_use]
pub fn corpus_of_changes() -> Vec<Vec<u8>> {
    let with_words = [change(2, &[(0, 1), (1, 2)]), b"why".to_vec()].concat();
    vec![Vec::new(), change(0, &[(2, 7)]), change(1, &[(0, 4), (1, u64::MAX)]), with_words]
}

/// Each message to a node of each standing, and all of them one after the other.
#[must_use]
pub fn corpus_of_conversations() -> Vec<Vec<u8>> {
    let told = |standing: u8, messages: &[Vec<u8>]| {
        let mut bytes = vec![standing];
        for said in messages {
            bytes.extend_from_slice(&u16::try_from(said.len()).expect("it is short").to_le_bytes());
            bytes.extend_from_slice(said);
        }
        bytes
    };
    let good = good();
    let each = good.iter().flat_map(|said| (0..5).map(|standing| told(standing, std::slice::from_ref(said))));
    let all = (0..5).flat_map(|standing| [0, 0xE0].map(|bits| told(bits / 5 * 5 + standing, &good)));
    // As many members as there can be, and one more.
    let crowd: Vec<_> = (2..=14).map(|node| change(0, &[(2, node)])).collect();
    let entries: Vec<_> = crowd.iter().map(|change| (3, 2, change.as_slice())).collect();
    let crowd = told(1, &[append(2, 0, 0, 13, &entries)]);
    each.chain(all).chain([crowd]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(standing: u8, said: &[Vec<u8>]) -> evenkeel_log_raft::Status {
        let (disk, mut ear) = (MemDisk::new(1), Ear::default());
        let (mut talk, _) = Talk::open(&disk, standing, Start::New(members(standing)), 0);
        talk.prepare(standing, &mut ear);
        let said: Vec<_> = said.iter().map(|said| read(&sealed(said)).expect("what is good is read")).collect();
        talk.tell(&said, standing, &mut ear);
        talk.node.status()
    }

    #[test]
    fn what_is_good_is_read_and_moves_a_node() {
        let good = good();
        let follower = told(2, &good[..4]);
        assert_eq!((follower.last.0, follower.committed.0, follower.term), (7, 7, 3));
        // The learner's entry was truncated; the change of two went through a time with both memberships, and out of it.
        assert_eq!(follower.members, Members::of(&[NodeId(THIS), NodeId(2), NodeId(4)]));
        let installs = told(0x42, &[offer(2, 9, 2, [&[1, 2, 3], &[8], &[], &[]])]);
        assert_eq!((installs.last.0, installs.members.learners), (9, vec![NodeId(8)]));
        let candidate = told(3, &[say(VOTE, 3, 1, &[])]);
        assert!(candidate.leads());
        assert!(told(4, &[]).owns.is_some() && told(0, &[]).owns.is_some());
        assert!(corpus_of_changes().iter().all(|bytes| ConfChangeV2::default().merge_from_bytes(bytes).is_ok()));
    }

    #[test]
    fn a_second_vote_in_one_term_is_heard() {
        let vote = |to: u64| {
            let mut said = say(VOTE, THIS, 4, &[]);
            said.iter_mut().skip(8).zip(to.to_le_bytes()).for_each(|(at, byte)| *at = byte);
            read(&sealed(&said)).unwrap()
        };
        let mut ear = Ear::default();
        ear.hear(&vote(2));
        ear.hear(&vote(2));
        assert_eq!(ear.term, 4);
        let second = std::panic::catch_unwind(move || ear.hear(&vote(3)));
        assert!(second.is_err());
    }
}
