//! `/readyz`: whether this node serves, for who sends it work.

use evenkeel_engine::{Answer, Client, EngineError, Look, Looked, Request};
use std::time::Duration;

/// An engine that does not answer for so long does not serve.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Why this node does not serve, in one word; `Ok` if it does.
pub(crate) async fn readiness(client: &Client) -> Result<(), &'static str> {
    match tokio::time::timeout(ANSWER_MAX, client.call(Request::Look(Look::House))).await {
        Ok(Answer::Looked(Ok(Looked::House(_)))) => Ok(()),
        Ok(Answer::Failed(EngineError::NotLeading)) => Err("not-leading"),
        Ok(Answer::Failed(EngineError::Halted(_))) => Err("halted"),
        Ok(_) => Err("stopping"),
        Err(_) => Err("slow"),
    }
}
