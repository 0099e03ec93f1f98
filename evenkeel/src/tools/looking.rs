//! What `peek` and `tail` share: they ask the native door, which shows jobs and takes none.

use super::{
    jobs::Job,
    session::{ServerArgs, Session, name, text},
    suggest,
};
use crate::client::{CallError, Native};
use anyhow::Context;
use http::Method;
use serde_json::Value;

/// A tool that looks at one queue.
pub(super) struct Looking {
    pub(super) session: Session,
    native: Native,
    queue: String,
}

impl Looking {
    /// Nothing is sent yet.
    pub(super) fn new(server: &ServerArgs, queue: &str) -> anyhow::Result<Self> {
        let queue = name(queue);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if queue.is_empty() || !queue.bytes().all(is_plain) {
            anyhow::bail!("{queue:?} is no queue's name: it is letters, digits, - and _, and .fifo at the end of some");
        }
        let (endpoint, identity) = server.find()?;
        let native = Native::new(endpoint, identity.as_ref());
        Ok(Self { session: Session::new(server)?, native, queue: queue.into() })
    }

    /// Asks for `next` or `sent`.
    pub(super) async fn ask(&mut self, what: &'static str, query: &str) -> anyhow::Result<Value> {
        let path = format!("/v1/queues/{}/{what}", self.queue);
        match self.native.call(what, Method::GET, &path, query, &Value::Null).await {
            Err(error) if error.is_no_such_queue() => {
                Err(suggest::no_such_queue(&mut self.session.sqs, &self.queue).await)
            }
            Err(CallError::NotSqs { endpoint, status: 404 }) => {
                anyhow::bail!("the server at {endpoint} cannot do this; is it an older one?")
            }
            answer => Ok(answer?),
        }
    }
}

/// The jobs of an answer.
pub(super) fn jobs(answer: &Value) -> anyhow::Result<&Vec<Value>> {
    answer.get("jobs").and_then(Value::as_array).context("the server's answer has no jobs")
}

/// A job as the native door shows it.
pub(super) fn job(shown: &Value) -> Job<'_> {
    let number = |name: &str| shown.get(name).and_then(Value::as_u64).unwrap_or_default();
    Job {
        id: text(shown, "id"),
        group: text(shown, "group"),
        sent_at_ms: number("sent_at_ms"),
        attempts: number("attempts"),
        body: text(shown, "body"),
        attributes: shown.get("attributes"),
    }
}
