//! From a request to its door and back.

use super::{
    answer::Answer,
    body::Whole,
    console, cors,
    doors::{Answered, asked, is_native},
    outside::{Outside, plain, text},
    request_id::{RequestId, RequestIds},
    stopping::Stopping,
    unread::{Ticket, Unread},
    unsigned,
};
use crate::{
    cluster::{Cluster, Unanswered, admin},
    seen::Seen,
};
use bytes::{Bytes, BytesMut};
use evenkeel_access::Directory;
use evenkeel_console::Console;
use evenkeel_engine::{Client, EngineError, Halted, Request as EngineRequest, thread::Clocks};
use evenkeel_metrics::{Outcome, Requests};
use evenkeel_sigv4::{SigError, Verifier};
use evenkeel_sqs::{Door, Head, Unread as UnreadBody};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
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
    pub(crate) stopping: Stopping,
    /// Whether an entry cannot be applied.
    pub(crate) halted: Arc<Halted>,
    /// If this server is one of several.
    pub(crate) cluster: Option<Arc<Cluster>>,
}

impl Shared {
    /// Whether a request claims a key that exists. The claim is checked with the signature; this keeps strangers from
    /// taking up the memory for large bodies.
    fn may_send_much(&self, head: &Parts) -> bool {
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
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    pub(super) verifier: RefCell<Verifier>,
    pub(super) native_verifier: RefCell<Verifier>,
    pub(super) request_ids: RefCell<RequestIds>,
    pub(super) requests: Arc<Requests>,
    pub(super) unread: Rc<Unread>,
    /// Answers that are gathered body by body are made one at a time, so that no more than one lies half made.
    pub(super) looks: Semaphore,
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
    way: WayBack,
    made: Instant,
    /// There as long as the system has not taken all of the response, if it is a large one.
    unread: Weak<Ticket>,
    /// Somebody passed the request on: how a connection to a proxy ends says nothing of the client behind it. HAProxy resets connections
    /// that it does not need any more.
    is_proxied: bool,
}

/// The way to give back what a response handed out.
enum WayBack {
    /// This node's engine gives it back.
    Here(EngineRequest),
    /// The node that answered does.
    There(evenkeel_peers::Answered),
}

/// What proxies add to requests that they pass on (RFC 7239, RFC 9110 section 7.6.3, and what all of them do).
const PROXIED: [HeaderName; 3] = [header::FORWARDED, header::VIA, HeaderName::from_static("x-forwarded-for")];
/// A connection that breaks so soon after a response was made did not bring it to anybody. One that breaks later belonged
/// to a worker that is at work: its lease must hold.
pub(super) const DELIVERY_WINDOW: Duration = Duration::from_secs(2);

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
            && (was_unread || !last.is_proxied && last.made.elapsed() < DELIVERY_WINDOW)
        {
            match last.way {
                WayBack::Here(request) => self.inner.thread.client.tell(request),
                WayBack::There(answered) => answered.withdraw(),
            }
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
        let is_proxied = PROXIED.iter().any(|name| request.headers().contains_key(name));
        let (mut response, way) = self.answer(request).await;
        if self.thread.shared.stopping.has_begun() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let bytes = usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX);
        let unread = self.thread.unread.count(bytes, &self.give_up);
        let held = unread.as_ref().map_or_else(Weak::new, Rc::downgrade);
        self.undelivered.set(way.map(|way| Undelivered { way, made: Instant::now(), unread: held, is_proxied }));
        response.map(|whole| Answer::new(whole, unread))
    }

    /// The response, and the way to give back the jobs that it brings, should it not arrive.
    async fn answer(&self, request: Request<Incoming>) -> (Response<Whole>, Option<WayBack>) {
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
        let is_for_pages = !is_open && cors::is_for_pages(&head);
        if is_for_pages && cors::is_preflight(&head) {
            return (cors::preflight::<Bytes>(&head).map(Whole::new), None);
        }
        if !is_native(&head) && ![Method::GET, Method::POST].contains(&head.method) {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "use GET or POST\n");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
            return (refused, None);
        }
        let id = self.thread.request_ids.borrow_mut().next();
        let Served { mut response, action, way } = self.serve_door(&head, body, &id).await;
        if is_for_pages {
            cors::expose(&head, response.headers_mut());
        }
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
        (response.map(Whole::new), way)
    }

    /// What a door says, of this node or of the one that leads.
    async fn serve_door(&self, head: &Parts, body: Incoming, id: &RequestId) -> Served {
        let shared = &self.thread.shared;
        if body.size_hint().lower() > LARGE_BODY_BYTES as u64 && !shared.may_send_much(head) {
            let refused = evenkeel_sqs::auth_error(&SigError::InvalidClientTokenId, &self.asked(head, id));
            return Answered::of_sqs(id, refused).into();
        }
        let body = match read_body(body, &shared.large_bodies).await {
            Ok(body) => body,
            Err(why) if is_native(head) => return Served::refused(unread_natively(why)),
            Err(why) => return Answered::of_sqs(id, evenkeel_sqs::unread_error(why, &self.asked(head, id))).into(),
        };
        let Some(cluster) = &shared.cluster else { return self.answer_here(head, body, id).await };
        if !cluster.leads() {
            return self.pass_on(cluster, head, body, id).await;
        }
        let served = self.answer_here(head, body.clone(), id).await;
        if served.response.status() == StatusCode::SERVICE_UNAVAILABLE && cluster.was_deposed().await {
            // Nothing was done: whoever leads now may.
            return self.pass_on(cluster, head, body, id).await;
        }
        served
    }

    /// The response of this node, whatever it is.
    async fn answer_here(&self, head: &Parts, body: Bytes, id: &RequestId) -> Served {
        self.thread.answer(head, body, id, self.visitor.peer).await.into()
    }

    /// The response of the node that leads.
    async fn pass_on(&self, cluster: &Cluster, head: &Parts, body: Bytes, id: &RequestId) -> Served {
        let forwarded = tokio::select! {
            forwarded = cluster.forward(head, self.visitor.peer, &body) => forwarded,
            () = self.thread.shared.stopping.is_overdue() => Err(Unanswered::Lost),
        };
        let error = match forwarded {
            Ok((response, answered)) => {
                return Served { response, action: None, way: Some(WayBack::There(answered)) };
            }
            Err(Unanswered::Here) => return self.answer_here(head, body, id).await,
            // How it stands is told wherever it is asked, above all then.
            Err(_) if head.method == Method::GET && admin::is_for(head.uri.path()) => {
                return self.answer_here(head, body, id).await;
            }
            Err(Unanswered::NoLeader) => EngineError::NotLeading,
            Err(Unanswered::Lost) => EngineError::Lost,
        };
        if is_native(head) {
            return Answered::of_native(evenkeel_native::engine_error(error)).into();
        }
        Answered::of_sqs(id, evenkeel_sqs::engine_error(error, &self.asked(head, id))).into()
    }

    fn asked<'h>(&self, head: &'h Parts, id: &'h RequestId) -> Head<'h> {
        asked(head, id, self.visitor.peer, self.thread.shared.clocks.now().wall)
    }
}

/// A response, wherever it was made.
struct Served {
    response: Response<Bytes>,
    /// The action's number, if one was named to this node.
    action: Option<usize>,
    way: Option<WayBack>,
}

impl Served {
    fn refused(response: Response<Bytes>) -> Self {
        Self { response, action: None, way: None }
    }
}

impl From<Answered> for Served {
    fn from(answered: Answered) -> Self {
        let Answered { response, action, undelivered } = answered;
        Self { response, action, way: undelivered.map(WayBack::Here) }
    }
}

/// What the native door's clients hear of a body that was not read to its end.
fn unread_natively(why: UnreadBody) -> Response<Bytes> {
    let (status, words) = match why {
        UnreadBody::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the request is too large\n"),
        UnreadBody::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the request came too slowly\n"),
        UnreadBody::Broken => (StatusCode::BAD_REQUEST, "the request is incomplete\n"),
    };
    plain(status, words)
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
