//! The house in one life: everything between the socket and the disk, opened as the binary opens it.

use crate::{disk::Watched, keeping::Keeping, kinds::Doing};
use evenkeel_disk::Disk;
use evenkeel_engine::{
    CallId, CarryOptions, Done, Engine, Fatal, Keeper, Options as EngineOptions, Proposal, Request, StartError,
};
use evenkeel_log::{Log, LogError};
use evenkeel_log_local::{LocalLog, LogId, OpenReport, Options, Reader, Step as WriterStep, Writer};
use evenkeel_machine::{
    Build,
    command::{Command, QueueKey},
};
use evenkeel_sqs::{Door, Ids};
use evenkeel_types::{AccountId, Micros, Now};
use std::path::Path;

/// Where the log is.
pub const LOG: &str = "/data/log";
/// Where the checkpoints are.
pub const CHECKPOINTS: &str = "/data/checkpoints";
/// Where the body files are.
pub const BODIES: &str = "/data/bodies";

/// The house.
pub struct House {
    /// Its engine, the machine and the log inside.
    pub engine: Engine<LocalLog<Watched>>,
    /// The log's other half.
    pub writer: Writer<Watched>,
    /// Reads entries back.
    pub reader: Reader<Watched>,
    /// Writes checkpoints, carries bodies and reads those that left the tail.
    pub keeper: Keeper<Reader<Watched>, Watched>,
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
    /// How it keeps its files.
    pub keeping: Keeping,
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
    /// A newer version was here.
    TooNew(String),
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
pub fn open(disk: &Watched, setup: Setup) -> Result<(House, Found), OpenError> {
    disk.doing(Doing::Start);
    disk.create_dir_all(Path::new("/data")).map_err(|error| OpenError::Disk(error.to_string()))?;
    let found = evenkeel_engine::find_with(disk.clone(), Path::new("/data"), setup.keeping.checkpoints, Build::PRESENT)
        .map_err(of_start)?;
    let options = Options { segment_bytes: setup.segment_bytes, ..Options::new(setup.log_id()) };
    let applied = found.start.machine.applied();
    let opened = LocalLog::open(disk.clone(), Path::new(LOG), options, applied);
    let (log, writer, report) = opened.map_err(of_log)?;
    let reader = log.reader();
    let mut secret = [7; 32];
    secret.iter_mut().zip(setup.seed.to_le_bytes()).for_each(|(to, from)| *to = from);
    let keeper = Keeper::new(found.checkpoints, found.shelf, reader.clone());
    let engine = Engine::new(log, found.start, secret, setup.engine()).map_err(of_start)?;
    let house = House { engine, writer, reader, keeper, door: None };
    disk.doing(Doing::Log);
    Ok((house, Found { damaged: found.damaged, log: report }))
}

pub(crate) fn of_start(error: StartError) -> OpenError {
    match &error {
        StartError::TooNew { .. } => OpenError::TooNew(error.to_string()),
        _ if error.is_io() => OpenError::Disk(error.to_string()),
        _ => OpenError::Refused(error.to_string()),
    }
}

impl Setup {
    /// The log's own name.
    pub(crate) fn log_id(&self) -> LogId {
        LogId((u128::from(self.seed) << 64 | 0xE7E7).to_le_bytes())
    }

    /// Everything as in the server, in proportion to the small segments.
    pub(crate) fn engine(&self) -> EngineOptions {
        let segment = self.segment_bytes;
        let carry = CarryOptions {
            slack_bytes: 2 * segment,
            group_bytes_max: segment,
            small_bytes: segment / 4,
            bodies_max: self.keeping.bodies_max,
        };
        EngineOptions {
            checkpoint_every_bytes: self.checkpoint_every,
            carry,
            reserve_bytes: segment / 4 * 5,
            pace: self.keeping.pace,
            ..EngineOptions::default()
        }
    }
}

pub(crate) fn of_log(error: LogError) -> OpenError {
    match error {
        LogError::Io { .. } => OpenError::Disk(error.to_string()),
        LogError::Damaged { .. } | LogError::TooNew { .. } | LogError::Locked | LogError::Misuse(_) => {
            OpenError::Refused(error.to_string())
        }
    }
}

/// What an errand met, if it was trouble.
fn trouble(done: &Done) -> Option<String> {
    match done {
        Done::Bodies { unreadable, .. } => unreadable.first().map(|(_, why)| why.to_string()),
        Done::CheckpointFailed(_, error) | Done::NotRemoved(error) => Some(error.to_string()),
        Done::NotCarried { reason, .. } => Some(reason.clone()),
        Done::WholeWanted => Some("a checkpoint is damaged".into()),
        Done::Body { .. } | Done::CheckpointPart(_) | Done::Checkpoint { .. } | Done::Carried { .. } => None,
    }
}

impl House {
    /// Takes in all that the log holds.
    ///
    /// # Errors
    /// The engine failed.
    pub fn catch_up(&mut self, now: Now) -> Result<(), Fatal> {
        loop {
            let before = self.engine.machine().applied();
            self.engine.step(now)?;
            if self.engine.machine().applied() == before || self.engine.next_wake() != Some(Micros(0)) {
                return Ok(());
            }
        }
    }

    /// Makes as many checkpoints one after the other, and does all that its threads find to do. Returns what went wrong
    /// without ending it.
    ///
    /// # Errors
    /// The engine failed.
    pub fn settle(&mut self, checkpoints: u32, now: Now) -> Result<Vec<String>, Fatal> {
        let mut troubles = Vec::new();
        for number in 0..checkpoints {
            // A checkpoint is of a state that no other is of.
            let queue = QueueKey { account: AccountId::default(), name: "nowhere" };
            let command = Proposal::new(&Command::PurgeQueue { queue });
            self.engine.submit(CallId(u64::MAX - u64::from(number)), Request::Propose(command), now);
            self.engine.step(now)?;
            while !matches!(self.writer.step(), WriterStep::Idle | WriterStep::Failed | WriterStep::Closed) {}
            self.engine.step(now)?;
            self.engine.begin_checkpoint(now);
            loop {
                self.engine.step(now)?;
                self.engine.take_answers().for_each(drop);
                let errands: Vec<_> = self.engine.take_errands().collect();
                let mut is_idle = errands.is_empty();
                for errand in errands {
                    let Some(done) = self.keeper.run(errand) else { continue };
                    troubles.extend(trouble(&done));
                    self.engine.errand_done(done);
                }
                is_idle &= !matches!(self.writer.step(), WriterStep::Done(_) | WriterStep::Filled);
                if !is_idle || self.engine.next_wake() == Some(Micros(0)) {
                    continue;
                }
                match self.keeper.idle() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        troubles.push(error.to_string());
                        break;
                    }
                }
            }
        }
        Ok(troubles)
    }

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
