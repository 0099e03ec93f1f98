//! Any bytes as a request to the native door: an answer in its own form, always, and only what that answer says has happened.

use super::machine_batch::{prepared, proposed};
use bytes::Bytes;
use evenkeel_access::{Directory, Known, Policies, Secret, Vault};
use evenkeel_engine::{
    Answer, Attribute, Interpreter, JobPlace, Legible, Look, Looked, Place, Proposal, Request, Sent, Watched,
};
use evenkeel_machine::{
    Machine, Reply,
    codec::Reader,
    command::{Command, NewKey},
    limits::PEEK_JOBS_MAX,
};
use evenkeel_native::{Asked, Door, Response, Step};
use evenkeel_types::{AccountId, BodyRef, JobId, LogIndex, Micros, WallTime};
use serde_json::Value;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

const ROOT: &str = "AKIAROOT";
/// Reads the jobs of queues whose names begin with `q`.
const READER: &str = "AKIAREADER";
const NOW: WallTime = WallTime(1_700_000_000_000);

/// An error tells what to do, and does not send back what it was sent. A name of 256 characters may take 4 bytes for each, and be written with escapes.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// Reads bodies as text, with all that can stand beside one.
struct Plain;

impl Interpreter for Plain {
    fn id(&self, _: JobId, _: BodyRef) -> String {
        "an id".into()
    }

    fn place(&self, _: &str) -> Option<JobPlace> {
        None
    }

    fn read(&self, body: &[u8]) -> Option<Legible> {
        let text = String::from_utf8_lossy(body).into_owned();
        let attribute =
            |kind: &str| Attribute { name: text.clone(), kind: kind.into(), value: text.chars().rev().collect() };
        let attributes = vec![attribute("Binary.x"), attribute("String")];
        body.first().is_none_or(|first| *first != 0).then(|| Legible { sender: text.clone(), attributes, text })
    }
}

/// A door, the machine behind it, and what was asked of that.
struct House {
    door: Door,
    directory: Arc<Directory>,
    machine: Machine,
    proposals: u32,
    hostile: Bytes,
}

impl House {
    fn new(hostile: &[u8]) -> Self {
        let account = AccountId::from_number(1).expect("it is small");
        let directory = Arc::new(Directory::new(Vault::new(&[1; 32]), account, ROOT, "root's secret"));
        let (policies, interpreter) = (Arc::new(Policies::new("Policy")), Arc::new(Plain));
        let door = Door::new(Arc::clone(&directory), policies, account, interpreter);
        let (machine, hostile) = (prepared(), Bytes::copy_from_slice(hostile));
        let mut house = Self { door, directory, machine, proposals: 0, hostile };
        for id in [READER, "AKIA2", "AKIA3"] {
            let sealed = house.directory.vault().seal(id, &Secret::new(id.into())).expect("there is randomness");
            let made = house.propose(&Proposal::new(&Command::CreateKey(NewKey {
                id,
                account,
                name: "reader",
                description: "",
                actions: vec!["sqs:ReceiveMessage"],
                queues: vec!["q"],
                sealed: &sealed,
                expires_at: None,
            })));
            assert_eq!(made, Reply::KeyCreated(Ok(())));
        }
        house.proposals = 0;
        house
    }

    /// Applies what a door asks for, as the engine does: keys are told before the reply.
    fn propose(&mut self, proposal: &Proposal) -> Reply {
        self.proposals += 1;
        let before: Vec<u32> = self.machine.keys().iter().map(|(slot, _)| slot).collect();
        let reply = proposed(&mut self.machine, proposal, NOW);
        let keys = self.machine.keys();
        let slots = before.into_iter().chain(keys.iter().map(|(slot, _)| slot));
        slots.for_each(|slot| self.directory.set(slot, keys.at(slot)));
        reply
    }

    fn caller(&self, id: &str) -> Arc<Known> {
        self.directory.get(id).expect("it was made above")
    }

    fn ask(&mut self, caller: &Known, asked: Asked<'_>, body: &[u8]) -> Response {
        let mut step = self.door.accept(caller, asked, body);
        // Besides the first question there is one for each body.
        for _ in 0..2 + PEEK_JOBS_MAX {
            match step {
                Step::Respond(response) => return response,
                Step::Ask(request, pending) => {
                    let answer = self.answer(request);
                    step = pending.answer(&self.door, answer);
                }
            }
        }
        panic!("a request asks without end");
    }

    fn answer(&mut self, request: Request) -> Answer {
        let look = match request {
            Request::Propose(proposal) => {
                let command = Command::decode(&mut Reader::new(proposal.bytes())).expect("what is asked can be read");
                let keys_only =
                    matches!(command, Command::CreateKey(_) | Command::RotateKey { .. } | Command::RevokeKey { .. });
                assert!(keys_only, "{command:?}");
                return Answer::Reply(self.propose(&proposal));
            }
            Request::Look(look) => look,
            other => panic!("the door never asks for that: {other:?}"),
        };
        Answer::Looked(match look {
            Look::Body(_) => Ok(Looked::Body(Some(self.hostile.clone()))),
            Look::Sent(watch) => {
                assert!(watch.wait <= Micros::from_secs(20), "it waits for ever");
                self.machine
                    .queues()
                    .find(watch.queue.key())
                    .map(|_| self.sent())
                    .ok_or(evenkeel_machine::queue::NoSuchQueue)
            }
            Look::Next { jobs_max, .. } => {
                assert!((1..=PEEK_JOBS_MAX).contains(&jobs_max));
                look.at(&self.machine)
            }
            other => panic!("the door never looks at that: {other:?}"),
        })
    }

    fn sent(&self) -> Looked {
        let sent = Sent {
            job: JobId::default(),
            body: BodyRef { index: LogIndex(u64::MAX), offset: u32::MAX, bytes: 1 },
            bytes: self.hostile.clone(),
            group: String::from_utf8_lossy(&self.hostile).into(),
            sent_at: WallTime(u64::MAX),
            delay: Some(Micros(u64::MAX)),
        };
        let last = Place { index: LogIndex(u64::MAX), offset: u32::MAX };
        Looked::Sent(Watched { jobs: vec![sent], last, missed: true })
    }
}

/// The first line is the caller (`root` or another), the method, the path and the query; the rest is the body. Panics if the door does; if the answer is
/// none of its own; if it lets a key do more than that may; or if what has happened is not what it says.
pub fn judge(bytes: &[u8]) {
    let (line, body) = bytes.split_at(bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len()));
    let (line, body) = (String::from_utf8_lossy(line), body.strip_prefix(b"\n").unwrap_or_default());
    let mut parts = line.splitn(4, ' ');
    let mut part = || parts.next().unwrap_or_default();
    let (caller, method, path, query) = (part(), part(), part(), part());
    let mut house = House::new(line.as_bytes());
    let caller = house.caller(if caller == "root" { ROOT } else { READER });
    let before = house.machine.digest();
    let asked = Asked { method, path, query, peer: IpAddr::V4(Ipv4Addr::LOCALHOST), now: NOW };
    let response = house.ask(&caller, asked, body);
    let told: Value = serde_json::from_slice(&response.body).expect("an answer is JSON");
    let is_done = response.status < 300;
    assert!(matches!(response.status, 200..300 | 400..500), "{}: {told}", response.status);
    let is_change = is_done && method != "GET";
    assert_eq!(house.proposals, u32::from(is_change), "one command for a change, and none for anything else");
    assert_eq!(house.machine.digest() != before, is_change, "what is refused or looked at changes nothing");
    if !is_done {
        return check_error(&told);
    }
    let parts: Vec<_> = path.split('/').skip(1).collect();
    assert!(caller.is_root || parts.get(1) == Some(&"queues"), "keys are root's");
    match (method, &*parts) {
        ("POST", ["v1", "keys"]) => {
            assert_eq!(response.status, 201);
            check_made(&house, &told, body);
        }
        ("POST", ["v1", "keys", id, "rotate"]) => check_secret(&house, &told, id),
        ("DELETE", ["v1", "keys", id]) => {
            assert_eq!(told, serde_json::json!({}));
            assert!(house.directory.get(id).is_none(), "what is revoked is gone");
        }
        ("GET", ["v1", "keys"]) => check_page(&told, query),
        ("GET", ["v1", "queues", name, "next" | "sent"]) => {
            assert!(caller.is_root || name.starts_with('q'), "the key is for others");
            assert!(
                field(&told, "jobs").as_array().is_some_and(|jobs| jobs.iter().all(|job| field(job, "id") == "an id")),
                "{told}"
            );
        }
        _ => panic!("nothing is there: {line}"),
    }
    let tells_secret = method == "POST";
    assert_eq!(told.to_string().contains("secret_key\":"), tells_secret, "a secret is told once: {told}");
}

fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn check_error(told: &Value) {
    let fields = |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
    let error = field(told, "error");
    assert_eq!(
        (fields(told), fields(error)),
        (Some(vec!["error".into()]), Some(vec!["code".into(), "message".into()]))
    );
    let code = field(error, "code").as_str().unwrap_or_default();
    assert!(!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphabetic()), "{told}");
    let message = field(error, "message").as_str().unwrap_or_default();
    assert!((1..=MESSAGE_BYTES_MAX).contains(&message.len()), "{} bytes: {message:.100}", message.len());
}

/// The secret that is told lets that key in.
fn check_secret(house: &House, told: &Value, id: &str) {
    let secret = field(told, "secret_key").as_str().unwrap_or_default();
    let known = house.directory.at(NOW).who(id, secret).expect("it lets in");
    assert_eq!((&*known.id, field(told, "access_key").as_str()), (id, Some(id)));
}

/// The key that was made is what was asked for.
fn check_made(house: &House, told: &Value, body: &[u8]) {
    let id = field(told, "access_key").as_str().unwrap_or_default();
    check_secret(house, told, id);
    let known = house.caller(id);
    let asked: Value = serde_json::from_slice(body).expect("it was read");
    assert_eq!(field(&asked, "name").as_str(), Some(&*known.name));
    assert_eq!(field(&asked, "description").as_str().unwrap_or_default(), &*known.description);
    assert_eq!(field(&asked, "account").as_str().unwrap_or("000000000001"), known.account.to_string());
    for (name, given) in [("actions", &known.given.actions), ("queues", &known.given.queues)] {
        let wanted = field(&asked, name).as_array().into_iter().flatten().filter_map(Value::as_str);
        assert!(wanted.eq(given.iter().map(|given| &**given)), "{name}");
        assert!(field(&asked, name).as_array().is_none_or(|all| all.len() == given.len()), "{name}");
    }
    let ends = field(&asked, "expires_in_seconds").as_u64().map(|seconds| WallTime(NOW.0 + seconds * 1_000));
    assert_eq!(known.expires_at, ends);
}

/// Keys are in order, behind the one that was named.
fn check_page(told: &Value, query: &str) {
    let after = query.strip_prefix("after=").unwrap_or_default();
    let ids: Vec<_> =
        field(told, "keys").as_array().expect("keys").iter().map(|key| key["access_key"].as_str()).collect();
    assert!(ids.iter().all(|id| id.is_some_and(|id| id > after)) && ids.is_sorted(), "{told}");
}

/// Good requests of every kind, of root and of another.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    let key = r#"{"name":"a@b","account":"000000000002","description":"for tests","actions":["sqs:Send*","evenkeel:ReadMetrics"],"queues":["jobs-","q"],"expires_in_seconds":60}"#;
    let requests = [
        format!("POST /v1/keys \n{key}"),
        "POST /v1/keys \n{\"name\":\"plain\"}".to_owned(),
        format!("POST /v1/keys \n{{\"{}\":1}}", "x".repeat(2 * MESSAGE_BYTES_MAX)),
        "GET /v1/keys ".to_owned(),
        "GET /v1/keys after=AKIA2".to_owned(),
        "POST /v1/keys/AKIA2/rotate \n".to_owned(),
        "POST /v1/keys/AKIA2/rotate \n{\"grace_seconds\":0}".to_owned(),
        "DELETE /v1/keys/AKIA3 ".to_owned(),
        "DELETE /v1/keys/AKIAROOT ".to_owned(),
        "GET /v1/queues/q/next ".to_owned(),
        "GET /v1/queues/q/next max=100".to_owned(),
        "GET /v1/queues/q/sent ".to_owned(),
        "GET /v1/queues/q/sent after=12.34&wait=20".to_owned(),
        "GET /v1/queues/other/next max=1".to_owned(),
        "PUT /v1/keys/AKIA2 ".to_owned(),
        "GET /v1/nothing ".to_owned(),
    ];
    let of = |caller: &'static str| move |request: &String| format!("{caller} {request}").into_bytes();
    requests.iter().map(of("root")).chain(requests.iter().map(of("reader"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(caller: &str, method: &str, path: &str, query: &str, body: &[u8]) -> u16 {
        let mut house = House::new(b"<hostile>\"");
        let caller = house.caller(caller);
        let asked = Asked { method, path, query, peer: IpAddr::V4(Ipv4Addr::LOCALHOST), now: NOW };
        house.ask(&caller, asked, body).status
    }

    /// Else the judge would see errors alone.
    #[test]
    fn what_is_good_is_done() {
        let body = br#"{"name":"a","actions":["sqs:*"],"queues":["q"],"expires_in_seconds":1}"#;
        for (method, path, query, expected) in [
            ("POST", "/v1/keys", "", 201),
            ("GET", "/v1/keys", "after=AKIA2", 200),
            ("POST", "/v1/keys/AKIA2/rotate", "", 400),
            ("DELETE", "/v1/keys/AKIA3", "", 200),
            ("GET", "/v1/queues/q/next", "max=100", 200),
            ("GET", "/v1/queues/q/sent", "after=1.2&wait=20", 200),
        ] {
            assert_eq!(status(ROOT, method, path, query, body), expected, "{method} {path}");
        }
        assert_eq!(status(ROOT, "POST", "/v1/keys/AKIA2/rotate", "", b""), 200);
        assert_eq!(status(READER, "GET", "/v1/queues/q/next", "", b""), 200);
        assert_eq!(status(READER, "GET", "/v1/queues/other/next", "", b""), 403);
        assert_eq!(status(READER, "GET", "/v1/keys", "", b""), 403);
    }
}
