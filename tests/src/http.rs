//! As much of HTTP/1.1 as the tests need: bytes out as they are, whole answers in (RFC 9112).

use crate::signed::{ACCESS_KEY, SECRET_KEY};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a page of metrics may take.
const METRICS_MAX: Duration = Duration::from_secs(30);

/// A connection; reads and writes end after its timeout.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub fn open(address: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        let connection = Self { stream: BufReader::new(stream) };
        connection.set_timeout(timeout)?;
        Ok(connection)
    }

    /// How long a read or a write may take from now on.
    pub fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(timeout))?;
        self.stream.get_ref().set_write_timeout(Some(timeout))
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says that nothing more will be sent; answers can still be read.
    pub fn end_writing(&self) -> io::Result<()> {
        self.stream.get_ref().shutdown(std::net::Shutdown::Write)
    }

    /// The next answer.
    ///
    /// # Errors
    /// If the connection ends or rests for too long before the answer is whole, or if it is no HTTP.
    pub fn read(&mut self) -> io::Result<Answer> {
        let malformed = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let start = self.line()?;
        let status = start.strip_prefix("HTTP/1.1 ").or_else(|| start.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)?.parse().ok()).ok_or_else(|| malformed(&start))?;
        let mut answer = Answer { status, headers: Vec::new(), body: Vec::new() };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            answer.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = match answer.header("content-length") {
            Some(length) => length.parse().map_err(|_| malformed(length))?,
            None => 0,
        };
        answer.body.resize(length, 0);
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    /// Whether the server has closed the connection: true at its end, false if nothing came within the timeout.
    ///
    /// # Panics
    /// If bytes come.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.fill_buf() {
            Ok(bytes) => {
                assert!(bytes.is_empty(), "unasked: {}", String::from_utf8_lossy(bytes));
                true
            }
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl Answer {
    /// The header's value, if it is there. `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The value of a series without labels on a node's page of metrics, asked for as root; `None` if it is not there.
pub fn metric(address: SocketAddr, name: &str) -> Option<f64> {
    let mut connection = Connection::open(address, METRICS_MAX).ok()?;
    let key = STANDARD.encode(format!("{ACCESS_KEY}:{SECRET_KEY}"));
    let head = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {key}\r\n\r\n");
    connection.write(head.as_bytes()).ok()?;
    let page = connection.read().ok()?.text();
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// Sends a plain `GET` on a connection of its own.
pub fn get(address: SocketAddr, path: &str, timeout: Duration) -> io::Result<Answer> {
    let mut connection = Connection::open(address, timeout)?;
    connection.write(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())?;
    connection.read()
}
