//! Many connections on one thread, each with its conversation: the load, at as little cost as may be.

use crate::conversation::{Conversation, Shared};
use anyhow::{Context as _, bail};
use mio::{Events, Interest, Poll, Token, net::TcpStream};
use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

/// A server that says nothing for so long is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const READ_BYTES: usize = 64 * 1_024;

struct Connection {
    stream: TcpStream,
    conversation: Box<dyn Conversation>,
    heard: Vec<u8>,
    to_say: Vec<u8>,
    said: usize,
}

/// The connections.
pub struct Fleet {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    tally: Shared,
    buffer: Vec<u8>,
    heard_at: Instant,
}

impl Fleet {
    /// Opens a connection for each conversation.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn open(address: SocketAddr, conversations: Vec<Box<dyn Conversation>>, tally: Shared) -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for (at, mut conversation) in conversations.into_iter().enumerate() {
            let stream = std::net::TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(at), Interest::READABLE | Interest::WRITABLE)?;
            let mut to_say = Vec::new();
            conversation.begin(&mut to_say);
            connections.push(Connection { stream, conversation, heard: Vec::new(), to_say, said: 0 });
        }
        let events = Events::with_capacity(1_024);
        Ok(Self { poll, events, connections, tally, buffer: vec![0; READ_BYTES], heard_at: Instant::now() })
    }

    /// Talks until `is_done` or so long. Returns how long it was.
    ///
    /// # Errors
    /// A connection broke, or the server fell silent.
    pub fn run(&mut self, longest: Duration, is_done: impl Fn(&Shared) -> bool) -> anyhow::Result<Duration> {
        let started = Instant::now();
        self.heard_at = started;
        for at in 0..self.connections.len() {
            self.say(at)?;
        }
        while started.elapsed() < longest && !is_done(&self.tally) {
            match self.poll.poll(&mut self.events, Some(Duration::from_millis(100))) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
            for at in ready {
                self.listen(at)?;
                self.say(at)?;
            }
            if self.heard_at.elapsed() > SILENCE_MAX {
                bail!("the server has said nothing for {} s", SILENCE_MAX.as_secs());
            }
        }
        Ok(started.elapsed())
    }

    fn listen(&mut self, at: usize) -> anyhow::Result<()> {
        let Some(connection) = self.connections.get_mut(at) else { return Ok(()) };
        loop {
            match connection.stream.read(&mut self.buffer) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(count) => connection.heard.extend_from_slice(self.buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("reading from the server"),
            }
            self.heard_at = Instant::now();
        }
        let used = connection.conversation.hear(&connection.heard, &mut connection.to_say)?;
        connection.heard.drain(..used);
        Ok(())
    }

    fn say(&mut self, at: usize) -> anyhow::Result<()> {
        let Some(connection) = self.connections.get_mut(at) else { return Ok(()) };
        while let Some(rest) = connection.to_say.get(connection.said..).filter(|rest| !rest.is_empty()) {
            match connection.stream.write(rest) {
                Ok(count) => connection.said += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("writing to the server"),
            }
        }
        connection.to_say.clear();
        connection.said = 0;
        Ok(())
    }
}
