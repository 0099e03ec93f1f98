//! One client of the mock: requests in, answers out, one at a time.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use evenkeel_sigv4::{Keyed, Payload, Request, Secrets, Verifier};

use super::queues::Queues;
use crate::sqs::scan;

struct Root<'a>(&'a (String, String));

impl Secrets for Root<'_> {
    type Key = Self;

    fn find(&self, access_key_id: &str) -> Option<Self> {
        (access_key_id == self.0.0).then_some(Self(self.0))
    }
}

impl Keyed for Root<'_> {
    fn secret(&self) -> &[u8] {
        self.0.1.as_bytes()
    }
}

pub(super) fn serve(mut stream: TcpStream, queues: &Queues, root: &(String, String)) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let (mut received, mut chunk) = (Vec::new(), vec![0; 32 << 10]);
    let mut verifier = Verifier::new("sqs");
    loop {
        if let Some(length) = request_length(&received)? {
            let rest = received.split_off(length);
            let (status, body) = answer(&received, &mut verifier, queues, root)?;
            let head = format!("HTTP/1.1 {status} .\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat())?;
            received = rest;
            continue;
        }
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        received.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
}

/// Head and body together, once both are there.
fn request_length(received: &[u8]) -> anyhow::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(start) = request.parse(received)? else { return Ok(None) };
    let length = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = match length {
        Some(header) => std::str::from_utf8(header.value)?.trim().parse()?,
        None => 0,
    };
    Ok(Some(start + length).filter(|&end| end <= received.len()))
}

fn answer(
    received: &[u8],
    verifier: &mut Verifier,
    queues: &Queues,
    root: &(String, String),
) -> anyhow::Result<(u16, Vec<u8>)> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(start) = request.parse(received)? else { bail!("not whole") };
    let body = received.get(start..).unwrap_or_default();
    let path = request.path.unwrap_or("/");
    if path == "/healthz" {
        return Ok((200, Vec::new()));
    }
    let headers: Vec<(&str, &[u8])> = request.headers.iter().map(|header| (header.name, header.value)).collect();
    let method = request.method.unwrap_or_default();
    let signed = Request { method, path, query: "", headers: &headers, payload: Payload::Bytes(body) };
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    if let Err(error) = verifier.verify(&signed, &Root(root), now) {
        return Ok((403, error.to_string().into_bytes()));
    }
    let target = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amz-target"));
    let action = target.and_then(|(_, value)| value.strip_prefix(b"AmazonSQS.")).unwrap_or_default();
    let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map_or(&b""[..], |(_, value)| *value);
    Ok((200, act(action, host, body, queues)?))
}

fn act(action: &[u8], host: &[u8], body: &[u8], queues: &Queues) -> anyhow::Result<Vec<u8>> {
    if action == b"CreateQueue" {
        let name = scan::string(body, b"\"QueueName\"").context("no QueueName")?;
        return Ok([b"{\"QueueUrl\":\"http://", host, b"/000000000000/", name, b"\"}"].concat());
    }
    let url = scan::string(body, b"\"QueueUrl\"").context("no QueueUrl")?;
    match action {
        b"SendMessage" | b"SendMessageBatch" => {
            let mut groups = scan::strings(body, b"\"MessageGroupId\"");
            let mut sent = Vec::new();
            for (at, job) in scan::strings(body, b"\"MessageBody\"").enumerate() {
                queues.send(url, groups.next().unwrap_or_default(), job)?;
                sent.push(format!("{{\"Id\":\"{at}\",\"MessageId\":\"{at}\"}}"));
            }
            Ok(format!("{{\"Successful\":[{}]}}", sent.join(",")).into_bytes())
        }
        b"ReceiveMessage" => {
            let (count, wait) = (number(body, b"\"MaxNumberOfMessages\""), number(body, b"\"WaitTimeSeconds\""));
            let jobs = queues.receive(url, usize::try_from(count.max(1))?, Duration::from_secs(wait.min(20)));
            let mut out = b"{\"Messages\":[".to_vec();
            for (at, (handle, body)) in jobs.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                write!(out, "{comma}{{\"ReceiptHandle\":\"{handle}\",\"Body\":\"")?;
                out.extend_from_slice(body);
                out.extend_from_slice(b"\"}");
            }
            out.extend_from_slice(b"]}");
            Ok(out)
        }
        b"DeleteMessage" | b"DeleteMessageBatch" => {
            let (mut done, mut failed) = (Vec::new(), Vec::new());
            for (at, handle) in scan::strings(body, b"\"ReceiptHandle\"").enumerate() {
                let handle = std::str::from_utf8(handle)?.parse()?;
                let list = if queues.delete(url, handle) { &mut done } else { &mut failed };
                list.push(format!("{{\"Id\":\"{at}\"}}"));
            }
            Ok(format!("{{\"Successful\":[{}],\"Failed\":[{}]}}", done.join(","), failed.join(",")).into_bytes())
        }
        b"PurgeQueue" => {
            queues.purge(url);
            Ok(b"{}".to_vec())
        }
        _ => Ok(b"{}".to_vec()),
    }
}

/// The number after `key`; 0 without one.
fn number(json: &[u8], key: &[u8]) -> u64 {
    let after = memchr::memmem::find(json, key).and_then(|at| json.get(at + key.len()..)).unwrap_or_default();
    let digits = after.iter().skip_while(|byte| !byte.is_ascii_digit()).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
}
