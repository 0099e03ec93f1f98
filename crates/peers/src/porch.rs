//! Where others come in: members, whose messages and questions are taken, and strangers, who may ask to be let in.

use crate::{
    frame::{self, Frame, Speaker},
    limits::{ASKS_MAX, HANDSHAKE_TIMEOUT, JOIN_TIMEOUT, STRANGERS_MAX},
    link::set_up,
    names::ClusterId,
    queue::Queue,
    tls,
    token::Secret,
};
use bytes::Bytes;
use evenkeel_log_raft::{Message, NodeId};
use std::{collections::HashMap, convert::Infallible, future::Future, io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A pause after accepting failed (out of file descriptors, most likely).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who lives here. Called on the thread for peers, so nothing may take long.
pub trait House: Send + Sync + 'static {
    /// Whether a node may speak. Asked for each thing that it says.
    fn admits(&self, node: NodeId) -> bool;
    /// A message of the log, from the node that it says and to this one.
    fn message(&self, message: Message);
    /// What that node has to say for whoever cares.
    fn note(&self, from: NodeId, note: Bytes);
    /// A question. The answer may come from any thread.
    fn ask(&self, asked: Asked);
    /// A stranger asks to be let in.
    fn join(&self, joining: Joining);
}

/// A question of a member.
pub struct Asked {
    /// Whose.
    pub from: NodeId,
    /// What it asks.
    pub request: Bytes,
    /// Where the answer goes.
    pub reply: Reply,
    /// Says so when the question is withdrawn, also after the answer, which then was of no use; closes when its node is not there any more, which may
    /// have got the answer.
    pub withdrawn: oneshot::Receiver<()>,
}

/// Where an answer goes.
pub struct Reply {
    queue: Arc<Queue>,
    number: u64,
}

impl Reply {
    /// Answers.
    pub fn send(self, answer: Bytes) {
        self.queue.push_or_end(Frame::Answer(self.number, answer));
    }
}

/// A stranger that asks to be let in. Nothing is known of it but what it says.
pub struct Joining {
    /// By which it hopes to be.
    pub secret: Secret,
    /// What it says of itself.
    pub request: Bytes,
    /// What it needs to know, or why not.
    pub answer: oneshot::Sender<Result<Bytes, String>>,
}

/// Takes connections, for as long as it is polled.
pub(crate) async fn keep<H: House>(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    to: (ClusterId, NodeId),
    house: Arc<H>,
) {
    let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&strangers).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, from)) => {
                let (acceptor, house) = (acceptor.clone(), Arc::clone(&house));
                tokio::spawn(async move {
                    if let Err(error) = welcome(stream, acceptor, to, house, permit).await {
                        tracing::debug!("a connection from {from} ended: {error}");
                    }
                });
            }
            Err(error) => {
                tracing::warn!("accepting a connection of a node failed: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn welcome<H: House>(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    (cluster, this): (ClusterId, NodeId),
    house: Arc<H>,
    permit: OwnedSemaphorePermit,
) -> io::Result<()> {
    set_up(&stream)?;
    let stream = within(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let Some(certificate) = shown else {
        return within(JOIN_TIMEOUT, let_in(stream, &*house)).await;
    };
    let from = tls::node_of(cluster, certificate).ok_or_else(|| frame::bad("it is no node of this cluster"))?;
    drop(permit);
    let Err(ended) = listen(stream, from, this, &*house).await;
    Err(ended)
}

async fn within<T>(time: Duration, what: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(time, what).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn listen<H: House>(
    stream: TlsStream<TcpStream>,
    from: NodeId,
    this: NodeId,
    house: &H,
) -> Result<Infallible, io::Error> {
    let (reader, mut writer) = tokio::io::split(stream);
    let queue = Arc::new(Queue::default());
    queue.open();
    let read = async {
        let mut reader = BufReader::with_capacity(64 * 1024, reader);
        let mut asked = HashMap::new();
        loop {
            let said = frame::read(&mut reader, Speaker::Dialler).await?.ok_or(io::ErrorKind::ConnectionReset)?;
            if !house.admits(from) {
                return Err(frame::bad(format!("node {from} is no member")));
            }
            match said {
                Frame::Log(message) if message.from() == from && message.to() == this => house.message(*message),
                Frame::Log(_) => {
                    return Err(frame::bad(format!("a message in the name of another than node {from}")));
                }
                Frame::Note(note) => house.note(from, note),
                Frame::Ask(number, request) => {
                    let (withdraw, withdrawn) = oneshot::channel();
                    make_room(&mut asked)?;
                    asked.insert(number, withdraw);
                    let reply = Reply { queue: Arc::clone(&queue), number };
                    house.ask(Asked { from, request, reply, withdrawn });
                }
                Frame::Cancel(number) => {
                    if let Some(withdraw) = asked.remove(&number) {
                        // Nobody may care any more.
                        _ = withdraw.send(());
                    }
                }
                _ => return Err(frame::bad("what only the other side says")),
            }
        }
    };
    let ended = tokio::select! {
        ended = read => ended,
        ended = queue.write_to(&mut writer) => ended,
    };
    queue.close();
    ended
}

/// Forgets questions that nobody works at any more. Twice as many as may wait are kept: some are answered, and may still be withdrawn.
fn make_room(asked: &mut HashMap<u64, oneshot::Sender<()>>) -> io::Result<()> {
    if asked.len() >= 64 && asked.len() == asked.capacity() || asked.len() >= 2 * ASKS_MAX {
        asked.retain(|_, withdraw| !withdraw.is_closed());
    }
    if asked.len() < 2 * ASKS_MAX { Ok(()) } else { Err(frame::bad("too many questions")) }
}

async fn let_in<H: House>(mut stream: TlsStream<TcpStream>, house: &H) -> io::Result<()> {
    let Some(Frame::Join(secret, request)) = frame::read(&mut stream, Speaker::Stranger).await? else {
        return Err(frame::bad("a stranger may only ask to be let in"));
    };
    let (answer, answered) = oneshot::channel();
    house.join(Joining { secret, request, answer });
    let frame = match answered.await {
        Ok(Ok(welcome)) => Frame::Joined(welcome),
        Ok(Err(why)) => Frame::NotJoined(why),
        Err(_) => Frame::NotJoined("the node is stopping; try another".into()),
    };
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    stream.write_all(&bytes).await?;
    stream.shutdown().await
}
