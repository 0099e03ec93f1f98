//! A host: a disk, a clock, what its folder knows of the cluster, and the house that runs on it, if one does.

use super::{
    state::{Fetch, Offering},
    upgrades::Asking,
};
use crate::{
    clock::{Clocks, Time},
    house::{BODIES, CHECKPOINTS, LOG, OpenError, Setup, of_log, of_start},
    wire::Wire,
};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_engine::{CallId, Engine, Errand, Keeper, Options as EngineOptions, StartError};
use evenkeel_log::Log;
use evenkeel_log_local::Reader;
use evenkeel_log_raft::{Members, Node, NodeId, Offer, Opened, Options, RaftLog, Start, Writer};
use evenkeel_machine::Build;
use evenkeel_sqs::{Door, Ids, Pending};
use evenkeel_types::LogIndex;
use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Where all of a node's data is.
pub(crate) const FOLDER: &str = "/data";

/// All of a node between its sockets and its disk, opened as the binary opens it.
pub(crate) struct House {
    pub(crate) engine: Engine<RaftLog<MemDisk>>,
    pub(crate) node: Node<MemDisk>,
    pub(crate) writer: Writer<MemDisk>,
    pub(crate) keeper: Keeper<Reader<MemDisk>, MemDisk>,
    pub(crate) reader: Reader<MemDisk>,
    /// Once the log's secret is known.
    pub(crate) door: Option<Door>,
    news: Arc<AtomicBool>,
}

impl House {
    /// Whether this node may answer.
    pub(crate) fn leads(&self) -> bool {
        self.node.status().owns.is_some()
    }

    /// Whether the log has told the engine something since this was asked.
    pub(crate) fn has_news(&self) -> bool {
        self.news.swap(false, Ordering::Relaxed)
    }

    /// Opens the door once the log's secret is known, on a follower as well.
    pub(crate) fn open_door(&mut self) {
        if self.door.is_none()
            && let Some(begin) = self.engine.machine().begin()
        {
            self.door = Some(Door::new(Ids::new(&begin.secret), "eu-west-1"));
        }
    }
}

/// What is written down about the cluster, in one small file that is replaced as a whole.
#[derive(Debug, Default)]
pub(crate) struct Papers {
    /// From now on a log without its votes is refused.
    pub(crate) has_started: bool,
    /// The leader's state has come, and the log does not go on behind it yet.
    pub(crate) incoming: Option<Offer>,
}

/// Who is to hear an answer of the engine.
#[derive(Debug)]
pub(crate) enum Asker {
    /// The client of a connection to this node.
    Client(u64),
    /// A node that passed on what its client asked: which host, and its number for it.
    Peer(usize, u64),
}

/// A call that an engine has not answered.
#[derive(Debug)]
pub(crate) struct Call {
    /// Nobody, if the client has gone or it was the house's own.
    pub(crate) asker: Option<(Asker, Pending, Wire)>,
    /// It reads, and must read no older state than this.
    pub(crate) reads_from: Option<LogIndex>,
}

/// What the present life of a house has under way.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) calls: BTreeMap<CallId, Call>,
    pub(crate) engine_at: Option<Time>,
    /// The engine's thread is busy with something else, or gets no processor, until then.
    pub(crate) engine_stalls_until: Time,
    pub(crate) log_at: Option<Time>,
    pub(crate) writer_busy: bool,
    pub(crate) errands: VecDeque<Errand>,
    pub(crate) keeper_busy: bool,
    pub(crate) keeper_curious: bool,
    /// It has halted before what its version does not know.
    pub(crate) is_too_old: bool,
    /// What others know, while it leads.
    pub(crate) asking: Option<Asking>,
}

/// See the module.
pub(crate) struct Host {
    pub(crate) id: NodeId,
    /// Its version of the program.
    pub(crate) build: Build,
    /// When it got an older one.
    pub(crate) downgraded_at: Time,
    pub(crate) disk: MemDisk,
    pub(crate) clocks: Clocks,
    pub(crate) papers: Papers,
    pub(crate) house: Option<House>,
    pub(crate) life_number: u64,
    /// The last entry at which its state was compared.
    pub(crate) compared: LogIndex,
    pub(crate) life: Life,
    pub(crate) fetch: Option<Fetch>,
    pub(crate) offering: Offering,
    /// The process stands still until then.
    pub(crate) paused_until: Time,
    pub(crate) slow_until: Time,
    pub(crate) is_full: bool,
    /// An injected failure may show in the next calls to the disk.
    pub(crate) is_ill: bool,
    /// A bit was flipped, and nobody has noticed.
    pub(crate) damaged: Option<String>,
    /// It belongs to no cluster any more, and never starts again.
    pub(crate) is_gone: bool,
}

impl Host {
    pub(crate) fn new(id: NodeId, seed: u64, build: Build) -> Self {
        Self {
            id,
            build,
            downgraded_at: 0,
            disk: MemDisk::new(seed.wrapping_mul(31).wrapping_add(id.0)),
            clocks: Clocks::new(),
            papers: Papers::default(),
            house: None,
            life_number: 0,
            compared: LogIndex::ZERO,
            life: Life::default(),
            fetch: None,
            offering: Offering::default(),
            paused_until: 0,
            slow_until: 0,
            is_full: false,
            is_ill: false,
            damaged: None,
            is_gone: false,
        }
    }

    /// Opens the house in the order of the binary. `first`: the members before the log's first entry.
    pub(crate) fn open(&mut self, setup: &Setup, first: &Members) -> Result<Opened, OpenError> {
        let io = |error: std::io::Error| OpenError::Disk(error.to_string());
        let (disk, folder) = (self.disk.clone(), Path::new(FOLDER));
        disk.create_dir_all(folder).map_err(io)?;
        if self.papers.incoming.is_some()
            && evenkeel_snapshot::settle(&disk, folder).map_err(|e| of_start(StartError::Snapshot(e)))?.is_none()
        {
            self.papers.incoming = None;
        }
        let found = evenkeel_engine::find_with(disk.clone(), folder, setup.keeping.checkpoints, self.build)
            .map_err(of_start)?;
        if let Some(damaged) = found.damaged.first() {
            // The binary goes on from an older one; here every bit that flips in it is to be told.
            if self.damaged.is_none() {
                return Err(OpenError::Refused(format!("a checkpoint that nobody damaged: {damaged}")));
            }
        }
        let applied = found.start.machine.applied();
        let restored = found.snapshot.and_then(|_| self.papers.incoming.clone());
        let start = if self.papers.has_started { Start::Again } else { Start::New(first.clone()) };
        let usual = Options::new(setup.log_id(), self.id, start);
        let options = Options { segment_bytes: setup.segment_bytes, seed: setup.seed, restored, ..usual };
        let (log, node, writer, opened) =
            RaftLog::open(disk.clone(), Path::new(LOG), &options, applied).map_err(of_log)?;
        if found.snapshot.is_some() {
            evenkeel_snapshot::log_was_reset(&disk, folder).map_err(io)?;
            self.papers.incoming = None;
        }
        self.papers.has_started = true;
        let reader = log.reader();
        let keeper = Keeper::new(found.checkpoints, found.shelf, reader.clone());
        // Each node draws a secret of its own; the one that the log begins with counts.
        let mut secret = [7; 32];
        let drawn = setup.seed ^ self.id.0.rotate_left(40);
        secret.iter_mut().zip(drawn.to_le_bytes()).for_each(|(to, from)| *to = from);
        let options = EngineOptions { is_alone: false, ..setup.engine() };
        let mut engine = Engine::new(log, found.start, secret, options).map_err(of_start)?;
        let news = Arc::new(AtomicBool::new(true));
        let ring = Arc::clone(&news);
        engine.set_waker(Arc::new(move || ring.store(true, Ordering::Relaxed)));
        self.house = Some(House { engine, node, writer, keeper, reader, door: None, news });
        self.life = Life::default();
        Ok(opened)
    }

    /// Whether a file call of it may fail.
    pub(crate) fn may_fail(&self) -> bool {
        self.is_ill || self.is_full
    }

    /// Everything that has a name in its folders.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in [LOG, CHECKPOINTS, BODIES] {
            let names = self.disk.list(Path::new(folder)).unwrap_or_default();
            files.extend(names.iter().filter(|name| *name != "lock").map(|name| Path::new(folder).join(name)));
        }
        files
    }

    /// How many bytes its files have.
    pub(crate) fn bytes(&self) -> u64 {
        let len = |path: &PathBuf| self.disk.open(path, OpenMode::Read).and_then(|file| file.len()).unwrap_or(0);
        self.files().iter().map(len).sum()
    }
}
