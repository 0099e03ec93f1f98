//! The JSON bodies of the calls, written by hand: what goes in needs no escaping.

use crate::payload::Payloads;

/// What is put into a job, and for whom.
pub struct Job<'a> {
    /// Its `MessageGroupId`.
    pub group: Option<&'a [u8]>,
    /// When it should have been sent, to be found again in its body.
    pub intended: u64,
    /// A letter to be found again in its body.
    pub tag: u8,
}

pub fn create_queue(out: &mut Vec<u8>, name: &str) {
    out.clear();
    out.extend_from_slice(b"{\"QueueName\":\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\"}");
}

pub fn send(out: &mut Vec<u8>, queue_url: &str, payloads: &mut Payloads, job: &Job<'_>) {
    open(out, queue_url);
    out.push(b',');
    message(out, payloads, job);
    out.push(b'}');
}

pub fn send_batch<'a>(
    out: &mut Vec<u8>,
    queue_url: &str,
    payloads: &mut Payloads,
    count: usize,
    mut job: impl FnMut(usize) -> Job<'a>,
) {
    open(out, queue_url);
    out.extend_from_slice(b",\"Entries\":[");
    for at in 0..count {
        entry(out, at);
        message(out, payloads, &job(at));
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}

pub fn receive(out: &mut Vec<u8>, queue_url: &str, count: usize, wait_seconds: u32) {
    open(out, queue_url);
    let count = u8::try_from(count.clamp(1, 10)).unwrap_or(10);
    out.extend_from_slice(b",\"MaxNumberOfMessages\":");
    decimal(out, u32::from(count));
    out.extend_from_slice(b",\"WaitTimeSeconds\":");
    decimal(out, wait_seconds);
    out.push(b'}');
}

pub fn delete(out: &mut Vec<u8>, queue_url: &str, handle: &[u8]) {
    open(out, queue_url);
    out.push(b',');
    receipt(out, handle);
    out.push(b'}');
}

pub fn delete_batch<'a>(out: &mut Vec<u8>, queue_url: &str, handles: impl Iterator<Item = &'a [u8]>) {
    open(out, queue_url);
    out.extend_from_slice(b",\"Entries\":[");
    for (at, handle) in handles.enumerate() {
        entry(out, at);
        receipt(out, handle);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
}

fn open(out: &mut Vec<u8>, queue_url: &str) {
    out.clear();
    out.extend_from_slice(b"{\"QueueUrl\":\"");
    out.extend_from_slice(queue_url.as_bytes());
    out.push(b'"');
}

/// `{"Id":"3",` with a comma before it if it is not the first.
fn entry(out: &mut Vec<u8>, at: usize) {
    if at > 0 {
        out.push(b',');
    }
    out.extend_from_slice(b"{\"Id\":\"");
    decimal(out, u32::try_from(at).unwrap_or(u32::MAX));
    out.extend_from_slice(b"\",");
}

fn message(out: &mut Vec<u8>, payloads: &mut Payloads, job: &Job<'_>) {
    out.extend_from_slice(b"\"MessageBody\":\"");
    payloads.write(out, job.intended, job.tag);
    out.push(b'"');
    if let Some(group) = job.group {
        out.extend_from_slice(b",\"MessageGroupId\":\"");
        out.extend_from_slice(group);
        out.push(b'"');
    }
}

fn receipt(out: &mut Vec<u8>, handle: &[u8]) {
    out.extend_from_slice(b"\"ReceiptHandle\":\"");
    out.extend_from_slice(handle);
    out.push(b'"');
}

fn decimal(out: &mut Vec<u8>, value: u32) {
    if value >= 10 {
        decimal(out, value / 10);
    }
    out.push(b'0' + u8::try_from(value % 10).unwrap_or(0));
}
