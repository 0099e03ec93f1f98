//! Runs a node for real: a thread for the node, one for its disk half, one for the disk's background.
//!
//! Whoever carries messages between machines gives in what came ([`Inbox::give`]) and is given what is to go. Nothing here knows of sockets.

use crate::{
    limits::{CATCH_UP_BYTES_PER_SECOND, CATCH_UP_EVERY},
    members::{Change, ChangeError, NodeId},
    message::Message,
    node::{Node, Status},
    shared::{Offer, Shared},
    writer::Writer,
};
use evenkeel_disk::Disk;
use evenkeel_types::LogIndex;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long the disk half waits at most before it looks whether the background failed, or a full disk has room.
const LOOK_AROUND: Duration = Duration::from_millis(500);

type Errand<D> = Box<dyn FnOnce(&mut Node<D>) + Send>;

/// The way to a running node, for who carries messages and for who manages the cluster. Clones share it.
pub struct Inbox<D: Disk> {
    shared: Arc<Shared<D>>,
    errands: Sender<Errand<D>>,
}

impl<D: Disk> Clone for Inbox<D> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), errands: self.errands.clone() }
    }
}

impl<D: Disk> Inbox<D> {
    /// Gives the node a message. Messages wait until it takes them; a leader has no more under way than `limits.rs` says.
    pub fn give(&self, message: Message) {
        self.shared.queue().inbox.push_back(message);
        self.shared.for_node.notify_all();
    }

    /// How the node stands; `None` if it has stopped. Waits until it has time to say so.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.ask(|node| node.status())
    }

    /// See [`Node::change_members`].
    ///
    /// # Errors
    /// As there; [`ChangeError::NotLeading`] also if the node has stopped.
    pub fn change_members(&self, change: Change) -> Result<(), ChangeError> {
        self.ask(move |node| node.change_members(change)).unwrap_or(Err(ChangeError::NotLeading))
    }

    /// As [`Inbox::change_members`], for who must not wait: `tell` hears what became of it, on the node's thread, and is dropped if the node has
    /// stopped.
    pub fn change_members_then(&self, change: Change, tell: impl FnOnce(Result<(), ChangeError>) + Send + 'static) {
        self.give_errand(Box::new(move |node| tell(node.change_members(change))));
    }

    /// See [`Node::hand_over`].
    ///
    /// # Errors
    /// As there; [`ChangeError::NotLeading`] also if the node has stopped.
    pub fn hand_over(&self, to: NodeId) -> Result<(), ChangeError> {
        self.ask(move |node| node.hand_over(to)).unwrap_or(Err(ChangeError::NotLeading))
    }

    /// As [`Inbox::hand_over`], for who must not wait: see [`Inbox::change_members_then`].
    pub fn hand_over_then(&self, to: NodeId, tell: impl FnOnce(Result<(), ChangeError>) + Send + 'static) {
        self.give_errand(Box::new(move |node| tell(node.hand_over(to))));
    }

    /// See [`crate::RaftLog::offer_snapshot`].
    pub fn offer_snapshot(&self, at: LogIndex) {
        self.shared.queue().offer = Some(at);
        self.shared.for_node.notify_all();
    }

    /// See [`crate::RaftLog::wanted_snapshot`].
    #[must_use]
    pub fn wanted_snapshot(&self) -> Option<Offer> {
        self.shared.queue().wanted.clone()
    }

    /// See [`crate::RaftLog::keep_from`].
    pub fn keep_from(&self, from: Option<LogIndex>) {
        self.shared.keep_from(from);
    }

    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&mut Node<D>) -> T + Send + 'static) -> Option<T> {
        let (answer, answered) = mpsc::channel();
        self.give_errand(Box::new(move |node| {
            // Who asked may have gone.
            let _ = answer.send(question(node));
        }));
        answered.recv().ok()
    }

    /// One that the node does not take any more is dropped.
    fn give_errand(&self, errand: Errand<D>) {
        if self.errands.send(errand).is_ok() {
            // If the node just looked and is about to sleep, it sleeps by now, and hears this.
            drop(self.shared.queue());
            self.shared.for_node.notify_all();
        }
    }
}

/// A node that runs. Shut its [`crate::RaftLog`] down, and then wait for it.
pub struct Running {
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Waits until all threads have ended.
    pub fn join(self) {
        for thread in self.threads {
            // A panic has ended the log already, and was told.
            let _ = thread.join();
        }
    }
}

/// Runs a node until its log is shut down or fails. `tick` is the length of a tick; what is to go to others is handed to `send`, which must not block.
///
/// # Errors
/// No thread could be started.
pub fn run<D: Disk>(
    node: Node<D>,
    writer: Writer<D>,
    tick: Duration,
    send: impl FnMut(Message) + Send + 'static,
) -> io::Result<(Inbox<D>, Running)> {
    let shared = node.shared().clone();
    let (errands, to_do) = mpsc::channel();
    let disk = {
        let shared = shared.clone();
        thread::Builder::new().name("log-disk".into()).spawn(move || run_disk(writer, &shared))?
    };
    let steps = thread::Builder::new().name("log-node".into()).spawn(move || run_node(node, tick, &to_do, send))?;
    Ok((Inbox { shared, errands }, Running { threads: vec![steps, disk] }))
}

fn run_node<D: Disk>(mut node: Node<D>, tick: Duration, errands: &Receiver<Errand<D>>, mut send: impl FnMut(Message)) {
    let shared = node.shared().clone();
    let mut next_tick = Instant::now() + tick;
    let mut last_leave = Instant::now();
    loop {
        node.work();
        let inbox = {
            let mut queue = shared.queue();
            // What cannot be proposed now, since a majority is missing, is not waited for.
            let proposed = queue.proposals.is_empty() || !node.can_propose();
            if queue.failed.is_some() || queue.closed && proposed && node.is_idle() {
                return;
            }
            std::mem::take(&mut queue.inbox)
        };
        inbox.into_iter().for_each(|message| node.step(message));
        while let Ok(errand) = errands.try_recv() {
            errand(&mut node);
        }
        let now = Instant::now();
        if now >= next_tick {
            node.tick();
            // A thread that was stopped for long does not make up for it: others may have taken over meanwhile.
            next_tick = now + tick;
        }
        if node.has_catching_up() && now >= last_leave + CATCH_UP_EVERY {
            node.let_catch_up(catch_up_bytes(now - last_leave));
            last_leave = now;
        }
        node.take_messages().into_iter().for_each(&mut send);
        let queue = shared.queue();
        let has_work = !queue.inbox.is_empty()
            || !queue.proposals.is_empty() && node.can_propose()
            || queue.done > node.has_seen_done()
            || queue.reset.is_some()
            || queue.offer.is_some()
            || queue.closed && node.is_idle()
            || queue.failed.is_some();
        if !has_work {
            let next = if node.has_catching_up() { next_tick.min(last_leave + CATCH_UP_EVERY) } else { next_tick };
            let left = next.saturating_duration_since(Instant::now());
            // Woken too early or too late, it only looks once more.
            drop(shared.for_node.wait_timeout(queue, left));
        }
    }
}

/// What followers may have of the disk in that time.
fn catch_up_bytes(elapsed: Duration) -> u64 {
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    micros.saturating_mul(CATCH_UP_BYTES_PER_SECOND) / 1_000_000
}

fn run_disk<D: Disk>(mut writer: Writer<D>, shared: &Shared<D>) {
    let stop = AtomicBool::new(false);
    let upkeep = shared.upkeep.clone();
    thread::scope(|scope| {
        // If no thread can be had, the disk half does it when it is idle.
        let filler = thread::Builder::new().name("log-filler".into()).spawn_scoped(scope, || upkeep.run(&stop));
        loop {
            if writer.write() {
                writer.sync();
                writer.publish();
                continue;
            }
            if writer.has_failed() || filler.is_err() && writer.fill() {
                if writer.has_failed() {
                    break;
                }
                continue;
            }
            let queue = shared.queue();
            if queue.failed.is_some() || queue.node_gone && queue.jobs.is_empty() {
                break;
            }
            if queue.jobs.is_empty() {
                drop(shared.for_disk.wait_timeout(queue, LOOK_AROUND));
            } else {
                drop(queue);
                // Jobs that could not be written: the disk is full.
                thread::sleep(Duration::from_millis(10));
            }
        }
        stop.store(true, Ordering::Release);
        upkeep.wake();
    });
}
