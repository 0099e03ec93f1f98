//! Whether a server serves: `GET /readyz`, which wants no signature.

use super::{
    CallError, Endpoint,
    connection::{Connection, SendError},
};
use crate::http::Whole;
use bytes::Bytes;
use http::{Request, header};
use std::{io, time::Duration};

const TIMEOUT: Duration = Duration::from_secs(5);

/// The status with which it answers.
pub(crate) async fn health(endpoint: &Endpoint) -> Result<u16, CallError> {
    let no_server = |error| CallError::NoServer { endpoint: endpoint.clone(), error };
    let request = Request::get(format!("{}/readyz", endpoint.prefix)).header(header::HOST, endpoint.authority());
    let request = request.body(Whole::new(Bytes::new())).expect("an endpoint was checked to be plain");
    let mut connection = Connection::open(endpoint).await.map_err(no_server)?;
    let answer = tokio::time::timeout(TIMEOUT, connection.send(request)).await;
    let answer =
        answer.map_err(|_| no_server(io::Error::new(io::ErrorKind::TimedOut, "it accepts, and does not answer")))?;
    match answer {
        Ok((head, _)) => Ok(head.status().as_u16()),
        Err(SendError::Unsent(_, why) | SendError::Lost(why)) => Err(no_server(io::Error::other(why))),
    }
}
