//! From a request to its door and back.

use super::{
    answer::Answer,
    body::Whole,
    console,
    outside::{Outside, text},
    request_id::{RequestId, RequestIds},
    unread::{self, Ticket, Unread},
    unsigned,
};
use crate::seen::Seen;
use bytes::{Bytes, BytesMut};
use evenkeel_access::{Directory, Known};
use evenkeel_console::Console;
use evenkeel_engine::{Answer as EngineAnswer, Client, Looked, Request as EngineRequest, thread::Clocks};
use evenkeel_metrics::{Outcome, Requests};
use evenkeel_native::Response as NativeResponse;
use evenkeel_sigv4::{Headers, Payload, SigError, Verifier};
use evenkeel_sqs::{Caller, Door, Head, Response as DoorResponse, Step, Unread as UnreadBody};
use evenkeel_types::WallTime;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use hyper::body::Incoming;
use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::{Future, poll_fn},
    net::IpAddr,
    pin::Pin,
    rc::{Rc, Weak},
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// The largest body of a request, in bytes: 1 MiB of jobs in which each byte needed six in JSON (`\u0001`), and
/// a MiB for the rest.
const BODY_BYTES_MAX: usize = 7 * 1_048_576;
/// Bodies above this size, in bytes, count against [`LARGE_BODIES_BYTES`].
const LARGE_BODY_BYTES: usize = 64 * 1024;
/// What large bodies may take together while they come in, in bytes; more of them wait. With ten thousand connections,
/// each in the middle of 7 MiB, the server needs this much and not 70 GiB.
const LARGE_BODIES_BYTES: usize = 256 * 1_048_576;
/// A body must be whole within this time.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// What all threads share.
pub(crate) struct Shared {
    pub(crate) door: Arc<Door>,
    pub(crate) console: Console,
    pub(crate) native: evenkeel_native::Door,
    /// Who holds which key.
    pub(crate) directory: Arc<Directory>,
    pub(crate) seen: Seen,
    /// Requests need no signature (`--insecure-no-auth`): whoever asks is root.
    pub(crate) is_open: bool,
    pub(crate) clocks: Clocks,
    pub(crate) large_bodies: LargeBodies,
}

impl Shared {
    /// Whether a request claims a key that exists. The claim is checked with the signature; this keeps strangers from
    /// taking up the memory for large bodies.
    fn may_send_much(&self, head: &http::request::Parts) -> bool {
        let header = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let claimed = evenkeel_sigv4::claimed_key(header, head.uri.query().unwrap_or_default());
        self.is_open || claimed.is_some_and(|key| self.directory.get(&key).is_some())
    }
}

/// Shares out the memory for large bodies, in KiB.
pub(crate) struct LargeBodies(Semaphore);

impl Default for LargeBodies {
    fn default() -> Self {
        Self(Semaphore::new(LARGE_BODIES_BYTES / 1_024))
    }
}

/// What one thread's connections share.
pub(super) struct Thread {
    shared: Arc<Shared>,
    client: Client,
    verifier: RefCell<Verifier>,
    native_verifier: RefCell<Verifier>,
    request_ids: RefCell<RequestIds>,
    requests: Arc<Requests>,
    unread: Rc<Unread>,
    /// Answers that are gathered body by body are made one at a time, so that no more than one lies half made.
    looks: Semaphore,
}

impl Thread {
    pub(super) fn new(shared: Arc<Shared>, client: Client, unread_bytes_max: usize) -> Self {
        let mut seed = [0; 16];
        // Without randomness the ids of two starts may be alike; nothing else depends on them.
        let _ = getrandom::fill(&mut seed);
        Self {
            requests: shared.seen.thread(),
            shared,
            client,
            verifier: RefCell::new(Verifier::new("sqs")),
            native_verifier: RefCell::new(Verifier::new(evenkeel_native::SERVICE)),
            request_ids: RefCell::new(RequestIds::new(u128::from_ne_bytes(seed))),
            unread: Unread::new(unread_bytes_max),
            looks: Semaphore::new(1),
        }
    }
}

/// Who comes, and to which address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitor {
    pub(super) peer: IpAddr,
    pub(super) scope: Scope,
}

/// What an address serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything.
    All,
    /// What is seen from outside, to whoever asks: of this machine, if the address is a loopback one.
    Metrics {
        /// It is.
        is_loopback: bool,
    },
}

/// One connection.
pub(super) struct Connection {
    inner: Rc<Inner>,
}

struct Inner {
    thread: Rc<Thread>,
    visitor: Visitor,
    undelivered: Cell<Option<Undelivered>>,
    /// The last answer is given up, since too much lies unread: the connection is to end.
    give_up: Rc<Notify>,
}

/// What the last response handed out, should it turn out not to have arrived.
struct Undelivered {
    /// Gives it back.
    give_back: EngineRequest,
    made: Instant,
    /// There as long as the system has not taken all of the response, if it is a large one.
    unread: Weak<Ticket>,
}

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

/// A connection that breaks so soon after a response was made did not bring it to anybody. One that breaks later belonged
/// to a worker that is at work: its lease must hold.
const DELIVERY_WINDOW: Duration = Duration::from_secs(2);

impl Connection {
    pub(super) fn new(thread: Rc<Thread>, visitor: Visitor) -> Self {
        thread.requests.connections.bump();
        Self { inner: Rc::new(Inner { thread, visitor, undelivered: Cell::new(None), give_up: Rc::default() }) }
    }

    /// The service that hyper calls for each request.
    pub(super) fn service(&self) -> Service {
        Service { inner: Rc::clone(&self.inner) }
    }

    /// Ends when the connection's answer is given up.
    pub(super) async fn is_given_up(&self) {
        self.inner.give_up.notified().await;
    }

    /// Whether the system has not taken all of the last response yet. To be asked before the connection is dropped.
    pub(super) fn is_unread(&self) -> bool {
        let undelivered = self.inner.undelivered.take();
        let is_unread = undelivered.as_ref().is_some_and(|last| last.unread.strong_count() > 0);
        self.inner.undelivered.set(undelivered);
        is_unread
    }

    /// The connection broke: leased jobs that it was just to carry go back at once, and those that cannot have arrived,
    /// because not all of the response was taken, however long ago it was made.
    pub(super) fn broke(&self, was_unread: bool) {
        if let Some(last) = self.inner.undelivered.take()
            && (was_unread || last.made.elapsed() < DELIVERY_WINDOW)
        {
            self.inner.thread.client.tell(last.give_back);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.inner.thread.requests.closed.bump();
    }
}

pub(super) struct Service {
    inner: Rc<Inner>,
}

impl hyper::service::Service<Request<Incoming>> for Service {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let inner = Rc::clone(&self.inner);
        // A further request on the connection shows that the last response arrived.
        inner.undelivered.set(None);
        Box::pin(async move { Ok(inner.serve(request).await) })
    }
}

impl Inner {
    async fn serve(&self, request: Request<Incoming>) -> Response<Answer> {
        let (response, give_back) = self.answer(request).await;
        let bytes = usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX);
        let unread = self.thread.unread.count(bytes, &self.give_up);
        let held = unread.as_ref().map_or_else(Weak::new, Rc::downgrade);
        self.undelivered.set(give_back.map(|give_back| Undelivered { give_back, made: Instant::now(), unread: held }));
        response.map(|whole| Answer::new(whole, unread))
    }

    /// The response, and what gives back the jobs that it brings, should it not arrive.
    async fn answer(&self, request: Request<Incoming>) -> (Response<Whole>, Option<EngineRequest>) {
        let began = Instant::now();
        let (head, body) = request.into_parts();
        let shared = &self.thread.shared;
        let (scope, outside) = (self.visitor.scope, Outside::of(&head));
        if outside == Some(Outside::Health) {
            return (text(StatusCode::OK, "ok\n"), None);
        }
        let is_open = scope != Scope::All || shared.is_open;
        let from_here_only = matches!(scope, Scope::Metrics { is_loopback: true }) || shared.is_open;
        if from_here_only && let Some(reason) = unsigned::refusal(&head.headers, &head.uri) {
            return (text(StatusCode::FORBIDDEN, reason), None);
        }
        if let Some(outside) = outside {
            return (outside.serve(&head, shared, &self.thread.client, is_open).await, None);
        }
        if scope != Scope::All {
            return (text(StatusCode::NOT_FOUND, "only /metrics, /healthz and /readyz are here\n"), None);
        }
        if console::is_asked(&head) {
            return (console::serve(&head, body, self.visitor.peer, shared, &self.thread.client).await, None);
        }
        if !head.uri.path().starts_with(evenkeel_native::PREFIX) && ![Method::GET, Method::POST].contains(&head.method)
        {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST\n");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
            return (refused, None);
        }
        let id = self.thread.request_ids.borrow_mut().next();
        let (response, give_back, action) = self.serve_door(&head, body, &id).await;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let status = response.status().as_u16();
        self.thread.requests.record(action, Outcome::of_status(status), micros);
        tracing::debug!(
            request_id = id.as_str(),
            peer = %self.visitor.peer,
            action = action.and_then(|action| evenkeel_sqs::ACTIONS.get(action)).copied().unwrap_or("other"),
            status,
            micros,
            "request"
        );
        (response, give_back)
    }

    /// The door's response, what gives back its jobs, and the action's number if one was named.
    async fn serve_door(
        &self,
        head: &http::request::Parts,
        body: Incoming,
        id: &RequestId,
    ) -> (Response<Whole>, Option<EngineRequest>, Option<usize>) {
        let asked = asked(head, id, self.visitor.peer, self.thread.shared.clocks.now().wall);
        if body.size_hint().lower() > LARGE_BODY_BYTES as u64 && !self.thread.shared.may_send_much(head) {
            let refused = evenkeel_sqs::auth_error(&SigError::InvalidClientTokenId, &asked);
            return (respond(id, refused), None, None);
        }
        let is_native = head.uri.path().starts_with(evenkeel_native::PREFIX);
        let mut response = match read_body(body, &self.thread.shared.large_bodies).await {
            Ok(body) if is_native => return (respond_natively(self.ask_native_door(head, body).await), None, None),
            Err(why) if is_native => return (unread_natively(why), None, None),
            Ok(body) => self.ask_door(head, asked, body).await,
            Err(why) => evenkeel_sqs::unread_error(why, &asked),
        };
        let (action, give_back) = (response.action, response.undelivered.take());
        (respond(id, response), give_back, action)
    }

    async fn ask_door(&self, head: &http::request::Parts, asked: Head<'_>, body: Bytes) -> DoorResponse {
        let thread = &self.thread;
        let door = &thread.shared.door;
        let known = match self.authenticate(&thread.verifier, head, &body) {
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
                    let answer = thread.client.call(request).await;
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
        let unread = &self.thread.unread;
        if let Some(turn) = unread.turn_at_once() {
            return Some(turn);
        }
        // The client may go while its jobs wait for their turn.
        let mut unless_made = GiveBack { client: &self.thread.client, request: release };
        let turn = unread.turn().await;
        unless_made.request = None;
        turn
    }

    /// The native door's part, from a request to its answer.
    async fn ask_native_door(&self, head: &http::request::Parts, body: Bytes) -> NativeResponse {
        let thread = &self.thread;
        let door = &thread.shared.native;
        let known = match self.authenticate(&thread.native_verifier, head, &body) {
            Ok(known) => known,
            Err(error) => return evenkeel_native::auth_error(&error),
        };
        let asked = evenkeel_native::Asked {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            peer: self.visitor.peer,
            now: thread.shared.clocks.now().wall,
        };
        let _alone = if evenkeel_native::gathers_bodies(&asked) { thread.looks.acquire().await.ok() } else { None };
        let mut step = door.accept(&known, asked, &body);
        loop {
            match step {
                evenkeel_native::Step::Respond(response) => return response,
                evenkeel_native::Step::Ask(request, pending) => {
                    let answer = thread.client.call(request).await;
                    let _turn = self.turn(&answer).await;
                    step = pending.answer(door, answer);
                }
            }
        }
    }

    /// The key that a request acts with.
    fn authenticate(
        &self,
        verifier: &RefCell<Verifier>,
        head: &http::request::Parts,
        body: &Bytes,
    ) -> Result<Arc<Known>, SigError> {
        let thread = &self.thread;
        let directory = &thread.shared.directory;
        if thread.shared.is_open {
            return Ok(Arc::clone(directory.root()));
        }
        let now = thread.shared.clocks.now().wall;
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

fn respond_natively(response: NativeResponse) -> Response<Whole> {
    let mut built = Response::new(Whole::new(response.body.into()));
    *built.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = built.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Some carry a secret.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    built
}

fn respond(id: &RequestId, response: DoorResponse) -> Response<Whole> {
    let mut built = Response::new(Whole::new(response.body.into()));
    *built.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = built.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    headers.insert("x-amzn-requestid", id.header());
    if let Some(code) = response.query_error.and_then(|code| HeaderValue::try_from(code).ok()) {
        headers.insert("x-amzn-query-error", code);
    }
    built
}

/// What a request says besides its body, as the door sees it.
fn asked<'h>(head: &'h http::request::Parts, id: &'h RequestId, peer: IpAddr, now: WallTime) -> Head<'h> {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    Head {
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        target: text("x-amz-target"),
        content_type: text("content-type"),
        invocation: text("amz-sdk-invocation-id"),
        host: text("host").unwrap_or_default(),
        tls: false,
        peer: Some(peer),
        now,
        request_id: id.as_str(),
    }
}

/// What the native door's clients hear of a body that was not read to its end.
fn unread_natively(why: UnreadBody) -> Response<Whole> {
    match why {
        UnreadBody::TooLarge => text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n"),
        UnreadBody::TooSlow => text(StatusCode::REQUEST_TIMEOUT, "the request came too slowly\n"),
        UnreadBody::Broken => text(StatusCode::BAD_REQUEST, "the request is incomplete\n"),
    }
}

/// Reads a body. Most are there together with the head, and cost no timer.
pub(super) async fn read_body(body: Incoming, large_bodies: &LargeBodies) -> Result<Bytes, UnreadBody> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > BODY_BYTES_MAX {
        return Err(UnreadBody::TooLarge);
    }
    let whole = async {
        let _share = large_bodies.share(if declared > LARGE_BODY_BYTES { declared } else { 0 }).await;
        collect(body, large_bodies).await
    };
    let mut whole = std::pin::pin!(whole);
    match poll_fn(|context| Poll::Ready(whole.as_mut().poll(context))).await {
        Poll::Ready(read) => read,
        Poll::Pending => tokio::time::timeout(BODY_TIMEOUT, whole).await.unwrap_or(Err(UnreadBody::TooSlow)),
    }
}

impl LargeBodies {
    /// A share of so many bytes, returned when dropped; `None` for nothing.
    async fn share(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let kibibytes = u32::try_from(bytes.div_ceil(1_024)).ok().filter(|&kibibytes| kibibytes > 0)?;
        self.0.acquire_many(kibibytes).await.ok()
    }
}

/// Joins a body's frames; a single one is not copied.
async fn collect(mut body: Incoming, large_bodies: &LargeBodies) -> Result<Bytes, UnreadBody> {
    let declared = body.size_hint().lower();
    let Some(first) = next_frame(&mut body).await? else { return Ok(Bytes::new()) };
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    let mut share = None;
    while let Some(frame) = next_frame(&mut body).await? {
        if whole.len() + frame.len() > BODY_BYTES_MAX {
            return Err(UnreadBody::TooLarge);
        }
        // One that did not say how long it is may become as long as any.
        if declared == 0 && share.is_none() && whole.len() > LARGE_BODY_BYTES {
            share = large_bodies.share(BODY_BYTES_MAX).await;
        }
        whole.extend_from_slice(&frame);
    }
    Ok(whole.freeze())
}

async fn next_frame(body: &mut Incoming) -> Result<Option<Bytes>, UnreadBody> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(Err(_)) => return Err(UnreadBody::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
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
