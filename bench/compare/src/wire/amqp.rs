//! RabbitMQ (AMQP 0-9-1): a quorum queue, publisher confirms, consumers with a prefetch.
//!
//! A consumer's acknowledgement is not answered in this protocol, so that a job counts as finished when the
//! acknowledgement is on its way: less than what the others must do.

use crate::conversation::{Conversation, Plan, Shared, Task, fill_body};
use anyhow::{Context as _, bail};

const QUEUE: &str = "q";
const FRAME_BYTES_MAX: u32 = 131_072;
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xCE;

/// A connection to RabbitMQ.
pub struct Amqp {
    plan: Plan,
    tally: Shared,
    /// How many jobs may be in the queue before no more are sent, so that a cycle stays one.
    ahead_max: u64,
    begun: bool,
    ready: bool,
    number: u64,
    published: u64,
    confirmed: u64,
    /// The delivery whose body is still to come.
    delivery: Option<u64>,
}

impl Amqp {
    pub fn new(plan: Plan, tally: Shared, at: usize, connections: usize) -> Self {
        let ahead_max = (connections * plan.batch) as u64;
        Self {
            plan,
            tally,
            ahead_max,
            begun: false,
            ready: false,
            number: (at as u64) << 40,
            published: 0,
            confirmed: 0,
            delivery: None,
        }
    }

    fn on_method(&mut self, payload: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
        let mut reader = Reader(payload);
        let method = (reader.u16()?, reader.u16()?);
        match method {
            (10, 10) => {
                let mut start = Method::new(10, 11);
                start.table(&[]);
                start.short("PLAIN");
                start.long(b"\0guest\0guest");
                start.short("en_US");
                start.send(0, out);
            }
            (10, 30) => {
                let mut tune = Method::new(10, 31);
                tune.bytes.extend_from_slice(&16u16.to_be_bytes());
                tune.bytes.extend_from_slice(&FRAME_BYTES_MAX.to_be_bytes());
                tune.bytes.extend_from_slice(&0u16.to_be_bytes());
                tune.send(0, out);
                let mut open = Method::new(10, 40);
                open.short("/");
                open.short("");
                open.bytes.push(0);
                open.send(0, out);
            }
            (10, 41) => {
                let mut open = Method::new(20, 10);
                open.short("");
                open.send(1, out);
            }
            (20, 11) => {
                let mut declare = Method::new(50, 10);
                declare.bytes.extend_from_slice(&0u16.to_be_bytes());
                declare.short(QUEUE);
                // Durable.
                declare.bytes.push(0b10);
                declare.table(&[("x-queue-type", "quorum")]);
                declare.send(1, out);
            }
            (50, 11) => {
                let mut select = Method::new(85, 10);
                select.bytes.push(0);
                select.send(1, out);
            }
            (85, 11) => {
                let mut qos = Method::new(60, 10);
                qos.bytes.extend_from_slice(&0u32.to_be_bytes());
                qos.bytes.extend_from_slice(&u16::try_from(self.plan.batch)?.to_be_bytes());
                qos.bytes.push(0);
                qos.send(1, out);
            }
            (60, 11) if self.plan.task != Task::Fill => {
                let mut consume = Method::new(60, 20);
                consume.bytes.extend_from_slice(&0u16.to_be_bytes());
                consume.short(QUEUE);
                consume.short("");
                consume.bytes.push(0);
                consume.table(&[]);
                consume.send(1, out);
            }
            (60, 11 | 21) => self.ready = true,
            (60, 80) => {
                let (tag, multiple) = (reader.u64()?, reader.u8()?);
                let confirmed = if multiple & 1 == 1 { tag.saturating_sub(self.confirmed) } else { 1 };
                self.confirmed += confirmed;
                self.tally.borrow_mut().sent += confirmed;
            }
            (60, 60) => {
                reader.short()?;
                self.delivery = Some(reader.u64()?);
            }
            (10 | 20, 40 | 50) => bail!("RabbitMQ closes: {}", String::from_utf8_lossy(payload)),
            _ => {}
        }
        Ok(())
    }

    fn on_body(&mut self, body: &[u8], out: &mut Vec<u8>) {
        let Some(delivery) = self.delivery.take() else { return };
        let mut ack = Method::new(60, 80);
        ack.bytes.extend_from_slice(&delivery.to_be_bytes());
        ack.bytes.push(0);
        ack.send(1, out);
        let mut tally = self.tally.borrow_mut();
        tally.received(body);
        tally.finished += 1;
    }

    fn publish(&mut self, out: &mut Vec<u8>) {
        if !self.ready || self.plan.task == Task::Drain || self.published > self.confirmed {
            return;
        }
        {
            let tally = self.tally.borrow();
            let ahead = tally.sent.saturating_sub(tally.finished);
            if self.plan.task == Task::Cycle && ahead > self.ahead_max {
                return;
            }
        }
        let count = self.tally.borrow_mut().take(self.plan.batch);
        for _ in 0..count {
            let mut publish = Method::new(60, 40);
            publish.bytes.extend_from_slice(&0u16.to_be_bytes());
            publish.short("");
            publish.short(QUEUE);
            publish.bytes.push(0);
            publish.send(1, out);
            let mut header = Vec::with_capacity(16);
            header.extend_from_slice(&60u16.to_be_bytes());
            header.extend_from_slice(&0u16.to_be_bytes());
            header.extend_from_slice(&(self.plan.body as u64).to_be_bytes());
            // Delivery mode 2: persistent.
            header.extend_from_slice(&0x1000u16.to_be_bytes());
            header.push(2);
            frame(HEADER, 1, &header, out);
            let mut body = Vec::with_capacity(self.plan.body);
            fill_body(&mut body, &self.plan, self.number);
            frame(BODY, 1, &body, out);
            self.number += 1;
            self.published += 1;
        }
    }
}

impl Conversation for Amqp {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            out.extend_from_slice(b"AMQP\x00\x00\x09\x01");
            self.begun = true;
        }
    }

    fn hear(&mut self, input: &[u8], out: &mut Vec<u8>) -> anyhow::Result<usize> {
        let mut used = 0;
        while let Some((kind, payload, bytes)) = read_frame(input.get(used..).unwrap_or_default())? {
            match kind {
                METHOD => self.on_method(payload, out)?,
                BODY => self.on_body(payload, out),
                _ => {}
            }
            used += bytes;
        }
        self.publish(out);
        Ok(used)
    }
}

/// A frame's kind, payload and size; `None` if it is not whole.
fn read_frame(input: &[u8]) -> anyhow::Result<Option<(u8, &[u8], usize)>> {
    let Some(head) = input.get(..7) else { return Ok(None) };
    let mut reader = Reader(head);
    let kind = reader.u8()?;
    reader.u16()?;
    let bytes = usize::try_from(reader.u32()?)?;
    let Some(payload) = input.get(7..7 + bytes) else { return Ok(None) };
    match input.get(7 + bytes) {
        None => Ok(None),
        Some(&END) => Ok(Some((kind, payload, bytes + 8))),
        Some(_) => bail!("no frame of AMQP: {:?}", String::from_utf8_lossy(head)),
    }
}

fn frame(kind: u8, channel: u16, payload: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&channel.to_be_bytes());
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(payload);
    out.push(END);
}

struct Method {
    bytes: Vec<u8>,
}

impl Method {
    fn new(class: u16, method: u16) -> Self {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&class.to_be_bytes());
        bytes.extend_from_slice(&method.to_be_bytes());
        Self { bytes }
    }

    fn short(&mut self, text: &str) {
        self.bytes.push(u8::try_from(text.len()).unwrap_or(0));
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn long(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(0).to_be_bytes());
        self.bytes.extend_from_slice(text);
    }

    fn table(&mut self, entries: &[(&str, &str)]) {
        let mut table = Self { bytes: Vec::new() };
        for (name, value) in entries {
            table.short(name);
            table.bytes.push(b'S');
            table.long(value.as_bytes());
        }
        self.long(&table.bytes);
    }

    fn send(&self, channel: u16, out: &mut Vec<u8>) {
        frame(METHOD, channel, &self.bytes, out);
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        let (taken, rest) = self.0.split_at_checked(N).context("a frame of AMQP ends too early")?;
        self.0 = rest;
        Ok(taken.try_into()?)
    }

    fn u8(&mut self) -> anyhow::Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> anyhow::Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> anyhow::Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> anyhow::Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn short(&mut self) -> anyhow::Result<()> {
        let bytes = self.u8()?.into();
        self.0 = self.0.get(bytes..).context("a frame of AMQP ends too early")?;
        Ok(())
    }
}
