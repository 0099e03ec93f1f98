//! The door over a real machine.

use super::{CALLER, URL, head, text};
use evenkeel_access::Policies;
use evenkeel_engine::{Answer, Delivery, Description, Received, Request};
use evenkeel_machine::{
    Event, Machine, Outcome, Reply,
    batch::BatchBuilder,
    command::{Begin, Command},
    queue::NoSuchQueue,
};
use evenkeel_sqs::{Door, Ids, POLICY, Response, Step};
use evenkeel_types::{LogIndex, LogTime, WallTime};
use serde_json::{Value, json};
use std::sync::Arc;

/// An engine without threads, log or waiting: each request is an entry of its own.
pub(crate) struct House {
    pub(crate) door: Door,
    pub(crate) machine: Machine,
    policies: Arc<Policies>,
    entries: Vec<Vec<u8>>,
    pub(crate) seconds: u64,
}

impl House {
    pub(crate) fn new() -> Self {
        let secret = [5; 32];
        let policies = Arc::new(Policies::new(POLICY));
        let door = Door::new(Ids::new(&secret), "eu-west-1").guarded_by(Arc::clone(&policies));
        let mut house = Self { door, policies, machine: Machine::default(), entries: Vec::new(), seconds: 0 };
        let mut begin = Vec::new();
        Command::Begin(Begin { feature_level: 1, secret }).encode(&mut begin);
        assert_eq!(house.apply(&begin), Reply::Done);
        house
    }

    pub(crate) fn apply(&mut self, command: &[u8]) -> Reply {
        let mut batch = BatchBuilder::default();
        batch.push_encoded(command);
        let entry = batch.finish(LogTime(self.seconds * 1_000_000), WallTime(1_700_000_000_000 + self.seconds * 1_000));
        self.entries.push(entry);
        let index = LogIndex(u64::try_from(self.entries.len()).unwrap());
        let mut outcome = Outcome::default();
        self.machine.apply(index, self.entries.last().unwrap(), &mut outcome).unwrap();
        self.machine.check_conservation().unwrap();
        for event in &outcome.events {
            if let Event::NotesChanged(slot) = event {
                self.policies.set(*slot, self.machine.queues().noted_at(*slot));
            }
        }
        outcome.replies.remove(0)
    }

    pub(crate) fn serve(&mut self, request: &Request) -> Answer {
        match request {
            Request::Propose(proposal) => Answer::Reply(self.apply(proposal.bytes())),
            Request::Describe(name) => Answer::Described(Description::of(&self.machine, name.key())),
            Request::Look(look) => Answer::Looked(look.at(&self.machine)),
            Request::Skip(_) => unreachable!("the door never asks for that"),
            Request::Receive(receive) => {
                let Some(queue) = self.machine.queues().find(receive.queue.key()) else {
                    return Answer::Received(Err(NoSuchQueue.into()));
                };
                let mut command = Vec::new();
                Command::Receive { queue, jobs_max: receive.jobs_max, lease: receive.lease, again: Default::default() }
                    .encode(&mut command);
                let Reply::Received(granted) = self.apply(&command) else { panic!("a receive is answered as one") };
                Answer::Received(granted.map(|grants| {
                    let body = |place: evenkeel_types::BodyRef| {
                        let entry = &self.entries[usize::try_from(place.index.0).unwrap() - 1];
                        let start = usize::try_from(place.offset).unwrap();
                        bytes::Bytes::copy_from_slice(&entry[start..][..usize::try_from(place.bytes).unwrap()])
                    };
                    let jobs = grants.into_iter().map(|grant| Delivery { body: body(grant.body), grant }).collect();
                    Received { queue, jobs }
                }))
            }
        }
    }

    pub(crate) fn finish(&mut self, mut step: Step) -> Response {
        loop {
            match step {
                Step::Respond(response) => return response,
                Step::Ask(request, pending) => {
                    let answer = self.serve(&request);
                    step = pending.answer(&self.door, answer);
                }
            }
        }
    }

    #[track_caller]
    pub(crate) fn call(&mut self, action: &str, mut body: Value) -> Value {
        body["QueueUrl"] = URL.into();
        let step = self.door.accept(CALLER, head(&format!("AmazonSQS.{action}")), body.to_string().as_bytes());
        let response = self.finish(step);
        assert_eq!(response.status, 200, "{action} {body}: {}", text(&response));
        serde_json::from_slice(&response.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, action: &str, mut body: Value, shape: &str) -> Value {
        body["QueueUrl"] = URL.into();
        let step = self.door.accept(CALLER, head(&format!("AmazonSQS.{action}")), body.to_string().as_bytes());
        let response = self.finish(step);
        let told: Value = serde_json::from_slice(&response.body).unwrap();
        assert!(response.status >= 400 && told["__type"].as_str().unwrap().ends_with(shape), "{action}: {told}");
        told
    }

    pub(crate) fn count(&mut self, name: &str) -> String {
        let told = self.call("GetQueueAttributes", json!({"AttributeNames": [name]}));
        told["Attributes"][name].as_str().unwrap().to_owned()
    }
}
