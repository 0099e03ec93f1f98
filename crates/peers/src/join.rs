//! A new node's side of being let in.

use crate::{
    frame::{self, Frame, Speaker},
    limits::{HANDSHAKE_TIMEOUT, JOIN_BYTES_MAX, JOIN_TIMEOUT},
    link::connect,
    tls,
    token::Token,
};
use bytes::Bytes;
use std::io;
use tokio::{io::AsyncWriteExt, time::timeout};
use tokio_rustls::TlsConnector;

/// Why a node was not let in.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// There is no node at that address, or it did not prove to be one of the token's cluster. Nothing was told to it.
    #[error("no node of the token's cluster answers at {address}: {error}")]
    NoNode {
        /// The address.
        address: String,
        /// What happened.
        error: io::Error,
    },
    /// The connection broke after the secret was told. It counts once: another token may be needed.
    #[error("the connection to {address} broke before the answer came: {error}")]
    Lost {
        /// The address.
        address: String,
        /// What happened.
        error: io::Error,
    },
    /// The node says no, and why.
    #[error("the node at {address} does not let it in: {why}")]
    Refused {
        /// The address.
        address: String,
        /// Why.
        why: String,
    },
}

/// Asks the node at `address` to be let in: proves that it is of the token's cluster, and only then tells it the token's secret and `request`.
/// Returns what the node says is needed.
///
/// # Errors
/// See [`JoinError`].
pub async fn join(address: &str, token: &Token, request: Bytes) -> Result<Bytes, JoinError> {
    let no_node = |error: io::Error| JoinError::NoNode { address: address.to_owned(), error };
    let lost = |error: io::Error| JoinError::Lost { address: address.to_owned(), error };
    if request.len() + 16 > JOIN_BYTES_MAX {
        return Err(no_node(frame::bad("what is said is too long")));
    }
    let config = tls::of_stranger(token.fingerprint).map_err(|error| no_node(io::Error::other(error)))?;
    let name = tls::any_node().ok_or_else(|| no_node(frame::bad("no name")))?;
    let connector = TlsConnector::from(config);
    let connecting = timeout(HANDSHAKE_TIMEOUT, connect(&connector, &name, address));
    let mut stream = connecting.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(no_node)?;
    let mut bytes = Vec::new();
    Frame::Join(token.secret.clone(), request).encode(&mut bytes);
    let answer = timeout(JOIN_TIMEOUT, async {
        stream.write_all(&bytes).await?;
        stream.flush().await?;
        frame::read(&mut stream, Speaker::Host).await
    });
    match answer.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(lost)? {
        Some(Frame::Joined(welcome)) => Ok(welcome),
        Some(Frame::NotJoined(why)) => Err(JoinError::Refused { address: address.to_owned(), why }),
        Some(_) => Err(lost(frame::bad("it said something else"))),
        None => Err(lost(io::ErrorKind::UnexpectedEof.into())),
    }
}
