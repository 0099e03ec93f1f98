//! A log that calls entries committed before they are synced: no checkpoint may be durable before what it is made of, or
//! a power cut would leave a state that is ahead of its log.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use bytes::Bytes;
use evenkeel_engine::{CallId, CheckpointStep, Done, Engine, Errand, Options, Proposal, Request, Start};
use evenkeel_log::{
    Entry, Guarantees, Log, LogError, LogEvent, LogReader, ProposeError, ReadError, Role, Ticket, Waker,
};
use evenkeel_machine::command::{Command, QueueKey, QueueSettings};
use evenkeel_types::{AccountId, Epoch, LogIndex, Micros, Now, WallTime};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A log that commits at once, and is synced as far as it is told.
struct Lazy {
    events: VecDeque<LogEvent>,
    last: LogIndex,
    synced: Arc<AtomicU64>,
}

#[derive(Clone, Debug)]
struct NoReader;

impl LogReader for NoReader {
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError> {
        Err(ReadError::NotThere(index))
    }
}

impl Log for Lazy {
    type Reader = NoReader;

    fn guarantees(&self) -> Guarantees {
        Guarantees { synced: false, replicated: false, fenced: false }
    }
    fn role(&self) -> Role {
        Role::Owner(Epoch(1))
    }
    fn propose(&mut self, batch: Bytes) -> Result<Ticket, ProposeError> {
        self.last = self.last.next();
        let entry = Entry { index: self.last, epoch: Epoch(1), batch };
        self.events.push_back(LogEvent::Committed { entry, ticket: Some(Ticket(self.last.0)) });
        Ok(Ticket(self.last.0))
    }
    fn poll(&mut self) -> Option<LogEvent> {
        self.events.pop_front()
    }
    fn set_waker(&mut self, _waker: Waker) {}
    fn reader(&self) -> NoReader {
        NoReader
    }
    fn first_index(&self) -> LogIndex {
        LogIndex(1)
    }
    fn synced(&self) -> LogIndex {
        LogIndex(self.synced.load(Ordering::Relaxed))
    }
    fn trim(&mut self, _floor: LogIndex) -> Result<(), LogError> {
        Ok(())
    }
    fn release(&mut self, _first: LogIndex, _last: LogIndex) -> Result<(), LogError> {
        Ok(())
    }
    fn install_snapshot(&mut self, _at: LogIndex, _epoch: Epoch) -> Result<(), LogError> {
        Err(LogError::Misuse("not here"))
    }
}

const NOW: Now = Now { monotonic: Micros(1), wall: WallTime(1) };

/// Steps, acknowledges parts, and tells whether the checkpoint was to be finished.
fn finishes(engine: &mut Engine<Lazy>) -> bool {
    let mut finished = false;
    for _ in 0..10 {
        engine.step(NOW).unwrap();
        for errand in engine.take_errands().collect::<Vec<_>>() {
            match errand {
                Errand::Checkpoint(index, CheckpointStep::Part(_)) => engine.errand_done(Done::CheckpointPart(index)),
                Errand::Checkpoint(_, CheckpointStep::Finish { .. }) => finished = true,
                _ => {}
            }
        }
    }
    finished
}

#[test]
fn a_checkpoint_waits_until_the_log_is_durable_up_to_its_index() {
    let synced = Arc::new(AtomicU64::new(0));
    let events = VecDeque::from([LogEvent::RoleChanged(Role::Owner(Epoch(1)))]);
    let log = Lazy { events, last: LogIndex::ZERO, synced: Arc::clone(&synced) };
    let mut engine = Engine::new(log, Start::default(), [1; 32], Options::default()).unwrap();
    engine.step(NOW).unwrap();
    engine.step(NOW).unwrap();
    let queue = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };
    let create = Command::CreateQueue { queue, settings: QueueSettings::default() };
    engine.submit(CallId(1), Request::Propose(Proposal::new(&create)), NOW);
    engine.step(NOW).unwrap();
    engine.step(NOW).unwrap();
    engine.begin_checkpoint();
    let index = engine.machine().applied().0;
    for until in 0..index {
        synced.store(until, Ordering::Relaxed);
        assert!(!finishes(&mut engine), "synced up to {until} of {index}");
    }
    synced.store(index, Ordering::Relaxed);
    assert!(finishes(&mut engine));
}
