//! What carries packets between nodes: a thread that reads each node's interface and writes to another's, and on the way holds up, loses or drops them, for each
//! direction between two nodes by itself.

use crate::random::Random;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tun_rs::SyncDevice;

/// Longer than any packet of an interface with Linux's usual MTU of 1,500.
const PACKET_BYTES_MAX: usize = 2_048;
/// Packets that one node may say before the others are heard.
const BURST: usize = 64;
/// Packets that are held up at once at most; more are lost, as in a router.
const HELD_MAX: usize = 20_000;
/// How often it looks whether it is to end.
const IDLE: Duration = Duration::from_millis(50);

/// How packets fare in one direction between two nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub is_cut: bool,
    /// How long each takes, and how much longer at most.
    pub delay: Duration,
    pub jitter: Duration,
    /// How many of a hundred are lost.
    pub lost_percent: u32,
}

/// What became of packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    pub passed: u64,
    pub held_up: u64,
    pub lost: u64,
    pub cut: u64,
}

/// The way between nodes; ends when dropped.
#[derive(Debug)]
pub struct Wire {
    shared: Arc<Shared>,
    carrier: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// By from and to.
    lines: Mutex<Vec<Vec<Line>>>,
    carried: Mutex<Carried>,
    ended: AtomicBool,
}

impl Wire {
    /// Carries packets between these interfaces; `whose` says which of them has an address.
    pub(crate) fn between(ends: Vec<SyncDevice>, whose: fn(Ipv4Addr) -> Option<usize>, seed: u64) -> io::Result<Self> {
        let lines = Mutex::new(vec![vec![Line::default(); ends.len()]; ends.len()]);
        let shared = Arc::new(Shared { lines, carried: Mutex::default(), ended: AtomicBool::new(false) });
        for end in &ends {
            end.set_nonblocking(true)?;
        }
        let due_by = vec![vec![Instant::now(); ends.len()]; ends.len()];
        let random = Random(seed);
        let mut carrier =
            Carrier { shared: Arc::clone(&shared), ends, whose, random, due_by, held: BinaryHeap::new(), count: 0 };
        let carrier = std::thread::Builder::new().name("wire".into()).spawn(move || carrier.run())?;
        Ok(Self { shared, carrier: Some(carrier) })
    }

    /// Changes how packets fare from one node to another.
    pub fn change(&self, from: usize, to: usize, change: impl FnOnce(&mut Line)) {
        change(&mut self.shared.lines()[from][to]);
    }

    /// As [`Wire::change`], in every direction.
    pub fn change_all(&self, change: impl Fn(&mut Line)) {
        self.shared.lines().iter_mut().flatten().for_each(change);
    }

    /// All packets arrive, at once.
    pub fn heal(&self) {
        self.change_all(|line| *line = Line::default());
    }

    /// What became of all packets so far.
    pub fn carried(&self) -> Carried {
        *self.shared.carried.lock().expect("nobody panics while holding it")
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        if let Some(carrier) = self.carrier.take() {
            _ = carrier.join();
        }
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, Vec<Vec<Line>>> {
        self.lines.lock().expect("nobody panics while holding it")
    }
}

struct Carrier {
    shared: Arc<Shared>,
    ends: Vec<SyncDevice>,
    whose: fn(Ipv4Addr) -> Option<usize>,
    random: Random,
    /// When the last packet of each direction is due: none overtakes another.
    due_by: Vec<Vec<Instant>>,
    held: BinaryHeap<Reverse<Held>>,
    /// Packets that were ever held up.
    count: u64,
}

/// A packet that is due later. In the order in which they are due, and came.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    due: Instant,
    number: u64,
    to: usize,
    packet: Vec<u8>,
}

impl Carrier {
    fn run(&mut self) {
        while !self.shared.ended.load(Ordering::SeqCst) {
            self.wait();
            for from in 0..self.ends.len() {
                self.hear(from);
            }
            self.deliver();
        }
    }

    /// Until there is a packet, or one is due.
    fn wait(&self) {
        let now = Instant::now();
        let due = self.held.peek().map_or(IDLE, |Reverse(held)| held.due.saturating_duration_since(now));
        let timeout = Timespec::try_from(due.min(IDLE)).expect("a short time");
        let mut polled: Vec<PollFd<'_>> =
            self.ends.iter().map(|end| PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)).collect();
        // Interrupted is as good as nothing there.
        _ = poll(&mut polled, Some(&timeout));
    }

    fn hear(&mut self, from: usize) {
        let mut packet = [0; PACKET_BYTES_MAX];
        for _ in 0..BURST {
            let Ok(length) = self.ends[from].recv(&mut packet) else { return };
            let packet = &packet[..length];
            // Anything but IPv4 is what interfaces say of themselves.
            let to = match packet {
                [0x40..=0x4f, _, ..] if length >= 20 => {
                    (self.whose)(Ipv4Addr::new(packet[16], packet[17], packet[18], packet[19]))
                }
                _ => None,
            };
            if let Some(to) = to.filter(|&to| to < self.ends.len()) {
                self.carry(from, to, packet);
            }
        }
    }

    fn carry(&mut self, from: usize, to: usize, packet: &[u8]) {
        let line = self.shared.lines()[from][to];
        let is_lost = line.lost_percent > 0 && self.random.below(100) < line.lost_percent.into();
        let mut carried = self.shared.carried.lock().expect("nobody panics while holding it");
        if line.is_cut {
            carried.cut += 1;
        } else if is_lost || self.held.len() >= HELD_MAX {
            carried.lost += 1;
        } else {
            let now = Instant::now();
            let jitter = u64::try_from(line.jitter.as_micros()).expect("less than a second");
            let due = now + line.delay + Duration::from_micros(self.random.below(jitter + 1));
            let due = due.max(self.due_by[from][to]);
            if due > now {
                carried.held_up += 1;
                self.due_by[from][to] = due;
                self.count += 1;
                self.held.push(Reverse(Held { due, number: self.count, to, packet: packet.to_owned() }));
            } else {
                carried.passed += 1;
                // A node whose interface is full loses it.
                _ = self.ends[to].send(packet);
            }
        }
    }

    fn deliver(&mut self) {
        let now = Instant::now();
        while self.held.peek().is_some_and(|Reverse(held)| held.due <= now)
            && let Some(Reverse(held)) = self.held.pop()
        {
            _ = self.ends[held.to].send(&held.packet);
        }
    }
}
