//! Clients that send and work while something is done to the cluster, and what they saw of it.
//!
//! A client that gets no answer, or is refused for now, repeats its call under the same invocation id, as an SDK does. There is a sender for each node, that knows no other, so that a
//! gap says that no node served anybody; workers repeat theirs at the next node, as if behind a balancer. Every job is in a [`Ledger`]; a job that came twice as the same of its receives was leased twice, or is there twice.

use crate::ledger::{Counts, Ledger, Number, begin, body};
use crate::random::Random;
use crate::server::Address;
use crate::{Client, Cluster, wait};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longer than the cluster is ever away, so that what is delivered again was lost sight of and not late.
const LEASE_SECONDS: u32 = 20;
/// Of a worker that dies with what it received, as one in so many receives: others get it then, and not before.
const DEAD_LEASE_SECONDS: u32 = 3;
const DEAD_ONE_IN: u64 = 25;
/// Jobs of one call.
const BATCH: u64 = 5;
/// What is acknowledged between two disturbances at least, in calls.
const CALLS_BETWEEN: usize = 40;
/// Acknowledged calls by which it goes on again: more than there are senders, whose answers may have been on their way.
const CALLS_AGAIN: usize = 10;
/// After which a client asks another node: longer than a node waits for one that leads, and than its long polls.
const ANSWER_MAX: Duration = Duration::from_secs(6);
/// How long one call is repeated.
const REPEAT_MAX: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_secs(60);
const DRAINED_MAX: Duration = Duration::from_secs(120);

/// What was seen of one disturbance.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// The longest time in which no send of any client was acknowledged.
    pub gap: Duration,
    /// How long one client waited at most, with all its repeats.
    pub slowest: Duration,
    /// How long it took after it until some sends were acknowledged.
    pub again: Duration,
}

/// What was seen.
#[derive(Debug)]
pub struct Report {
    pub rounds: Vec<Round>,
    pub counts: Counts,
    pub wrongs: Vec<String>,
}

impl Report {
    /// The longest gap.
    pub fn gap_max(&self) -> Duration {
        self.rounds.iter().map(|round| round.gap).max().unwrap_or_default()
    }
}

#[derive(Default)]
struct Load {
    ledger: Ledger,
    /// Jobs by the number of their receive.
    seen: Mutex<HashSet<(Number, u32)>>,
    twice: Mutex<Vec<String>>,
    /// When the calls that were acknowledged lately began and ended.
    acknowledged: Mutex<Vec<(Instant, Instant)>>,
    acknowledged_count: AtomicUsize,
    stopped_sending: AtomicBool,
    stopped_working: AtomicBool,
}

/// Disturbs the cluster under load, once for each of `rounds`, mending it each time, and then works off all that is left.
///
/// # Panics
/// If it does not go on within a minute.
pub fn disturb<T>(
    cluster: &mut Cluster,
    queue: &str,
    rounds: impl IntoIterator<Item = T>,
    mut disturb: impl FnMut(&mut Cluster, T),
    mut mend: impl FnMut(&mut Cluster, Round),
) -> Report {
    let load = Load::default();
    let addresses: Vec<Address> = cluster.nodes.iter().map(crate::Server::shared_address).collect();
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        for (at, address) in addresses.iter().enumerate() {
            let load = &load;
            scope.spawn(move || load.send(queue, Caller::new([address], format!("sender-{at}"))));
            let random = Random(at as u64);
            let (before, from) = addresses.split_at(at);
            let all = from.iter().chain(before);
            scope.spawn(move || load.work(queue, Caller::new(all, format!("worker-{at}")), random));
        }
        let done = catch_unwind(AssertUnwindSafe(|| {
            for round in rounds {
                load.wait_for(CALLS_BETWEEN);
                let began = Instant::now();
                disturb(cluster, round);
                let ended = Instant::now();
                load.wait_for(CALLS_AGAIN);
                let again = ended.elapsed();
                let (gap, slowest) = load.since(began);
                seen.push(Round { gap, slowest, again });
                mend(cluster, Round { gap, slowest, again });
            }
            load.stopped_sending.store(true, Ordering::SeqCst);
            let mut client = cluster.client(0);
            wait::until("the queue to be drained", DRAINED_MAX, || {
                client.counts(queue).is_ok_and(|counts| counts == [0; 3])
            });
        }));
        load.stopped_sending.store(true, Ordering::SeqCst);
        load.stopped_working.store(true, Ordering::SeqCst);
        done.unwrap_or_else(|panic| resume_unwind(panic));
    });
    let mut wrongs = load.ledger.settle();
    wrongs.append(&mut load.twice.lock().unwrap_or_else(PoisonError::into_inner));
    Report { rounds: seen, counts: load.ledger.counts(), wrongs }
}

impl Load {
    fn acknowledged(&self) -> usize {
        self.acknowledged_count.load(Ordering::SeqCst)
    }

    fn wait_for(&self, calls: usize) {
        let before = self.acknowledged();
        wait::until("sends to be acknowledged", SOON, || self.acknowledged() >= before + calls);
    }

    /// The longest time without an acknowledged call that ended after that moment, and the longest such call. Forgets them.
    fn since(&self, moment: Instant) -> (Duration, Duration) {
        let mut calls = std::mem::take(&mut *self.acknowledged.lock().expect("nobody panics while holding it"));
        calls.sort_unstable_by_key(|(_, ended)| *ended);
        let after = |ended: Instant| ended > moment;
        let pairs = calls.windows(2).filter(|pair| after(pair[1].1));
        let gap = pairs.map(|pair| pair[1].1 - pair[0].1).max().unwrap_or_default();
        let slowest = calls.iter().filter(|(_, ended)| after(*ended)).map(|(began, ended)| *ended - *began).max();
        (gap, slowest.unwrap_or_default())
    }

    fn send(&self, queue: &str, mut caller: Caller) {
        while !self.stopped_sending.load(Ordering::SeqCst) {
            let numbers = self.ledger.about_to_send(BATCH);
            let bodies: Vec<String> = numbers.iter().map(|&number| body(number)).collect();
            let began = Instant::now();
            match caller.call(|client| client.send_batch(queue, &bodies, None)) {
                Some(taken) => {
                    for (&number, taken) in numbers.iter().zip(taken) {
                        if taken { self.ledger.sent(number) } else { self.ledger.send_refused(number) }
                    }
                    let call = (began, Instant::now());
                    self.acknowledged.lock().expect("nobody panics while holding it").push(call);
                    self.acknowledged_count.fetch_add(1, Ordering::SeqCst);
                }
                None => numbers.iter().for_each(|&number| self.ledger.send_unknown(number)),
            }
        }
    }

    fn work(&self, queue: &str, mut caller: Caller, mut random: Random) {
        while !self.stopped_working.load(Ordering::SeqCst) {
            let dies = random.once_in(DEAD_ONE_IN);
            let seconds = if dies { DEAD_LEASE_SECONDS } else { LEASE_SECONDS };
            let lease = Duration::from_secs(seconds.into());
            let began = begin();
            let Some(jobs) = caller.call(|client| client.receive(queue, 10, 1, Some(seconds))) else { continue };
            let mut held = Vec::new();
            for job in &jobs {
                let Some(number) = self.ledger.received(&job.body, began, lease, job.receive_count) else { continue };
                if !self.seen.lock().expect("nobody panics while holding it").insert((number, job.receive_count)) {
                    let what = format!("job {number} came twice as its receive {}", job.receive_count);
                    self.twice.lock().expect("nobody panics while holding it").push(what);
                }
                held.push((number, job.handle.as_str()));
            }
            if held.is_empty() || dies {
                continue;
            }
            held.iter().for_each(|&(number, _)| self.ledger.about_to_delete(number));
            let handles: Vec<&str> = held.iter().map(|(_, handle)| *handle).collect();
            let deleted = caller.call(|client| client.delete_batch(queue, &handles)).unwrap_or_default();
            for (at, &(number, _)) in held.iter().enumerate() {
                match deleted.get(at) {
                    Some(true) => self.ledger.deleted(number, began, lease),
                    _ => self.ledger.delete_unknown(number),
                }
            }
        }
    }
}

/// A client of some nodes, that goes to the next one while one does not answer.
struct Caller {
    clients: Vec<Client>,
    name: String,
    calls: u64,
}

impl Caller {
    fn new<'a>(addresses: impl IntoIterator<Item = &'a Address>, name: String) -> Self {
        let client = |address: &Address| {
            let mut client = Client::new(address.clone());
            client.set_timeout(ANSWER_MAX);
            client
        };
        Self { clients: addresses.into_iter().map(client).collect(), name, calls: 0 }
    }

    /// Makes a call, and repeats it as the same call until there is an answer; `None` if there is none for long.
    fn call<T>(&mut self, mut call: impl FnMut(&mut Client) -> Result<T, crate::Failure>) -> Option<T> {
        self.calls += 1;
        let invocation = format!("{}-{}", self.name, self.calls);
        let began = Instant::now();
        while began.elapsed() < REPEAT_MAX {
            for client in &mut self.clients {
                client.invocation = Some(invocation.clone());
                match call(client) {
                    Ok(answer) => return Some(answer),
                    Err(failure) => assert!(failure.status() == 0 || failure.status() >= 500, "{failure:?}"),
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        None
    }
}
