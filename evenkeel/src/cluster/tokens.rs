//! Tokens that let a node in: part of the state that all nodes have, so that whoever leads knows them, and each counts once.
//!
//! A token is kept as an access key with which nobody can sign: its id follows from what the token holds, it has no rights, and its own secret is forgotten
//! as soon as it was drawn. Who spends a token gives that key another secret, which follows from who it is: the log says who was first, and the same node may
//! ask again, whoever leads. Once it has a vote the key is revoked. So `evenkeel keys list` shows the tokens that wait, and `evenkeel keys revoke` takes
//! one back.

use super::{decision::NotLeading, line::Line};
use anyhow::{Context, bail};
use evenkeel_access::{Directory, Known, Secret as KeySecret, Standing};
use evenkeel_engine::{Answer, Client, EngineError, Look, Looked, Proposal, Request};
use evenkeel_machine::{
    Reply,
    command::{Command, NewKey},
};
use evenkeel_peers::Secret;
use evenkeel_types::{AccountId, Micros, WallTime};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long a token counts.
pub(super) const TOKEN_LIFE: Duration = Duration::from_secs(3_600);
/// How long the secret that nobody knows counts beside that of who spent the token: it only has to be there, as a token with one is spent.
const SPENT: Micros = Micros(1);
/// Tokens that count at a time.
const TOKENS_MAX: usize = 64;

/// What their ids begin with; those of access keys begin with `AKIA`.
const PREFIX: &str = "JOIN";
/// Whose they are. There is no such right as the one that they have.
const NAME: &str = "join-token";
const RIGHT: &str = "evenkeel:Join";

/// Why there is no new token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("{TOKENS_MAX} tokens wait to be used; they end after an hour, or with `evenkeel keys revoke`")]
    TooMany,
    /// Another try may succeed.
    #[error("{0}; retry")]
    Unavailable(String),
    #[error("{0}")]
    Internal(String),
}

/// The tokens as this node knows them.
#[derive(Debug)]
pub(super) struct Tokens {
    directory: Arc<Directory>,
    account: AccountId,
}

impl Tokens {
    pub(super) fn new(directory: Arc<Directory>, account: AccountId) -> Self {
        Self { directory, account }
    }

    /// Makes one.
    pub(super) async fn make(&self, client: &Client) -> Result<Secret, TokenError> {
        let no_randomness = |_| TokenError::Internal("the system's random source fails".into());
        let now = now();
        let made = self.directory.page(PREFIX, TOKENS_MAX + 1);
        let (mut waiting, mut over) = (0, Vec::new());
        for token in made.iter().filter(|key| is_token(&key.id)) {
            match token.standing(now) {
                Standing::Expired => over.push(token),
                _ if is_spent(token) => {}
                _ => waiting += 1,
            }
        }
        for token in over {
            // If it was not done, the next token will.
            _ = client.call(Request::Propose(Proposal::new(&Command::RevokeKey { id: &token.id }))).await;
        }
        if waiting >= TOKENS_MAX {
            return Err(TokenError::TooMany);
        }
        let secret = Secret::draw().map_err(no_randomness)?;
        let mut forgotten = [0; 32];
        getrandom::fill(&mut forgotten).map_err(no_randomness)?;
        let id = id(&secret);
        let sealed = self.directory.vault().seal(&id, &KeySecret::new(forgotten.to_vec()));
        let sealed = sealed.map_err(|error| TokenError::Internal(error.to_string()))?;
        let life = u64::try_from(TOKEN_LIFE.as_millis()).unwrap_or(u64::MAX);
        let command = Command::CreateKey(NewKey {
            id: &id,
            account: self.account,
            name: NAME,
            description: "lets one node join the cluster, once",
            actions: vec![RIGHT],
            queues: Vec::new(),
            sealed: &sealed,
            expires_at: Some(WallTime(now.0.saturating_add(life))),
        });
        match client.call(Request::Propose(Proposal::new(&command))).await {
            Answer::Reply(Reply::KeyCreated(Ok(()))) => Ok(secret),
            Answer::Reply(Reply::KeyCreated(Err(error))) => Err(TokenError::Internal(error.to_string())),
            Answer::Failed(error) => Err(TokenError::Unavailable(error.to_string())),
            _ => Err(TokenError::Internal("the engine answers something else".into())),
        }
    }

    /// Spends one, and tells the id of its key: from now on it counts for who knows `by` alone. `None` if it does not count by now.
    ///
    /// One at a time: then nobody but who leads changes a token between the look at it and the entry that spends it, and an entry of a leader that is none any
    /// more is refused.
    ///
    /// # Errors
    /// This node does not lead, or not any more; then another knows whether it was spent.
    pub(super) fn spend(&self, line: &Line, secret: &Secret, by: &str) -> anyhow::Result<Option<String>> {
        // One that leads as of now has all that was agreed on before in its state only once it serves.
        if !matches!(line.ask(Request::Look(Look::House)), Answer::Looked(Ok(Looked::House(_)))) {
            return Err(NotLeading.into());
        }
        let id = id(secret);
        let known = self.directory.get(&id).filter(|token| is_token(&id) && token.standing(now()) == Standing::Active);
        // What a stranger made up is not worth an entry of the log.
        let Some(token) = known else { return Ok(None) };
        if is_spent(&token) {
            return Ok(self.directory.at(now()).who(&id, by).map(|_| id));
        }
        let sealed = self.directory.vault().seal(&id, &KeySecret::new(by.into()))?;
        let spent = Command::RotateKey { id: &id, sealed: &sealed, grace: SPENT };
        match line.ask(Request::Propose(Proposal::new(&spent))) {
            Answer::Reply(Reply::KeyChanged(spent)) => Ok(spent.is_ok().then_some(id)),
            Answer::Failed(EngineError::NotLeading) => Err(NotLeading.into()),
            Answer::Failed(error) => Err(error).context("the token may be spent or not; try again, or make another"),
            _ => bail!("the engine answers something else"),
        }
    }
}

/// Its node has come: it will not ask again.
pub(super) fn is_done_with(line: &Line, id: &str) {
    // If it is not done, it ends with its hour.
    line.tell(Request::Propose(Proposal::new(&Command::RevokeKey { id })));
}

/// Whether somebody was let in by it.
fn is_spent(token: &Known) -> bool {
    token.before_until.is_some()
}

fn id(secret: &Secret) -> String {
    format!("{PREFIX}{}", secret.name())
}

fn is_token(id: &str) -> bool {
    id.starts_with(PREFIX)
}

fn now() -> WallTime {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    WallTime(u64::try_from(millis).unwrap_or(u64::MAX))
}
