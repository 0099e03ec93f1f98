//! A request that is here as a whole, from the check of its signature to its response. Where it came in is another's affair.

use super::{by_https, request_id::RequestId, service::Thread, unread};
use crate::cluster::{admin, skip};
use bytes::Bytes;
use evenkeel_access::Known;
use evenkeel_engine::{Answer as EngineAnswer, Client, Looked, Request as EngineRequest};
use evenkeel_native::Response as NativeResponse;
use evenkeel_sigv4::{Headers, Payload, SigError, Verifier};
use evenkeel_sqs::{Caller, Head, Response as DoorResponse, Step};
use evenkeel_types::WallTime;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request::Parts};
use std::{cell::RefCell, net::IpAddr, sync::Arc};
use tokio::sync::SemaphorePermit;

/// Gives jobs back, unless it is told otherwise before it is dropped.
struct GiveBack<'c> {
    client: &'c Client,
    request: Option<EngineRequest>,
}

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.client.tell(request);
        }
    }
}

/// What a request comes to.
pub(super) struct Answered {
    pub(super) response: Response<Bytes>,
    /// The action's number, if one was named.
    pub(super) action: Option<usize>,
    /// Gives back what the response hands out.
    pub(super) undelivered: Option<EngineRequest>,
}

impl Answered {
    pub(super) fn of_sqs(id: &RequestId, response: DoorResponse) -> Self {
        let mut built = build(response.status, response.content_type, response.body);
        let headers = built.headers_mut();
        headers.insert("x-amzn-requestid", id.header());
        if let Some(code) = response.query_error.and_then(|code| HeaderValue::try_from(code).ok()) {
            headers.insert("x-amzn-query-error", code);
        }
        Self { response: built, action: response.action, undelivered: response.undelivered }
    }

    pub(super) fn of_native(response: NativeResponse) -> Self {
        let mut built = build(response.status, "application/json", response.body);
        // Some carry a secret.
        built.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self { response: built, action: None, undelivered: None }
    }
}

fn build(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut built = Response::new(body.into());
    *built.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    built.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    built
}

/// Whether a request is for the native door.
pub(super) fn is_native(head: &Parts) -> bool {
    head.uri.path().starts_with(evenkeel_native::PREFIX)
}

impl Thread {
    /// Asks the door that a request is for. `peer` is who sent it, to this node or to another.
    pub(super) async fn answer(&self, head: &Parts, body: Bytes, id: &RequestId, peer: IpAddr) -> Answered {
        if is_native(head) {
            return Answered::of_native(self.ask_native_door(head, body, peer).await);
        }
        Answered::of_sqs(id, self.ask_door(head, asked(head, id, peer, self.shared.clocks.now().wall), body).await)
    }

    async fn ask_door(&self, head: &Parts, asked: Head<'_>, body: Bytes) -> DoorResponse {
        let door = &self.shared.door;
        let known = match self.authenticate(&self.verifier, head, &body) {
            Ok(known) => known,
            Err(error) => return evenkeel_sqs::auth_error(&error, &asked),
        };
        let caller =
            Caller { account: known.account, sender_id: &known.name, rights: &known.rights, is_root: known.is_root };
        let mut step = door.accept(caller, asked, &body);
        // A wait of 20 seconds must not keep what asked for it.
        drop(body);
        loop {
            match step {
                Step::Respond(response) => return response,
                Step::Ask(request, pending) => {
                    let answer = self.client.call(request).await;
                    let _turn = self.turn(&answer).await;
                    step = pending.answer(door, answer);
                }
            }
        }
    }

    /// The turn to make an answer, if it will be a large one.
    async fn turn(&self, answer: &EngineAnswer) -> Option<SemaphorePermit<'_>> {
        let (bytes, release): (usize, _) = match answer {
            EngineAnswer::Received(Ok(received)) => {
                (received.jobs.iter().map(|job| job.body.len()).sum(), evenkeel_engine::release(received))
            }
            EngineAnswer::Looked(Ok(Looked::Sent(watched))) => {
                (watched.jobs.iter().map(|sent| sent.bytes.len()).sum(), None)
            }
            _ => return None,
        };
        if bytes < unread::COUNTED_BYTES {
            return None;
        }
        if let Some(turn) = self.unread.turn_at_once() {
            return Some(turn);
        }
        // The client may go while its jobs wait for their turn.
        let mut unless_made = GiveBack { client: &self.client, request: release };
        let turn = self.unread.turn().await;
        unless_made.request = None;
        turn
    }

    /// The native door's part, from a request to its answer.
    async fn ask_native_door(&self, head: &Parts, body: Bytes, peer: IpAddr) -> NativeResponse {
        let door = &self.shared.native;
        let known = match self.authenticate(&self.native_verifier, head, &body) {
            Ok(known) => known,
            Err(error) => return evenkeel_native::auth_error(&error),
        };
        if admin::is_for(head.uri.path()) {
            return match &self.shared.cluster {
                _ if !known.is_root => evenkeel_native::not_root(),
                _ if skip::is_for(head.uri.path()) => {
                    skip::answer(&self.shared.halted, &self.client, head.method.as_str(), head.uri.path(), &body).await
                }
                None => admin::single(),
                Some(cluster) => {
                    admin::answer(cluster, &self.client, head.method.as_str(), head.uri.path(), &body).await
                }
            };
        }
        let asked = evenkeel_native::Asked {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            peer,
            now: self.shared.clocks.now().wall,
        };
        let _alone = if evenkeel_native::gathers_bodies(&asked) { self.looks.acquire().await.ok() } else { None };
        let mut step = door.accept(&known, asked, &body);
        loop {
            match step {
                evenkeel_native::Step::Respond(response) => return response,
                evenkeel_native::Step::Ask(request, pending) => {
                    let answer = self.client.call(request).await;
                    let _turn = self.turn(&answer).await;
                    step = pending.answer(door, answer);
                }
            }
        }
    }

    /// The key that a request acts with.
    fn authenticate(&self, verifier: &RefCell<Verifier>, head: &Parts, body: &Bytes) -> Result<Arc<Known>, SigError> {
        let directory = &self.shared.directory;
        if self.shared.is_open {
            return Ok(Arc::clone(directory.root()));
        }
        let now = self.shared.clocks.now().wall;
        let seconds = i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX);
        let signed = evenkeel_sigv4::Request {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers: &HeaderLines(&head.headers),
            payload: Payload::Bytes(body),
        };
        let verified = verifier.borrow_mut().verify(&signed, &directory.at(now), seconds);
        verified.map(|verified| verified.key.into_known())
    }
}

/// What a request says besides its body, as the door sees it.
pub(super) fn asked<'h>(head: &'h Parts, id: &'h RequestId, peer: IpAddr, now: WallTime) -> Head<'h> {
    // One that is no text is there all the same, and says nothing that the door knows.
    let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    Head {
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        target: text("x-amz-target"),
        content_type: text("content-type"),
        invocation: text("amz-sdk-invocation-id"),
        trace: text("x-amzn-trace-id"),
        host: text("host").unwrap_or_default(),
        tls: false,
        by_https: by_https::is_said(&head.headers),
        peer: Some(peer),
        now,
        request_id: id.as_str(),
    }
}

/// A request's headers as the signature sees them.
struct HeaderLines<'a>(&'a HeaderMap);

impl Headers for HeaderLines<'_> {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        for value in self.0.get_all(name) {
            visit(value.as_bytes());
        }
    }
}
