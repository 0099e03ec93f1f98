//! The local log on a disk in memory, driven step by step.

use evenkeel_disk::MemDisk;
use evenkeel_log::Log;
use evenkeel_log::{
    Entry, LogError, LogEvent,
    conformance::{End, Harness, Random},
};
use evenkeel_log_local::{Durability, LocalLog, LogId, OpenReport, Options, Step, Writer};
use evenkeel_types::LogIndex;
use std::{
    marker::PhantomData,
    path::{Path, PathBuf},
};

pub(super) const LOG: LogId = LogId([0x4C; 16]);

pub(super) fn dir() -> &'static Path {
    Path::new("data/log")
}

pub(super) fn path(name: &str) -> PathBuf {
    dir().join(name)
}

pub(super) fn options(segment_bytes: u64) -> Options {
    Options { segment_bytes, ..Options::new(LOG) }
}

/// What a suite runs with.
pub(super) trait Setup {
    const SEGMENT_BYTES: u64;
}

pub(super) struct LocalHarness<S> {
    disk: MemDisk,
    halves: Option<Halves>,
    /// Which part of a commit comes next.
    part: u8,
    random: Random,
    setup: PhantomData<S>,
}

/// Both halves of a log.
pub(super) struct Halves {
    pub(super) log: LocalLog<MemDisk>,
    pub(super) writer: Writer<MemDisk>,
    pub(super) report: OpenReport,
}

/// Opens with 16 KiB segments.
pub(super) fn open(disk: &MemDisk, applied: u64) -> Result<Halves, LogError> {
    open_with(disk, options(16 * 1024), applied)
}

pub(super) fn open_with(disk: &MemDisk, options: Options, applied: u64) -> Result<Halves, LogError> {
    let (log, writer, report) = LocalLog::open(disk.clone(), dir(), options, LogIndex(applied))?;
    assert_eq!(report.warning.is_some(), options.durability != Durability::Sync);
    Ok(Halves { log, writer, report })
}

impl Halves {
    /// Steps until nothing is left to do.
    pub(super) fn drive(&mut self) {
        while matches!(self.writer.step(), Step::Done(_) | Step::Filled) {}
    }

    /// Takes all events.
    pub(super) fn events(&mut self) -> Vec<LogEvent> {
        std::iter::from_fn(|| self.log.poll()).collect()
    }

    /// Drives, and takes the entries that are news.
    pub(super) fn committed(&mut self) -> Vec<Entry> {
        self.drive();
        let committed = |event| if let LogEvent::Committed { entry, .. } = event { Some(entry) } else { None };
        self.events().into_iter().filter_map(committed).collect()
    }

    /// Proposes and commits so many batches of so many bytes, each different, one sync each.
    pub(super) fn fill(&mut self, count: u8, bytes: usize) {
        self.committed();
        for n in 0..count {
            self.log.propose(vec![n.wrapping_add(1); bytes].into()).unwrap();
            assert_eq!(self.committed().len(), 1);
        }
    }
}

impl<S: Setup> LocalHarness<S> {
    fn halves(&mut self) -> &mut Halves {
        self.halves.as_mut().unwrap()
    }
}

impl<S: Setup> Harness for LocalHarness<S> {
    type Log = LocalLog<MemDisk>;

    fn fresh(seed: u64) -> Self {
        let disk = MemDisk::new(seed);
        let halves = Some(open_with(&disk, options(S::SEGMENT_BYTES), 0).unwrap());
        Self { disk, halves, part: 0, random: Random::new(seed), setup: PhantomData }
    }

    fn nodes(&self) -> usize {
        1
    }

    fn owner(&self) -> usize {
        0
    }

    fn log(&mut self, _node: usize) -> &mut LocalLog<MemDisk> {
        &mut self.halves().log
    }

    fn drive(&mut self) {
        // What was begun in parts comes first.
        let writer = &mut self.halves().writer;
        writer.sync();
        writer.publish();
        self.part = 0;
        self.halves().drive();
    }

    fn drive_a_bit(&mut self) {
        let part = self.part;
        let fill = self.random.one_in(3);
        let writer = &mut self.halves().writer;
        match part {
            _ if fill => {
                writer.fill();
                return;
            }
            0 => {
                if !writer.write() {
                    return;
                }
            }
            1 => writer.sync(),
            _ => {
                writer.publish();
            }
        }
        self.part = (part + 1) % 3;
    }

    fn restart(&mut self, _node: usize, end: End, applied: LogIndex) {
        self.halves = None;
        match end {
            End::Kill => self.disk.kill(),
            End::PowerCut => self.disk.crash(),
        }
        self.part = 0;
        let halves = open_with(&self.disk, options(S::SEGMENT_BYTES), applied.0);
        self.halves = Some(halves.unwrap_or_else(|error| panic!("after {end:?} with state at {applied}: {error}")));
    }

    fn depose(&mut self) -> Option<usize> {
        None
    }
}
