//! Any bytes as the next batch of a machine with jobs in every place: it is applied or refused, and all adds up.

use evenkeel_engine::Proposal;
use evenkeel_machine::{
    Machine, Outcome, Reply,
    batch::BatchBuilder,
    codec::Reader,
    command::{Begin, Body, CallKey, Command, FairBy, GroupSettings, Held, NewJob, NewKey, QueueKey, QueueSettings},
    limits,
};
use evenkeel_types::{AccountId, JobId, LeaseToken, LogIndex, LogTime, Micros, QueueId, WallTime};

const QUEUE: QueueKey<'static> = QueueKey { account: AccountId::from_number(1).expect("it is small"), name: "q" };

/// Panics if the machine does, or if its counts do not add up afterwards.
pub fn judge(bytes: &[u8]) {
    let mut machine = prepared();
    let before = machine.digest();
    let mut outcome = Outcome::default();
    match machine.apply(machine.applied().next(), bytes, &mut outcome) {
        Ok(()) => machine.audit().expect("what was applied adds up"),
        Err(_) => assert_eq!(machine.digest(), before, "a refused batch changes nothing"),
    }
    // Whatever it was, life goes on, and a checkpoint of it can be read back.
    let next = batch(
        u64::MAX / 2,
        &[Command::Receive {
            queue: QueueId { slot: 0, generation: 0 },
            jobs_max: 10,
            lease: None,
            again: Default::default(),
        }],
    );
    machine.apply(machine.applied().next(), &next, &mut outcome).expect("a good batch is applied");
    machine.audit().expect("and adds up");
    let mut state = Vec::new();
    machine.encode(&mut state);
    assert_eq!(Machine::decode(&state).map(|again| again.digest()), Ok(machine.digest()));
}

/// A machine with jobs that are ready, delayed, leased and come back, in several groups.
#[must_use]
pub fn prepared() -> Machine {
    let mut machine = Machine::default();
    let mut outcome = Outcome::default();
    for bytes in history() {
        machine.apply(machine.applied().next(), &bytes, &mut outcome).expect("a good history");
    }
    machine
}

/// What a machine replies to what a door proposes. Panics if it cannot be read, applied or made to add up.
#[must_use]
pub fn proposed(machine: &mut Machine, proposal: &Proposal, now: WallTime) -> Reply {
    Command::decode(&mut Reader::new(proposal.bytes())).expect("what a door asks can be read");
    let mut batch = BatchBuilder::default();
    batch.push_encoded(proposal.bytes());
    let mut outcome = Outcome::default();
    let bytes = batch.finish(LogTime(40), now);
    machine.apply(machine.applied().next(), &bytes, &mut outcome).expect("what a door asks can be applied");
    machine.audit().expect("and adds up");
    outcome.replies.pop().expect("one reply for one command")
}

/// Batches of every kind of command.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    let mut corpus = history();
    corpus.push(batch(9_000_000, &commands()));
    corpus.extend(commands().into_iter().map(|command| batch(9_000_000, &[command])));
    corpus
}

fn batch(log_time: u64, commands: &[Command<'_>]) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    commands.iter().for_each(|command| builder.push(command));
    builder.finish(LogTime(log_time), WallTime(1_000))
}

fn history() -> Vec<Vec<u8>> {
    let begin = Begin { feature_level: limits::FEATURE_LEVEL, secret: [3; 32] };
    let create = Command::CreateQueue {
        queue: QUEUE,
        settings: QueueSettings::default(),
        papers: Default::default(),
        tags: vec![],
    };
    let mut history = vec![batch(1, &[Command::Begin(begin), create])];
    for group in ["", "a", "b"] {
        let job = |delay| NewJob { group, delay, dedup: None, counted_bytes: 4, body: Body::new(b"body") };
        let jobs = vec![job(None), job(Some(Micros::from_secs(3))), job(None), job(Some(Micros::from_secs(600)))];
        history.push(batch(10, &[Command::Enqueue { queue: QUEUE, jobs, call: None }]));
    }
    history.push(batch(
        20,
        &[Command::Receive {
            queue: QueueId { slot: 0, generation: 0 },
            jobs_max: 3,
            lease: Some(Micros::from_secs(2)),
            again: Default::default(),
        }],
    ));
    history.push(batch(
        30,
        &[Command::Receive {
            queue: QueueId { slot: 0, generation: 0 },
            jobs_max: 2,
            lease: None,
            again: Default::default(),
        }],
    ));
    history
}

fn commands() -> Vec<Command<'static>> {
    let held = |slot| Held { job: JobId { slot, generation: 0 }, token: LeaseToken(1) };
    let job = NewJob { group: "c", delay: None, dedup: None, counted_bytes: 1, body: Body::new(b"x") };
    let settings = QueueSettings { fair_by: FairBy::LeaseTime, group_in_flight_max: 1, ..QueueSettings::default() };
    vec![
        Command::RaiseFeatureLevel { level: 1 },
        Command::Skip { entry: LogIndex(1) },
        Command::CreateQueue {
            queue: QueueKey { name: "other", ..QUEUE },
            settings,
            papers: Default::default(),
            tags: vec![],
        },
        Command::ConfigureQueue { queue: QUEUE, edit: settings.into() },
        Command::ReplaceNote { queue: QUEUE, note: "Policy", before: None, after: Some("{}") },
        Command::Once { call: CallKey([1, 2]), change: Box::new(Command::PurgeQueue { queue: QUEUE }) },
        Command::TagQueue { queue: QUEUE, tags: vec![("a", "b")] },
        Command::UntagQueue { queue: QUEUE, keys: vec!["a"] },
        Command::StartMove { source: QUEUE, destination: None, rate: Some(1) },
        Command::CancelMove { source: QUEUE, number: 1 },
        Command::ConfigureGroup { queue: QUEUE, group: "a", settings: GroupSettings { weight: 7, in_flight_max: 1 } },
        Command::Enqueue { queue: QUEUE, jobs: vec![job; 3], call: None },
        Command::Receive {
            queue: QueueId { slot: 0, generation: 0 },
            jobs_max: 10,
            lease: Some(Micros(0)),
            again: Default::default(),
        },
        Command::CreateKey(NewKey {
            id: "AKIA1",
            account: AccountId::default(),
            name: "name",
            description: "what for",
            actions: vec!["sqs:*"],
            queues: vec!["jobs-", "mail"],
            sealed: b"sealed",
            expires_at: Some(WallTime(1)),
        }),
        Command::RotateKey { id: "AKIA1", sealed: b"anew", grace: Micros(1) },
        Command::RevokeKey { id: "AKIA1" },
        Command::PurgeQueue { queue: QUEUE },
        Command::DeleteQueue { queue: QUEUE, call: None, keep_name: false },
        Command::Ack { queue: QueueId { slot: 0, generation: 0 }, jobs: (0..5).map(held).collect() },
        Command::ChangeLease {
            queue: QueueId { slot: 0, generation: 0 },
            jobs: vec![(held(0), Micros(0)), (held(2), Micros::from_secs(5))],
        },
    ]
}
