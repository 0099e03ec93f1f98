//! How many batches a second a cluster in one process commits, and how long one takes: threads and disks are real, messages are function calls.
//!
//! `cargo run --release -p evenkeel-log-raft --example commits -- FOLDER [NODES] [BATCH_BYTES] [UNDER_WAY] [SECONDS]`
//!
//! All nodes write to the same disk, so the figure is a lower bound for nodes with one each. The yardstick is the same program with one node.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a tool for measuring")]

use bytes::Bytes;
use evenkeel_disk::RealDisk;
use evenkeel_log::{Log, LogEvent, Role};
use evenkeel_log_local::LogId;
use evenkeel_log_raft::{Inbox, Members, NodeId, Options, RaftLog, Start, run};
use evenkeel_types::LogIndex;
use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(args.first().expect("a folder to measure in"));
    let number = |at: usize, usual: usize| args.get(at).map_or(usual, |arg| arg.parse().unwrap());
    let (nodes, bytes, under_way, seconds) = (number(1, 3), number(2, 10_240), number(3, 64), number(4, 5));
    let doors: Arc<Mutex<Vec<Option<Inbox<RealDisk>>>>> = Arc::new(Mutex::new(vec![None; nodes]));
    let members = Members::of(&(1..=nodes as u64).map(NodeId).collect::<Vec<_>>());
    let (mut logs, mut running) = (Vec::new(), Vec::new());
    for node in 0..nodes {
        let options = Options::new(LogId([1; 16]), NodeId(node as u64 + 1), Start::New(members.clone()));
        let dir = folder.join(format!("node{node}"));
        let (log, parts, writer, _) = RaftLog::open(RealDisk, &dir, &options, LogIndex::ZERO).unwrap();
        let others = doors.clone();
        let send = move |message: evenkeel_log_raft::Message| {
            let to = usize::try_from(message.to().0 - 1).unwrap();
            if let Some(door) = others.lock().unwrap()[to].clone() {
                door.give(message);
            }
        };
        let (inbox, threads) = run(parts, writer, Duration::from_millis(100), send).unwrap();
        doors.lock().unwrap()[node] = Some(inbox);
        logs.push(log);
        running.push(threads);
    }
    let owner = loop {
        logs.iter_mut().for_each(|log| while log.poll().is_some() {});
        if let Some(owner) = logs.iter().position(|log| matches!(log.role(), Role::Owner(_))) {
            break owner;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let (wake, woken) = std::sync::mpsc::channel();
    logs[owner].set_waker(Arc::new(move || {
        // Nobody listens any more at the end.
        let _ = wake.send(());
    }));
    let batch = Bytes::from(vec![7; bytes]);
    let (mut proposed, mut took, begun) = (VecDeque::new(), Vec::new(), Instant::now());
    while begun.elapsed() < Duration::from_secs(seconds as u64) {
        while proposed.len() < under_way {
            logs[owner].propose(batch.clone()).unwrap();
            proposed.push_back(Instant::now());
        }
        while let Some(event) = logs[owner].poll() {
            match event {
                LogEvent::Committed { ticket: Some(_), .. } => took.push(proposed.pop_front().unwrap().elapsed()),
                LogEvent::RoleChanged(role) => panic!("{role:?}"),
                _ => {}
            }
        }
        logs.iter_mut().for_each(|log| while log.poll().is_some() {});
        let _ = woken.recv_timeout(Duration::from_millis(1));
    }
    let elapsed = begun.elapsed();
    took.sort_unstable();
    let at = |part: usize| took[(took.len() * part / 1000).min(took.len() - 1)];
    println!(
        "{nodes} nodes, batches of {bytes} bytes, {under_way} under way: {:.0} batches/s; p50 {:?}, p99 {:?}",
        took.len() as f64 / elapsed.as_secs_f64(),
        at(500),
        at(990)
    );
    drop(logs);
    running.into_iter().for_each(evenkeel_log_raft::Running::join);
}
