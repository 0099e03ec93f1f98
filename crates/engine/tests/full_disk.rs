//! A full disk refuses a batch with receives in it. What had been set aside for them is then anybody's: receivers that
//! slept because of it must not sleep on beside ready jobs. Found by the simulator (seed 29 of its first hundred).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use bytes::Bytes;
use evenkeel_engine::{
    Answer, CallId, CheckpointStep, Done, Engine, EngineError, Errand, Options, Proposal, QueueName, Receive, Request,
    Start,
};
use evenkeel_log::{
    Entry, Guarantees, Log, LogError, LogEvent, LogReader, ProposeError, ReadError, Role, Ticket, Waker,
};
use evenkeel_machine::command::{Body, Command, NewJob, QueueKey, QueueSettings};
use evenkeel_types::{AccountId, Epoch, LogIndex, Micros, Now, WallTime};
use std::collections::VecDeque;

/// A log that commits at once, and has room for so many entries.
#[derive(Debug)]
struct Fillable {
    events: VecDeque<LogEvent>,
    last: LogIndex,
    room: u64,
}

#[derive(Clone, Debug)]
struct NoReader;

impl LogReader for NoReader {
    fn read(&self, index: LogIndex) -> Result<Entry, ReadError> {
        Err(ReadError::NotThere(index))
    }
}

impl Log for Fillable {
    type Reader = NoReader;

    fn guarantees(&self) -> Guarantees {
        Guarantees { synced: true, replicated: false, fenced: false }
    }
    fn role(&self) -> Role {
        Role::Owner(Epoch(1))
    }
    fn propose(&mut self, batch: Bytes) -> Result<Ticket, ProposeError> {
        if self.last.0 == self.room {
            return Err(ProposeError::Full);
        }
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
    fn last_at_opening(&self) -> LogIndex {
        LogIndex::ZERO
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
const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).unwrap(), name: "q" };

fn propose(engine: &mut Engine<Fillable>, call: u64, command: &Command<'_>) {
    engine.submit(CallId(call), Request::Propose(Proposal::new(command)), NOW);
    engine.step(NOW).unwrap();
    engine.step(NOW).unwrap();
    assert_eq!(engine.take_answers().count(), 1);
}

/// An engine that serves, over a log with room for so many entries, and the queue.
fn serving(room: u64) -> Engine<Fillable> {
    let events = VecDeque::from([LogEvent::RoleChanged(Role::Owner(Epoch(1)))]);
    let log = Fillable { events, last: LogIndex::ZERO, room };
    let mut engine = Engine::new(log, Start::default(), [1; 32], Options::default()).unwrap();
    engine.step(NOW).unwrap();
    engine.step(NOW).unwrap();
    let (settings, papers) = (QueueSettings::default(), Default::default());
    propose(&mut engine, 1, &Command::CreateQueue { queue: QUEUE, settings, papers, tags: vec![] });
    engine
}

/// What a send is answered.
fn send(engine: &mut Engine<Fillable>, call: u64, now: Now) -> Answer {
    let job = NewJob { group: "", delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"x") };
    let command = Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None };
    engine.submit(CallId(call), Request::Propose(Proposal::new(&command)), now);
    engine.step(now).unwrap();
    engine.step(now).unwrap();
    engine.take_answers().next().unwrap().1
}

/// Lets the keeper make the checkpoint that the engine begins by itself at that time, if it does; its index.
fn checkpoint(engine: &mut Engine<Fillable>, now: Now, lacks_room: bool) -> Option<LogIndex> {
    let mut made = None;
    for _ in 0..10 {
        engine.step(now).unwrap();
        for errand in engine.take_errands().collect::<Vec<_>>() {
            match errand {
                Errand::Checkpoint(index, CheckpointStep::Part(_)) => engine.errand_done(Done::CheckpointPart(index)),
                Errand::Checkpoint(index, CheckpointStep::Finish { .. }) => {
                    engine.errand_done(Done::Checkpoint { oldest: index, lacks_room });
                    made = Some(index);
                }
                _ => {}
            }
        }
    }
    made
}

/// Only a checkpoint finds out that there is room again, and no two are of one state. Shown by `tests/disk_faults.rs`, once.
#[test]
fn a_server_to_which_nothing_is_sent_but_what_it_refuses_finds_out_that_there_is_room_again() {
    let mut engine = serving(100);
    engine.begin_checkpoint(NOW);
    let first = checkpoint(&mut engine, NOW, true).unwrap();
    assert!(matches!(send(&mut engine, 2, NOW), Answer::Failed(EngineError::DiskFull)));
    let seconds = |seconds| Now { monotonic: Micros::from_secs(seconds), ..NOW };
    assert_eq!(checkpoint(&mut engine, seconds(1), false), None, "now and then is enough");
    let second = checkpoint(&mut engine, seconds(3), true).unwrap();
    assert!(second > first, "{second} and {first}");
    assert!(engine.next_wake().unwrap() > seconds(3).monotonic, "it rests until the next attempt");
    checkpoint(&mut engine, seconds(6), false).unwrap();
    assert!(matches!(send(&mut engine, 3, seconds(6)), Answer::Reply(_)));
    assert_eq!(checkpoint(&mut engine, seconds(60), false), None, "there is room");
}

#[test]
fn receivers_do_not_sleep_beside_jobs_that_a_full_disk_kept_from_others() {
    // Room for the beginning, the queue and the job; none for a receive.
    let mut engine = serving(3);
    for call in 3..6 {
        let name = QueueName { account: QUEUE.account, name: "q".into() };
        let receive = Receive {
            queue: name,
            jobs_max: 1,
            lease: None,
            wait: Some(Micros::from_secs(20)),
            again: Default::default(),
        };
        engine.submit(CallId(call), Request::Receive(receive), NOW);
    }
    engine.step(NOW).unwrap();
    assert_eq!(engine.waiting(), 3);
    // One job wakes one receiver, and its batch is refused.
    let job = NewJob { group: "", delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"x") };
    engine.submit(
        CallId(6),
        Request::Propose(Proposal::new(&Command::Enqueue { queue: QUEUE, jobs: vec![job], call: None })),
        NOW,
    );
    engine.step(NOW).unwrap();
    engine.step(NOW).unwrap();
    let refused =
        engine.take_answers().filter(|(_, answer)| matches!(answer, Answer::Failed(EngineError::DiskFull))).count();
    assert_eq!((refused, engine.waiting()), (3, 0), "all are told, since the next would be refused as well");
}
