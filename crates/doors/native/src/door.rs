//! From a request to what it asks for.

use crate::{
    error::NativeError,
    keys::{self, Waiting},
};
use evenkeel_access::{Directory, Known};
use evenkeel_engine::{Answer, Request};
use evenkeel_types::{AccountId, WallTime};
use std::sync::Arc;

/// The door: shared by all threads.
#[derive(Debug)]
pub struct Door {
    pub(crate) directory: Arc<Directory>,
    /// The account of keys that are made for none in particular.
    pub(crate) account: AccountId,
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

impl Door {
    /// A door to these keys.
    #[must_use]
    pub fn new(directory: Arc<Directory>, account: AccountId) -> Self {
        Self { directory, account }
    }

    /// Takes a request that was authenticated.
    pub fn accept(&self, caller: &Known, asked: Asked<'_>, body: &[u8]) -> Step {
        self.act(caller, asked, body).unwrap_or_else(|error| Step::Respond(error.response()))
    }

    fn act(&self, caller: &Known, asked: Asked<'_>, body: &[u8]) -> Result<Step, NativeError> {
        if !caller.is_root {
            return Err(NativeError::NotRoot);
        }
        let parts: Vec<&str> = asked.path.split('/').skip(1).collect();
        match (asked.method, &*parts) {
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
    #[must_use]
    pub fn answer(self, door: &Door, answer: Answer) -> Response {
        self.0.answer(door, answer).unwrap_or_else(|error| error.response())
    }
}
