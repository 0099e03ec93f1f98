//! Requests that came in at another node of the cluster, which passed them on to this one: served as if they had come here.

use super::{
    console,
    doors::Answered,
    outside::plain,
    service::{DELIVERY_WINDOW, Thread},
};
use crate::cluster::{decode_request, encode_response};
use bytes::Bytes;
use evenkeel_metrics::Outcome;
use evenkeel_peers::Asked;
use http::StatusCode;
use std::{rc::Rc, time::Instant};
use tokio::sync::{mpsc, watch};

/// Serves this thread's share of them, until the server stops: then what is under way is finished, and nothing else is begun.
pub(super) async fn serve(
    thread: Rc<Thread>,
    mut asked: mpsc::UnboundedReceiver<Asked>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut serving = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            next = asked.recv() => match next {
                Some(asked) => _ = serving.spawn_local(serve_one(Rc::clone(&thread), asked)),
                None => break,
            },
            Some(_) = serving.join_next() => {}
            _ = stopped.wait_for(|&stopped| stopped) => break,
        }
    }
    asked.close();
    while let Some(asked) = asked.recv().await {
        // Nothing was done.
        asked.reply.send(Bytes::new());
    }
    while serving.join_next().await.is_some() {}
}

async fn serve_one(thread: Rc<Thread>, asked: Asked) {
    let began = Instant::now();
    let Asked { request, reply, mut withdrawn, .. } = asked;
    let Some((head, peer, body)) = decode_request(request) else {
        let words = "the node that leads does not understand; use the same version on all nodes\n";
        return reply.send(encode_response(&plain(StatusCode::BAD_GATEWAY, words)));
    };
    if console::is_asked(&head) {
        let page = console::visit(&head, &body, peer, &thread.shared, &thread.client).await;
        return reply.send(encode_response(&page));
    }
    let id = thread.request_ids.borrow_mut().next();
    let answered = tokio::select! {
        answered = thread.answer(&head, body, &id, peer) => answered,
        // Its client has gone: what was leased for it meanwhile goes back.
        _ = &mut withdrawn => return,
    };
    let Answered { response, action, undelivered } = answered;
    if response.status() == StatusCode::SERVICE_UNAVAILABLE
        && let Some(cluster) = &thread.shared.cluster
        && cluster.was_deposed().await
    {
        // Nothing was done: whoever leads now may.
        return reply.send(Bytes::new());
    }
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    thread.requests.record(action, Outcome::of_status(response.status().as_u16()), micros);
    reply.send(encode_response(&response));
    if let Some(request) = undelivered
        // That the other node is gone says nothing: it may have handed the jobs on, and then they are leased to somebody who works on them.
        && matches!(tokio::time::timeout(DELIVERY_WINDOW, withdrawn).await, Ok(Ok(())))
    {
        thread.client.tell(request);
    }
}
