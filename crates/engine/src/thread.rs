//! The engine on a real thread, with real clocks, and threads of its own for errands.

use crate::{
    BodyStore, CallId, Client, Done, Engine, Errand, Fatal, Gaps, Halted, Keeper, Mailbox, Marks, Meters,
    client::CALL_BITS,
    request::{Answer, Request},
};
use evenkeel_disk::Disk;
use evenkeel_log::{Log, LogReader};
use evenkeel_types::{Micros, Now, WallTime};
use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// What is left for the engine.
#[derive(Debug)]
pub(crate) enum Letter {
    Submit(CallId, Request),
    Cancel(CallId),
    Errand(Done),
    Checkpoint,
    Stop,
}

/// Where letters for the engine are left.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    inner: Mutex<InboxInner>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct InboxInner {
    letters: Vec<Letter>,
    /// The log has news.
    poked: bool,
    asleep: bool,
    closed: bool,
}

impl Inbox {
    /// Leaves letters, emptying the vector. False if the engine is gone.
    pub(crate) fn put(&self, letters: &mut Vec<Letter>) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.closed {
            return false;
        }
        inner.letters.append(letters);
        self.rouse(inner);
        true
    }

    fn poke(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.poked = true;
        self.rouse(inner);
    }

    fn rouse(&self, mut inner: std::sync::MutexGuard<'_, InboxInner>) {
        let asleep = std::mem::take(&mut inner.asleep);
        drop(inner);
        if asleep {
            self.arrived.notify_one();
        }
    }

    /// Takes all letters, sleeping until there is something to do.
    fn take(&self, into: &mut Vec<Letter>, timeout: Option<Duration>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.letters.is_empty() && !inner.poked && timeout != Some(Duration::ZERO) {
            inner.asleep = true;
            inner = match timeout {
                Some(timeout) => {
                    let waited = self.arrived.wait_timeout(inner, timeout);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner),
            };
            inner.asleep = false;
        }
        inner.poked = false;
        std::mem::swap(&mut inner.letters, into);
    }

    fn close(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
    }
}

/// The process's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    started: Instant,
}

impl Default for Clocks {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clocks {
    /// What they read now.
    #[must_use]
    pub fn now(&self) -> Now {
        let monotonic = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { monotonic: Micros(monotonic), wall: WallTime(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)) }
    }
}

/// Makes clients for the doors' threads.
#[derive(Clone, Debug)]
pub struct Clients {
    inbox: Arc<Inbox>,
    mailboxes: Arc<Mutex<Vec<Arc<Mailbox>>>>,
    numbers: Arc<AtomicU64>,
}

impl Clients {
    /// A client for the calling thread.
    #[must_use]
    pub fn client(&self) -> Client {
        let mailbox = Arc::new(Mailbox::default());
        let mut mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        mailboxes.push(Arc::clone(&mailbox));
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Client::new(Arc::clone(&self.inbox), mailbox, number)
    }

    /// Has a checkpoint made of what is there now, unless one is under way or has it.
    pub fn make_checkpoint(&self) {
        self.inbox.put(&mut vec![Letter::Checkpoint]);
    }

    /// As [`Running::stop`].
    pub fn stop_engine(&self) {
        self.inbox.put(&mut vec![Letter::Stop]);
    }
}

/// The running engine.
#[derive(Debug)]
pub struct Running {
    clients: Clients,
    meters: Arc<Meters>,
    marks: Arc<Marks>,
    halted: Arc<Halted>,
    begun: mpsc::Receiver<[u8; 32]>,
    serving: mpsc::Receiver<[u8; 32]>,
    thread: JoinHandle<Result<(), Fatal>>,
}

impl Running {
    /// Makes clients.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// What the engine's thread counts.
    #[must_use]
    pub fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    /// Whether an entry cannot be applied.
    #[must_use]
    pub fn halted(&self) -> &Arc<Halted> {
        &self.halted
    }

    /// What the state's digest was at which entries.
    #[must_use]
    pub fn marks(&self) -> &Arc<Marks> {
        &self.marks
    }

    /// Waits until requests are taken, or the engine has halted, and tells the log's secret; `None` if the engine ended instead.
    #[must_use]
    pub fn wait_until_serving(&self) -> Option<[u8; 32]> {
        self.serving.recv().ok()
    }

    /// Waits until the log's secret is known, and tells it: also where another owns the log. `None` if the engine ended instead.
    #[must_use]
    pub fn wait_until_begun(&self) -> Option<[u8; 32]> {
        self.begun.recv().ok()
    }

    /// Asks the engine to finish what was accepted, make a checkpoint and end.
    pub fn stop(&self) {
        self.clients.stop_engine();
    }

    /// Whether the engine has ended (by request or by failure).
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// What made it fail.
    ///
    /// # Panics
    /// If the engine's thread panicked.
    pub fn join(self) -> Result<(), Fatal> {
        self.thread.join().expect("the engine does not panic")
    }
}

/// Starts the engine's threads: `engine`, `bodies`, `keeper`. `on_end` is called when the engine ends, and told how long
/// its loop was busy at a time.
///
/// # Errors
/// A thread could not be made.
pub fn start<L: Log + 'static, D: Disk>(
    engine: Engine<L>,
    keeper: Keeper<L::Reader, D>,
    clocks: Clocks,
    on_end: impl FnOnce(&Engine<L>, &Gaps) + Send + 'static,
) -> io::Result<Running> {
    let inbox = Arc::new(Inbox::default());
    let mailboxes: Arc<Mutex<Vec<Arc<Mailbox>>>> = Arc::default();
    let clients = Clients { inbox: Arc::clone(&inbox), mailboxes: Arc::clone(&mailboxes), numbers: Arc::default() };
    let errands = Errands::start(keeper, &inbox)?;
    let (say_begun, begun) = mpsc::channel();
    let (say_serving, serving) = mpsc::channel();
    let (meters, marks, halted) = (engine.meters(), engine.marks(), engine.halted());
    let driver = Driver {
        engine,
        inbox,
        mailboxes,
        errands,
        clocks,
        gaps: Gaps::default(),
        meters: Arc::clone(&meters),
        halted: Arc::clone(&halted),
        sorted: Vec::new(),
        say_begun: Some(say_begun),
        say_serving: Some(say_serving),
        stopping: false,
    };
    let thread = std::thread::Builder::new().name("engine".into()).spawn(move || {
        let (engine, gaps, ended) = driver.run();
        on_end(&engine, &gaps);
        ended
    })?;
    Ok(Running { clients, meters, marks, halted, begun, serving, thread })
}

/// Threads that do what would hold up the engine.
#[derive(Debug)]
struct Errands {
    bodies: mpsc::Sender<Errand>,
    keeper: mpsc::Sender<Errand>,
    threads: Vec<JoinHandle<()>>,
}

impl Errands {
    fn start<R: LogReader + Clone, D: Disk>(keeper: Keeper<R, D>, inbox: &Arc<Inbox>) -> io::Result<Self> {
        let spawn =
            |name: &str, run: Box<dyn FnOnce() + Send>| std::thread::Builder::new().name(name.into()).spawn(run);
        let (to_bodies, for_bodies) = mpsc::channel();
        let (to_keeper, for_keeper) = mpsc::channel();
        let (bodies, letters) = (keeper.bodies().clone(), Arc::clone(inbox));
        let bodies_thread = spawn("bodies", Box::new(move || read_bodies(&bodies, &for_bodies, &letters)))?;
        let letters = Arc::clone(inbox);
        let keeper_thread = spawn("keeper", Box::new(move || keep(keeper, &for_keeper, &letters)))?;
        Ok(Self { bodies: to_bodies, keeper: to_keeper, threads: vec![bodies_thread, keeper_thread] })
    }

    fn send(&self, errand: Errand) {
        let worker = match errand {
            Errand::ReadBodies { .. } | Errand::ReadBody { .. } => &self.bodies,
            Errand::Checkpoint(..) | Errand::Carry { .. } | Errand::RemoveBodies { .. } | Errand::Discard(_) => {
                &self.keeper
            }
        };
        worker.send(errand).expect("errand threads outlive the engine");
    }

    fn end(self) {
        drop((self.bodies, self.keeper));
        for thread in self.threads {
            thread.join().expect("errand threads do not panic");
        }
    }
}

fn read_bodies<R: LogReader, D: Disk>(bodies: &BodyStore<R, D>, errands: &mpsc::Receiver<Errand>, inbox: &Inbox) {
    for errand in errands {
        let done = match errand {
            Errand::ReadBodies { call, queue, jobs } => bodies.deliver(call, queue, jobs),
            Errand::ReadBody { call, body } => bodies.show(call, body),
            _ => continue,
        };
        inbox.put(&mut vec![Letter::Errand(done)]);
    }
}

/// Does the keeper's errands, and what else it finds to do while there are none.
fn keep<R: LogReader, D: Disk>(mut keeper: Keeper<R, D>, errands: &mpsc::Receiver<Errand>, inbox: &Inbox) {
    crate::priority::go_last();
    let mut has_idle_work = true;
    loop {
        let errand = match errands.try_recv() {
            Ok(errand) => errand,
            Err(mpsc::TryRecvError::Disconnected) => return,
            Err(mpsc::TryRecvError::Empty) if has_idle_work => {
                has_idle_work = keeper.idle().unwrap_or_else(|error| {
                    tracing::error!("merging checkpoints failed: {error}; they stay as they are");
                    false
                });
                tell(keeper.trouble(), inbox);
                continue;
            }
            Err(mpsc::TryRecvError::Empty) => match errands.recv() {
                Ok(errand) => errand,
                Err(mpsc::RecvError) => return,
            },
        };
        let done = keeper.run(errand);
        has_idle_work |= matches!(done, Some(Done::Checkpoint { .. }));
        tell(done, inbox);
        tell(keeper.trouble(), inbox);
    }
}

fn tell(done: Option<Done>, inbox: &Inbox) {
    if let Some(done) = done {
        inbox.put(&mut vec![Letter::Errand(done)]);
    }
}

/// Says in the server's log what an errand met.
fn tell_trouble(done: &Done) {
    match done {
        Done::CheckpointFailed(_, error) => {
            tracing::error!("a checkpoint could not be written: {error}; the log is kept, and grows, until one can");
        }
        Done::WholeWanted => tracing::error!("a checkpoint is damaged; one of the whole state is written now"),
        Done::NotCarried { first, last, reason, .. } => {
            tracing::error!("bodies of entries {first} to {last} could not be copied: {reason}; their files stay");
        }
        Done::NotRemoved(error) => tracing::error!("a body file could not be removed: {error}; it stays for now"),
        Done::Bodies { .. }
        | Done::Body { .. }
        | Done::CheckpointPart(_)
        | Done::Checkpoint { .. }
        | Done::Carried { .. } => {}
    }
}

struct Driver<L: Log> {
    engine: Engine<L>,
    inbox: Arc<Inbox>,
    mailboxes: Arc<Mutex<Vec<Arc<Mailbox>>>>,
    errands: Errands,
    clocks: Clocks,
    gaps: Gaps,
    meters: Arc<Meters>,
    halted: Arc<Halted>,
    /// Answers by mailbox, reused.
    sorted: Vec<Vec<(CallId, Answer)>>,
    /// Used once, as the next.
    say_begun: Option<mpsc::Sender<[u8; 32]>>,
    say_serving: Option<mpsc::Sender<[u8; 32]>>,
    stopping: bool,
}

impl<L: Log> Driver<L> {
    fn run(mut self) -> (Engine<L>, Gaps, Result<(), Fatal>) {
        let inbox = Arc::clone(&self.inbox);
        self.engine.set_waker(Arc::new(move || inbox.poke()));
        // What the log already holds is news too.
        self.inbox.poke();
        let mut letters = Vec::new();
        self.gaps.begin();
        let ended = loop {
            self.inbox.take(&mut letters, self.timeout());
            let busy_since = Instant::now();
            let now = self.clocks.now();
            for letter in letters.drain(..) {
                self.on_letter(letter, now);
            }
            let stepped = self.engine.step(now);
            self.engine.take_trouble().for_each(|what| tracing::error!("{what}"));
            self.send_answers();
            self.tell_serving();
            // Before it is asked whether it is drained: nobody calls again for an errand that has no answer.
            self.send_errands();
            let drained = self.stopping && self.engine.is_drained(now);
            // Being drained may need one more, the last checkpoint.
            self.send_errands();
            if let Err(fatal) = stepped {
                break Err(fatal);
            }
            if drained {
                break Ok(());
            }
            if self.say_serving.is_none() {
                self.gaps.record(busy_since, &self.meters);
            } else {
                // What it does before it serves keeps nobody waiting.
                self.gaps.begin();
            }
        };
        self.inbox.close();
        self.errands.end();
        // Whatever came in between is told that nobody is there.
        let mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        for mailbox in mailboxes.iter() {
            mailbox.close();
        }
        drop(mailboxes);
        (self.engine, self.gaps, ended)
    }

    fn send_errands(&mut self) {
        for errand in self.engine.take_errands() {
            self.errands.send(errand);
        }
    }

    fn tell_serving(&mut self) {
        if self.say_serving.is_none() {
            return;
        }
        let Some(begin) = self.engine.machine().begin() else { return };
        // One that has halted serves nobody, and says so to whoever asks.
        let is_there = self.engine.is_serving() || self.halted.get().is_some();
        let say_serving = if is_there { self.say_serving.take() } else { None };
        for say in [self.say_begun.take(), say_serving].into_iter().flatten() {
            // Nobody may be listening; the engine serves all the same.
            let _ = say.send(begin.secret);
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let wake = self.engine.next_wake()?;
        Some(Duration::from_micros(wake.0.saturating_sub(self.clocks.now().monotonic.0)))
    }

    fn on_letter(&mut self, letter: Letter, now: Now) {
        match letter {
            Letter::Submit(call, request) => self.engine.submit(call, request, now),
            Letter::Cancel(call) => self.engine.cancel(call),
            Letter::Errand(done) => {
                tell_trouble(&done);
                self.engine.errand_done(done);
            }
            Letter::Checkpoint => self.engine.begin_checkpoint(now),
            Letter::Stop => {
                self.stopping = true;
                self.engine.stop();
            }
        }
    }

    fn send_answers(&mut self) {
        for (call, answer) in self.engine.take_answers() {
            let Ok(number) = usize::try_from(call.0 >> CALL_BITS) else { continue };
            if self.sorted.len() <= number {
                self.sorted.resize_with(number + 1, Vec::new);
            }
            if let Some(sorted) = self.sorted.get_mut(number) {
                sorted.push((call, answer));
            }
        }
        let mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        for (mailbox, answers) in mailboxes.iter().zip(&mut self.sorted) {
            if !answers.is_empty() {
                mailbox.put(answers);
            }
        }
    }
}
