//! Accepting connections, serving each on its thread, and draining them at the end.

use super::{
    console, forwarded,
    service::{Connection, Scope, Shared, Thread, Visitor},
    stream::Watched,
};
use crate::holder;
use anyhow::Context;
use evenkeel_engine::thread::Clients;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::LocalSet,
};

/// A request's head must be whole within this time. An idle connection is also closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// A peer that acknowledges nothing for so long (it is gone, or does not read) loses its connection.
const PEER_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes that a connection buffers of requests: a head must fit, and more only costs memory.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// What all answers that clients have not read yet may take together, in bytes; then the oldest of them is given up.
const UNREAD_BYTES_MAX: usize = 256 * 1_048_576;
/// What the system takes of an answer beyond what is on the wire, in bytes. Without a bound it takes megabytes for each
/// connection, where nobody counts them.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;
/// Connections waiting to be accepted by the kernel.
const BACKLOG: i32 = 4_096;
/// Connections held at a time on the address for metrics.
const METRICS_CONNECTIONS_MAX: usize = 64;
/// What comes in within this time after the doors closed was on its way.
const LAST_LOOK: Duration = Duration::from_millis(20);
/// A pause after accepting failed (out of file descriptors, most likely).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How to serve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) threads: u16,
    pub(crate) connections_max: u32,
}

/// Says who has the address, as far as that can be seen, and which other is free.
fn in_use(listen: SocketAddr, flag: &str) -> anyhow::Error {
    let holder = holder::of_port(listen).map_or_else(String::new, |holder| format!(" by {holder}"));
    let other = match holder::free_port(listen.ip(), listen.port()) {
        Some(port) => format!("{flag} {}", SocketAddr::new(listen.ip(), port)),
        None => flag.to_owned(),
    };
    anyhow::anyhow!("{listen} is in use{holder}; stop that program, or choose another address, such as {other}")
}

/// The running HTTP side.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    give_up: watch::Sender<bool>,
    is_for_good: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

type Accepted = (TcpStream, Visitor, OwnedSemaphorePermit);

impl Server {
    /// Listens, where that flag said. Nothing is accepted before [`Server::start`].
    pub(crate) fn bind(listen: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
        let bind = || -> std::io::Result<TcpListener> {
            let socket = socket2::Socket::new(
                socket2::Domain::for_address(listen),
                socket2::Type::STREAM,
                Some(socket2::Protocol::TCP),
            )?;
            // A restart must not wait for the connections of the last life to be forgotten.
            socket.set_reuse_address(true)?;
            socket.bind(&listen.into())?;
            socket.listen(BACKLOG)?;
            socket.set_nonblocking(true)?;
            Ok(socket.into())
        };
        bind().map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => in_use(listen, flag),
            _ => anyhow::Error::new(error).context(format!("listening on {listen}")),
        })
    }

    /// Serves until it is stopped: everything on the one address, and what is seen from outside on the other too.
    pub(crate) fn start(
        listener: TcpListener,
        metrics: Option<TcpListener>,
        settings: Settings,
        shared: &Arc<Shared>,
        clients: &Clients,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("the address listened on")?;
        let (stop, stopped) = watch::channel(false);
        let (give_up, given_up) = watch::channel(false);
        let is_for_good = Arc::new(AtomicBool::new(false));
        let (hands, connections): (Vec<_>, Vec<_>) =
            (0..settings.threads).map(|_| mpsc::channel::<Accepted>(64)).unzip();
        let permits = Arc::new(Semaphore::new(settings.connections_max as usize));
        let metrics = metrics.map(|listener| {
            let hands = hands.iter().take(1).cloned().collect();
            let is_loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
            let permits = Arc::new(Semaphore::new(METRICS_CONNECTIONS_MAX));
            let is_for_good = Arc::clone(&is_for_good);
            Acceptor { listener, hands, permits, scope: Scope::Metrics { is_loopback }, is_for_good }
        });
        let mut acceptors: Vec<Acceptor> = metrics.into_iter().collect();
        acceptors.push(Acceptor { listener, hands, permits, scope: Scope::All, is_for_good: Arc::clone(&is_for_good) });
        let unread_bytes_max = UNREAD_BYTES_MAX / usize::from(settings.threads);
        let mut threads = Vec::new();
        for (number, connections) in connections.into_iter().enumerate() {
            let (shared, clients) = (Arc::clone(shared), clients.clone());
            let (stopped, mut given_up) = (stopped.clone(), given_up.clone());
            // The first thread accepts for all.
            let acceptors = std::mem::take(&mut acceptors);
            let run = move || {
                run_thread(async {
                    tokio::select! {
                        () = serve(shared, &clients, stopped, connections, acceptors, unread_bytes_max) => {}
                        _ = given_up.wait_for(|&given_up| given_up) => {}
                    }
                });
            };
            threads.push(std::thread::Builder::new().name(format!("http-{number}")).spawn(run)?);
        }
        Ok(Self { address, stop, give_up, is_for_good, threads })
    }

    /// Where it listens, with the port that the system chose if none was given.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more, lets each connection finish its request, and closes it. `is_for_good`: connections that come later are refused, rather than
    /// waiting to be accepted by the next life of this process.
    pub(crate) fn stop(&self, is_for_good: bool) {
        self.is_for_good.store(is_for_good, Ordering::SeqCst);
        let _ = self.stop.send(true);
    }

    /// Waits until all connections are closed; those that take longer than that are cut off. Says whether there were any.
    pub(crate) fn join(self, at_most: Duration) -> bool {
        let (done, all_done) = std::sync::mpsc::channel();
        let threads = self.threads;
        let joining = std::thread::spawn(move || {
            for thread in threads {
                thread.join().expect("HTTP threads do not panic");
            }
            // Nobody may listen any more.
            _ = done.send(());
        });
        let is_overdue = all_done.recv_timeout(at_most).is_err();
        if is_overdue {
            _ = self.give_up.send(true);
        }
        joining.join().expect("HTTP threads do not panic");
        is_overdue
    }
}

/// Accepts connections at an address, and hands them to the threads in turn.
struct Acceptor {
    listener: TcpListener,
    hands: Vec<mpsc::Sender<Accepted>>,
    permits: Arc<Semaphore>,
    scope: Scope,
    is_for_good: Arc<AtomicBool>,
}

/// Runs that, and what it began and left behind goes with it.
fn run_thread(serve: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("an event loop can be made at start");
    LocalSet::new().block_on(&runtime, serve);
}

async fn serve(
    shared: Arc<Shared>,
    clients: &Clients,
    stopped: watch::Receiver<bool>,
    connections: mpsc::Receiver<Accepted>,
    acceptors: Vec<Acceptor>,
    unread_bytes_max: usize,
) {
    let client = clients.client();
    tokio::task::spawn_local(client.clone().pump());
    if !acceptors.is_empty() {
        tokio::task::spawn_local(console::sample(Arc::clone(&shared), client.clone(), stopped.clone()));
    }
    for acceptor in acceptors {
        tokio::task::spawn_local(accept(acceptor, stopped.clone()));
    }
    let asked = shared.cluster.as_ref().map(|cluster| cluster.hand());
    let thread = Rc::new(Thread::new(shared, client, unread_bytes_max));
    let forwarded =
        asked.map(|asked| tokio::task::spawn_local(forwarded::serve(Rc::clone(&thread), asked, stopped.clone())));
    serve_all(&thread, connections, stopped).await;
    if let Some(forwarded) = forwarded {
        forwarded.await.expect("what serves others does not panic");
    }
}

async fn accept(acceptor: Acceptor, mut stopped: watch::Receiver<bool>) {
    let Acceptor { listener, hands, permits, scope, is_for_good } = acceptor;
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!("the listening socket cannot be watched: {error}"),
    };
    for hand in hands.iter().cycle() {
        let accepted = async {
            let permit = Arc::clone(&permits).acquire_owned().await.expect("the permits are never closed");
            let (stream, peer) = listener.accept().await?;
            Ok::<_, std::io::Error>((stream, Visitor { peer: peer.ip(), scope }, permit))
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            _ = stopped.wait_for(|&stopped| stopped) => break,
        };
        match accepted {
            // One that cannot be set up is gone already.
            Ok((stream, visitor, permit)) => {
                if let Ok(stream) = stream.into_std().and_then(set_up)
                    && hand.send((stream, visitor, permit)).await.is_err()
                {
                    return;
                }
            }
            // The client gave up before it was accepted.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!("accepting a connection failed: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    if is_for_good.load(Ordering::SeqCst)
        && let Ok(listener) = listener.into_std()
    {
        close(&listener, &hands, &permits, scope).await;
    }
}

/// Takes in those that wait to be accepted, and refuses all others: the socket is closed only when the process ends, and would let them wait until then.
async fn close(listener: &TcpListener, hands: &[mpsc::Sender<Accepted>], permits: &Arc<Semaphore>, scope: Scope) {
    for hand in hands.iter().cycle() {
        let Ok(permit) = Arc::clone(permits).try_acquire_owned() else { break };
        let Ok((stream, peer)) = listener.accept() else { break };
        let visitor = Visitor { peer: peer.ip(), scope };
        let stream = stream.set_nonblocking(true).and_then(|()| set_up(stream));
        if let Ok(stream) = stream
            && hand.send((stream, visitor, permit)).await.is_err()
        {
            break;
        }
    }
    if let Err(error) = socket2::SockRef::from(listener).shutdown(Shutdown::Both) {
        tracing::debug!("the listening socket stays open to the end: {error}");
    }
}

fn set_up(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(&stream);
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(PEER_TIMEOUT))?;
    socket.set_tcp_user_timeout(Some(PEER_TIMEOUT))?;
    // Not every system has it, and it is no condition.
    let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
    Ok(stream)
}

async fn serve_all(thread: &Rc<Thread>, mut connections: mpsc::Receiver<Accepted>, stopped: watch::Receiver<bool>) {
    let mut serving = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = connections.recv() => match accepted {
                Some((stream, visitor, permit)) => {
                    let connection = serve_one(Rc::clone(thread), visitor, stream, stopped.clone());
                    serving.spawn_local(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                // Nobody accepts any more.
                None => break,
            },
            // Ended ones are collected as they end, so that the set stays as small as the connections are many.
            Some(_) = serving.join_next() => {}
        }
    }
    while serving.join_next().await.is_some() {}
}

async fn serve_one(thread: Rc<Thread>, visitor: Visitor, stream: TcpStream, mut stopped: watch::Receiver<bool>) {
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
    let connection = Connection::new(thread, visitor);
    let (stream, broke) = Watched::new(stream);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), connection.service());
    let mut served = Box::pin(served);
    // How it ends says nothing that its end does not: a timeout, a malformed request, a client that is gone.
    let is_given_up = tokio::select! {
        _ = served.as_mut() => false,
        () = connection.is_given_up() => true,
        _ = stopped.wait_for(|&stopped| stopped) => {
            let finished = async {
                if tokio::time::timeout(LAST_LOOK, served.as_mut()).await.is_err() {
                    served.as_mut().graceful_shutdown();
                    _ = served.as_mut().await;
                }
            };
            tokio::select! {
                () = finished => false,
                () = connection.is_given_up() => true,
            }
        }
    };
    if is_given_up {
        tracing::debug!("a connection was closed: too much lies unread, and its answer waited longest");
    }
    let is_unread = connection.is_unread();
    // Dropping the stream asks it once more.
    drop(served);
    if is_unread || is_given_up || broke.get() {
        connection.broke(is_unread);
    }
}
