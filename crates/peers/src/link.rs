//! The connection that this node dialled to another: messages and questions out, answers in.

use crate::{
    frame::{self, Frame, Speaker},
    limits::{ASKS_MAX, HANDSHAKE_TIMEOUT, PEER_TIMEOUT, RETRY_MAX, RETRY_MIN},
    queue::Queue,
};
use bytes::Bytes;
use evenkeel_log_raft::NodeId;
use rustls::pki_types::ServerName;
use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::BufReader,
    net::TcpStream,
    sync::{oneshot, watch},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It was not asked. Another may be, or the same later.
    #[error("there is no connection to that node")]
    Unreachable,
    /// It was asked, and the connection broke: it may have been done.
    #[error("the connection to that node broke")]
    Lost,
}

/// An answer, and the way to say that it was of no use.
pub struct Answered {
    /// What was answered.
    pub answer: Bytes,
    link: Arc<Link>,
    number: u64,
}

impl Answered {
    /// Says that the answer reached nobody.
    pub fn withdraw(self) {
        self.link.queue.push(Frame::Cancel(self.number));
    }
}

/// One node's side of the way to another.
pub(crate) struct Link {
    pub(crate) queue: Queue,
    asks: Mutex<Asks>,
}

#[derive(Default)]
struct Asks {
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Bytes>>,
}

impl Link {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { queue: Queue::default(), asks: Mutex::default() })
    }

    /// Asks. Dropping the future withdraws the question.
    pub(crate) async fn ask(self: Arc<Self>, request: Bytes) -> Result<Answered, AskError> {
        let (number, answered) = self.begin(request)?;
        let mut asking = Asking { link: Arc::clone(&self), number, is_done: false };
        let answer = answered.await;
        asking.is_done = true;
        let answer = answer.map_err(|_| AskError::Lost)?;
        Ok(Answered { answer, link: self, number })
    }

    fn begin(&self, request: Bytes) -> Result<(u64, oneshot::Receiver<Bytes>), AskError> {
        let mut asks = self.asks();
        if asks.waiting.len() >= ASKS_MAX {
            return Err(AskError::Unreachable);
        }
        asks.last += 1;
        let number = asks.last;
        // With the lock held, so that a connection that ends now forgets the question only once it is there.
        if !self.queue.push(Frame::Ask(number, request)) {
            return Err(AskError::Unreachable);
        }
        let (answer, answered) = oneshot::channel();
        asks.waiting.insert(number, answer);
        Ok((number, answered))
    }

    fn asks(&self) -> MutexGuard<'_, Asks> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is asked any more, and no answer comes.
    pub(crate) fn end(&self) {
        self.queue.close();
        self.asks().waiting.clear();
    }
}

/// A question whose answer has not come.
struct Asking {
    link: Arc<Link>,
    number: u64,
    is_done: bool,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.is_done {
            self.link.asks().waiting.remove(&self.number);
            self.link.queue.push(Frame::Cancel(self.number));
        }
    }
}

/// Whom to dial, and as whom it must prove itself.
pub(crate) struct Dial {
    pub(crate) node: NodeId,
    pub(crate) name: ServerName<'static>,
    pub(crate) connector: TlsConnector,
    pub(crate) address: watch::Receiver<String>,
    /// Said first on each connection, and whenever it changes.
    pub(crate) note: watch::Receiver<Bytes>,
}

impl Dial {
    /// Keeps a connection for as long as it is polled.
    pub(crate) async fn keep(mut self, link: Arc<Link>) {
        let (mut pause, mut is_told) = (RETRY_MIN, false);
        loop {
            let address = self.address.borrow_and_update().clone();
            let node = self.node;
            let ended = match timeout(HANDSHAKE_TIMEOUT, self.dial(&address)).await {
                Ok(Ok(stream)) => {
                    tracing::debug!("connected to node {node} at {address}");
                    (pause, is_told) = (RETRY_MIN, false);
                    link.queue.open();
                    let Err(ended) = carry(stream, &link, &mut self.note).await;
                    link.end();
                    ended
                }
                Ok(Err(error)) => error,
                Err(_) => io::ErrorKind::TimedOut.into(),
            };
            if !is_told {
                tracing::warn!("no connection to node {node} at {address}: {ended}; trying again");
                is_told = true;
            }
            tokio::select! {
                () = sleep(pause) => {}
                changed = self.address.changed() => if changed.is_err() { return },
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    async fn dial(&self, address: &str) -> io::Result<TlsStream<TcpStream>> {
        connect(&self.connector, &self.name, address).await
    }
}

/// A connection with TLS to whoever proves to be of that name.
pub(crate) async fn connect(
    connector: &TlsConnector,
    name: &ServerName<'static>,
    address: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    set_up(&stream)?;
    connector.connect(name.clone(), stream).await
}

/// As every connection between nodes is: nothing waits to be joined with more, and one that is dead is found out.
pub(crate) fn set_up(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(PEER_TIMEOUT))?;
    socket.set_tcp_user_timeout(Some(PEER_TIMEOUT))
}

async fn carry(
    stream: TlsStream<TcpStream>,
    link: &Link,
    note: &mut watch::Receiver<Bytes>,
) -> Result<Infallible, io::Error> {
    let (reader, mut writer) = tokio::io::split(stream);
    let read = async {
        let mut reader = BufReader::new(reader);
        loop {
            match frame::read(&mut reader, Speaker::Dialled).await? {
                Some(Frame::Answer(number, answer)) => {
                    if let Some(asking) = link.asks().waiting.remove(&number) {
                        // Who asked may have gone.
                        let _ = asking.send(answer);
                    }
                }
                Some(_) => return Err(frame::bad("only answers come this way")),
                None => return Err(io::ErrorKind::ConnectionReset.into()),
            }
        }
    };
    let tell = async {
        note.mark_changed();
        while note.changed().await.is_ok() {
            let note = note.borrow_and_update().clone();
            if !note.is_empty() {
                link.queue.push(Frame::Note(note));
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        ended = read => ended,
        ended = link.queue.write_to(&mut writer) => ended,
        never = tell => never,
    }
}
