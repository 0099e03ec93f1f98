//! Notes of queues against a naive model: a map from queue to note to text. What events tell must be what is there.

use crate::keeper::Keeper;
use evenkeel_machine::{
    Event, Machine, Outcome, Reply,
    batch::{Batch, BatchBuilder},
    command::{Begin, Command, PapersEdit, QueueEdit, QueueKey, QueueSettings},
    queue::{NoSuchQueue, ReplaceNoteError},
};
use evenkeel_types::{AccountId, LogIndex, LogTime, WallTime};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Op {
    Create {
        queue: usize,
        text: Option<usize>,
    },
    Configure {
        queue: usize,
        note: usize,
        text: Option<usize>,
    },
    Replace {
        queue: usize,
        note: usize,
        before: Option<usize>,
        after: Option<usize>,
    },
    /// With what it is now as what was read.
    ReplaceRightly {
        queue: usize,
        note: usize,
        after: Option<usize>,
    },
    Tag {
        queue: usize,
    },
    Delete {
        queue: usize,
    },
    Checkpoint,
}

const QUEUES: [&str; 3] = ["first", "second", "third"];
const NOTES: [&str; 2] = ["Policy", "Other"];
const TEXTS: [&str; 3] = ["", "a text", "a longer text than the other one"];

fn any_op() -> impl Strategy<Value = Op> {
    let (queue, note, text) = (0..QUEUES.len(), 0..NOTES.len(), prop::option::of(0..TEXTS.len()));
    prop_oneof![
        3 => (queue.clone(), text.clone()).prop_map(|(queue, text)| Op::Create { queue, text }),
        3 => (queue.clone(), note.clone(), text.clone())
            .prop_map(|(queue, note, text)| Op::Configure { queue, note, text }),
        3 => (queue.clone(), note.clone(), text.clone(), text.clone())
            .prop_map(|(queue, note, before, after)| Op::Replace { queue, note, before, after }),
        4 => (queue.clone(), note, text).prop_map(|(queue, note, after)| Op::ReplaceRightly { queue, note, after }),
        1 => queue.clone().prop_map(|queue| Op::Tag { queue }),
        2 => queue.prop_map(|queue| Op::Delete { queue }),
        1 => Just(Op::Checkpoint),
    ]
}

type Notes = BTreeMap<String, String>;

#[derive(Default)]
struct Pair {
    machine: Machine,
    queues: BTreeMap<&'static str, Notes>,
    /// What the events told of, by slot.
    told: BTreeMap<u32, (String, Notes)>,
    keeper: Keeper,
}

fn key(queue: usize) -> QueueKey<'static> {
    QueueKey { account: AccountId::default(), name: QUEUES[queue] }
}

fn owned(notes: &BTreeMap<Box<str>, Box<str>>) -> Notes {
    notes.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
}

impl Pair {
    fn run(&mut self, command: &Command<'_>) -> Reply {
        let index = LogIndex(self.machine.applied().0 + 1);
        let mut batch = BatchBuilder::default();
        batch.push(command);
        let bytes = batch.finish(LogTime(index.0), WallTime(index.0));
        let decoded = Batch::open(&bytes).unwrap().next_command().unwrap();
        assert_eq!(decoded.as_ref(), Some(command), "what was encoded comes back the same");
        let mut outcome = Outcome::default();
        self.machine.apply(index, &bytes, &mut outcome).unwrap();
        for event in outcome.events {
            let Event::NotesChanged(slot) = event else { panic!("{event:?}") };
            match self.machine.queues().noted_at(slot) {
                Some((queue, papers)) => {
                    let now = (queue.name.to_owned(), owned(&papers.notes));
                    assert_ne!(self.told.insert(slot, now.clone()), Some(now), "told of nothing new");
                }
                None => assert!(self.told.remove(&slot).is_some(), "told of nothing new"),
            };
        }
        outcome.replies.pop().unwrap()
    }

    fn replace(&mut self, queue: usize, note: usize, before: Option<&str>, after: Option<&str>) {
        let reply = self.run(&Command::ReplaceNote { queue: key(queue), note: NOTES[note], before, after });
        let expected = match self.queues.get_mut(QUEUES[queue]) {
            None => Err(ReplaceNoteError::NoSuchQueue(NoSuchQueue)),
            Some(notes) if notes.get(NOTES[note]).map(String::as_str) != before => Err(ReplaceNoteError::Changed),
            Some(notes) => {
                set(notes, note, after);
                Ok(())
            }
        };
        assert_eq!(reply, Reply::NoteReplaced(expected));
    }

    fn apply(&mut self, op: &Op) {
        let text = |text: &Option<usize>| text.map(|text| TEXTS[text]);
        match op {
            Op::Create { queue, text: given } => {
                let papers = PapersEdit { notes: vec![(NOTES[0], text(given))], ..PapersEdit::default() };
                let settings = QueueSettings::default();
                let reply = self.run(&Command::CreateQueue { queue: key(*queue), settings, papers, tags: vec![] });
                assert!(matches!(reply, Reply::QueueCreated(Ok(_))));
                self.queues.entry(QUEUES[*queue]).or_insert_with(|| {
                    let mut notes = Notes::default();
                    set(&mut notes, 0, text(given));
                    notes
                });
            }
            Op::Configure { queue, note, text: given } => {
                let papers = PapersEdit { notes: vec![(NOTES[*note], text(given))], ..PapersEdit::default() };
                let edit = QueueEdit { papers, ..QueueEdit::default() };
                let reply = self.run(&Command::ConfigureQueue { queue: key(*queue), edit });
                let notes = self.queues.get_mut(QUEUES[*queue]);
                assert_eq!(matches!(reply, Reply::Configured(Ok(()))), notes.is_some());
                if let Some(notes) = notes {
                    set(notes, *note, text(given));
                }
            }
            Op::Replace { queue, note, before, after } => self.replace(*queue, *note, text(before), text(after)),
            Op::ReplaceRightly { queue, note, after } => {
                let before = self.queues.get(QUEUES[*queue]).and_then(|notes| notes.get(NOTES[*note]).cloned());
                self.replace(*queue, *note, before.as_deref(), text(after));
            }
            Op::Tag { queue } => {
                let reply = self.run(&Command::TagQueue { queue: key(*queue), tags: vec![("a", "b")] });
                assert!(matches!(reply, Reply::Tagged(_)));
            }
            Op::Delete { queue } => {
                let reply = self.run(&Command::DeleteQueue { queue: key(*queue), call: None, keep_name: false });
                let there = self.queues.remove(QUEUES[*queue]).is_some();
                assert_eq!(matches!(reply, Reply::QueueDeleted(Ok(_))), there);
            }
            Op::Checkpoint => self.keeper = Keeper::after_a_restart(&mut self.machine),
        }
    }

    fn check(&self) {
        self.machine.audit().unwrap();
        let noted = self.machine.queues().noted();
        let found: BTreeMap<_, _> =
            noted.map(|(slot, queue, papers)| (slot, (queue.name.to_owned(), owned(&papers.notes)))).collect();
        assert_eq!(found, self.told, "what events tell is so");
        let found: BTreeMap<_, _> = found.into_values().collect();
        let expected = self.queues.iter().filter(|(_, notes)| !notes.is_empty());
        assert_eq!(found, expected.map(|(name, notes)| ((*name).to_owned(), notes.clone())).collect());
    }
}

fn set(notes: &mut Notes, note: usize, text: Option<&str>) {
    match text {
        Some(text) => notes.insert(NOTES[note].to_owned(), text.to_owned()),
        None => notes.remove(NOTES[note]),
    };
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn notes_and_their_model_agree(ops in prop::collection::vec(any_op(), 1..120)) {
        let mut pair = Pair::default();
        pair.run(&Command::Begin(Begin { feature_level: 1, secret: [7; 32] }));
        for op in &ops {
            pair.apply(op);
            pair.check();
            pair.keeper.step(&mut pair.machine, 2);
        }
    }
}
