//! From a node that took a request to the one that leads.

use super::{house::REQUEST, node::Cluster, wire};
use bytes::{BufMut, Bytes, BytesMut};
use evenkeel_peers::{Answered, AskError};
use http::{Response, request::Parts};
use std::{net::IpAddr, time::Duration};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long a request waits for somebody to lead: longer than most elections, shorter than clients' patience.
const LEADER_WAIT: Duration = Duration::from_secs(4);
/// How long after the engine this node knows at most that it leads no more: some looks of the watching thread.
const STANDING_LAG: Duration = Duration::from_millis(100);
/// How long one that leads no more may take to answer what it was asked before.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Between two attempts at a leader to whom there is no connection.
const TRY_EVERY: Duration = Duration::from_millis(20);

/// Why a request has no response of the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// Nobody leads, or cannot be reached. It was not done.
    NoLeader,
    /// This node leads by now: it is to be done here.
    Here,
    /// It was passed on, and then the leader was lost: it may have been done.
    Lost,
}

impl Cluster {
    /// Whether a refusal by this node's engine was because it leads no more, so that another may be asked.
    pub(crate) async fn was_deposed(&self) -> bool {
        let mut standing = self.standing();
        timeout(STANDING_LAG, standing.wait_for(|now| !now.leads)).await.is_ok()
    }

    /// Passes a request on to the leader. Dropping the future withdraws it there.
    pub(crate) async fn forward(
        &self,
        head: &Parts,
        peer: IpAddr,
        body: &Bytes,
    ) -> Result<(Response<Bytes>, Answered), Unanswered> {
        let request = wire::encode_request(head, peer, body);
        let mut asked = BytesMut::with_capacity(request.len() + 1);
        asked.put_u8(REQUEST);
        asked.extend_from_slice(&request);
        let mut answered = self.ask_leader(asked.freeze()).await?;
        let answer = std::mem::take(&mut answered.answer);
        let response = wire::decode_response(answer).ok_or(Unanswered::Lost)?;
        Ok((response, answered))
    }

    /// Asks whoever leads, once there is somebody.
    pub(super) async fn ask_leader(&self, request: Bytes) -> Result<Answered, Unanswered> {
        let mut standing = self.standing();
        let peers = self.peers().ok_or(Unanswered::NoLeader)?;
        let until = Instant::now() + LEADER_WAIT;
        loop {
            let now = standing.borrow_and_update().clone();
            if now.leads {
                return Err(Unanswered::Here);
            }
            if let Some(leader) = now.leader.filter(|leader| *leader != self.id) {
                let moved_on = async {
                    // It says by itself that it leads no more, unless it is gone. An election is no reason to give up what it is about to say.
                    _ = standing.wait_for(|now| now.leader.is_some_and(|now| now != leader)).await;
                    sleep(LAST_WORDS).await;
                };
                let answered = tokio::select! {
                    answered = peers.ask(leader, request.clone()) => answered,
                    () = moved_on => Err(AskError::Lost),
                };
                match answered {
                    // It leads no more, and did nothing.
                    Ok(answered) if answered.answer.is_empty() => {}
                    Ok(answered) => return Ok(answered),
                    Err(AskError::Lost) => return Err(Unanswered::Lost),
                    Err(AskError::Unreachable) => {}
                }
            }
            if Instant::now() >= until {
                return Err(Unanswered::NoLeader);
            }
            tokio::select! {
                _ = timeout_at(until, standing.changed()) => {}
                () = sleep(TRY_EVERY) => {}
            }
        }
    }
}
