//! kill -9 on the real server, again and again, under load; then the account: no acknowledged job is lost, none whose
//! delete was acknowledged comes back, none is held by two.
//!
//! `EVENKEEL_KILL_ROUNDS` (5) kills, each after at most `EVENKEEL_KILL_SECONDS` (2) of work; `EVENKEEL_KILL_SEED` for the same
//! choices again (the moments still differ). The long run: `cargo xtask kill --rounds 50`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::ledger::{Ledger, Number, begin, body};
use evenkeel_tests::random::Random;
use evenkeel_tests::server::Address;
use evenkeel_tests::{Client, Failure, Message, Server, wait};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SENDERS: u64 = 4;
const WORKERS: u64 = 5;
/// Short, so that what a killed worker held comes back within the test.
const LEASE_SECONDS: u32 = 3;
const LEASE: Duration = Duration::from_secs(LEASE_SECONDS as u64);
/// Senders rest above this, so that the drain at the end stays short.
const OUTSTANDING_MAX: usize = 4_000;
const DRAIN_MAX: Duration = Duration::from_secs(120);
const QUEUES: [&str; 2] = ["jobs", "more-jobs"];

struct Scene {
    address: Address,
    queues: [String; 2],
    ledger: Ledger,
    sending: AtomicBool,
    working: AtomicBool,
    /// Workers are quick and delete everything: the end is near.
    draining: AtomicBool,
}

#[test]
fn no_acknowledged_job_is_lost_when_the_server_is_killed() {
    let rounds = number_from("EVENKEEL_KILL_ROUNDS", 5);
    let seconds = number_from("EVENKEEL_KILL_SECONDS", 2);
    let seed = number_from("EVENKEEL_KILL_SEED", u64::from(std::process::id()));
    eprintln!("{rounds} rounds of at most {seconds} s, seed {seed}");
    let start = Instant::now();
    let mut random = Random(seed);

    let mut server = Server::start();
    let mut client = server.client();
    let queues = QUEUES.map(|name| client.create_queue(name, &json!({})).unwrap());
    let scene = Scene {
        address: server.shared_address(),
        queues,
        ledger: Ledger::default(),
        sending: AtomicBool::new(true),
        working: AtomicBool::new(true),
        draining: AtomicBool::new(false),
    };
    let drained = std::thread::scope(|threads| {
        let mut senders = Vec::new();
        for sender in 0..SENDERS {
            let (scene, random) = (&scene, Random(seed ^ (sender + 1) << 32));
            senders.push(threads.spawn(move || send(scene, random)));
        }
        for worker in 0..WORKERS {
            let (scene, random) = (&scene, Random(seed ^ (worker + 100) << 32));
            threads.spawn(move || work(scene, random));
        }
        // Whatever happens here, the threads must end, or the scope never does.
        let drained = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..rounds {
                kill_and_start(&mut server, &mut random, seconds);
                client.create_queue(&format!("round-{round}"), &json!({})).unwrap();
            }
            scene.sending.store(false, Ordering::SeqCst);
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            scene.draining.store(true, Ordering::SeqCst);
            drain(&mut client, &scene)
        }));
        scene.sending.store(false, Ordering::SeqCst);
        scene.working.store(false, Ordering::SeqCst);
        drained
    });
    let counts = scene.ledger.counts();
    eprintln!("{counts:#?}\nin {:.1} s", start.elapsed().as_secs_f64());
    drained.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    for round in 0..rounds {
        let found = client.call("GetQueueUrl", &json!({"QueueName": format!("round-{round}")}));
        assert!(found.is_ok(), "a queue whose making was acknowledged is lost: {found:?}");
    }
    let wrongs = scene.ledger.settle();
    let first = wrongs.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrongs.is_empty(), "{} wrongs (seed {seed}):\n{first}", wrongs.len());
    assert!(counts.sends_acknowledged > 100, "too little happened to mean anything");
    assert!(counts.deletes_acknowledged > 100, "too little happened to mean anything");
}

/// Lets it work for a while, kills it, and starts it again; now and then it is killed while starting too.
fn kill_and_start(server: &mut Server, random: &mut Random, seconds: u64) {
    std::thread::sleep(Duration::from_millis(50 + random.below(seconds * 1_000)));
    server.kill();
    while random.once_in(3) {
        server.spawn();
        std::thread::sleep(Duration::from_millis(random.below(60)));
        server.kill();
    }
    server.start_again();
}

/// Waits until every queue is empty: nothing waiting, nothing in flight.
fn drain(client: &mut Client, scene: &Scene) {
    wait::until("the queues to be drained", DRAIN_MAX, || {
        std::thread::sleep(Duration::from_millis(100));
        let left = scene.queues.each_ref().map(|queue| client.counts(queue).unwrap());
        left == [[0; 3]; 2]
    });
}

fn send(scene: &Scene, mut random: Random) {
    let mut client = Client::new(scene.address.clone());
    let ledger = &scene.ledger;
    while scene.sending.load(Ordering::SeqCst) {
        if scene.address.get().is_none() || (random.once_in(20) && ledger.outstanding() > OUTSTANDING_MAX) {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        let queue = random.pick(&scene.queues);
        let group = random.once_in(2).then(|| format!("tenant-{}", random.below(7)));
        if random.once_in(3) {
            let numbers = ledger.about_to_send(1 + random.below(10));
            let bodies: Vec<String> = numbers.iter().map(|&number| body(number)).collect();
            match client.send_batch(queue, &bodies, group.as_deref()) {
                Ok(taken) => {
                    for (&number, taken) in numbers.iter().zip(taken) {
                        if taken { ledger.sent(number) } else { ledger.send_refused(number) }
                    }
                }
                Err(failure) => numbers.iter().for_each(|&number| not_sent(ledger, number, &failure)),
            }
        } else {
            let number = ledger.about_to_send(1)[0];
            match client.send(queue, &body(number), group.as_deref()) {
                Ok(_) => ledger.sent(number),
                Err(failure) => not_sent(ledger, number, &failure),
            }
        }
    }
}

fn not_sent(ledger: &Ledger, number: Number, failure: &Failure) {
    if failure.may_have_been_done() { ledger.send_unknown(number) } else { ledger.send_refused(number) }
}

fn work(scene: &Scene, mut random: Random) {
    let mut client = Client::new(scene.address.clone());
    while scene.working.load(Ordering::SeqCst) {
        if scene.address.get().is_none() {
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        let queue = random.pick(&scene.queues);
        let calm = scene.draining.load(Ordering::SeqCst);
        let began = begin();
        let wait = u32::from(!calm);
        let Ok(jobs) = client.receive(queue, random.one_to(10), wait, Some(LEASE_SECONDS)) else { continue };
        let jobs: Vec<(Number, Message)> = jobs
            .into_iter()
            .filter_map(|job| Some((scene.ledger.received(&job.body, began, LEASE, job.receive_count)?, job)))
            .collect();
        let ledger = &scene.ledger;
        match if calm { 99 } else { random.below(100) } {
            // Forgets them: they come back when their leases end.
            0..3 => continue,
            // Gives them back.
            3..8 => {
                for (number, job) in &jobs {
                    ledger.about_to_give_back(*number);
                    _ = client.change_visibility(queue, &job.handle, 0);
                }
                continue;
            }
            // Works slowly, but in time; or a little too slowly.
            8..10 => std::thread::sleep(Duration::from_millis(random.below(1_500))),
            10 => std::thread::sleep(LEASE + Duration::from_millis(random.below(500))),
            _ => {}
        }
        if jobs.len() > 1 && random.once_in(2) {
            let handles: Vec<&str> = jobs.iter().map(|(_, job)| job.handle.as_str()).collect();
            jobs.iter().for_each(|(number, _)| ledger.about_to_delete(*number));
            match client.delete_batch(queue, &handles) {
                Ok(taken) => {
                    for ((number, _), taken) in jobs.iter().zip(taken) {
                        if taken { ledger.deleted(*number, began, LEASE) } else { ledger.delete_unknown(*number) }
                    }
                }
                Err(_) => jobs.iter().for_each(|(number, _)| ledger.delete_unknown(*number)),
            }
        } else {
            for (number, job) in &jobs {
                ledger.about_to_delete(*number);
                match client.delete(queue, &job.handle) {
                    Ok(()) => ledger.deleted(*number, began, LEASE),
                    Err(_) => ledger.delete_unknown(*number),
                }
            }
        }
    }
}

fn number_from(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, not a number")),
        Err(_) => default,
    }
}
