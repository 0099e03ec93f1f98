//! The vote file: what a node must never forget besides its entries. Its term, whom it voted for, and who the members are.
//!
//! Two slots of a sector each, written in turn. A sector is written whole or not at all, so a slot that does not check was
//! damaged, and the node does not start: one that forgot its vote could elect a second leader. `docs/format.md`, "The vote file".
//!
//! | at | bytes | what |
//! |---:|---:|---|
//! | 0 | 8 | XXH3-64 of bytes 8..512 |
//! | 8 | 8 | `EVKLVOT` and a zero |
//! | 16 | 4 | format version |
//! | 20 | 4 | how many voters, learners, voters before, learners next |
//! | 24 | 1 | whether a change of several members ends by itself |
//! | 25 | 7 | 0 |
//! | 32 | 8 | how often the file was written |
//! | 40 | 8 | the node's number |
//! | 48 | 8 | term |
//! | 56 | 8 | vote; 0 for nobody |
//! | 64 | 8 | an index up to which all is committed, and was synced here |
//! | 72 | 8 | the index of the entry that the members are of |
//! | 80 | 8 | the snapshot that the log began with last; 0 for none |
//! | 88 | 8 | its epoch |
//! | 96 | 16 | id of the log |
//! | 112 | 8 each | the members, by list |

use crate::{
    error::{Doing, damaged},
    fault::{self, Fault},
    limits::MEMBERS_MAX,
    members::{Members, NodeId},
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log::LogError;
use evenkeel_log_local::LogId;
use evenkeel_types::{Epoch, LogIndex};
use std::{io, path::Path};
use xxhash_rust::xxh3::xxh3_64;

pub(crate) const NAME: &str = "votes";
const TEMPORARY_NAME: &str = "votes.new";
const MAGIC: [u8; 8] = *b"EVKLVOT\0";
const FORMAT_VERSION: u32 = 1;
const SLOT_BYTES: usize = 512;

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) term: u64,
    pub(crate) vote: u64,
    /// All up to here is committed and was synced here.
    pub(crate) committed: LogIndex,
    pub(crate) members: Members,
    /// The entry that made them so.
    pub(crate) members_index: LogIndex,
    /// The snapshot that the log begins with, or is about to.
    pub(crate) base: (LogIndex, Epoch),
}

/// The file, open.
pub(crate) struct Votes<F> {
    file: F,
    node: NodeId,
    log: LogId,
    sequence: u64,
}

impl<F: DiskFile> Votes<F> {
    /// Opens the file, if there is one, and reads it.
    pub(crate) fn open<D: Disk<File = F>>(
        disk: &D,
        dir: &Path,
        node: NodeId,
        log: LogId,
    ) -> Result<Option<(Self, Record)>, LogError> {
        match disk.remove(&dir.join(TEMPORARY_NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.doing(|| format!("removing the leftover {TEMPORARY_NAME}"))?,
        }
        let file = match disk.open(&dir.join(NAME), OpenMode::ReadWrite) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.doing(|| format!("opening {NAME}"))?,
        };
        let mut bytes = [0; 2 * SLOT_BYTES];
        match file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(damaged(NAME, 0, "it is shorter than it was written"));
            }
            other => other.doing(|| format!("reading {NAME}"))?,
        }
        let (sequence, record) = decode_file(&bytes, node, log)?;
        Ok(Some((Self { file, node, log, sequence }, record)))
    }

    /// Makes sure that what was read lies on the medium, by writing it over itself.
    ///
    /// It may lie in the page cache alone: an earlier life died before its sync, or after one that failed, and then only a new write makes the
    /// next sync write it out. Writing the other slot first would leave this one behind by two once the power goes.
    pub(crate) fn rewrite(&mut self, record: &Record) -> Result<(), LogError> {
        self.write(record)
    }

    /// Makes the file, durably.
    pub(crate) fn create<D: Disk<File = F>>(
        disk: &D,
        dir: &Path,
        node: NodeId,
        log: LogId,
        record: &Record,
    ) -> Result<Self, LogError> {
        let make = || {
            let file = disk.open(&dir.join(TEMPORARY_NAME), OpenMode::CreateNew)?;
            let mut bytes = encode_slot(1, node, log, record);
            // The slot that comes first is that of even numbers; 1 goes into the second.
            bytes.splice(0..0, [0; SLOT_BYTES]);
            file.write_all_at(&bytes, 0)?;
            file.sync()?;
            disk.rename(&dir.join(TEMPORARY_NAME), &dir.join(NAME))?;
            disk.sync_dir(dir)?;
            Ok(file)
        };
        let file = make().doing(|| format!("making {NAME}"))?;
        Ok(Self { file, node, log, sequence: 1 })
    }

    /// Writes a record and syncs it.
    pub(crate) fn save(&mut self, record: &Record) -> Result<(), LogError> {
        if fault::on(Fault::ForgetVotes) {
            return Ok(());
        }
        self.sequence += 1;
        self.write(record)
    }

    fn write(&mut self, record: &Record) -> Result<(), LogError> {
        let at = self.sequence % 2 * SLOT_BYTES as u64;
        let bytes = encode_slot(self.sequence, self.node, self.log, record);
        let saved = self.file.write_all_at(&bytes, at).and_then(|()| self.file.sync());
        saved.doing(|| format!("writing {NAME}"))
    }
}

fn encode_slot(sequence: u64, node: NodeId, log: LogId, record: &Record) -> Vec<u8> {
    let mut body = MAGIC.to_vec();
    body.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    let lists = record.members.lists();
    body.extend(lists.iter().map(|list| u8::try_from(list.len()).unwrap_or(u8::MAX)));
    body.push(u8::from(record.members.leaves_by_itself));
    body.extend_from_slice(&[0; 7]);
    let (base, base_epoch) = record.base;
    for number in [sequence, node.0, record.term, record.vote, record.committed.0, record.members_index.0] {
        body.extend_from_slice(&number.to_le_bytes());
    }
    body.extend_from_slice(&base.0.to_le_bytes());
    body.extend_from_slice(&base_epoch.0.to_le_bytes());
    body.extend_from_slice(&log.0);
    lists.iter().flat_map(|list| list.iter()).for_each(|node| body.extend_from_slice(&node.0.to_le_bytes()));
    body.resize(SLOT_BYTES - 8, 0);
    let mut bytes = xxh3_64(&body).to_le_bytes().to_vec();
    bytes.append(&mut body);
    bytes
}

/// The newest record. Every slot must check: one that does not was damaged, and might have been the newest.
fn decode_file(bytes: &[u8], node: NodeId, log: LogId) -> Result<(u64, Record), LogError> {
    let mut newest: Option<(u64, Record)> = None;
    let mut oldest = u64::MAX;
    for (at, slot) in (0u64..).step_by(SLOT_BYTES).zip(bytes.chunks(SLOT_BYTES)) {
        if slot.iter().all(|byte| *byte == 0) {
            oldest = 0;
            continue;
        }
        let (sequence, record) = decode_slot(slot, at, node, log)?;
        if sequence % 2 * SLOT_BYTES as u64 != at {
            return Err(damaged(NAME, at, "a slot stands in the other's place"));
        }
        oldest = oldest.min(sequence);
        if newest.as_ref().is_none_or(|(known, _)| *known < sequence) {
            newest = Some((sequence, record));
        }
    }
    match newest {
        Some((sequence, record)) if oldest + 1 == sequence => Ok((sequence, record)),
        _ => Err(damaged(NAME, 0, "a slot is missing")),
    }
}

fn decode_slot(slot: &[u8], at: u64, node: NodeId, log: LogId) -> Result<(u64, Record), LogError> {
    let number = |at: usize| slot.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b));
    if slot.get(8..).map(xxh3_64) != Some(number(0)) || slot.get(8..16) != Some(&MAGIC) {
        return Err(damaged(NAME, at, "a slot does not check"));
    }
    let version = u32::try_from(number(16) & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    if version > FORMAT_VERSION {
        return Err(LogError::TooNew { file: NAME.into(), found: version, supported: FORMAT_VERSION });
    }
    if slot.get(96..112) != Some(&log.0) {
        return Err(damaged(NAME, at + 96, "it belongs to another log"));
    }
    if number(40) != node.0 {
        return Err(damaged(NAME, at + 40, format!("it belongs to node {}, and this is node {node}", number(40))));
    }
    let counts: Vec<usize> = slot.get(20..24).unwrap_or(&[]).iter().map(|count| usize::from(*count)).collect();
    if counts.iter().any(|count| *count > MEMBERS_MAX) {
        return Err(damaged(NAME, at + 20, "it has more members than there can be"));
    }
    let mut next = 112;
    let mut lists = counts.iter().map(|count| {
        let list: Vec<NodeId> = (0..*count).map(|n| NodeId(number(next + 8 * n))).collect();
        next += 8 * count;
        list
    });
    let mut list = || lists.next().unwrap_or_default();
    let members = Members {
        voters: list(),
        learners: list(),
        voters_before: list(),
        learners_next: list(),
        leaves_by_itself: slot.get(24) == Some(&1),
    };
    let record = Record {
        term: number(48),
        vote: number(56),
        committed: LogIndex(number(64)),
        members,
        members_index: LogIndex(number(72)),
        base: (LogIndex(number(80)), Epoch(number(88))),
    };
    Ok((number(32), record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_disk::MemDisk;

    const LOG: LogId = LogId([3; 16]);
    const NODE: NodeId = NodeId(2);

    fn record(term: u64) -> Record {
        let nodes = |ids: &[u64]| ids.iter().copied().map(NodeId).collect::<Vec<_>>();
        let members = Members {
            voters: nodes(&[1, 2, 3]),
            learners: nodes(&[9]),
            voters_before: nodes(&[1, 2]),
            learners_next: nodes(&[7]),
            leaves_by_itself: true,
        };
        let base = (LogIndex(40), Epoch(3));
        Record { term, vote: 2, committed: LogIndex(50 + term), members, members_index: LogIndex(44), base }
    }

    fn open(disk: &MemDisk) -> Result<Option<Record>, LogError> {
        Ok(Votes::open(disk, Path::new("log"), NODE, LOG)?.map(|(_, record)| record))
    }

    fn written(disk: &MemDisk, times: u64) {
        disk.create_dir_all(Path::new("log")).unwrap();
        let mut votes = Votes::create(disk, Path::new("log"), NODE, LOG, &record(1)).unwrap();
        (2..=times).for_each(|term| votes.save(&record(term)).unwrap());
    }

    #[test]
    fn the_newest_record_is_read() {
        let disk = MemDisk::new(0);
        disk.create_dir_all(Path::new("log")).unwrap();
        assert_eq!(open(&disk).unwrap(), None);
        for times in 1..5 {
            let disk = MemDisk::new(times);
            written(&disk, times);
            disk.crash_losing_all();
            assert_eq!(open(&disk).unwrap(), Some(record(times)));
        }
    }

    #[test]
    fn a_power_cut_at_any_write_leaves_one_record_or_the_next() {
        let count = |disk: &MemDisk| {
            written(disk, 4);
            disk.counters().changes
        };
        let changes = count(&MemDisk::new(0));
        for dies_at in 0..changes {
            let disk = MemDisk::new(dies_at);
            disk.create_dir_all(Path::new("log")).unwrap();
            disk.fail_from(dies_at);
            let mut saved = 0;
            if let Ok(mut votes) = Votes::create(&disk, Path::new("log"), NODE, LOG, &record(1)) {
                saved = 1;
                saved += (2..=4).take_while(|term| votes.save(&record(*term)).is_ok()).count() as u64;
            }
            disk.crash();
            let found = open(&disk).unwrap().map_or(0, |record| record.term);
            assert!(found == saved || found == saved + 1, "dying at {dies_at}: {found} after {saved}");
        }
    }

    #[test]
    fn every_flipped_bit_is_damage_and_so_is_a_lost_slot() {
        let disk = MemDisk::new(0);
        written(&disk, 5);
        let path = Path::new("log/votes");
        for bit in 0..1024 * 8u64 {
            let fork = disk.fork(bit);
            fork.flip_bit(path, bit / 8, u8::try_from(bit % 8).unwrap()).unwrap();
            assert!(matches!(open(&fork), Err(LogError::Damaged { .. } | LogError::TooNew { .. })), "bit {bit}");
        }
        for slot in [0..512, 512..1024] {
            let fork = disk.fork(slot.start);
            fork.zero(path, slot).unwrap();
            assert!(matches!(open(&fork), Err(LogError::Damaged { .. })));
        }
        disk.truncate(path, 700).unwrap();
        assert!(matches!(open(&disk), Err(LogError::Damaged { .. })));
    }

    #[test]
    fn it_is_one_node_s_and_one_log_s() {
        let disk = MemDisk::new(0);
        written(&disk, 2);
        let other = Votes::open(&disk, Path::new("log"), NodeId(3), LOG);
        assert!(matches!(other, Err(LogError::Damaged { .. })));
        let other = Votes::open(&disk, Path::new("log"), NODE, LogId([4; 16]));
        assert!(matches!(other, Err(LogError::Damaged { .. })));
    }
}
