//! The house in one life: everything between the socket and the disk, opened as the binary opens it.

use evenkeel_disk::{Disk, MemDisk};
use evenkeel_engine::{BodyReader, CheckpointError, Checkpoints, Engine};
use evenkeel_log::{Log, LogError};
use evenkeel_log_local::{LocalLog, LogId, OpenReport, Options, Reader, Writer};
use evenkeel_sqs::{Door, Ids};
use std::path::Path;

/// Where the log is.
pub const LOG: &str = "/data/log";
/// Where the checkpoints are.
pub const CHECKPOINTS: &str = "/data/checkpoints";

/// The house.
pub struct House {
    /// Its engine, the machine and the log inside.
    pub engine: Engine<LocalLog<MemDisk>>,
    /// The log's other half.
    pub writer: Writer<MemDisk>,
    /// Reads entries back.
    pub reader: Reader<MemDisk>,
    /// Reads bodies that left the tail.
    pub bodies: BodyReader<Reader<MemDisk>>,
    /// Writes checkpoints.
    pub checkpoints: Checkpoints<MemDisk>,
    /// The door, once the log's secret is known.
    pub door: Option<Door>,
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").finish_non_exhaustive()
    }
}

/// How a house is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// The log's segments.
    pub segment_bytes: u64,
    /// Log between checkpoints.
    pub checkpoint_every: u64,
    /// What stands in for the system's random source.
    pub seed: u64,
}

/// Why a house did not open.
#[derive(Debug)]
pub enum OpenError {
    /// The disk failed; another try may do.
    Disk(String),
    /// It refused what it found, and said so.
    Refused(String),
}

/// What was found at the start.
#[derive(Debug)]
pub struct Found {
    /// Checkpoints that were passed over.
    pub damaged: Vec<String>,
    /// What the log says.
    pub log: OpenReport,
}

/// Opens the house.
///
/// # Errors
/// See [`OpenError`].
pub fn open(disk: &MemDisk, setup: Setup) -> Result<(House, Found), OpenError> {
    disk.create_dir_all(Path::new("/data")).map_err(|error| OpenError::Disk(error.to_string()))?;
    let (checkpoints, loaded) = Checkpoints::open(disk.clone(), Path::new(CHECKPOINTS)).map_err(of_checkpoints)?;
    let log_id = LogId((u128::from(setup.seed) << 64 | 0xE7E7).to_le_bytes());
    let options = Options { segment_bytes: setup.segment_bytes, ..Options::new(log_id) };
    let (machine, damaged) = (loaded.machine, loaded.damaged);
    let opened = LocalLog::open(disk.clone(), Path::new(LOG), options, machine.applied());
    let (log, writer, report) = opened.map_err(of_log)?;
    let reader = log.reader();
    let mut secret = [7; 32];
    secret.iter_mut().zip(setup.seed.to_le_bytes()).for_each(|(to, from)| *to = from);
    let engine = Engine::new(log, machine, checkpoints.oldest(), secret).checkpoint_every(setup.checkpoint_every);
    let bodies = BodyReader::new(reader.clone());
    let house = House { engine, writer, reader, bodies, checkpoints, door: None };
    Ok((house, Found { damaged, log: report }))
}

fn of_checkpoints(error: CheckpointError) -> OpenError {
    match error {
        CheckpointError::Io { .. } => OpenError::Disk(error.to_string()),
        CheckpointError::AllDamaged { .. } => OpenError::Refused(error.to_string()),
    }
}

fn of_log(error: LogError) -> OpenError {
    match error {
        LogError::Io { .. } => OpenError::Disk(error.to_string()),
        LogError::Damaged { .. } | LogError::TooNew { .. } | LogError::Locked | LogError::Misuse(_) => {
            OpenError::Refused(error.to_string())
        }
    }
}

impl House {
    /// Opens the door once the log's secret is known.
    pub fn open_door(&mut self) {
        if self.door.is_none()
            && self.engine.is_serving()
            && let Some(begin) = self.engine.machine().begin()
        {
            self.door = Some(Door::new(Ids::new(&begin.secret), "eu-west-1"));
        }
    }
}
