//! Drives a house on one thread: every errand is done as soon as it is there.

use evenkeel_disk::{Disk, MemDisk};
use evenkeel_engine::{
    Answer, CallId, CarryOptions, Engine, EngineError, Keeper, Options, Proposal, QueueName, Receive, Request,
};
use evenkeel_log::Log;
use evenkeel_log_local::{LocalLog, LogId, Options as LogOptions, Reader, Step, Writer};
use evenkeel_machine::{
    Build, Reply,
    command::{Body, Command, Held, NewJob, QueueKey, QueueSettings},
};
use evenkeel_types::{AccountId, Micros, Now, QueueId, WallTime};
use std::path::Path;

pub(crate) const SEGMENT_BYTES: u64 = 64 * 1024;
pub(crate) const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };
pub(crate) const FOLDER: &str = "/data";

pub(crate) struct House {
    pub(crate) engine: Engine<LocalLog<MemDisk>>,
    writer: Writer<MemDisk>,
    pub(crate) keeper: Keeper<Reader<MemDisk>, MemDisk>,
    now: u64,
    calls: u64,
    pub(crate) checkpoints: u64,
    pub(crate) carried: u64,
    /// Errands may fail.
    pub(crate) disk_is_ill: bool,
    /// The log failed; nothing more is to be expected.
    pub(crate) dead: bool,
}

/// A job that was received.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) held: Held,
    pub(crate) body: Vec<u8>,
}

/// Everything in proportion to the segments, a thousandth of the usual ones.
fn checkpoint_options() -> evenkeel_checkpoint::Options {
    let ballast_bytes = evenkeel_engine::limits::BALLAST_BYTES / 1_024;
    evenkeel_checkpoint::Options { ballast_bytes, ..evenkeel_checkpoint::Options::default() }
}

pub(crate) fn options() -> Options {
    Options {
        checkpoint_every_bytes: SEGMENT_BYTES,
        checkpoint_records_max: evenkeel_engine::limits::CHECKPOINT_RECORDS_MAX / 1_024,
        carry: CarryOptions {
            slack_bytes: 2 * SEGMENT_BYTES,
            group_bytes_max: SEGMENT_BYTES,
            small_bytes: SEGMENT_BYTES / 4,
            bodies_max: 1_000,
        },
        reserve_bytes: SEGMENT_BYTES / 4 * 5,
        ..Options::default()
    }
}

impl House {
    /// Opens it, as the server would. The reason, if it does not open.
    pub(crate) fn open(disk: &MemDisk) -> Result<Self, String> {
        Self::open_with(disk, options())
    }

    /// The same, with a sweep over the jobs that takes so many of them a step.
    pub(crate) fn open_sweeping(disk: &MemDisk, sweep_slice_jobs: u32) -> Result<Self, String> {
        let mut options = options();
        options.pace.sweep_slice_jobs = sweep_slice_jobs;
        Self::open_with(disk, options)
    }

    /// The same, with these options.
    pub(crate) fn open_with(disk: &MemDisk, options: Options) -> Result<Self, String> {
        Self::open_in(disk, options, Build::PRESENT)
    }

    /// The same, in a version of this program.
    pub(crate) fn open_in(disk: &MemDisk, options: Options, build: Build) -> Result<Self, String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        disk.create_dir_all(Path::new(FOLDER)).map_err(|error| words(&error))?;
        let found = evenkeel_engine::find_with(disk.clone(), Path::new(FOLDER), checkpoint_options(), build)
            .map_err(|error| words(&error))?;
        let log_options = LogOptions { segment_bytes: SEGMENT_BYTES, ..LogOptions::new(LogId([7; 16])) };
        let applied = found.start.machine.applied();
        let folder = Path::new(FOLDER).join("log");
        let opened = LocalLog::open(disk.clone(), &folder, log_options, applied);
        let (log, writer, _) = opened.map_err(|error| words(&error))?;
        let keeper = Keeper::new(found.checkpoints, found.shelf, log.reader());
        let engine = Engine::new(log, found.start, [7; 32], options).map_err(|error| words(&error))?;
        let mut house = Self {
            engine,
            writer,
            keeper,
            now: 1,
            calls: 0,
            checkpoints: 0,
            carried: 0,
            disk_is_ill: false,
            dead: false,
        };
        house.run();
        Ok(house)
    }

    /// Works until there is nothing left to do, and returns what was answered.
    pub(crate) fn run(&mut self) -> Vec<(CallId, Answer)> {
        let mut answers = Vec::new();
        while self.step(&mut answers) {}
        answers
    }

    /// Works for a moment. False if there was nothing to do.
    pub(crate) fn step(&mut self, answers: &mut Vec<(CallId, Answer)>) -> bool {
        self.now += 1;
        let now = Now { monotonic: Micros(self.now), wall: WallTime(1_000_000 + self.now / 1_000) };
        let stepped = self.engine.step(now);
        answers.extend(self.engine.take_answers());
        if stepped.is_err() {
            self.dead = true;
            return false;
        }
        let errands: Vec<_> = self.engine.take_errands().collect();
        let mut busy = !errands.is_empty();
        for errand in errands {
            self.do_errand(errand);
        }
        busy |= matches!(self.writer.step(), Step::Done(_) | Step::Filled);
        busy |= self.keeper.idle().unwrap_or(false);
        busy | self.engine.next_wake().is_some_and(|wake| wake.0 <= self.now)
    }

    fn do_errand(&mut self, errand: evenkeel_engine::Errand) {
        use evenkeel_engine::{Done, Errand};
        let done = match errand {
            Errand::ReadBodies { call, queue, jobs } => Some(self.keeper.bodies().deliver(call, queue, jobs)),
            Errand::ReadBody { call, body } => Some(self.keeper.bodies().show(call, body)),
            other => self.keeper.run(other),
        };
        match &done {
            Some(Done::NotCarried { reason, .. }) if !self.disk_is_ill => {
                assert!(reason.contains("no storage space"), "not carried: {reason}");
            }
            Some(Done::Bodies { unreadable, .. }) if !self.disk_is_ill => assert_eq!(unreadable, &Vec::new()),
            _ => {}
        }
        self.checkpoints += u64::from(matches!(done, Some(Done::Checkpoint { .. })));
        self.carried += u64::from(matches!(done, Some(Done::Carried { .. })));
        for done in done.into_iter().chain(self.keeper.trouble()) {
            self.engine.errand_done(done);
        }
    }

    pub(crate) fn ask(&mut self, request: Request) -> Option<Answer> {
        self.calls += 1;
        let call = CallId(self.calls);
        let now = Now { monotonic: Micros(self.now), wall: WallTime(1_000_000) };
        self.engine.submit(call, request, now);
        self.run().into_iter().find(|(answered, _)| *answered == call).map(|(_, answer)| answer)
    }

    /// Hands in commands that nobody waits for; they are carried out with the next.
    pub(crate) fn submit(&mut self, commands: &[Command<'_>]) {
        let now = Now { monotonic: Micros(self.now), wall: WallTime(1_000_000) };
        for command in commands {
            self.calls += 1;
            self.engine.submit(CallId(self.calls), Request::Propose(Proposal::new(command)), now);
        }
    }

    pub(crate) fn propose(&mut self, command: &Command<'_>) -> Option<Answer> {
        self.ask(Request::Propose(Proposal::new(command)))
    }

    pub(crate) fn create_queue(&mut self) -> bool {
        let settings = QueueSettings { lease: Micros::from_secs(40_000), ..QueueSettings::default() };
        let answer =
            self.propose(&Command::CreateQueue { queue: QUEUE, settings, papers: Default::default(), tags: vec![] });
        matches!(answer, Some(Answer::Reply(Reply::QueueCreated(Ok(_)))))
    }

    /// Sends a job. `Ok` if it was accepted, an error if it surely was not; `None` if nobody knows.
    pub(crate) fn send(&mut self, body: &[u8]) -> Option<Result<(), EngineError>> {
        let bytes = u32::try_from(body.len()).unwrap();
        let job = NewJob { group: "", delay: None, dedup: None, counted_bytes: bytes, body: Body::new(body) };
        match self.propose(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None })? {
            Answer::Reply(Reply::Enqueued(Ok(results))) => {
                assert!(results[0].is_ok());
                Some(Ok(()))
            }
            Answer::Failed(EngineError::Lost) => None,
            Answer::Failed(error) => Some(Err(error)),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn receive(&mut self) -> Option<Job> {
        self.receive_from(QUEUE)
    }

    pub(crate) fn receive_from(&mut self, queue: QueueKey<'_>) -> Option<Job> {
        let queue = QueueName { account: queue.account, name: queue.name.into() };
        let receive = Receive { queue, jobs_max: 1, lease: None, wait: None, again: Default::default() };
        match self.ask(Request::Receive(receive))? {
            Answer::Received(Ok(received)) => received.jobs.first().map(|delivery| Job {
                held: Held { job: delivery.grant.job, token: delivery.grant.token },
                body: delivery.body.to_vec(),
            }),
            Answer::Failed(error) => {
                let unreadable = self.disk_is_ill && error == EngineError::BodyUnreadable;
                assert!(self.dead || unreadable || error == EngineError::DiskFull, "{error}");
                None
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ack(&mut self, job: &Job) -> bool {
        let queue = self.queue();
        let answer = self.propose(&Command::Ack { queue, jobs: vec![job.held] });
        matches!(answer, Some(Answer::Reply(Reply::Acked(results))) if results[0].is_ok())
    }

    pub(crate) fn queue(&self) -> QueueId {
        self.engine.machine().queues().find(QUEUE).unwrap()
    }

    /// Ends it as the server would, with a last checkpoint.
    pub(crate) fn stop(&mut self) {
        self.engine.stop();
        loop {
            self.run();
            if self.engine.is_drained(Now { monotonic: Micros(self.now), wall: WallTime(1_000_000) }) {
                return;
            }
        }
    }

    /// Lets half a minute pass.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10 {
            self.now += 3_000_000;
            self.run();
        }
    }

    /// Makes every lease end.
    pub(crate) fn end_leases(&mut self) {
        self.now += 50_000_000_000;
        self.run();
    }
}

/// A body that tells which job it is, and is as long as that says.
pub(crate) fn body(number: u64, bytes: usize) -> Vec<u8> {
    let mut body = vec![u8::try_from(number % 251).unwrap(); bytes];
    body[..8].copy_from_slice(&number.to_le_bytes());
    body
}

pub(crate) fn number_of(body: &[u8]) -> u64 {
    u64::from_le_bytes(body[..8].try_into().unwrap())
}

/// All that lies in some folder of the data folder.
pub(crate) fn folder_bytes(disk: &MemDisk, folder: &str) -> u64 {
    let folder = Path::new(FOLDER).join(folder);
    let names = disk.list(&folder).unwrap_or_default();
    names.iter().map(|name| disk.contents(&folder.join(name)).map_or(0, |bytes| bytes.len() as u64)).sum()
}
