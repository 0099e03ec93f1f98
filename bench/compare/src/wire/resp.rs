//! Redis (RESP 2): a fair queue of tenants as scripts, as backend teams build it.
//!
//! A ring of tenants with something waiting, a list for each, the jobs in a hash, the leases in a sorted set. Enqueue,
//! receive and acknowledge are a script each, so that each is one round trip and atomic.

use crate::conversation::{Conversation, Plan, Shared, Task, fill_body};
use anyhow::{bail, ensure};
use std::io::Write as _;

const ENQUEUE: &str = "for i=1,#ARGV,2 do \
    local id=redis.call('INCR',KEYS[1]..':id') \
    redis.call('HSET',KEYS[1]..':jobs',id,ARGV[i+1]) \
    if redis.call('RPUSH',KEYS[1]..':g:'..ARGV[i],id)==1 then redis.call('RPUSH',KEYS[1]..':ring',ARGV[i]) end \
    end return #ARGV/2";

const RECEIVE: &str = "local out={} for i=1,tonumber(ARGV[1]) do \
    local g=redis.call('LPOP',KEYS[1]..':ring') if not g then break end \
    local id=redis.call('LPOP',KEYS[1]..':g:'..g) \
    if redis.call('EXISTS',KEYS[1]..':g:'..g)==1 then redis.call('RPUSH',KEYS[1]..':ring',g) end \
    redis.call('ZADD',KEYS[1]..':leases',ARGV[2],id) \
    out[#out+1]=id out[#out+1]=redis.call('HGET',KEYS[1]..':jobs',id) end return out";

const ACK: &str = "for i=1,#ARGV do redis.call('ZREM',KEYS[1]..':leases',ARGV[i]) \
    redis.call('HDEL',KEYS[1]..':jobs',ARGV[i]) end return #ARGV";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The three scripts are being loaded; so many answers are still to come.
    Loading(usize),
    Send,
    Receive,
    Ack,
}

/// A connection to Redis.
pub struct Redis {
    plan: Plan,
    tally: Shared,
    step: Step,
    hashes: Vec<Vec<u8>>,
    number: u64,
    under_way: usize,
    received: Vec<Vec<u8>>,
}

impl Redis {
    pub fn new(plan: Plan, tally: Shared, at: usize) -> Self {
        let number = (at as u64) << 40;
        Self { plan, tally, step: Step::Loading(3), hashes: Vec::new(), number, under_way: 0, received: Vec::new() }
    }

    fn go_on(&mut self, out: &mut Vec<u8>) {
        let next = match (self.step, self.plan.task) {
            (Step::Loading(_), Task::Drain) | (Step::Send, Task::Cycle) => Step::Receive,
            (Step::Receive, _) if !self.received.is_empty() => Step::Ack,
            (Step::Receive | Step::Ack, Task::Drain) => Step::Receive,
            _ => Step::Send,
        };
        self.step = next;
        match next {
            Step::Send => self.send(out),
            Step::Receive => self.receive(out),
            Step::Ack => self.ack(out),
            Step::Loading(_) => {}
        }
    }

    fn call(&self, script: usize, arguments: usize, out: &mut Vec<u8>) {
        _ = write!(out, "*{}\r\n$7\r\nEVALSHA\r\n", arguments + 4);
        put(self.hashes.get(script).map_or(b"", Vec::as_slice), out);
        put(b"1", out);
        put(b"q", out);
    }

    fn send(&mut self, out: &mut Vec<u8>) {
        self.under_way = self.tally.borrow_mut().take(self.plan.batch);
        if self.under_way == 0 {
            return;
        }
        self.call(0, self.under_way * 2, out);
        let mut body = Vec::with_capacity(self.plan.body);
        for _ in 0..self.under_way {
            let group = self.plan.first_group + usize::try_from(self.number).unwrap_or(0) % self.plan.groups;
            put(format!("t{group}").as_bytes(), out);
            body.clear();
            fill_body(&mut body, &self.plan, self.number);
            put(&body, out);
            self.number += 1;
        }
    }

    fn receive(&self, out: &mut Vec<u8>) {
        self.call(1, 2, out);
        put(self.plan.batch.to_string().as_bytes(), out);
        put(b"4102444800", out);
    }

    fn ack(&self, out: &mut Vec<u8>) {
        self.call(2, self.received.len(), out);
        self.received.iter().for_each(|id| put(id, out));
    }

    fn on_reply(&mut self, reply: Reply, out: &mut Vec<u8>) -> anyhow::Result<()> {
        match (self.step, reply) {
            (_, Reply::Error(words)) => bail!("Redis says: {words}"),
            (Step::Loading(left), Reply::Bulk(hash)) => {
                self.hashes.push(hash);
                self.step = Step::Loading(left - 1);
                if left > 1 {
                    return Ok(());
                }
            }
            (Step::Send, Reply::Integer(count)) => {
                ensure!(usize::try_from(count) == Ok(self.under_way), "{count} of {} jobs were taken", self.under_way);
                self.tally.borrow_mut().sent += self.under_way as u64;
            }
            (Step::Receive, Reply::Array(items)) => {
                self.received.clear();
                for pair in items.chunks_exact(2) {
                    if let [id, body] = pair {
                        self.tally.borrow_mut().received(body);
                        self.received.push(id.clone());
                    }
                }
            }
            (Step::Ack, Reply::Integer(count)) => {
                ensure!(usize::try_from(count) == Ok(self.received.len()), "not all was acknowledged");
                self.tally.borrow_mut().finished += self.received.len() as u64;
                self.received.clear();
            }
            (step, reply) => bail!("in {step:?} Redis answers {reply:?}"),
        }
        self.go_on(out);
        Ok(())
    }
}

impl Conversation for Redis {
    fn begin(&mut self, out: &mut Vec<u8>) {
        for script in [ENQUEUE, RECEIVE, ACK] {
            _ = write!(out, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n");
            put(script.as_bytes(), out);
        }
    }

    fn hear(&mut self, input: &[u8], out: &mut Vec<u8>) -> anyhow::Result<usize> {
        let mut used = 0;
        while let Some((reply, bytes)) = read(input.get(used..).unwrap_or_default()) {
            used += bytes;
            self.on_reply(reply, out)?;
        }
        Ok(used)
    }
}

fn put(bytes: &[u8], out: &mut Vec<u8>) {
    _ = write!(out, "${}\r\n", bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

#[derive(Debug)]
enum Reply {
    Integer(i64),
    Bulk(Vec<u8>),
    /// Of bulk strings.
    Array(Vec<Vec<u8>>),
    Error(String),
}

/// The first reply and its bytes; `None` if it is not whole yet.
fn read(input: &[u8]) -> Option<(Reply, usize)> {
    let (line, after) = line(input)?;
    let (kind, rest) = line.split_first()?;
    let text = String::from_utf8_lossy(rest);
    match kind {
        b':' => Some((Reply::Integer(text.parse().ok()?), after)),
        b'$' => bulk(input).map(|(bytes, after)| (Reply::Bulk(bytes), after)),
        b'*' => {
            let mut after = after;
            let mut items = Vec::new();
            for _ in 0..text.parse::<usize>().ok()? {
                let (item, bytes) = bulk(input.get(after..)?)?;
                items.push(item);
                after += bytes;
            }
            Some((Reply::Array(items), after))
        }
        _ => Some((Reply::Error(text.into_owned()), after)),
    }
}

fn bulk(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (line, after) = line(input)?;
    let digits = std::str::from_utf8(line.get(1..)?).ok()?;
    let length: usize =
        if line.first() == Some(&b':') { return Some((digits.into(), after)) } else { digits.parse().ok()? };
    let bytes = input.get(after..after + length + 2)?;
    Some((bytes.get(..length)?.to_vec(), after + length + 2))
}

fn line(input: &[u8]) -> Option<(&[u8], usize)> {
    let end = input.windows(2).position(|pair| pair == b"\r\n")?;
    Some((input.get(..end)?, end + 2))
}
