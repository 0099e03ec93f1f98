//! What one connection says to a server, and what it does with what it hears: bytes in, bytes out, no sockets.

use std::{cell::RefCell, rc::Rc};

/// What the connections of one run share: what is still to be done, and what was.
#[derive(Debug, Default)]
pub struct Tally {
    /// Jobs that were finished: received and acknowledged.
    pub finished: u64,
    /// Jobs whose sending was acknowledged.
    pub sent: u64,
    /// Jobs that are still to be begun; [`u64::MAX`] for a run that ends by time.
    pub to_send: u64,
    /// The first bytes of the bodies received, in order, if somebody wants to know.
    pub tags: Option<Vec<u8>>,
}

/// The tally, shared by the connections of one thread.
pub type Shared = Rc<RefCell<Tally>>;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Send, receive, acknowledge, again and again.
    Cycle,
    /// Send, and nothing else.
    Fill,
    /// Receive and acknowledge, and nothing else.
    Drain,
}

/// How a connection does it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What.
    pub task: Task,
    /// Jobs per call (or calls under way at once, where a protocol has no calls for several).
    pub batch: usize,
    /// Bytes of a body.
    pub body: usize,
    /// The first byte of each body.
    pub tag: u8,
    /// Tenants, taken in turn; 1 for one.
    pub groups: usize,
    /// The number of the first tenant.
    pub first_group: usize,
}

/// One side of a protocol.
pub trait Conversation {
    /// What is said first.
    fn begin(&mut self, out: &mut Vec<u8>);

    /// Takes in what was heard, whole messages only; returns how many bytes that was. Says what comes next.
    ///
    /// # Errors
    /// The server said what it should not.
    fn hear(&mut self, input: &[u8], out: &mut Vec<u8>) -> anyhow::Result<usize>;
}

impl Tally {
    /// Takes up to `count` jobs off what is to be sent.
    pub fn take(&mut self, count: usize) -> usize {
        if self.to_send == u64::MAX {
            return count;
        }
        let taken = self.to_send.min(count as u64);
        self.to_send -= taken;
        usize::try_from(taken).unwrap_or(count)
    }

    /// Notes a job that was received.
    pub fn received(&mut self, body: &[u8]) {
        if let (Some(tags), Some(&tag)) = (&mut self.tags, body.first()) {
            tags.push(tag);
        }
    }
}

/// A body of so many bytes that begins with a tag, unlike the next one, and hard to compress.
pub fn fill_body(out: &mut Vec<u8>, plan: &Plan, number: u64) {
    let start = out.len();
    out.push(plan.tag);
    let mut word = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    while out.len() - start < plan.body {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        // Printable, as most jobs are.
        out.extend(word.to_le_bytes().map(|byte| b'0' + byte % 64));
    }
    out.truncate(start + plan.body);
}
