//! `/v1/keys`: made, listed, rotated, revoked.
//!
//! A secret is in two answers only: to the request that made it, once. What goes to the log is sealed here.

use crate::{
    door::{self, Door, Pending, Response, Step},
    error::NativeError,
    limits::{GRACE_SECONDS, KEYS_PER_PAGE, SECONDS_MAX},
};
use evenkeel_access::{Known, Secret, Standing};
use evenkeel_engine::{Answer, Proposal, Request};
use evenkeel_machine::{
    Reply,
    command::{Command, NewKey},
    limits,
};
use evenkeel_policy::{is_action_pattern, is_read_metrics};
use evenkeel_types::{AccountId, Micros, WallTime};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    name: String,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    queues: Vec<String>,
    #[serde(default)]
    expires_in_seconds: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    #[serde(default)]
    grace_seconds: Option<u64>,
}

/// A key as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<&'a str>,
    account: String,
    name: &'a str,
    description: &'a str,
    actions: &'a [Box<str>],
    queues: &'a [Box<str>],
    state: &'static str,
    /// Unix seconds, as all times here.
    created_at: u64,
    rotated_at: u64,
    expires_at: Option<u64>,
    /// Until when the secret before the last rotation counts.
    old_secret_until: Option<u64>,
}

/// What the engine was asked.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// For a key that is made or rotated.
    Given {
        id: String,
        secret: Secret,
        status: u16,
        now: WallTime,
    },
    Revoked {
        id: String,
    },
}

pub(crate) fn create(door: &Door, now: WallTime, body: &[u8]) -> Result<Step, NativeError> {
    let asked: Create = parse(body)?;
    let account = match asked.account {
        None => door.account,
        Some(text) => text.parse::<AccountId>().map_err(|error| NativeError::Malformed(format!("account: {error}")))?,
    };
    check_name(&asked.name)?;
    if asked.description.len() > limits::KEY_DESCRIPTION_BYTES_MAX || asked.description.chars().any(char::is_control) {
        let max = limits::KEY_DESCRIPTION_BYTES_MAX;
        return Err(NativeError::Malformed(format!("description: at most {max} bytes, on one line")));
    }
    check_rights(&asked.actions, &asked.queues)?;
    let expires_at =
        asked.expires_in_seconds.map(|seconds| later(now, seconds, 1, "expires_in_seconds")).transpose()?;
    let id = format!("AKIA{}", letters::<16>(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")?);
    let secret = new_secret()?;
    let sealed = seal(door, &id, &secret)?;
    let proposal = Proposal::new(&Command::CreateKey(NewKey {
        id: &id,
        account,
        name: &asked.name,
        description: &asked.description,
        actions: texts(&asked.actions),
        queues: texts(&asked.queues),
        sealed: &sealed,
        expires_at,
    }));
    ask(proposal, Waiting::Given { id, secret, status: 201, now })
}

pub(crate) fn rotate(door: &Door, now: WallTime, id: &str, body: &[u8]) -> Result<Step, NativeError> {
    let asked: Rotate = if body.is_empty() { Rotate::default() } else { parse(body)? };
    let grace = asked.grace_seconds.unwrap_or(GRACE_SECONDS);
    later(now, grace, 0, "grace_seconds")?;
    let known = known(door, id)?;
    let secret = new_secret()?;
    let sealed = seal(door, &known.id, &secret)?;
    let grace = Micros(grace.saturating_mul(1_000_000));
    let proposal = Proposal::new(&Command::RotateKey { id: &known.id, sealed: &sealed, grace });
    ask(proposal, Waiting::Given { id: known.id.to_string(), secret, status: 200, now })
}

pub(crate) fn revoke(door: &Door, id: &str) -> Result<Step, NativeError> {
    let known = known(door, id)?;
    let proposal = Proposal::new(&Command::RevokeKey { id: &known.id });
    ask(proposal, Waiting::Revoked { id: known.id.to_string() })
}

pub(crate) fn list(door: &Door, now: WallTime, query: &str) -> Result<Step, NativeError> {
    let after = match query.split_once('=') {
        None if query.is_empty() => "",
        Some(("after", id)) if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => id,
        _ => return Err(NativeError::Malformed("the query string may only be after=ID".into())),
    };
    let mut keys = door.directory.page(after, KEYS_PER_PAGE + 1);
    let next = if keys.len() > KEYS_PER_PAGE {
        keys.truncate(KEYS_PER_PAGE);
        keys.last().map(|known| known.id.to_string())
    } else {
        None
    };
    let shown: Vec<_> = keys.iter().map(|known| shown(known, None, now)).collect();
    let body = serde_json::json!({"keys": shown, "next": next});
    Ok(Step::Respond(Response { status: 200, body: body.to_string().into_bytes() }))
}

impl Waiting {
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Response, NativeError> {
        let reply = match answer {
            Answer::Reply(reply) => reply,
            Answer::Failed(error) => return Err(error.into()),
            _ => unreachable!("a command is answered by its reply"),
        };
        match (self, reply) {
            (Self::Given { id, .. }, Reply::KeyChanged(Err(error))) => Err(NativeError::no_such_key(error, &id)),
            (Self::Given { .. }, Reply::KeyCreated(Err(error))) => Err(error.into()),
            (Self::Given { id, secret, status, now }, Reply::KeyCreated(Ok(())) | Reply::KeyChanged(Ok(()))) => {
                // Somebody may have revoked it in between.
                let known = known(door, &id)?;
                let text = std::str::from_utf8(secret.reveal()).unwrap_or_default();
                let body = serde_json::to_vec(&shown(&known, Some(text), now));
                body.map(|body| Response { status, body }).map_err(|error| NativeError::Internal(error.to_string()))
            }
            (Self::Revoked { id }, Reply::KeyChanged(Err(error))) => Err(NativeError::no_such_key(error, &id)),
            (Self::Revoked { .. }, Reply::KeyChanged(Ok(()))) => Ok(Response { status: 200, body: b"{}".to_vec() }),
            _ => unreachable!("a command is answered by its own reply"),
        }
    }
}

fn shown<'a>(known: &'a Known, secret_key: Option<&'a str>, now: WallTime) -> Shown<'a> {
    let seconds = |time: WallTime| time.0 / 1_000;
    Shown {
        access_key: &known.id,
        secret_key,
        account: known.account.to_string(),
        name: &known.name,
        description: &known.description,
        actions: &known.given.actions,
        queues: &known.given.queues,
        state: match known.standing(now) {
            Standing::Active => "active",
            Standing::Expired => "expired",
            Standing::Unreadable => "unreadable",
        },
        created_at: seconds(known.created_at),
        rotated_at: seconds(known.rotated_at),
        expires_at: known.expires_at.map(seconds),
        old_secret_until: known.before_until.filter(|until| *until > now).map(seconds),
    }
}

fn known(door: &Door, id: &str) -> Result<std::sync::Arc<Known>, NativeError> {
    let known = door.directory.get(id).ok_or_else(|| NativeError::NoSuchKey(id.chars().take(128).collect()))?;
    if known.is_root { Err(NativeError::RootIsElsewhere) } else { Ok(known) }
}

fn texts(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, NativeError> {
    serde_json::from_slice(body).map_err(|error| {
        // It names what it does not know, however long that is.
        let error: String = error.to_string().chars().take(256).collect();
        NativeError::Malformed(format!("the body: {error}"))
    })
}

fn ask(proposal: Proposal, waiting: Waiting) -> Result<Step, NativeError> {
    Ok(Step::Ask(Request::Propose(proposal), Pending(door::Waiting::Key(waiting))))
}

/// Names of users as IAM has them, so that policies can name them.
fn check_name(name: &str) -> Result<(), NativeError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    let max = limits::KEY_NAME_BYTES_MAX;
    if (1..=max).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(NativeError::Malformed(format!("name: 1 to {max} letters, digits and +=,.@_-")))
}

fn is_right(action: &str) -> bool {
    is_action_pattern(action) || is_read_metrics(action)
}

fn check_rights(actions: &[String], queues: &[String]) -> Result<(), NativeError> {
    let (count_max, bytes_max) = (limits::KEY_RIGHTS_MAX, limits::KEY_RIGHT_BYTES_MAX);
    if actions.len() > count_max || queues.len() > count_max {
        return Err(NativeError::Malformed(format!("actions and queues: at most {count_max} of each")));
    }
    if let Some(wrong) = actions.iter().find(|action| action.len() > bytes_max || !is_right(action)) {
        let wrong: String = wrong.chars().take(80).collect();
        return Err(NativeError::Malformed(format!(
            "actions: {wrong:?} is none; write sqs:SendMessage, sqs:Receive*, sqs:* or evenkeel:ReadMetrics"
        )));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if let Some(wrong) = queues.iter().find(|name| !(1..=bytes_max).contains(&name.len()) || !name.bytes().all(plain)) {
        let wrong: String = wrong.chars().take(80).collect();
        return Err(NativeError::Malformed(format!(
            "queues: no queue's name begins with {wrong:?}; it is letters, digits, - and _"
        )));
    }
    Ok(())
}

/// So many seconds from now.
fn later(now: WallTime, seconds: u64, least: u64, what: &str) -> Result<WallTime, NativeError> {
    if (least..=SECONDS_MAX).contains(&seconds) {
        Ok(WallTime(now.0.saturating_add(seconds * 1_000)))
    } else {
        Err(NativeError::Malformed(format!("{what}: {least} to {SECONDS_MAX}")))
    }
}

fn seal(door: &Door, id: &str, secret: &Secret) -> Result<Vec<u8>, NativeError> {
    door.directory.vault().seal(id, secret).map_err(|error| NativeError::Internal(error.to_string()))
}

/// 240 bits in letters that no shell and no URL minds.
fn new_secret() -> Result<Secret, NativeError> {
    Ok(Secret::new(letters::<48>(b"abcdefghijkmnopqrstuvwxyzABCDEFG")?.into_bytes()))
}

fn letters<const COUNT: usize>(alphabet: &[u8; 32]) -> Result<String, NativeError> {
    let mut random = [0; COUNT];
    getrandom::fill(&mut random)
        .map_err(|error| NativeError::Internal(format!("the system's random source: {error}")))?;
    let letter = |byte: u8| alphabet.get(usize::from(byte % 32)).map_or('A', |&letter| char::from(letter));
    Ok(random.into_iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_sent_back() {
        let body = format!("{{\"{}\":1}}", "x".repeat(100_000));
        let Err(NativeError::Malformed(why)) = parse::<Create>(body.as_bytes()) else { panic!("it is not refused") };
        assert!(why.len() < 1_000, "{} bytes", why.len());
    }
}
