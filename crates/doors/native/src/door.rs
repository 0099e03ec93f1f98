//! From a request to what it asks for.

use crate::{error::NativeError, jobs, keys};
use evenkeel_access::{Directory, Known, Policies};
use evenkeel_engine::{Answer, Interpreter, Request};
use evenkeel_types::{AccountId, WallTime};
use std::{fmt, net::IpAddr, sync::Arc};

/// The door: shared by all threads.
pub struct Door {
    pub(crate) directory: Arc<Directory>,
    pub(crate) policies: Arc<Policies>,
    /// The account of keys that are made for none in particular.
    pub(crate) account: AccountId,
    /// Says what jobs are called, and what is in them.
    pub(crate) interpreter: Arc<dyn Interpreter>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("account", &self.account).finish_non_exhaustive()
    }
}

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `GET`, `POST`.
    pub method: &'a str,
    /// The path as it was sent.
    pub path: &'a str,
    /// What was sent after the `?`.
    pub query: &'a str,
    /// Where from.
    pub peer: IpAddr,
    /// What the calendar says.
    pub now: WallTime,
}

/// What goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP's status.
    pub status: u16,
    /// JSON. Holds a secret where one was made: not to be logged.
    pub body: Vec<u8>,
}

/// What is to be done next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send this to the client.
    Respond(Response),
    /// Ask the engine, and give its answer to [`Pending::answer`].
    Ask(Request, Pending),
}

/// A request that waits for the engine.
#[derive(Debug)]
pub struct Pending(pub(crate) Waiting);

/// What for.
#[derive(Debug)]
pub(crate) enum Waiting {
    Key(keys::Waiting),
    Jobs(jobs::Waiting),
}

impl Door {
    /// A door to these keys, held to these policies. `account`: of keys that are made for none in particular.
    #[must_use]
    pub fn new(
        directory: Arc<Directory>,
        policies: Arc<Policies>,
        account: AccountId,
        interpreter: Arc<dyn Interpreter>,
    ) -> Self {
        Self { directory, policies, account, interpreter }
    }

    /// Takes a request that was authenticated.
    pub fn accept(&self, caller: &Known, asked: Asked<'_>, body: &[u8]) -> Step {
        self.act(caller, asked, body).unwrap_or_else(|error| Step::Respond(error.response()))
    }

    fn act(&self, caller: &Known, asked: Asked<'_>, body: &[u8]) -> Result<Step, NativeError> {
        let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
        if matches!(&*parts, ["v1", "keys", ..]) && !caller.is_root {
            return Err(NativeError::NotRoot);
        }
        match (asked.method, &*parts) {
            ("GET", ["v1", "queues", name, "next"]) => jobs::next(self, caller, &asked, name),
            ("GET", ["v1", "queues", name, "sent"]) => jobs::sent(self, caller, &asked, name),
            (_, ["v1", "queues", _, "next" | "sent"]) => Err(NativeError::Method("GET")),
            ("POST", ["v1", "keys"]) => keys::create(self, asked.now, body),
            ("GET", ["v1", "keys"]) => keys::list(self, asked.now, asked.query),
            ("DELETE", ["v1", "keys", id]) => keys::revoke(self, id),
            ("POST", ["v1", "keys", id, "rotate"]) => keys::rotate(self, asked.now, id, body),
            (_, ["v1", "keys"]) => Err(NativeError::Method("POST or GET")),
            (_, ["v1", "keys", _]) => Err(NativeError::Method("DELETE")),
            (_, ["v1", "keys", _, "rotate"]) => Err(NativeError::Method("POST")),
            _ => Err(NativeError::NoSuchPath(asked.path.chars().take(256).collect())),
        }
    }
}

impl Pending {
    /// Goes on with the engine's answer.
    pub fn answer(self, door: &Door, answer: Answer) -> Step {
        let step = match self.0 {
            Waiting::Key(waiting) => waiting.answer(door, answer).map(Step::Respond),
            Waiting::Jobs(waiting) => waiting.answer(door, answer),
        };
        step.unwrap_or_else(|error| Step::Respond(error.response()))
    }
}
