//! From a visit to a page.

use crate::{
    Response, assets,
    history::History,
    limits::FORM_BYTES_MAX,
    nodes::Nodes,
    pages::{self, Pending},
    session::Sessions,
    sign,
    throttle::Throttle,
    who::Who,
};
use evenkeel_access::{Directory, Policies};
use evenkeel_engine::{Answer, Interpreter, Look, Looked, Request};
use evenkeel_metrics::Counts;
use evenkeel_types::Now;
use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What all paths of the console but `/` begin with.
pub const PREFIX: &str = "/console/";

/// The console: shared by all threads.
pub struct Console {
    pub(crate) directory: Arc<Directory>,
    pub(crate) policies: Arc<Policies>,
    pub(crate) interpreter: Arc<dyn Interpreter>,
    /// How long syncs took since the start, in microseconds.
    pub(crate) syncs: Box<dyn Fn() -> Counts + Send + Sync>,
    /// No key is asked for: whoever comes is root.
    pub(crate) is_open: bool,
    nodes: Option<Box<TellNodes>>,
    memory: Mutex<Memory>,
}

/// Tells how the nodes stand.
type TellNodes = dyn Fn() -> Option<Nodes> + Send + Sync;

/// What is remembered between visits; all of it bounded, and gone with the process.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) sessions: Sessions,
    pub(crate) throttle: Throttle,
    pub(crate) history: History,
}

/// What a browser asks.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// `GET`, `HEAD`, `POST`.
    pub method: &'a str,
    /// The path as it was sent.
    pub path: &'a str,
    /// What was sent behind the `?`.
    pub query: &'a str,
    /// The header `Cookie`.
    pub cookies: &'a str,
    /// The header `Host`.
    pub host: &'a str,
    /// The header `Origin`: who made the form that is sent.
    pub origin: Option<&'a str>,
    /// The header `Sec-Fetch-Site`: the same in the browser's own words.
    pub fetch_site: Option<&'a str>,
    /// What was sent: a form.
    pub body: &'a [u8],
    /// Who it is.
    pub peer: IpAddr,
    /// What the clocks say.
    pub now: Now,
}

/// What is to be done next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send this.
    Respond(Response),
    /// Ask the engine each of these, and give the answers in the same order to [`Pending::answer`].
    Ask(Vec<Request>, Pending),
}

impl Console {
    /// A console to these keys, held to these policies. `syncs` tells how long syncs took since the start; `is_open`: whoever comes is root.
    #[must_use]
    pub fn new(
        directory: Arc<Directory>,
        policies: Arc<Policies>,
        interpreter: Arc<dyn Interpreter>,
        syncs: Box<dyn Fn() -> Counts + Send + Sync>,
        is_open: bool,
    ) -> Self {
        Self { directory, policies, interpreter, syncs, is_open, nodes: None, memory: Mutex::default() }
    }

    /// As one node of a cluster, of which that tells.
    #[must_use]
    pub fn of_nodes(mut self, nodes: impl Fn() -> Option<Nodes> + Send + Sync + 'static) -> Self {
        self.nodes = Some(Box::new(nodes));
        self
    }

    /// Whether a path is that of a file that is the same on all nodes.
    #[must_use]
    pub fn is_asset(path: &str) -> bool {
        assets::find(path).is_some()
    }

    /// Whether a request is for the console: what lies below [`PREFIX`], and the root as a browser asks for it. Requests of SQS's Query
    /// protocol may come to `/` too, but name an action.
    #[must_use]
    pub fn is_asked(method: &str, path: &str, query: &str) -> bool {
        let reads = method == "GET" || method == "HEAD";
        path.starts_with(PREFIX) || reads && path == "/" && (query.is_empty() || query.starts_with("after="))
    }

    /// Takes a visit.
    pub fn accept(&self, visit: &Visit<'_>) -> Step {
        let reads = visit.method == "GET" || visit.method == "HEAD";
        if reads && let Some(asset) = assets::find(visit.path) {
            return Step::Respond(asset);
        }
        if visit.body.len() > FORM_BYTES_MAX {
            return Step::Respond(pages::problem(
                413,
                "That is too large",
                "A form here has a few hundred bytes.",
                None,
            ));
        }
        let who = self.who(visit);
        match (visit.path, reads, &who) {
            ("/console/sign-in", true, Some(_)) => Step::Respond(Response::see_other("/")),
            ("/console/sign-in", true, None) => Step::Respond(pages::sign_in(200, "")),
            ("/console/sign-in", false, _) if visit.method == "POST" => Step::Respond(sign::sign_in(self, visit)),
            ("/console/sign-out", false, _) if visit.method == "POST" => Step::Respond(sign::sign_out(self, visit)),
            (_, false, _) => Step::Respond(pages::problem(405, "Not like this", "Pages here are read.", None)),
            (_, true, None) => Step::Respond(Response::see_other("/console/sign-in")),
            (path, true, Some(who)) => pages::open(self, path, visit, who),
        }
    }

    /// Who visits, if that can be seen.
    fn who(&self, visit: &Visit<'_>) -> Option<Who> {
        if self.is_open {
            return Some(Who::new(self, visit, Arc::clone(self.directory.root()), None));
        }
        sign::session(self, visit)
    }

    /// What to ask of the engine every other second, so that charts have a past: give the answers to [`Console::record`].
    #[must_use]
    pub fn samples_wanted() -> Vec<Request> {
        let rows_max = crate::limits::SAMPLED_UNSEEN_MAX;
        vec![Request::Look(Look::House), Request::Look(Look::Rows { account: None, behind: None, rows_max })]
    }

    /// Keeps samples.
    pub fn record(&self, answers: &[Answer], now: Now) {
        let mut memory = self.memory();
        for answer in answers {
            match answer {
                Answer::Looked(Ok(Looked::House(house))) => {
                    memory.history.record_house(house, (self.syncs)(), now.monotonic);
                }
                Answer::Looked(Ok(Looked::Rows(rows))) => {
                    rows.iter().for_each(|row| memory.history.record(row, now));
                }
                _ => {}
            }
        }
    }

    /// Whether it belongs to a node of a cluster.
    pub(crate) fn has_nodes(&self) -> bool {
        self.nodes.is_some()
    }

    /// The nodes of the cluster, if there is one and its state is known.
    pub(crate) fn nodes(&self) -> Option<Nodes> {
        self.nodes.as_ref().and_then(|nodes| nodes())
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}
