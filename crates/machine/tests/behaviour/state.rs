//! State as a whole: determinism, refusal without a trace, feature levels, settings.

use crate::script::{QUEUE, Script};
use evenkeel_machine::{
    ApplyError, Build, Machine, Outcome, Reply, Restorer,
    batch::BatchBuilder,
    command::{Begin, CallKey, Command, GroupSettings, PapersEdit, QueueKey, QueueSettings, Repeatable},
    feature_level_of,
    limits::FEATURE_LEVEL,
    queue::{ConfigureError, CreateQueueError, NoSuchQueue},
};
use evenkeel_types::{LogIndex, LogTime, Micros, QueueId, WallTime};

fn batch(commands: &[Command<'_>]) -> Vec<u8> {
    let mut batch = BatchBuilder::default();
    commands.iter().for_each(|command| batch.push(command));
    batch.finish(LogTime(5), WallTime(6))
}

const BEGIN: Command<'static> = Command::Begin(Begin { feature_level: 1, secret: [1; 32] });

#[test]
fn a_batch_that_cannot_be_read_changes_nothing() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 3);
    let before = script.machine.digest();
    let whole = batch(&[Command::Receive {
        queue: QueueId { slot: 0, generation: 0 },
        jobs_max: 3,
        lease: None,
        again: Default::default(),
    }]);
    let next = LogIndex(script.machine.applied().0 + 1);
    let mut longer = whole.clone();
    longer.push(0);
    for bytes in (0..whole.len()).map(|cut| whole[..cut].to_vec()).chain([longer]) {
        let result = script.machine.apply(next, &bytes, &mut Outcome::default());
        assert!(matches!(result, Err(ApplyError::Malformed { .. })), "{result:?}");
    }
    for wrong in [next.0 - 1, next.0 + 1] {
        let result = script.machine.apply(LogIndex(wrong), &whole, &mut Outcome::default());
        assert!(matches!(result, Err(ApplyError::OutOfOrder { .. })));
    }
    assert_eq!(script.machine.digest(), before);
    script.machine.apply(next, &whole, &mut Outcome::default()).unwrap();
    assert_ne!(script.machine.digest(), before);
}

#[test]
fn a_log_begins_once() {
    let mut machine = Machine::default();
    let mut outcome = Outcome::default();
    let create = Command::CreateQueue {
        queue: QUEUE,
        settings: QueueSettings::default(),
        papers: Default::default(),
        tags: vec![],
    };
    assert!(machine.apply(LogIndex(1), &batch(std::slice::from_ref(&create)), &mut outcome).is_err());
    machine.skip(LogIndex(1)).unwrap();
    machine.apply(LogIndex(2), &batch(&[BEGIN, create]), &mut outcome).unwrap();
    assert_eq!(outcome.replies.len(), 2);
    assert!(matches!(
        machine.apply(LogIndex(3), &batch(&[BEGIN]), &mut outcome),
        Err(ApplyError::Beginning(LogIndex(3)))
    ));
}

#[test]
fn feature_levels_only_rise_and_only_to_what_is_understood() {
    let mut script = Script::new(QueueSettings::default());
    assert_eq!(script.run(&Command::RaiseFeatureLevel { level: 1 }), Reply::Done);
    assert_eq!(script.run(&Command::RaiseFeatureLevel { level: 0 }), Reply::FeatureLevelRefused { present: 1 });
    let before = script.machine.digest();
    let next = LogIndex(script.machine.applied().0 + 1);
    for level in [2, u32::MAX] {
        let bytes = batch(&[Command::RaiseFeatureLevel { level }]);
        let result = script.machine.apply(next, &bytes, &mut Outcome::default());
        assert_eq!(result, Err(ApplyError::TooNew { index: next, level, known: 1 }));
    }
    let newer = batch(&[Command::Begin(Begin { feature_level: 2, secret: [1; 32] })]);
    assert!(Machine::default().apply(LogIndex(1), &newer, &mut Outcome::default()).is_err());
    assert_eq!(script.machine.digest(), before);
    assert_eq!(script.machine.feature_level(), 1);
}

/// A version in which `Once` comes with the level after the present one.
const NEXT: Build = Build { feature_level: FEATURE_LEVEL + 1, once_since: FEATURE_LEVEL + 1 };
/// The one before: it knows that level by its number only.
const LAST: Build = Build { feature_level: FEATURE_LEVEL, ..NEXT };

#[test]
fn what_comes_with_a_level_is_applied_from_that_level_on() {
    let (mut old, mut new) = (Machine::of(LAST), Machine::of(NEXT));
    let mut outcome = Outcome::default();
    let settings = QueueSettings::default();
    let create = Command::CreateQueue { queue: QUEUE, settings, papers: PapersEdit::default(), tags: vec![] };
    let once = || Command::Once { call: CallKey([1, 2]), change: Box::new(Command::PurgeQueue { queue: QUEUE }) };
    for (index, entry) in (1..).zip([batch(&[BEGIN]), batch(&[create])]) {
        for machine in [&mut old, &mut new] {
            machine.apply(LogIndex(index), &entry, &mut outcome).unwrap();
        }
        assert_eq!(old.digest(), new.digest());
    }
    // Who proposes it too early is refused, and who does not know it stops.
    new.apply(LogIndex(3), &batch(&[once()]), &mut outcome).unwrap();
    assert_eq!(outcome.replies, [Reply::FeatureLevelRefused { present: FEATURE_LEVEL }]);
    let too_new =
        |index| Err(ApplyError::TooNew { index: LogIndex(index), level: FEATURE_LEVEL + 1, known: FEATURE_LEVEL });
    assert_eq!(old.apply(LogIndex(3), &batch(&[once()]), &mut outcome), too_new(3));
    let raise = batch(&[Command::RaiseFeatureLevel { level: FEATURE_LEVEL + 1 }, once()]);
    old.skip(LogIndex(3)).unwrap();
    let before = old.digest();
    assert_eq!(old.apply(LogIndex(4), &raise, &mut outcome), too_new(4));
    assert_eq!(old.digest(), before, "it stays as it was");
    new.apply(LogIndex(4), &raise, &mut outcome).unwrap();
    assert_eq!(outcome.replies, [Reply::Done, Reply::Purged(Ok(0))]);
    // The same goes for a state.
    let head = new.begin_checkpoint(true);
    assert_eq!(feature_level_of(&head), Ok(FEATURE_LEVEL + 1));
    assert!(Restorer::of(NEXT, &head).is_ok());
    assert!(Restorer::of(LAST, &head).is_err());
}

#[test]
fn a_queue_is_made_once_and_found_by_all_its_settings() {
    let mut script = Script::new(QueueSettings::default());
    let settings = QueueSettings { lease: Micros::from_secs(7), ..QueueSettings::default() };
    let other = QueueKey { name: "other", ..QUEUE };
    for (queue, settings, expected) in [
        (QUEUE, QueueSettings::default(), Ok(QueueId { slot: 0, generation: 0 })),
        (QUEUE, settings, Err(CreateQueueError::ExistsDifferently)),
        (other, settings, Ok(QueueId { slot: 1, generation: 0 })),
        (QueueKey { name: "", ..QUEUE }, settings, Err(CreateQueueError::NoName)),
        (other, QueueSettings { default_weight: 0, ..settings }, Err(CreateQueueError::OutOfRange("default weight"))),
    ] {
        assert_eq!(
            script.run(&Command::CreateQueue { queue, settings, papers: Default::default(), tags: vec![] }),
            Reply::QueueCreated(expected)
        );
    }
    assert_eq!(
        script.run(&Command::ConfigureQueue { queue: other, edit: (QueueSettings::default()).into() }),
        Reply::Configured(Ok(()))
    );
    assert_eq!(
        *script.machine.queues().settings(QueueId { slot: 1, generation: 0 }).unwrap(),
        QueueSettings::default()
    );
    let nowhere = QueueKey { name: "nowhere", ..QUEUE };
    let settings = GroupSettings { weight: 1, in_flight_max: 0 };
    assert_eq!(
        script.run(&Command::ConfigureGroup { queue: nowhere, group: "g", settings }),
        Reply::Configured(Err(ConfigureError::NoSuchQueue(NoSuchQueue)))
    );
    let settings = GroupSettings { weight: 101, in_flight_max: 0 };
    assert_eq!(
        script.run(&Command::ConfigureGroup { queue: QUEUE, group: "g", settings }),
        Reply::Configured(Err(ConfigureError::OutOfRange("weight")))
    );
}

#[test]
fn log_time_never_falls() {
    let mut script = Script::new(QueueSettings::default());
    script.send("g", 1);
    script.now = 10_000_000;
    script.receive().unwrap();
    script.now = 0;
    script.wait(0);
    assert_eq!(script.machine.log_time(), LogTime(10_000_000));
    assert_eq!(script.counts().leased, 1);
}

#[test]
fn the_bytes_of_commands_stay_what_they_were() {
    // Logs written by this version must be read by all later ones: format 1, feature level 1.
    let commands = [
        BEGIN,
        Command::Receive {
            queue: QueueId { slot: 3, generation: 4 },
            jobs_max: 10,
            lease: Some(Micros(258)),
            again: Repeatable { call: Some(CallKey([5, 6])), attempt: "at" },
        },
    ];
    let expected = [
        &[1u8, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0][..],
        &[1, 1, 0, 0, 0],
        &[1; 32],
        &[33, 3, 0, 0, 0, 4, 0, 0, 0, 10, 1, 2, 1, 0, 0, 0, 0, 0, 0],
        &[1, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0],
        &[2, 0, 0, 0, b'a', b't'],
    ]
    .concat();
    assert_eq!(batch(&commands), expected);
}

#[test]
fn many_queues_and_groups_keep_the_state_whole() {
    let mut script = Script::new(QueueSettings::default());
    for number in 0..300 {
        let name = format!("queue-{number}");
        let queue = QueueKey { name: &name, ..QUEUE };
        script.run(&Command::CreateQueue {
            queue,
            settings: QueueSettings::default(),
            papers: Default::default(),
            tags: vec![],
        });
    }
    for number in 0..2_000 {
        script.send(&format!("group-{}", number % 700), 1);
        if number % 3 == 0 {
            script.serve(1);
        }
    }
    script.machine.audit().unwrap();
    let mut bytes = Vec::new();
    script.machine.encode(&mut bytes);
    let again = Machine::decode(&bytes).unwrap();
    again.audit().unwrap();
    assert_eq!(again.digest(), script.machine.digest());
    for at in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        // A flipped bit is an error, never a panic and never another state.
        assert!(Machine::decode(&damaged).is_err(), "byte {at}");
    }
}

#[test]
fn a_raised_limit_is_seen_alike_by_a_machine_that_was_restored() {
    // A lane at its limit rests; what it could grant was once counted anew by a restored machine alone.
    let limited = QueueSettings { group_in_flight_max: 1, ..QueueSettings::default() };
    let mut script = Script::new(limited);
    script.send("g", 3);
    let queue = script.machine.queues().find(QUEUE).unwrap();
    script.run(&Command::Receive { queue, jobs_max: 1, lease: None, again: Default::default() });
    script.run(&Command::ConfigureQueue { queue: QUEUE, edit: (QueueSettings::default()).into() });
    let mut bytes = Vec::new();
    script.machine.encode(&mut bytes);
    let again = Machine::decode(&bytes).unwrap();
    again.audit().unwrap();
    assert_eq!(again.queues().grantable(queue), script.machine.queues().grantable(queue));
}
