//! beanstalkd (doc/protocol.txt): put, reserve, delete. It has no calls for several jobs; a batch is so many calls one
//! behind the other on the same connection. It has no tenants either.

use crate::conversation::{Conversation, Plan, Shared, Task, fill_body};
use anyhow::bail;
use std::io::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Put,
    Reserve,
    Delete,
}

/// A connection to beanstalkd.
pub struct Beanstalk {
    plan: Plan,
    tally: Shared,
    step: Step,
    /// Answers that are still to come.
    awaited: usize,
    ids: Vec<u64>,
    number: u64,
}

impl Beanstalk {
    pub fn new(plan: Plan, tally: Shared, at: usize) -> Self {
        Self { plan, tally, step: Step::Delete, awaited: 0, ids: Vec::new(), number: (at as u64) << 40 }
    }

    fn go_on(&mut self, out: &mut Vec<u8>) {
        self.step = match (self.step, self.plan.task) {
            (Step::Put, Task::Cycle) => Step::Reserve,
            (Step::Reserve, _) if !self.ids.is_empty() => Step::Delete,
            (_, Task::Drain) => Step::Reserve,
            _ => Step::Put,
        };
        match self.step {
            Step::Put => {
                self.awaited = self.tally.borrow_mut().take(self.plan.batch);
                for _ in 0..self.awaited {
                    _ = write!(out, "put 0 0 3600 {}\r\n", self.plan.body);
                    fill_body(out, &self.plan, self.number);
                    out.extend_from_slice(b"\r\n");
                    self.number += 1;
                }
            }
            Step::Reserve => {
                self.awaited = self.plan.batch;
                (0..self.awaited).for_each(|_| out.extend_from_slice(b"reserve-with-timeout 0\r\n"));
            }
            Step::Delete => {
                self.awaited = self.ids.len();
                self.ids.drain(..).for_each(|id| _ = write!(out, "delete {id}\r\n"));
            }
        }
    }

    /// One answer; `None` if it is not whole.
    fn answer(&mut self, input: &[u8]) -> anyhow::Result<Option<usize>> {
        let Some(end) = input.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
        let line = String::from_utf8_lossy(input.get(..end).unwrap_or_default()).into_owned();
        let mut used = end + 2;
        let mut words = line.split(' ');
        match words.next() {
            Some("INSERTED") => self.tally.borrow_mut().sent += 1,
            Some("RESERVED") => {
                let (Some(Ok(id)), Some(Ok(bytes))) =
                    (words.next().map(str::parse), words.next().map(str::parse::<usize>))
                else {
                    bail!("beanstalkd says: {line}")
                };
                let Some(body) = input.get(used..used + bytes + 2) else { return Ok(None) };
                self.tally.borrow_mut().received(body);
                self.ids.push(id);
                used += bytes + 2;
            }
            Some("DELETED") => self.tally.borrow_mut().finished += 1,
            Some("TIMED_OUT") => {}
            _ => bail!("beanstalkd says: {line}"),
        }
        Ok(Some(used))
    }
}

impl Conversation for Beanstalk {
    fn begin(&mut self, out: &mut Vec<u8>) {
        self.go_on(out);
    }

    fn hear(&mut self, input: &[u8], out: &mut Vec<u8>) -> anyhow::Result<usize> {
        let mut used = 0;
        while let Some(bytes) = self.answer(input.get(used..).unwrap_or_default())? {
            used += bytes;
            self.awaited -= 1;
            if self.awaited == 0 {
                self.go_on(out);
            }
        }
        Ok(used)
    }
}
