//! All of it together: one thread that keeps the connections.

use crate::{
    authority::Identity,
    frame::Frame,
    link::{Answered, AskError, Dial, Link},
    porch::{self, House},
    tls,
};
use bytes::Bytes;
use evenkeel_log_raft::{Message, NodeId};
use std::{
    collections::BTreeMap,
    io, net,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};
use tokio::{net::TcpListener, runtime, sync::watch, task::AbortHandle};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// What is needed to speak with other nodes.
pub struct Options<H> {
    /// Who this node is.
    pub identity: Identity,
    /// Where others find it.
    pub listener: net::TcpListener,
    /// Who takes what they say.
    pub house: Arc<H>,
}

/// The way to the other nodes. Clones share it.
#[derive(Clone)]
pub struct Peers {
    shared: Arc<Shared>,
}

struct Shared {
    identity: Identity,
    connector: TlsConnector,
    runtime: runtime::Handle,
    links: Mutex<BTreeMap<NodeId, Kept>>,
    note: watch::Sender<Bytes>,
    stop: watch::Sender<bool>,
}

struct Kept {
    link: Arc<Link>,
    address: watch::Sender<String>,
    task: AbortHandle,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
        self.link.end();
    }
}

impl Peers {
    /// Starts the thread. It ends after [`Peers::stop`].
    ///
    /// # Errors
    /// The identity is none, or the system has no thread.
    pub fn start<H: House>(options: Options<H>) -> io::Result<(Self, JoinHandle<()>)> {
        let Options { identity, listener, house } = options;
        let connector = TlsConnector::from(tls::of_link(&identity).map_err(io::Error::other)?);
        let acceptor = TlsAcceptor::from(tls::of_porch(&identity).map_err(io::Error::other)?);
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        listener.set_nonblocking(true)?;
        let (stop, mut stopped) = watch::channel(false);
        let to = (identity.cluster, identity.node);
        let handle = runtime.handle().clone();
        let (links, note) = (Mutex::default(), watch::channel(Bytes::new()).0);
        let shared = Arc::new(Shared { identity, connector, runtime: handle, links, note, stop });
        let thread = std::thread::Builder::new().name("peers".into()).spawn(move || {
            runtime.block_on(async {
                let listener = match TcpListener::from_std(listener) {
                    Ok(listener) => listener,
                    Err(error) => return tracing::error!("the socket for nodes cannot be watched: {error}"),
                };
                tokio::select! {
                    () = porch::keep(listener, acceptor, to, house) => {}
                    // Whoever could stop it may have gone.
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok((Self { shared }, thread))
    }

    /// The other nodes are there, and nowhere else: connections to those that are new begin, and those to nodes that are not among them end.
    pub fn are_at(&self, addresses: &BTreeMap<NodeId, String>) {
        let mut links = self.links();
        links.retain(|node, _| addresses.contains_key(node));
        for (&node, address) in addresses.iter().filter(|(node, _)| **node != self.shared.identity.node) {
            if let Some(kept) = links.get(&node) {
                kept.address.send_if_modified(|known| {
                    known != address && {
                        *known = address.clone();
                        true
                    }
                });
                continue;
            }
            let Some(name) = tls::name_of(self.shared.identity.cluster, node) else { continue };
            let (link, (sender, receiver)) = (Link::new(), watch::channel(address.clone()));
            let (connector, note) = (self.shared.connector.clone(), self.shared.note.subscribe());
            let dial = Dial { node, name, connector, address: receiver, note };
            let task = self.shared.runtime.spawn(dial.keep(Arc::clone(&link))).abort_handle();
            links.insert(node, Kept { link, address: sender, task });
        }
    }

    /// Sends a message to whom it is for, or drops it if that cannot be. Never blocks.
    pub fn send(&self, message: Message) {
        let link = self.link(message.to());
        if let Some(link) = link {
            link.queue.push(Frame::Log(Box::new(message)));
        }
    }

    /// Says something to all, now and on each new connection, in the place of what was said before.
    pub fn say(&self, note: Bytes) {
        self.shared.note.send_replace(note);
    }

    /// Asks a node. Dropping the future withdraws the question. It may be awaited on any runtime.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn ask(&self, to: NodeId, request: Bytes) -> Result<Answered, AskError> {
        self.link(to).ok_or(AskError::Unreachable)?.ask(request).await
    }

    /// Ends all connections, and the thread.
    pub fn stop(&self) {
        self.links().clear();
        self.shared.stop.send_replace(true);
    }

    fn link(&self, to: NodeId) -> Option<Arc<Link>> {
        self.links().get(&to).map(|kept| Arc::clone(&kept.link))
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<NodeId, Kept>> {
        self.shared.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
