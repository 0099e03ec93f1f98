//! A socket that somebody else holds for this process and its next lives: systemd's socket activation (sd_listen_fds(3)).
//!
//! While no server is there, who connects waits, rather than being refused: so a restart is no error to clients that know this address only.

use anyhow::{Context, bail};
use std::net::TcpListener;

/// The socket, if there is one.
///
/// # Errors
/// It is not one that listens for TCP, or there are several.
pub(crate) fn listener() -> anyhow::Result<Option<TcpListener>> {
    let mut sockets = sd_listen_fds::get().context("LISTEN_PID and LISTEN_FDS in the environment")?;
    let Some((_, socket)) = sockets.pop() else { return Ok(None) };
    if !sockets.is_empty() {
        bail!("{} sockets were handed over, and one is wanted: the address for requests", sockets.len() + 1);
    }
    let listener = TcpListener::from(socket);
    let listens = socket2::SockRef::from(&listener).is_listener();
    if !listens.is_ok_and(|listens| listens) || listener.local_addr().is_err() {
        bail!("what was handed over is no socket that listens for TCP (ListenStream= with an address, and Accept=no)");
    }
    listener.set_nonblocking(true)?;
    Ok(Some(listener))
}
