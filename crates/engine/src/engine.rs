//! The engine's core: requests in, batches to the log, committed batches through the machine, answers out.
//!
//! It has no thread, clock or socket of its own: whoever drives it calls [`Engine::submit`] and
//! [`Engine::step`] and carries answers and errands away. A real thread and the simulator drive the same code.
//!
//! 1. Nothing is answered before it is durable: answers to commands come from committed entries only.
//! 2. What arrives while a batch is being made durable goes out together as the next one.
//! 3. An empty receive is no command: it waits here, volatile, and costs the log nothing.
//! 4. An idle engine proposes nothing; a batch without commands is proposed only when a timer is due.
//! 5. No step takes long: what is much (a replay, a checkpoint, a sweep over the jobs) goes on in the next one.

mod admission;
mod bodies;
mod checkpoint;
mod commit;
mod halted;
mod look;
mod receive;
mod watch;

use crate::{
    CallId, Done, Errand, Meters, Options, StartError,
    clock::LogClock,
    damage_watch::{DamageWatch, DamageWatcher},
    fatal::Fatal,
    fault::{self, Fault},
    halt::{Halt, Halted},
    key_watch::{KeyWatch, KeyWatcher},
    limits,
    living::{Extent, Kind, Living},
    marks::{Mark, Marks},
    note_watch::{NoteWatch, NoteWatcher},
    request::{Answer, Demand, EngineError, Look, Looked, Receive, Request},
    skips::{Skips, Stumble},
    start::Start,
    tail::Tail,
    waiters::Waiters,
    watches::Watches,
};
use bodies::Carrying;
use bytes::Bytes;
use checkpoint::Checkpointing;
use evenkeel_log::{Log, LogEvent, ProposeError, Ticket};
use evenkeel_machine::{Machine, Outcome, batch::BatchBuilder};
use evenkeel_types::{LogIndex, Micros, Now, QueueId};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, atomic::Ordering},
};

/// What the engine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Replaying, or following another owner.
    Following,
    /// Owner, waiting for the log's first command to be committed.
    Beginning,
    /// Owner.
    Serving,
    /// No new requests; what is under way is finished.
    Stopping,
    /// The log or the machine failed.
    Failed,
}

/// Who waits for a command's reply.
#[derive(Debug)]
enum Call {
    /// A client's command.
    Client(CallId),
    /// A client's receive, and how many ready jobs were set aside for it.
    Receive { call: CallId, queue: QueueId, receive: Receive, until: Micros, set_aside: u64 },
    /// Nobody.
    House,
}

/// Counts since the start, for logs and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Entries proposed.
    pub batches: u64,
    /// Commands in them.
    pub commands: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Leases given.
    pub received: u64,
    /// Checkpoints that became durable.
    pub checkpoints: u64,
    /// Checkpoints that could not be written.
    pub checkpoints_failed: u64,
}

/// The engine over some log.
#[derive(Debug)]
pub struct Engine<L: Log> {
    log: L,
    machine: Machine,
    stage: Stage,
    fatal: Option<Fatal>,
    /// The log has told that it is owned here, and all that was committed before.
    owns: bool,
    /// It stands before an entry that cannot be applied.
    halt: Option<Halt>,
    halted: Arc<Halted>,
    /// The state that it began with.
    began_at: LogIndex,
    skips: Skips,
    /// It is not given that entry again.
    stumble: Option<Stumble>,
    clock: LogClock,
    /// Used once, if the log begins with us.
    secret: [u8; 32],

    options: Options,

    open: BatchBuilder,
    open_calls: Vec<Call>,
    /// Looks that wait for the next batch, by which this node proves that it still owns the log.
    open_looks: Vec<(CallId, Request)>,
    proposed: VecDeque<Proposed>,
    proposed_bytes: usize,
    /// What was let in and is not applied yet.
    let_in: Demand,
    open_demand: Demand,

    outcome: Outcome,
    waiters: Waiters,
    watches: Watches,
    set_aside: BTreeMap<QueueId, u64>,
    woken: BTreeSet<QueueId>,
    answers: Vec<(CallId, Answer)>,
    errands: Vec<Errand>,

    tail: Tail,
    living: Living,
    carrying: Carrying,
    /// Files in which nothing lives since the entry of that index.
    letting_go: VecDeque<(LogIndex, Extent)>,
    checkpointing: Checkpointing,
    oldest_checkpoint: LogIndex,
    newest_checkpoint: LogIndex,
    /// There is no room for a checkpoint if the disk gets any fuller.
    lacks_room: bool,
    /// The log may have more to tell than the last step took in.
    has_more: bool,
    /// Answers whose bodies are being read.
    reading: usize,
    /// While the disk is full, timers do not try again at once.
    no_timer_before: Micros,
    totals: Totals,
    meters: Arc<Meters>,
    marks: Arc<Marks>,
    /// Leases given, by queue.
    received: BTreeMap<QueueId, u64>,
    trouble: Vec<String>,
    key_watch: KeyWatch,
    note_watch: NoteWatch,
    damage_watch: DamageWatch,
}

/// A batch on its way through the log.
#[derive(Debug)]
struct Proposed {
    ticket: Ticket,
    bytes: usize,
    demand: Demand,
    calls: Vec<Call>,
    /// They are looked at once this is applied.
    looks: Vec<(CallId, Request)>,
}

impl<L: Log> Engine<L> {
    /// An engine that goes on from what was found; `log` must yield what follows it. `secret` is used if the log
    /// has not begun, and must come from the system's random source. O(jobs).
    ///
    /// # Errors
    /// The log failed.
    pub fn new(mut log: L, start: Start, secret: [u8; 32], options: Options) -> Result<Self, StartError> {
        let Start { machine, oldest_checkpoint, whole, body_files, skips, stumble } = start;
        let newest_checkpoint = machine.applied();
        // Below this the log has holes already, and only retired files.
        let opened_first = log.first_index();
        log.trim(oldest_checkpoint.next())?;
        let mut extents: Vec<_> = body_files.iter().map(|file| Extent::new(file, Kind::BodyFile)).collect();
        for file in &body_files {
            // Whoever wrote the file may not have got to this.
            log.release(file.first, file.last)?;
        }
        let carried = |index| body_files.iter().any(|file| (file.first..=file.last).contains(&index));
        let retired = log.retired();
        extents.extend(retired.iter().filter(|e| !carried(e.first)).map(|e| Extent::new(e, Kind::Segment)));
        let retired_last = extents.iter().map(|extent| extent.last).max();
        let recent_first = retired_last.map_or(opened_first, |last| last.next().max(opened_first));
        let mut living = Living::new(extents, recent_first);
        let queues = machine.queues();
        queues.bodies(queues.job_slots()).for_each(|body| living.keep(body));
        living.note_empty();
        let mut engine = Self {
            log,
            machine,
            stage: Stage::Following,
            fatal: None,
            owns: false,
            halt: None,
            halted: Arc::default(),
            began_at: newest_checkpoint,
            skips,
            stumble,
            clock: LogClock::default(),
            secret,
            options,
            open: BatchBuilder::default(),
            open_calls: Vec::new(),
            open_looks: Vec::new(),
            proposed: VecDeque::new(),
            proposed_bytes: 0,
            let_in: Demand::default(),
            open_demand: Demand::default(),
            outcome: Outcome::default(),
            waiters: Waiters::default(),
            watches: Watches::default(),
            set_aside: BTreeMap::new(),
            woken: BTreeSet::new(),
            answers: Vec::new(),
            errands: Vec::new(),
            tail: Tail::new(options.pace.tail_bytes),
            living,
            carrying: Carrying::NotYet,
            letting_go: VecDeque::new(),
            checkpointing: Checkpointing::new(options.checkpoint_every_bytes, whole),
            oldest_checkpoint,
            newest_checkpoint,
            lacks_room: false,
            has_more: true,
            reading: 0,
            no_timer_before: Micros(0),
            totals: Totals::default(),
            meters: Arc::default(),
            marks: Arc::default(),
            received: BTreeMap::new(),
            trouble: Vec::new(),
            key_watch: KeyWatch::default(),
            note_watch: NoteWatch::default(),
            damage_watch: DamageWatch::default(),
        };
        engine.meters.feature_level.store(engine.machine.feature_level(), Ordering::Relaxed);
        engine.let_go_of_empty();
        Ok(engine)
    }

    /// Tells `watcher` of each access key that there is, and from now on of each that changes, before the change is answered.
    pub fn watch_keys(&mut self, watcher: KeyWatcher) {
        self.key_watch = KeyWatch::new(watcher, self.machine.keys());
    }

    /// Tells `watcher` of each queue that has notes among its papers, and from now on of each whose notes change, before the
    /// change is answered.
    pub fn watch_notes(&mut self, watcher: NoteWatcher) {
        self.note_watch = NoteWatch::new(watcher, self.machine.queues());
    }

    /// Tells `watcher` of each body that a receive needed and that is damaged or gone.
    pub fn watch_damage(&mut self, watcher: DamageWatcher) {
        self.damage_watch = DamageWatch::new(watcher);
    }

    /// Takes a request. Its answer comes from [`Engine::take_answers`], perhaps at once.
    pub fn submit(&mut self, call: CallId, request: Request, now: Now) {
        if let Request::Skip(entry) = request {
            return self.propose_skip(call, entry, now);
        }
        if self.stage != Stage::Serving {
            let error = match &self.halt {
                _ if self.stage == Stage::Stopping => EngineError::Stopping,
                Some(halt) => EngineError::Halted(halt.entry),
                None => EngineError::NotLeading,
            };
            self.answers.push((call, Answer::Failed(error)));
            return;
        }
        match request {
            Request::Propose(proposal) => {
                if let Err(error) = self.admit(&proposal) {
                    self.answers.push((call, Answer::Failed(error)));
                    return;
                }
                let bytes = self.in_force(proposal.bytes());
                self.open.push_encoded(bytes);
                if let Some(reply) = fault::answer_before_commit(proposal.bytes()) {
                    self.answers.push((call, Answer::Reply(reply)));
                    self.open_calls.push(Call::House);
                    return;
                }
                self.open_calls.push(Call::Client(call));
                if self.open.bytes() >= limits::BATCH_BYTES {
                    self.propose(now);
                }
            }
            Request::Skip(_) => unreachable!("it was taken before"),
            Request::Receive(receive) => self.receive(call, receive, now),
            Request::Look(_) | Request::Describe(_) if self.must_be_proven(&request) => {
                self.open_looks.push((call, request));
            }
            Request::Look(Look::Sent(watch)) => self.watch(call, &watch, now),
            Request::Look(look) => self.look(call, &look),
            Request::Describe(name) => self.describe(call, &name),
        }
    }

    /// Ends the wait of a call whose client has gone: its answer comes now and is empty. If another is already
    /// on the way, that one still comes.
    pub fn cancel(&mut self, call: CallId) {
        if let Some(waiter) = self.waiters.cancel(call) {
            self.answer_empty(waiter.call, waiter.queue);
        }
        if let Some(watched) = self.watches.cancel(call) {
            self.answers.push((call, Answer::Looked(Ok(Looked::Sent(watched)))));
        }
    }

    /// Takes in what the log has committed, ends waits, fires timers and proposes what was collected.
    ///
    /// # Errors
    /// The engine has stopped for good; all calls under way are answered `Lost`.
    pub fn step(&mut self, now: Now) -> Result<(), Fatal> {
        self.take_in(now);
        if let Some(fatal) = &self.fatal {
            return Err(fatal.clone());
        }
        self.drive_checkpoint(now);
        self.drive_carrying();
        self.let_go_of_empty();
        while let Some(waiter) = self.waiters.pop_ended(now.monotonic) {
            self.answer_empty(waiter.call, waiter.queue);
        }
        self.end_watches(now);
        loop {
            self.wake_waiters(now);
            let timer_due = self.proposed.is_empty()
                && (self.next_timer().is_some_and(|due| due <= now.monotonic)
                    || fault::is(Fault::TickAlways) && self.stage == Stage::Serving);
            let wants_entry = std::mem::take(&mut self.checkpointing.wants_entry) && self.stage == Stage::Serving;
            let has_open = wants_entry || self.open.count() > 0 || !self.open_looks.is_empty();
            if self.proposed.is_empty() && (has_open || timer_due) {
                self.propose(now);
            }
            // A full disk may have refused it; then what was set aside may be another waiter's.
            if self.woken.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes in what the log tells, as much as one step should.
    fn take_in(&mut self, now: Now) {
        let (mut bytes, before) = (0, self.machine.applied());
        self.has_more = false;
        while let Some(event) = self.log.poll() {
            if let LogEvent::Committed { entry, .. } = &event {
                bytes += entry.batch.len();
            }
            if let Err(fatal) = self.on_log_event(event, now) {
                self.fail(fatal);
                return;
            }
            if bytes >= self.options.pace.step_bytes {
                self.has_more = true;
                break;
            }
        }
        if self.machine.applied() > before {
            self.marks.newest(self.mark());
        }
    }

    /// The state as it is.
    fn mark(&self) -> Mark {
        Mark { index: self.machine.applied(), digest: self.machine.digest() }
    }

    /// When [`Engine::step`] should be called even if nothing happens, on the monotonic clock.
    pub fn next_wake(&self) -> Option<Micros> {
        if self.has_more || self.checkpointing.has_work() || self.carrying_has_work() {
            return Some(Micros(0));
        }
        let timer = if self.proposed.is_empty() { self.next_timer() } else { None };
        [timer, self.waiters.next_end(), self.watches.next_end(), self.checkpoint_for_room()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Hands out the answers that are ready.
    pub fn take_answers(&mut self) -> std::vec::Drain<'_, (CallId, Answer)> {
        self.answers.drain(..)
    }

    /// Hands out what is to be done elsewhere.
    pub fn take_errands(&mut self) -> std::vec::Drain<'_, Errand> {
        self.errands.drain(..)
    }

    /// Hands out what the server's log should say.
    pub fn take_trouble(&mut self) -> std::vec::Drain<'_, String> {
        self.trouble.drain(..)
    }

    /// Takes in how an errand ended.
    pub fn errand_done(&mut self, done: Done) {
        match done {
            Done::Bodies { call, queue, jobs, unreadable } => self.bodies_read(call, queue, jobs, unreadable),
            Done::Body { call, body } => self.body_read(call, body),
            Done::CheckpointPart(index) => self.checkpointing.part_written(index),
            Done::Checkpoint { oldest, lacks_room } => {
                self.lacks_room = lacks_room;
                self.totals.checkpoints += 1;
                self.checkpointing.finished();
                self.oldest_checkpoint = oldest;
                self.newest_checkpoint = self.checkpointing.index;
                self.retire();
            }
            Done::CheckpointFailed(index, _) => self.checkpoint_failed(index),
            Done::WholeWanted => {
                // As long as the state is in memory it can be written anew.
                self.checkpointing.whole = true;
                self.checkpointing.is_urgent = true;
            }
            Done::Carried { first, last, disk_bytes } => self.carried(first, last, disk_bytes),
            Done::NotCarried { first, last, unreadable, .. } => self.not_carried(first, last, unreadable),
            // Nothing lives there; the next start finds them again.
            Done::NotRemoved(_) => {}
        }
    }

    /// Refuses new requests from now on and answers the waiting ones. The engine is
    /// [`Engine::is_idle`] once all that was accepted is answered.
    pub fn stop(&mut self) {
        if self.stage == Stage::Failed {
            return;
        }
        self.stage = Stage::Stopping;
        while let Some(waiter) = self.waiters.pop_any() {
            self.answer_empty(waiter.call, waiter.queue);
        }
        self.refuse_watches();
    }

    /// Whether nothing is collected, proposed or unanswered.
    pub fn is_idle(&self) -> bool {
        let nothing_open = self.open.count() == 0 && self.open_looks.is_empty();
        let nothing_inside = nothing_open && self.proposed.is_empty() && self.reading == 0;
        nothing_inside && self.answers.is_empty() && self.errands.is_empty()
    }

    /// After [`Engine::stop`]: whether all is answered and the last checkpoint is durable. Begins that
    /// checkpoint when it is time.
    pub fn is_drained(&mut self, now: Now) -> bool {
        if !self.is_idle() || self.checkpointing.is_under_way() {
            return false;
        }
        if self.checkpointing.log_bytes > 0 && !self.skips.spoil(self.machine.applied()) {
            self.begin_checkpoint(now);
            return false;
        }
        true
    }

    /// Sets who is called when the log has news.
    pub fn set_waker(&mut self, waker: evenkeel_log::Waker) {
        self.log.set_waker(waker);
    }

    /// Whether requests are taken.
    pub fn is_serving(&self) -> bool {
        self.stage == Stage::Serving
    }

    /// The state, for reading.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The log below.
    pub fn log(&self) -> &L {
        &self.log
    }

    /// What is counted as it goes, readable while the engine is at work.
    pub fn meters(&self) -> Arc<Meters> {
        Arc::clone(&self.meters)
    }

    /// What the state's digest was at which entries, readable while the engine is at work.
    pub fn marks(&self) -> Arc<Marks> {
        Arc::clone(&self.marks)
    }

    /// Counts since the start.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Bytes collected or proposed and not durable yet.
    pub fn unsynced_bytes(&self) -> usize {
        self.open.bytes() + self.proposed_bytes
    }

    /// Whether the log was replayed, no checkpoint is under way and no body is being carried.
    pub fn is_quiet(&self) -> bool {
        !self.checkpointing.is_under_way() && matches!(self.carrying, Carrying::None)
    }

    /// The oldest checkpoint that is kept.
    pub fn oldest_checkpoint(&self) -> LogIndex {
        self.oldest_checkpoint
    }

    /// Counts all living bodies again, for tests. O(jobs).
    ///
    /// # Errors
    /// The counts by which files are let go differ from that: in words.
    pub fn audit_bodies(&self) -> Result<(), String> {
        let queues = self.machine.queues();
        self.living.audit(queues.bodies(queues.job_slots()))
    }

    /// How many receives wait.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    fn next_timer(&self) -> Option<Micros> {
        // An engine that stops ends no more leases: they would keep it busy, and end after the next start as well.
        if self.stage != Stage::Serving {
            return None;
        }
        let late = if fault::is(Fault::LateTimers) { Micros(50_000) } else { Micros(0) };
        self.machine.next_due().map(|due| self.clock.monotonic_at(due + late).max(self.no_timer_before))
    }

    fn propose(&mut self, now: Now) {
        let calls = std::mem::take(&mut self.open_calls);
        let looks = std::mem::take(&mut self.open_looks);
        let demand = std::mem::take(&mut self.open_demand);
        let (count, log_time) = (self.open.count(), self.clock.log_time(now));
        // Copied, so that what lies in the tail takes no more memory than it has bytes.
        let batch = Bytes::copy_from_slice(self.open.close(log_time, now.wall));
        self.open.clear();
        let bytes = batch.len();
        match self.log.propose(batch) {
            Ok(ticket) => {
                self.totals.batches += 1;
                self.totals.commands += u64::from(count);
                self.totals.bytes += bytes as u64;
                self.meters.batch_commands.record(count.into());
                self.meters.batch_bytes.record(bytes as u64);
                self.proposed_bytes += bytes;
                self.proposed.push_back(Proposed { ticket, bytes, demand, calls, looks });
            }
            Err(error) => {
                let error = match error {
                    ProposeError::NotOwner => EngineError::NotLeading,
                    ProposeError::Full => {
                        self.no_timer_before = Micros(now.monotonic.0.saturating_add(limits::FULL_DISK_PAUSE.0));
                        EngineError::DiskFull
                    }
                    ProposeError::TooLarge { .. } | ProposeError::Empty => EngineError::Overloaded,
                    ProposeError::Failed => EngineError::Stopping,
                };
                self.let_in.remove(demand);
                self.refuse(calls, error);
                self.refuse_looks(looks, error);
            }
        }
    }

    fn refuse(&mut self, calls: Vec<Call>, error: EngineError) {
        for call in calls {
            match call {
                Call::Client(call) => self.answers.push((call, Answer::Failed(error))),
                Call::Receive { call, queue, set_aside, .. } => {
                    self.unset_aside(queue, set_aside);
                    self.woken.insert(queue);
                    self.answers.push((call, Answer::Failed(error)));
                }
                Call::House => {}
            }
        }
    }
}
