//! Calls outside of any load, one at a time: making and purging queues, asking for health, a first receive.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::clock::Clock;
use crate::http::response::parse_head;
use crate::limits::RESPONSE_BYTES_MAX;
use crate::sqs::action::Action;
use crate::sqs::body;
use crate::sqs::request::RequestWriter;
use crate::sqs::scan;
use crate::target::Target;

const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a queue and returns its URL.
///
/// # Errors
/// If the server refuses or does not answer.
pub fn create_queue(target: &Target, name: &str) -> anyhow::Result<String> {
    let answer = call(target, Action::CreateQueue, &format!("{{\"QueueName\":\"{name}\"}}"))?;
    queue_url(&answer)
}

/// The URL in the answer to a `CreateQueue`.
///
/// # Errors
/// If there is none.
pub fn queue_url(answer: &[u8]) -> anyhow::Result<String> {
    let url = scan::string(answer, b"\"QueueUrl\"").context("CreateQueue answered without a QueueUrl")?;
    Ok(String::from_utf8(url.to_vec())?.replace("\\/", "/"))
}

/// Deletes a queue.
///
/// # Errors
/// If the server refuses or does not answer.
pub fn delete_queue(target: &Target, queue_url: &str) -> anyhow::Result<()> {
    call(target, Action::DeleteQueue, &format!("{{\"QueueUrl\":\"{queue_url}\"}}")).map(|_| ())
}

/// Removes all jobs of a queue.
///
/// # Errors
/// If the server refuses or does not answer.
pub fn purge_queue(target: &Target, queue_url: &str) -> anyhow::Result<()> {
    call(target, Action::PurgeQueue, &format!("{{\"QueueUrl\":\"{queue_url}\"}}")).map(|_| ())
}

/// True if somebody listens there.
pub fn can_connect(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, PATIENCE).is_ok()
}

/// Asks for one job, without waiting for one; true if it came.
///
/// # Errors
/// If the server refuses or does not answer.
pub fn receive_one(target: &Target, queue_url: &str) -> anyhow::Result<bool> {
    let mut body = Vec::new();
    body::receive(&mut body, queue_url, 1, 0);
    let answer = call(target, Action::ReceiveMessage, std::str::from_utf8(&body)?)?;
    Ok(scan::count(&answer, b"\"ReceiptHandle\"") == 1)
}

/// True if the server answers `/healthz` with 200.
pub fn is_healthy(address: SocketAddr) -> bool {
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
    exchange(address, request.as_bytes()).is_ok_and(|(status, _)| status == 200)
}

fn call(target: &Target, action: Action, body: &str) -> anyhow::Result<Vec<u8>> {
    let (clock, mut request) = (Clock::new(), Vec::new());
    RequestWriter::new(target)?.write(&mut request, action, body.as_bytes(), &clock, clock.now())?;
    let (status, answer) = exchange(target.address, &request).with_context(|| action.target())?;
    ensure!(status == 200, "{} answered {status}: {}", action.target(), String::from_utf8_lossy(&answer));
    Ok(answer)
}

fn exchange(address: SocketAddr, request: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(head) = parse_head(&answer).map_err(anyhow::Error::msg)?
            && let Some(body) = answer.get(head.body)
        {
            return Ok((head.status, body.to_vec()));
        }
        let count = stream.read(&mut chunk)?;
        if count == 0 || answer.len() > RESPONSE_BYTES_MAX {
            bail!("the answer was cut off");
        }
        answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
}
