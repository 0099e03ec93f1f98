//! Access keys against a naive model: a map from id to what was asked for.

use crate::keeper::Keeper;
use evenkeel_machine::{
    Event, Machine, Outcome, Reply,
    account::{CreateKeyError, NoSuchKey},
    batch::BatchBuilder,
    command::{Begin, Command, NewKey},
};
use evenkeel_types::{AccountId, LogIndex, LogTime, Micros, WallTime};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Op {
    Create { id: usize, account: u64, name: usize, rights: usize, expires_at: Option<u64> },
    Rotate { id: usize, grace_millis: u64 },
    Revoke { id: usize },
    Checkpoint,
}

/// The empty one is refused.
const IDS: [&str; 6] = ["", "AKIA1", "AKIA2", "AKIA3", "AKIA4", "AKIA5"];
const NAMES: [&str; 3] = ["", "worker", "somebody-with-a-longer-name"];
const RIGHTS: [&[&str]; 3] = [&[], &["sqs:*"], &["sqs:SendMessage", "sqs:Get*"]];

fn any_op() -> impl Strategy<Value = Op> {
    let id = 0..IDS.len();
    prop_oneof![
        4 => (id.clone(), 0..3u64, 0..NAMES.len(), 0..RIGHTS.len(), prop::option::of(0..9_000u64))
            .prop_map(|(id, account, name, rights, expires_at)| Op::Create { id, account, name, rights, expires_at }),
        3 => (id.clone(), prop_oneof![Just(0), 1..5_000u64]).prop_map(|(id, grace_millis)| Op::Rotate { id, grace_millis }),
        3 => id.prop_map(|id| Op::Revoke { id }),
        1 => Just(Op::Checkpoint),
    ]
}

#[derive(Clone, Debug, PartialEq)]
struct Model {
    account: u64,
    name: &'static str,
    rights: &'static [&'static str],
    sealed: Vec<u8>,
    before: Option<(Vec<u8>, u64)>,
    created_at: u64,
    rotated_at: u64,
    expires_at: Option<u64>,
}

#[derive(Default)]
struct Pair {
    machine: Machine,
    keys: BTreeMap<&'static str, Model>,
    /// What the events told of, by slot.
    told: BTreeMap<u32, String>,
    keeper: Keeper,
    now: u64,
}

impl Pair {
    fn run(&mut self, command: &Command<'_>) -> Reply {
        self.now += 10;
        let mut batch = BatchBuilder::default();
        batch.push(command);
        let bytes = batch.finish(LogTime(self.now), WallTime(self.now));
        let decoded = evenkeel_machine::batch::Batch::open(&bytes).unwrap().next_command().unwrap();
        assert_eq!(decoded.as_ref(), Some(command), "what was encoded comes back the same");
        let mut outcome = Outcome::default();
        self.machine.apply(LogIndex(self.machine.applied().0 + 1), &bytes, &mut outcome).unwrap();
        for event in outcome.events {
            let Event::KeyChanged(slot) = event else { panic!("{event:?}") };
            match self.machine.keys().at(slot) {
                Some(key) => self.told.insert(slot, key.id.to_string()),
                None => self.told.remove(&slot),
            };
        }
        outcome.replies.pop().unwrap()
    }

    fn apply(&mut self, op: &Op) {
        let sealed = format!("sealed at {}", self.now).into_bytes();
        match op {
            Op::Create { id, account, name, rights, expires_at } => {
                let (id, name, rights) = (IDS[*id], NAMES[*name], RIGHTS[*rights]);
                let reply = self.run(&Command::CreateKey(NewKey {
                    id,
                    account: AccountId::from_number(*account).unwrap(),
                    name,
                    description: "what for",
                    actions: rights.to_vec(),
                    queues: rights.to_vec(),
                    sealed: &sealed,
                    expires_at: expires_at.map(WallTime),
                }));
                let expected = if id.is_empty() || name.is_empty() {
                    Err(CreateKeyError::Incomplete)
                } else if self.keys.contains_key(id) {
                    Err(CreateKeyError::Exists)
                } else {
                    let (created_at, rotated_at) = (self.now, self.now);
                    let (account, expires_at, before) = (*account, *expires_at, None);
                    let key = Model { account, name, rights, sealed, before, created_at, rotated_at, expires_at };
                    self.keys.insert(id, key);
                    Ok(())
                };
                assert_eq!(reply, Reply::KeyCreated(expected));
            }
            Op::Rotate { id, grace_millis } => {
                let grace = Micros(grace_millis * 1_000);
                let reply = self.run(&Command::RotateKey { id: IDS[*id], sealed: &sealed, grace });
                let now = self.now;
                let changed = self.keys.get_mut(IDS[*id]).map(|key| {
                    let before = std::mem::replace(&mut key.sealed, sealed);
                    key.before = (*grace_millis > 0).then_some((before, now + grace_millis));
                    key.rotated_at = now;
                });
                assert_eq!(reply, Reply::KeyChanged(changed.ok_or(NoSuchKey)));
            }
            Op::Revoke { id } => {
                let reply = self.run(&Command::RevokeKey { id: IDS[*id] });
                assert_eq!(reply, Reply::KeyChanged(self.keys.remove(IDS[*id]).map(drop).ok_or(NoSuchKey)));
            }
            Op::Checkpoint => self.keeper = Keeper::after_a_restart(&mut self.machine),
        }
    }

    fn check(&self) {
        self.machine.audit().unwrap();
        let found: BTreeMap<_, _> = self.machine.keys().iter().map(|(slot, key)| (slot, key.id.to_string())).collect();
        assert_eq!(found, self.told, "what events tell is so");
        assert_eq!(self.machine.keys().count() as usize, self.keys.len());
        for (_, key) in self.machine.keys().iter() {
            let model = &self.keys[&*key.id];
            let before =
                (!key.sealed_before.0.is_empty()).then(|| (key.sealed_before.0.to_vec(), key.sealed_before.1.0));
            assert_eq!((&*key.name, &*key.sealed, before), (model.name, &*model.sealed, model.before.clone()));
            assert_eq!((key.account.number(), key.expires_at.map(|at| at.0)), (model.account, model.expires_at));
            assert_eq!((key.created_at.0, key.rotated_at.0), (model.created_at, model.rotated_at));
            let rights: Vec<_> = key.rights.actions.iter().map(|text| &**text).collect();
            assert_eq!((rights.as_slice(), key.rights.queues.len()), (model.rights, model.rights.len()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keys_and_their_model_agree(ops in prop::collection::vec(any_op(), 1..120)) {
        let mut pair = Pair::default();
        pair.run(&Command::Begin(Begin { feature_level: 1, secret: [7; 32] }));
        for op in &ops {
            pair.apply(op);
            pair.check();
            pair.keeper.step(&mut pair.machine, 2);
        }
    }
}
