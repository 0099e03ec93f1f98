//! The engine's core: requests in, batches to the log, committed batches through the machine, answers out.
//!
//! It has no thread, clock or socket of its own: whoever drives it calls [`Engine::submit`] and
//! [`Engine::step`] and carries answers and errands away. A real thread and the simulator drive the same code.
//!
//! 1. Nothing is answered before it is durable: answers to commands come from committed entries only.
//! 2. What arrives while a batch is being made durable goes out together as the next one.
//! 3. An empty receive is no command: it waits here, volatile, and costs the log nothing.
//! 4. An idle engine proposes nothing; a batch without commands is proposed only when a timer is due.

mod commit;
mod receive;

use crate::{
    CallId, Done, Errand,
    clock::LogClock,
    fault::{self, Fault},
    floor::Floor,
    limits,
    request::{Answer, Description, EngineError, Receive, Request},
    tail::Tail,
    waiters::Waiters,
};
use evenkeel_log::{Log, ProposeError, Ticket};
use evenkeel_machine::{ApplyError, Machine, Outcome, batch::BatchBuilder, queue::NoSuchQueue};
use evenkeel_types::{LogIndex, Micros, Now, QueueId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Why the engine stopped for good.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fatal {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] evenkeel_log::LogError),
    /// An entry of the log cannot be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A snapshot was installed below the engine; this version cannot load one while it runs.
    #[error("a snapshot at {0} replaced the log; start again to load it")]
    Snapshot(LogIndex),
}

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
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Entries proposed.
    pub batches: u64,
    /// Commands in them.
    pub commands: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// The engine over some log.
#[derive(Debug)]
pub struct Engine<L: Log> {
    log: L,
    machine: Machine,
    stage: Stage,
    fatal: Option<Fatal>,
    clock: LogClock,
    /// Used once, if the log begins with us.
    secret: [u8; 32],

    open: BatchBuilder,
    open_calls: Vec<Call>,
    proposed: VecDeque<(Ticket, usize, Vec<Call>)>,
    proposed_bytes: usize,

    outcome: Outcome,
    waiters: Waiters,
    set_aside: BTreeMap<QueueId, u64>,
    woken: BTreeSet<QueueId>,
    answers: Vec<(CallId, Answer)>,
    errands: Vec<Errand>,

    tail: Tail,
    floor: Floor,
    bytes_since_checkpoint: u64,
    checkpoint_under_way: bool,
    /// Encoded, and waiting until the log is durable up to its index.
    checkpoint_waiting: Option<(LogIndex, Vec<u8>)>,
    /// Answers whose bodies are being read.
    reading: usize,
    checkpoint_every_bytes: u64,
    /// While the disk is full, timers do not try again at once.
    no_timer_before: Micros,
    oldest_checkpoint: LogIndex,
    totals: Totals,
}

impl<L: Log> Engine<L> {
    /// An engine that goes on from this state; `log` must yield what follows it. `secret` is used if the log
    /// has not begun, and must come from the system's random source.
    pub fn new(log: L, machine: Machine, oldest_checkpoint: LogIndex, secret: [u8; 32]) -> Self {
        let mut floor = Floor::default();
        machine.queues().bodies(machine.queues().job_slots()).for_each(|body| floor.keep(body));
        Self {
            log,
            machine,
            stage: Stage::Following,
            fatal: None,
            clock: LogClock::default(),
            secret,
            open: BatchBuilder::default(),
            open_calls: Vec::new(),
            proposed: VecDeque::new(),
            proposed_bytes: 0,
            outcome: Outcome::default(),
            waiters: Waiters::default(),
            set_aside: BTreeMap::new(),
            woken: BTreeSet::new(),
            answers: Vec::new(),
            errands: Vec::new(),
            tail: Tail::default(),
            floor,
            bytes_since_checkpoint: 0,
            checkpoint_under_way: false,
            checkpoint_waiting: None,
            reading: 0,
            checkpoint_every_bytes: limits::CHECKPOINT_EVERY_BYTES,
            no_timer_before: Micros(0),
            oldest_checkpoint,
            totals: Totals::default(),
        }
    }

    /// Sets how much log is written between checkpoints, in bytes.
    #[must_use]
    pub fn checkpoint_every(mut self, bytes: u64) -> Self {
        self.checkpoint_every_bytes = bytes;
        self
    }

    /// Takes a request. Its answer comes from [`Engine::take_answers`], perhaps at once.
    pub fn submit(&mut self, call: CallId, request: Request, now: Now) {
        if self.stage != Stage::Serving {
            let error = if self.stage == Stage::Stopping { EngineError::Stopping } else { EngineError::NotLeading };
            self.answers.push((call, Answer::Failed(error)));
            return;
        }
        match request {
            Request::Propose(proposal) => {
                if self.open.bytes() + self.proposed_bytes + proposal.bytes().len() > limits::UNSYNCED_BYTES_MAX {
                    self.answers.push((call, Answer::Failed(EngineError::Overloaded)));
                    return;
                }
                self.open.push_encoded(proposal.bytes());
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
            Request::Receive(receive) => self.receive(call, receive, now),
            Request::Describe(name) => {
                let description = self.describe(name.key());
                self.answers.push((call, Answer::Described(description)));
            }
        }
    }

    /// Ends the wait of a call whose client has gone: its answer comes now and is empty. If another is already
    /// on the way, that one still comes.
    pub fn cancel(&mut self, call: CallId) {
        if let Some(waiter) = self.waiters.cancel(call) {
            self.answer_empty(waiter.call, waiter.queue);
        }
    }

    /// Takes in what the log has committed, ends waits, fires timers and proposes what was collected.
    ///
    /// # Errors
    /// The engine has stopped for good; all calls under way are answered `Lost`.
    pub fn step(&mut self, now: Now) -> Result<(), Fatal> {
        while let Some(event) = self.log.poll() {
            if let Err(fatal) = self.on_log_event(event, now) {
                self.fail(fatal);
                break;
            }
        }
        if let Some(fatal) = &self.fatal {
            return Err(fatal.clone());
        }
        self.send_checkpoint();
        while let Some(waiter) = self.waiters.pop_ended(now.monotonic) {
            self.answer_empty(waiter.call, waiter.queue);
        }
        loop {
            self.wake_waiters(now);
            let timer_due = self.proposed.is_empty()
                && (self.next_timer().is_some_and(|due| due <= now.monotonic)
                    || fault::is(Fault::TickAlways) && self.stage == Stage::Serving);
            if self.proposed.is_empty() && (self.open.count() > 0 || timer_due) {
                self.propose(now);
            }
            // A full disk may have refused it; then what was set aside may be another waiter's.
            if self.woken.is_empty() {
                return Ok(());
            }
        }
    }

    /// When [`Engine::step`] should be called even if nothing happens, on the monotonic clock.
    pub fn next_wake(&self) -> Option<Micros> {
        let timer = if self.proposed.is_empty() { self.next_timer() } else { None };
        [timer, self.waiters.next_end()].into_iter().flatten().min()
    }

    /// Hands out the answers that are ready.
    pub fn take_answers(&mut self) -> std::vec::Drain<'_, (CallId, Answer)> {
        self.answers.drain(..)
    }

    /// Hands out what is to be done elsewhere.
    pub fn take_errands(&mut self) -> std::vec::Drain<'_, Errand> {
        self.errands.drain(..)
    }

    /// Takes in how an errand ended.
    pub fn errand_done(&mut self, done: Done) {
        match done {
            Done::Bodies { call, answer, .. } => {
                self.reading -= 1;
                self.answers.push((call, answer));
            }
            Done::Checkpoint { oldest } => {
                self.checkpoint_under_way = false;
                self.oldest_checkpoint = oldest;
                self.trim();
            }
            // The log is kept, so nothing is lost; the next one is due after as much log again.
            Done::CheckpointFailed(_) => self.checkpoint_under_way = false,
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
    }

    /// Whether nothing is collected, proposed or unanswered.
    pub fn is_idle(&self) -> bool {
        let nothing_inside = self.open.count() == 0 && self.proposed.is_empty() && self.reading == 0;
        nothing_inside && self.answers.is_empty() && self.errands.is_empty()
    }

    /// After [`Engine::stop`]: whether all is answered and the last checkpoint is durable. Begins that
    /// checkpoint when it is time.
    pub fn is_drained(&mut self) -> bool {
        if !self.is_idle() || self.checkpoint_under_way {
            return false;
        }
        if self.bytes_since_checkpoint > 0 {
            self.begin_checkpoint();
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

    /// Counts since the start.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// How many receives wait.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Makes a checkpoint of the present state an errand, unless one is under way.
    pub fn begin_checkpoint(&mut self) {
        if self.checkpoint_under_way {
            return;
        }
        let mut state = Vec::new();
        self.machine.encode(&mut state);
        self.checkpoint_under_way = true;
        self.bytes_since_checkpoint = 0;
        self.checkpoint_waiting = Some((self.machine.applied(), state));
        self.send_checkpoint();
    }

    fn send_checkpoint(&mut self) {
        let synced = self.log.synced();
        if let Some((index, state)) = self.checkpoint_waiting.take_if(|(index, _)| *index <= synced) {
            self.errands.push(Errand::WriteCheckpoint { index, state });
        }
    }

    fn next_timer(&self) -> Option<Micros> {
        // An engine that stops ends no more leases: they would keep it busy, and end after the next start as well.
        if self.stage != Stage::Serving {
            return None;
        }
        let late = if fault::is(Fault::LateTimers) { Micros(50_000) } else { Micros(0) };
        self.machine.queues().next_due().map(|due| self.clock.monotonic_at(due + late).max(self.no_timer_before))
    }

    fn describe(&self, key: evenkeel_machine::command::QueueKey<'_>) -> Result<Description, NoSuchQueue> {
        let queues = self.machine.queues();
        let queue = queues.find(key).ok_or(NoSuchQueue)?;
        let settings = *queues.settings(queue).ok_or(NoSuchQueue)?;
        let counts = queues.counts(queue).ok_or(NoSuchQueue)?;
        Ok(Description { queue, settings, counts })
    }

    fn propose(&mut self, now: Now) {
        // Under steady load the next batch is about as large as this one.
        let next = BatchBuilder::with_capacity(self.open.bytes().min(limits::BATCH_BYTES) * 5 / 4);
        let open = std::mem::replace(&mut self.open, next);
        let calls = std::mem::take(&mut self.open_calls);
        let (count, log_time) = (open.count(), self.clock.log_time(now));
        let batch = open.finish(log_time, now.wall);
        let bytes = batch.len();
        match self.log.propose(batch.into()) {
            Ok(ticket) => {
                self.totals.batches += 1;
                self.totals.commands += u64::from(count);
                self.totals.bytes += bytes as u64;
                self.proposed_bytes += bytes;
                self.proposed.push_back((ticket, bytes, calls));
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
                self.refuse(calls, error);
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
