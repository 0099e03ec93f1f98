//! One non-blocking connection with at most one request under way.
//!
//! Registered for edge-triggered readiness both ways: one `write` and one `read` per request in the common case.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

use anyhow::Context as _;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::http::response::{Head, parse_head};
use crate::limits::{RESPONSE_BYTES, RESPONSE_BYTES_MAX};

pub struct Connection {
    stream: TcpStream,
    /// The request; written up to `written`.
    pub request: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    filled: usize,
    head: Option<Head>,
}

/// A whole answer, until the next request.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
    pub close: bool,
}

impl Connection {
    /// Connects (waiting for it) and registers under `token`.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn open(address: SocketAddr, registry: &Registry, token: Token) -> anyhow::Result<Self> {
        Ok(Self {
            stream: connect(address, registry, token)?,
            request: Vec::with_capacity(RESPONSE_BYTES),
            written: 0,
            answer: vec![0; RESPONSE_BYTES],
            filled: 0,
            head: None,
        })
    }

    /// Drops what was under way and connects anew.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn reopen(&mut self, address: SocketAddr, registry: &Registry, token: Token) -> anyhow::Result<()> {
        self.stream = connect(address, registry, token)?;
        self.request.clear();
        self.forget();
        Ok(())
    }

    /// Begins to send what stands in `request`.
    ///
    /// # Errors
    /// A sentence; the connection must be reopened.
    pub fn start(&mut self) -> Result<(), String> {
        self.forget();
        self.write()
    }

    /// Goes on after readiness: sends what is left, takes what came. `Some` once the answer is whole.
    ///
    /// # Errors
    /// A sentence; the connection must be reopened.
    pub fn proceed(&mut self) -> Result<Option<Answer<'_>>, String> {
        self.write()?;
        loop {
            if self.filled == self.answer.len() {
                let more = (self.answer.len() * 2).min(RESPONSE_BYTES_MAX);
                if more == self.filled {
                    return Err("the answer is too long".to_owned());
                }
                self.answer.resize(more, 0);
            }
            match self.stream.read(self.answer.get_mut(self.filled..).unwrap_or_default()) {
                Ok(0) => return Err("the server closed the connection".to_owned()),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(format!("read: {error}")),
            }
            if self.request.is_empty() {
                return Err("an answer without a request".to_owned());
            }
            let received = self.answer.get(..self.filled).unwrap_or_default();
            if self.head.is_none() {
                self.head = parse_head(received)?;
            }
            // Readiness is edge-triggered, but the next bytes bring an edge of their own: there is no need to read
            // until nothing is left.
            if self.head.as_ref().is_some_and(|head| head.body.end <= received.len()) {
                let head = self.head.take();
                return Ok(head.map(|head| Answer {
                    status: head.status,
                    body: self.answer.get(head.body).unwrap_or_default(),
                    close: head.close,
                }));
            }
        }
    }

    fn write(&mut self) -> Result<(), String> {
        while let Some(rest) = self.request.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("write: {error}")),
            }
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.written = 0;
        self.filled = 0;
        self.head = None;
    }
}

fn connect(address: SocketAddr, registry: &Registry, token: Token) -> anyhow::Result<TcpStream> {
    let stream = std::net::TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}
