//! The live page: from a request to the console and back, and samples for its charts.

use super::{
    body::Whole,
    outside::text,
    service::{Shared, read_body},
};
use bytes::Bytes;
use evenkeel_console::{Console, Response as Page, Step, Visit, limits::FORM_BYTES_MAX};
use evenkeel_engine::{Answer, Client, Request};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use http_body::Body as _;
use hyper::body::Incoming;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How often samples are taken.
const SAMPLE_EVERY: Duration = Duration::from_secs(2);

/// Whether a request is for the console.
pub(super) fn is_asked(head: &Parts) -> bool {
    Console::is_asked(head.method.as_str(), head.uri.path(), head.uri.query().unwrap_or_default())
}

/// Serves a page: of this node, or of the one that leads, which knows more. While nobody leads, it is what this node knows.
pub(super) async fn serve(
    head: &Parts,
    body: Incoming,
    peer: IpAddr,
    shared: &Shared,
    client: &Client,
) -> Response<Whole> {
    if body.size_hint().lower() > FORM_BYTES_MAX as u64 {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large\n");
    }
    let Ok(body) = read_body(body, &shared.large_bodies).await else {
        return text(StatusCode::BAD_REQUEST, "the form did not come in whole\n");
    };
    let follows = shared.cluster.as_ref().filter(|cluster| !cluster.leads() && !Console::is_asset(head.uri.path()));
    if let Some(cluster) = follows {
        let forwarded = tokio::select! {
            forwarded = cluster.forward(head, peer, &body) => forwarded.ok(),
            () = shared.stopping.is_overdue() => None,
        };
        if let Some((page, _)) = forwarded {
            return page.map(Whole::new);
        }
    }
    visit(head, &body, peer, shared, client).await.map(Whole::new)
}

/// The page as this node makes it.
pub(super) async fn visit(
    head: &Parts,
    body: &[u8],
    peer: IpAddr,
    shared: &Shared,
    client: &Client,
) -> Response<Bytes> {
    let value = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let visit = Visit {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        cookies: value("cookie").unwrap_or_default(),
        host: value("host").unwrap_or_default(),
        origin: head.headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("unreadable")),
        fetch_site: value("sec-fetch-site"),
        body,
        peer,
        now: shared.clocks.now(),
    };
    let mut step = shared.console.accept(&visit);
    loop {
        match step {
            Step::Respond(page) => {
                tell_sign_in(head, peer, page.status);
                return respond(page);
            }
            Step::Ask(requests, pending) => {
                let answers = ask(client, requests).await;
                step = pending.answer(&shared.console, answers);
            }
        }
    }
}

/// Who signed in or tried to, for whoever reads the log; never with what was typed.
fn tell_sign_in(head: &Parts, peer: IpAddr, status: u16) {
    if head.method != Method::POST || head.uri.path() != "/console/sign-in" {
        return;
    }
    if status == StatusCode::SEE_OTHER {
        tracing::info!(%peer, "signed in to the live page");
    } else {
        tracing::warn!(%peer, status, "a sign-in to the live page was refused");
    }
}

/// The engine's answers, one after the other: each is quick, and in between it serves.
async fn ask(client: &Client, requests: Vec<Request>) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        answers.push(client.call(request).await);
    }
    answers
}

fn respond(page: Page) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(page.body));
    *response.status_mut() = StatusCode::from_u16(page.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    for (name, value) in page.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// Takes samples until the server stops.
pub(super) async fn sample(shared: Arc<Shared>, client: Client, mut stopped: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|&stopped| stopped) => return,
        }
        let answers = ask(&client, Console::samples_wanted()).await;
        shared.console.record(&answers, shared.clocks.now());
    }
}
