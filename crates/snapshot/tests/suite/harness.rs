//! A working sender, and a receiver whose every byte can be looked at.

use crate::driver::{FOLDER, House, Job, SEGMENT_BYTES, body, number_of};
use bytes::Bytes;
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_engine::Found;
use evenkeel_log::{Log, LogReader};
use evenkeel_log_local::{Append, Appended, EntryKind, LogId, Options as LogOptions, Reader, Segments};
use evenkeel_machine::{Machine, Outcome};
use evenkeel_snapshot::{Chunk, Installed, Manifest, Options, ReceiveError, Receiver, Sender};
use evenkeel_types::{Epoch, LogIndex};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

pub(crate) const BODY_BYTES: usize = 700;

pub(crate) fn folder() -> &'static Path {
    Path::new(FOLDER)
}

pub(crate) fn path(name: &str) -> std::path::PathBuf {
    folder().join(name)
}

/// So small that there are several of everything.
pub(crate) fn options() -> Options {
    Options { part_bytes: 16 * 1_024, part_bodies: 24, buckets: 16, sync_every_bytes: 2_048 }
}

/// A machine at work, and all that its log ever said.
pub(crate) struct Working {
    pub(crate) disk: MemDisk,
    pub(crate) house: House,
    /// By index.
    pub(crate) digests: BTreeMap<u64, u64>,
    pub(crate) entries: BTreeMap<u64, (Epoch, Bytes)>,
    pub(crate) alive: BTreeSet<u64>,
    held: Vec<Job>,
    /// Applies the same log.
    shadow: Machine,
    round: u64,
}

impl Working {
    pub(crate) fn new(seed: u64) -> Self {
        let disk = MemDisk::new(seed);
        let house = House::open(&disk).unwrap();
        let (digests, entries) = (BTreeMap::new(), BTreeMap::new());
        let mut working = Self {
            disk,
            house,
            digests,
            entries,
            alive: BTreeSet::new(),
            held: Vec::new(),
            shadow: Machine::default(),
            round: 0,
        };
        assert!(working.house.create_queue());
        working.note();
        working
    }

    /// One that has worked until some of its living bodies are in body files, and some in the log.
    pub(crate) fn with_body_files(seed: u64) -> Self {
        let mut working = Self::new(seed);
        while working.disk.list(&path("bodies")).unwrap().is_empty() {
            working.round();
        }
        working.round();
        working
    }

    /// Writes down the state and what the log has new.
    fn note(&mut self) {
        let reader = self.house.engine.log().reader();
        let mut next = self.entries.last_key_value().map_or(1, |(last, _)| last + 1);
        while let Ok(entry) = reader.read(LogIndex(next)) {
            let mut outcome = Outcome::default();
            apply(&mut self.shadow, entry.index, &entry.batch, &mut outcome);
            self.digests.insert(next, self.shadow.digest());
            self.entries.insert(next, (entry.epoch, entry.batch));
            next += 1;
        }
        let machine = self.house.engine.machine();
        assert_eq!((machine.applied(), machine.digest()), (self.shadow.applied(), self.shadow.digest()));
    }

    /// Sends 60 jobs, of which most are done at once, and finishes some of those that were left before.
    pub(crate) fn round(&mut self) {
        for number in self.round * 60..(self.round + 1) * 60 {
            assert_eq!(self.house.send(&body(number, BODY_BYTES)), Some(Ok(())));
            self.alive.insert(number);
            self.note();
        }
        self.round += 1;
        while let Some(job) = self.house.receive() {
            if number_of(&job.body) % 6 == 1 {
                self.held.push(job);
            } else {
                self.ack(&job);
            }
            self.note();
        }
        for at in (0..self.held.len()).rev().step_by(5) {
            let job = self.held.swap_remove(at);
            self.ack(&job);
        }
    }

    pub(crate) fn ack(&mut self, job: &Job) {
        assert!(self.house.ack(job));
        assert!(self.alive.remove(&number_of(&job.body)));
        self.note();
    }

    /// Finishes all jobs that are left.
    pub(crate) fn ack_all(&mut self) {
        for job in std::mem::take(&mut self.held) {
            self.ack(&job);
        }
        assert!(self.alive.is_empty());
    }

    pub(crate) fn sender(&self) -> Sender<Reader<MemDisk>, MemDisk> {
        self.sender_with(&options())
    }

    pub(crate) fn sender_with(&self, options: &Options) -> Sender<Reader<MemDisk>, MemDisk> {
        let (pinned, bodies) = self.house.keeper.snapshot().unwrap();
        let epoch = self.entries[&pinned.index().0].0;
        Sender::new(pinned, epoch, bodies, options).unwrap()
    }
}

pub(crate) type AnySender = Sender<Reader<MemDisk>, MemDisk>;

/// A snapshot's chunks, and its sender for those that begin elsewhere.
pub(crate) struct Stream {
    pub(crate) manifest: Manifest,
    pub(crate) chunks: Vec<Chunk>,
    sender: RefCell<AnySender>,
}

impl Stream {
    /// Reads all of it now.
    pub(crate) fn of(mut sender: AnySender, bytes_max: usize) -> Self {
        let mut chunks: Vec<Chunk> = Vec::new();
        while let Some(chunk) = sender.read(chunks.last().map(|c| c.next).unwrap_or_default(), bytes_max).unwrap() {
            assert!(chunk.bytes.len() <= bytes_max.max(64 + 17 + BODY_BYTES), "{}", chunk.bytes.len());
            chunks.push(chunk);
        }
        Self::new(sender, chunks)
    }

    pub(crate) fn new(sender: AnySender, chunks: Vec<Chunk>) -> Self {
        assert_eq!(chunks.last().unwrap().next, sender.manifest().end());
        Self { manifest: sender.manifest().clone(), chunks, sender: RefCell::new(sender) }
    }

    pub(crate) fn receiver(&self, disk: &MemDisk) -> Result<Receiver<MemDisk>, ReceiveError> {
        Receiver::open(disk.clone(), folder(), &self.manifest, &options())
    }

    /// Gives a receiver what is missing.
    pub(crate) fn feed(&self, receiver: &mut Receiver<MemDisk>) -> Result<(), ReceiveError> {
        while receiver.have() < self.manifest.end() {
            let have = receiver.have();
            match self.chunks.iter().find(|chunk| chunk.position == have) {
                Some(chunk) => receiver.write(&chunk.bytes)?,
                None => receiver.write(&self.sender.borrow_mut().read(have, 1_200).unwrap().unwrap().bytes)?,
            };
        }
        Ok(())
    }

    pub(crate) fn transfer(&self, disk: &MemDisk) -> Result<Installed, ReceiveError> {
        let mut receiver = self.receiver(disk)?;
        self.feed(&mut receiver)?;
        receiver.finish()
    }
}

pub(crate) fn log_options() -> LogOptions {
    LogOptions { segment_bytes: SEGMENT_BYTES, ..LogOptions::new(LogId([7; 16])) }
}

/// Lets the log go on behind an installed snapshot, as the crate's header says.
pub(crate) fn reset_log(disk: &MemDisk) -> Result<(), String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let Some(snapshot) = evenkeel_snapshot::settle(disk, folder()).map_err(|error| words(&error))? else {
        return Ok(());
    };
    let log = path("log");
    disk.create_dir_all(&log).map_err(|error| words(&error))?;
    let opened = Segments::open(disk.clone(), &log, log_options(), LogIndex::ZERO, snapshot.index);
    let (mut segments, _) = opened.map_err(|error| words(&error))?;
    if segments.last() < snapshot.index {
        segments.reset_to(snapshot.index, snapshot.epoch).map_err(|error| words(&error))?;
    }
    drop(segments);
    evenkeel_snapshot::log_was_reset(disk, folder()).map_err(|error| words(&error))
}

pub(crate) fn found(disk: &MemDisk) -> Found<MemDisk> {
    evenkeel_engine::find(disk.clone(), folder()).unwrap()
}

/// That a folder is the snapshot of that index: the state, then with the rest of the log the same state as the sender's, and
/// every living body.
pub(crate) fn check_is_snapshot(disk: &MemDisk, index: LogIndex, working: &Working, what: &str) {
    let mut found = found(disk);
    let machine = &mut found.start.machine;
    assert_eq!(machine.applied(), index, "{what}");
    assert_eq!(machine.digest(), working.digests[&index.0], "{what}");
    machine.audit().unwrap();
    let mut outcome = Outcome::default();
    for (&at, (_, batch)) in working.entries.range(index.0 + 1..) {
        let at = LogIndex(at);
        apply(machine, at, batch, &mut outcome);
        assert_eq!(machine.digest(), working.digests[&at.0], "{what}: {at}");
    }
    drop(found);
    reset_log(disk).unwrap();
    append_rest(disk, working);
    let mut house = House::open(disk).unwrap_or_else(|why| panic!("{what}: {why}"));
    assert!(!house.dead, "{what}: it does not serve");
    check_bodies(&mut house, &working.alive, what);
}

fn apply(machine: &mut Machine, index: LogIndex, batch: &[u8], outcome: &mut Outcome) {
    if batch.is_empty() { machine.skip(index) } else { machine.apply(index, batch, outcome) }.unwrap();
}

/// The sender's entries behind those that are there, as a replicated log would bring them.
fn append_rest(disk: &MemDisk, working: &Working) {
    let opened = Segments::open(disk.clone(), &path("log"), log_options(), LogIndex::ZERO, LogIndex::ZERO.next());
    let opened = opened.or_else(|_| {
        let index = found(disk).start.machine.applied();
        Segments::open(disk.clone(), &path("log"), log_options(), LogIndex::ZERO, index)
    });
    let (mut segments, _) = opened.unwrap();
    for (epoch, payload) in working.entries.range(segments.last().0 + 1..).map(|(_, entry)| entry) {
        let kind = if payload.is_empty() { EntryKind::Fence } else { EntryKind::Batch };
        let appended = segments.append(&[Append { epoch: *epoch, kind, payload }]).unwrap();
        assert_eq!(appended, Appended::Entries(1));
    }
    segments.sync().unwrap();
}

/// That these jobs and no others are there, each with its body.
pub(crate) fn check_bodies(house: &mut House, alive: &BTreeSet<u64>, what: &str) {
    house.end_leases();
    let mut seen = BTreeSet::new();
    while let Some(job) = house.receive() {
        let number = number_of(&job.body);
        assert_eq!(job.body, body(number, BODY_BYTES), "{what}");
        assert!(seen.insert(number), "{what}: {number} twice");
    }
    assert_eq!(&seen, alive, "{what}");
}
