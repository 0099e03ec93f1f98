//! One connection: bytes out, a whole answer in.

use super::Endpoint;
use crate::http::Whole;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{error::Error as _, future::poll_fn, io, pin::Pin, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest answer that is read: ten jobs of 1 MiB whose bytes took six each in JSON would not fit, but no server sends
/// more than one such MiB.
const ANSWER_BYTES_MAX: usize = 64 * 1_048_576;

pub(super) struct Connection {
    sender: SendRequest<Whole>,
}

impl Connection {
    /// Connects. Must be called within a runtime, which carries the connection.
    pub(super) async fn open(endpoint: &Endpoint) -> io::Result<Self> {
        let connect = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "it does not accept the connection");
        let stream = timeout(CONNECT_TIMEOUT, connect).await.map_err(late)??;
        stream.set_nodelay(true)?;
        let (sender, carried) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(carried);
        Ok(Self { sender })
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&mut self, request: Request<Whole>) -> Result<(Response<()>, Bytes), SendError> {
        let lost = |error: hyper::Error| SendError::Lost(words(&error));
        if let Err(error) = self.sender.ready().await {
            return Err(SendError::Unsent(Box::new(request), words(&error)));
        }
        let answer = match self.sender.try_send_request(request).await {
            Ok(answer) => answer,
            Err(mut refused) => {
                return Err(match refused.take_message() {
                    Some(request) => SendError::Unsent(Box::new(request), words(refused.error())),
                    None => lost(refused.into_error()),
                });
            }
        };
        let (head, body) = answer.into_parts();
        Ok((Response::from_parts(head, ()), collect(body).await.map_err(SendError::Lost)?))
    }
}

/// Why there is no answer.
pub(super) enum SendError {
    /// Not a byte of it was sent; here it is again. So it goes with connections that rested until the server closed them.
    Unsent(Box<Request<Whole>>, String),
    /// It may have arrived.
    Lost(String),
}

/// What went wrong, and why.
fn words(error: &hyper::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

async fn collect(mut body: Incoming) -> Result<Bytes, String> {
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| words(&error))?;
        if let Ok(data) = frame.into_data() {
            if whole.len() + data.len() > ANSWER_BYTES_MAX {
                return Err("the answer is too long".to_owned());
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}
