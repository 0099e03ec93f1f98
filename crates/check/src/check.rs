//! The check, from the first look at the folder to the verdict.

use crate::{
    LOCK, LOG, LOG_ID, SNAPSHOT,
    bodies::{self, Holders, Source},
    files::{self, TooNew, Unknown},
    replay::{Known, Replay},
    report::{CheckpointReport, Report, StateReport},
    sort_out::sort_out,
};
use evenkeel_bodies::{Shelf, ShelfError};
use evenkeel_checkpoint::{CheckpointError, Checkpoints, LoadError};
use evenkeel_disk::{Disk, DiskFile, OpenMode, OverlayDisk, ReadOnlyDisk};
use evenkeel_engine::{BODIES, BodyStore, CHECKPOINTS, SKIPPED, Skips, StartError};
use evenkeel_log::{Log, LogError};
use evenkeel_log_local::{LocalLog, LogId, Options, Reader};
use evenkeel_machine::Machine;
use evenkeel_types::LogIndex;
use std::{io, path::Path};

/// What is being done, for those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Reading the files of `checkpoints/`, in bytes.
    Checkpoints,
    /// Reading the files of `bodies/`, in bytes.
    BodyFiles,
    /// Loading states, in checkpoints.
    States,
    /// Reading and replaying the log, in bytes.
    Log,
    /// Counting everything in the state anew.
    Audit,
    /// Reading the bodies of all jobs, in jobs.
    Bodies,
}

/// Why a folder could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is nothing of a server's in it.
    #[error("{0} is no data folder: there is neither a log nor a log-id in it. Name the folder given to --data-dir")]
    NotADataFolder(String),
    /// A server runs on it.
    #[error("the data folder is in use by a server; stop the server, then check again")]
    InUse,
    /// A snapshot is half installed: which files count is settled by a start only.
    #[error(
        "a snapshot is being installed in the data folder; start the server, which finishes that, then check again"
    )]
    Installing,
    /// Something could not be read, so that nothing is known of it.
    #[error("{doing}: {source}. Nothing is known of what could not be read")]
    Unreadable {
        /// What was being done.
        doing: String,
        /// The system's words.
        source: io::Error,
    },
    /// A newer version wrote it.
    #[error("{file} has format {version}, which this version cannot read: check with the version that wrote it")]
    TooNew {
        /// The file.
        file: String,
        /// Its format.
        version: u32,
    },
}

impl From<Unknown> for CheckError {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::TooNew(TooNew { file, version }) => Self::TooNew { file, version },
            Unknown::Unreadable(what) => unreadable("reading", io::Error::other(what)),
        }
    }
}

fn unreadable(doing: impl Into<String>, source: io::Error) -> CheckError {
    CheckError::Unreadable { doing: doing.into(), source }
}

fn from_log(error: LogError) -> CheckError {
    match error {
        LogError::TooNew { file, found, .. } => CheckError::TooNew { file: format!("{LOG}/{file}"), version: found },
        other => unreadable("reading the log", io::Error::other(other)),
    }
}

/// What a check reads: the disk, which it cannot change, and a disk before it whose changes stay in memory.
type Below<D> = ReadOnlyDisk<D>;
type Trial<D> = OverlayDisk<Below<D>>;

/// Checks a data folder, holding its lock meanwhile. Tells `progress` the step, how much of it is done, and of how much.
///
/// # Errors
/// It could not be checked; nothing is known of the folder then. Damage is no error but in the report.
pub fn check<D: Disk>(disk: D, folder: &Path, progress: &mut dyn FnMut(Step, u64, u64)) -> Result<Report, CheckError> {
    let disk = ReadOnlyDisk(disk);
    let names = match disk.list(folder) {
        Ok(names) => names,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Vec::new(),
        Err(error) => return Err(unreadable(format!("listing {}", folder.display()), error)),
    };
    let has_log_id = names.iter().any(|name| name == LOG_ID);
    // A disk need not list folders.
    let is_folder = |name: &str| disk.list(&folder.join(name)).is_ok();
    if !has_log_id && !is_folder(LOG) && !is_folder(CHECKPOINTS) {
        return Err(CheckError::NotADataFolder(folder.display().to_string()));
    }
    // A folder that no server has locked yet (a copy without it, perhaps) is in nobody's use.
    let _lock = match disk.lock_existing(&folder.join(LOCK)) {
        Ok(lock) => Some(lock),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(CheckError::InUse),
        Err(error) => return Err(unreadable("locking the data folder", error)),
    };
    let marks = disk.list(&folder.join(SNAPSHOT)).unwrap_or_default();
    if marks.iter().any(|name| ["install", "installed"].contains(&name.as_str())) {
        return Err(CheckError::Installing);
    }
    let log_id = read_log_id(&disk, folder, has_log_id)?;
    let mut check = Check { trial: OverlayDisk::new(disk.clone()), disk, folder, progress, report: Report::default() };
    check.run(log_id)?;
    sort_out(&mut check.report);
    Ok(check.report)
}

/// The log's id. `Err` in the inner result if there is none that can be used.
fn read_log_id<D: Disk>(disk: &D, folder: &Path, is_there: bool) -> Result<Result<LogId, &'static str>, CheckError> {
    if !is_there {
        return Ok(Err("the file is missing"));
    }
    let read = || {
        let file = disk.open(&folder.join(LOG_ID), OpenMode::Read)?;
        let mut text = [0; 32];
        if file.len()? != 32 {
            return Ok(None);
        }
        file.read_exact_at(&mut text, 0)?;
        Ok(std::str::from_utf8(&text).ok().and_then(|text| u128::from_str_radix(text, 16).ok()))
    };
    let id = read().map_err(|error| unreadable(format!("reading {LOG_ID}"), error))?;
    Ok(id.map(|id| LogId(id.to_be_bytes())).ok_or("it should be 32 hexadecimal digits"))
}

struct Check<'a, D: Disk> {
    disk: Below<D>,
    trial: Trial<D>,
    folder: &'a Path,
    progress: &'a mut dyn FnMut(Step, u64, u64),
    report: Report,
}

impl<D: Disk> Check<'_, D> {
    fn run(&mut self, log_id: Result<LogId, &'static str>) -> Result<(), CheckError> {
        let (checkpoints, loadable) = self.checkpoints()?;
        let shelf = self.body_files()?;
        let (skips, unread) = evenkeel_engine::read_skips(&self.disk, self.folder)
            .map_err(|error| unreadable(format!("reading {SKIPPED}"), error))?;
        for what in unread {
            let means =
                "The log says as well which entries are passed over: a start reads it there, and writes it down again.";
            self.report.find(Some(SKIPPED.into()), None, what, means);
        }
        let (known, machine) = self.states(&checkpoints, &loadable, &skips)?;
        let newest = known.last().map_or(LogIndex::ZERO, |known| known.index);

        let load = |index| evenkeel_engine::load(&checkpoints, index).map_err(|error| error.to_string());
        let mut replay = Replay::new(machine, &known, &skips, &load);
        let (verified, names) = self.log(log_id.ok(), newest, &mut replay)?;
        replay.end();
        for trouble in &replay.trouble {
            let means = "A start takes the newer checkpoint and goes on. The state of one of the two is wrong, though no \
                byte of it is: keep a copy of the folder and report it.";
            self.report.find(None, None, trouble, means);
            self.report.make_last_serious();
        }
        self.report.checkpoints.append(&mut replay.compared);
        let (machine, epoch, stuck) = (replay.machine, replay.epoch, replay.stuck);
        self.audit(&machine, epoch.0);

        let log = match (self.report.start_error.take(), log_id) {
            (Some(error), _) => Err(error),
            (None, Err(what)) => Err(self.no_log_id(what, verified.log, !names.is_empty())),
            (None, Ok(id)) => self.start_log(id, newest),
        };
        let shelf_error = shelf.as_ref().err().cloned();
        let error = log.as_ref().err().cloned().or(shelf_error).or(stuck);
        let holders = self.holders(&names, log.as_ref().ok(), &verified);
        let source = match (&log, &shelf) {
            (Ok(log), Ok(shelf)) => Source::Server(BodyStore::new(log.reader(), shelf.reader())),
            (_, shelf) => Source::Pieces(&verified.readable, shelf.as_ref().ok().map(Shelf::reader)),
        };
        let (report, progress) = (&mut self.report, &mut *self.progress);
        bodies::check::<Reader<Trial<D>>, _>(report, machine.queues(), &source, &holders, &mut |done, all| {
            progress(Step::Bodies, done, all);
        });
        // The engine counts them, too, and does not start without.
        let missing = Some(self.report.bodies.missing).filter(|missing| *missing > 0);
        let missing = missing.map(|missing| format!("the bodies of {missing} jobs are in no file"));
        self.report.start_error = error.or(missing);
        self.report.starts = self.report.start_error.is_none();
        Ok(())
    }

    /// Reads the checkpoints' files, and opens them on trial.
    fn checkpoints(&mut self) -> Result<(Checkpoints<Trial<D>>, Vec<LogIndex>), CheckError> {
        let dir = self.folder.join(CHECKPOINTS);
        let progress = &mut *self.progress;
        let verified = evenkeel_checkpoint::verify(self.disk.clone(), &dir, &mut |done, all| {
            progress(Step::Checkpoints, done, all)
        });
        let verified = match verified {
            Err(error) if error.kind() == io::ErrorKind::NotFound => evenkeel_checkpoint::Verified::default(),
            result => result.map_err(|error| unreadable(format!("reading {CHECKPOINTS}/"), error))?,
        };
        let opened = Checkpoints::open(self.trial.clone(), &dir, evenkeel_checkpoint::Options::default());
        let (checkpoints, opened) = opened.map_err(|error| match error {
            CheckpointError::Io { doing, source } => unreadable(doing, source),
            CheckpointError::TooNew { file, version } => {
                CheckError::TooNew { file: format!("{CHECKPOINTS}/{file}"), version }
            }
        })?;
        files::checkpoints(&mut self.report, &verified, &opened.removed)?;
        for damaged in opened.damaged {
            let unusable = CheckpointReport { index: damaged.index.0, usable: false, agrees: None };
            self.report.checkpoints.push(unusable);
        }
        let unusable = checkpoints.kept().iter().filter(|index| !verified.loadable.contains(index));
        let unusable = unusable.map(|index| CheckpointReport { index: index.0, usable: false, agrees: None });
        self.report.checkpoints.extend(unusable);
        Ok((checkpoints, verified.loadable))
    }

    /// Reads the body files, and opens them on trial; the reason in the server's words, if it would not.
    fn body_files(&mut self) -> Result<Result<Shelf<Trial<D>>, String>, CheckError> {
        let dir = self.folder.join(BODIES);
        let progress = &mut *self.progress;
        let verified =
            evenkeel_bodies::verify(&self.disk, &dir, |at| progress(Step::BodyFiles, at.bytes_done, at.bytes));
        let verified = verified.map_err(|error| unreadable(format!("reading {BODIES}/"), error))?;
        files::body_files(&mut self.report, &verified)?;
        match Shelf::open(self.trial.clone(), &dir) {
            Ok((shelf, _)) => Ok(Ok(shelf)),
            Err(ShelfError::TooNew { file, found, .. }) => {
                Err(CheckError::TooNew { file: format!("{BODIES}/{file}"), version: found })
            }
            Err(error) => Ok(Err(error.to_string())),
        }
    }

    /// Loads each checkpoint, one after the other; the oldest that can be used stays.
    fn states(
        &mut self,
        checkpoints: &Checkpoints<Trial<D>>,
        loadable: &[LogIndex],
        skips: &Skips,
    ) -> Result<(Vec<Known>, Machine), CheckError> {
        let mut known = Vec::new();
        let mut oldest = None;
        // What has taken in an entry that is passed over is not started from.
        for (done, &index) in loadable.iter().rev().filter(|index| !skips.spoil(**index)).enumerate() {
            (self.progress)(Step::States, done as u64, loadable.len() as u64);
            drop(oldest.take());
            match evenkeel_engine::load(checkpoints, index) {
                Ok(machine) => {
                    known.push(Known { index, digest: machine.digest() });
                    oldest = Some(machine);
                }
                Err(StartError::Load(LoadError::Io { doing, source })) => return Err(unreadable(doing, source)),
                Err(error) => {
                    let file = format!("{CHECKPOINTS}/{:016x}.ckpt", index.0);
                    let means = match error {
                        StartError::TooNew { .. } => "No start of this version goes on from it: use the newer version.",
                        _ => {
                            "Every checksum is right and yet it is no state: keep a copy of the folder and report it. \
                             A start takes the checkpoint before."
                        }
                    };
                    self.report.find(Some(file), None, error.to_string(), means);
                    self.report.make_last_serious();
                    let unusable = CheckpointReport { index: index.0, usable: false, agrees: None };
                    self.report.checkpoints.push(unusable);
                }
            }
        }
        if let (None, Some(last)) = (&oldest, known.last()) {
            // The oldest of all is refused: the one before it in the list was dropped for it.
            let loaded = evenkeel_engine::load(checkpoints, last.index);
            oldest = Some(loaded.map_err(|error| unreadable("loading a checkpoint", io::Error::other(error)))?);
        }
        known.reverse();
        if known.is_empty() && !self.report.checkpoints.is_empty() {
            self.report.start_error = Some("no checkpoint can be used".into());
        }
        Ok((known, oldest.unwrap_or_default()))
    }

    /// Reads the log and follows it.
    fn log(
        &mut self,
        id: Option<LogId>,
        newest: LogIndex,
        replay: &mut Replay<'_>,
    ) -> Result<(evenkeel_log_local::Verified, Vec<String>), CheckError> {
        let dir = self.folder.join(LOG);
        let names = match self.disk.list(&dir) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
            Err(error) => return Err(unreadable(format!("listing {LOG}/"), error)),
        };
        let progress = &mut *self.progress;
        let verified = evenkeel_log_local::verify(
            &self.disk,
            &dir,
            id,
            Some(newest),
            &mut |done, all| progress(Step::Log, done, all),
            &mut |entry| replay.entry(entry),
        );
        let verified = verified.map_err(from_log)?;
        files::log(&mut self.report, &verified, &names);
        Ok((verified, names))
    }

    /// Counts everything in the state anew.
    fn audit(&mut self, machine: &Machine, epoch: u64) {
        (self.progress)(Step::Audit, 0, 1);
        let (queues, groups, jobs) = machine.queues().sizes();
        if let Err(what) = machine.check_conservation().and_then(|()| machine.audit()) {
            let what = format!("the state at entry {} does not add up: {what}", machine.applied());
            let means =
                "No byte is damaged, so this is a defect of the program: keep a copy of the folder and report it.";
            self.report.find(None, None, what, means);
            self.report.make_last_serious();
        }
        if machine.begin().is_some() {
            self.report.state = Some(StateReport {
                index: machine.applied().0,
                epoch,
                feature_level: machine.feature_level(),
                queues: queues.into(),
                groups: groups.into(),
                jobs: jobs.into(),
                body_bytes: machine.queues().totals().bytes,
                digest: format!("{:016x}", machine.digest()),
            });
        }
    }

    fn no_log_id(&mut self, what: &str, found: Option<LogId>, has_log: bool) -> String {
        let means = match found {
            Some(id) => format!(
                "The server does not start without it. Every segment of the log holds it, too: write these 32 digits into \
                 the file, without a line break: {:032x}",
                u128::from_be_bytes(id.0)
            ),
            None if has_log => "The server does not start without it. Restore it from a copy.".to_owned(),
            None => "Restore the whole folder from a copy.".to_owned(),
        };
        self.report.find(Some(LOG_ID.into()), None, what, &means);
        format!("{LOG_ID}: {what}")
    }

    /// Opens the log on trial, as a start would.
    fn start_log(&self, id: LogId, applied: LogIndex) -> Result<LocalLog<Trial<D>>, String> {
        let opened = LocalLog::open(self.trial.clone(), &self.folder.join(LOG), Options::new(id), applied);
        opened.map(|(log, ..)| log).map_err(|error| error.to_string())
    }

    /// Which entries' bodies are whose.
    fn holders(
        &self,
        names: &[String],
        log: Option<&LocalLog<Trial<D>>>,
        verified: &evenkeel_log_local::Verified,
    ) -> Holders {
        let first_of = |name: &String| u64::from_str_radix(name.strip_suffix(".seg")?, 16).ok();
        let firsts: Vec<_> = names.iter().filter_map(first_of).collect();
        // Where a hole follows, the log knows where the segment ends, if it opens; else what can be read tells.
        let retired = log.map(Log::retired).unwrap_or_default();
        let mut holders = Holders::default();
        for (at, &first) in firsts.iter().enumerate() {
            let path = files::segment(LogIndex(first));
            let next = firsts.get(at + 1).map_or(u64::MAX, |next| next.saturating_sub(1));
            let known = retired.iter().find(|extent| extent.first.0 == first).map(|extent| extent.last.0);
            let is_damaged = self.report.findings.iter().any(|finding| finding.file.as_ref() == Some(&path));
            let within = |(from, to): (LogIndex, LogIndex)| (from.0 <= next && to.0 >= first).then(|| to.0.min(next));
            let read = || verified.readable.iter().filter_map(within).last();
            let last = known.or_else(|| if is_damaged { None } else { read() }).unwrap_or(next);
            holders.files.push((LogIndex(first), LogIndex(last), path));
        }
        let body_files = self.disk.list(&self.folder.join(BODIES)).unwrap_or_default();
        for name in body_files {
            let range = name.strip_suffix(".bodies").and_then(|range| range.split_once('-'));
            let number = |text: &str| u64::from_str_radix(text, 16).ok().map(LogIndex);
            if let Some((Some(first), Some(last))) = range.map(|(first, last)| (number(first), number(last))) {
                holders.files.push((first, last, format!("{BODIES}/{name}")));
            }
        }
        holders
    }
}
