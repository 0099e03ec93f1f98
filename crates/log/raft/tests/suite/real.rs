//! Threads, real disks and a clock: a cluster in one process, messages by function calls.

use super::harness::{LOG, id};
use bytes::Bytes;
use evenkeel_disk::RealDisk;
use evenkeel_log::{Log, LogEvent, Role};
use evenkeel_log_raft::{Change, ChangeError, Inbox, Members, Options, RaftLog, Running, Start, run};
use evenkeel_types::LogIndex;
use std::{
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

type Doors = Arc<Mutex<Vec<Option<Inbox<RealDisk>>>>>;

/// Starts a node that is reached through `doors`.
fn start(
    node: usize,
    start: Start,
    applied: LogIndex,
    folder: &std::path::Path,
    doors: &Doors,
) -> (RaftLog<RealDisk>, Running) {
    let dir = folder.join(format!("node{node}"));
    let options = Options { segment_bytes: 1024 * 1024, ..Options::new(LOG, id(node), start) };
    let (log, parts, writer, _) = RaftLog::open(RealDisk, &dir, &options, applied).unwrap();
    let others = doors.clone();
    let (inbox, running) = run(parts, writer, Duration::from_millis(10), move |message| {
        let to = usize::try_from(message.to().0 - 1).unwrap();
        let door = others.lock().unwrap().get(to).cloned().flatten();
        if let Some(door) = door {
            door.give(message);
        }
    })
    .unwrap();
    doors.lock().unwrap()[node] = Some(inbox);
    (log, running)
}

/// Waits until one of them owns the log.
fn owner(logs: &mut [Option<RaftLog<RealDisk>>], heard: &mut [u64]) -> usize {
    let begun = Instant::now();
    loop {
        for (node, log) in logs.iter_mut().enumerate() {
            let Some(log) = log else { continue };
            hear(log, &mut heard[node]);
            if matches!(log.role(), Role::Owner(_)) {
                return node;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody owns the log");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How many answers came.
fn hear(log: &mut RaftLog<RealDisk>, heard: &mut u64) -> usize {
    let mut answers = 0;
    while let Some(event) = log.poll() {
        match event {
            LogEvent::Committed { entry, ticket } => {
                *heard = entry.index.0;
                answers += usize::from(ticket.is_some());
            }
            LogEvent::Failed(error) => panic!("{error}"),
            _ => {}
        }
    }
    answers
}

pub(crate) fn threads_carry_a_cluster_over_real_disks() {
    let folder = tempfile::tempdir().unwrap();
    let doors: Doors = Arc::new(Mutex::new(vec![None; 3]));
    let members = Members::of(&[id(0), id(1), id(2)]);
    let (mut logs, mut running) = (Vec::new(), Vec::new());
    for node in 0..3 {
        let (log, threads) = start(node, Start::New(members.clone()), LogIndex::ZERO, folder.path(), &doors);
        logs.push(Some(log));
        running.push(Some(threads));
    }
    let mut heard = vec![0; 3];
    let first = owner(&mut logs, &mut heard);
    let batch = Bytes::from(vec![7; 10 * 1024]);
    let (mut proposed, mut answered) = (0, 0);
    while answered < 300 {
        let log = logs[first].as_mut().unwrap();
        while proposed < 300 && proposed - answered < 32 {
            log.propose(batch.clone()).unwrap();
            proposed += 1;
        }
        answered += hear(log, &mut heard[first]);
        std::thread::yield_now();
    }
    let last = heard[first];
    // The owner stops; the others go on without it, and have all that was answered.
    doors.lock().unwrap()[first] = None;
    logs[first] = None;
    running[first].take().unwrap().join();
    let second = owner(&mut logs, &mut heard);
    assert!(heard[second] > last, "the new owner has heard what the old one answered");
    let log = logs[second].as_mut().unwrap();
    log.propose(batch.clone()).unwrap();
    let begun = Instant::now();
    while hear(log, &mut heard[second]) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
    // It comes back and hears what it missed.
    let (log, threads) = start(first, Start::Again, LogIndex(last), folder.path(), &doors);
    logs[first] = Some(log);
    running[first] = Some(threads);
    while heard[first] < heard[second] {
        hear(logs[first].as_mut().unwrap(), &mut heard[first]);
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
    // Each is asked by way of its door, and then all stop.
    let inbox = doors.lock().unwrap()[first].clone().unwrap();
    assert_eq!(inbox.status().unwrap().members, members);
    logs.clear();
    running.into_iter().flatten().for_each(Running::join);
    assert_eq!(inbox.status(), None, "it has stopped");
}

/// A thread that serves requests asked the node, and stood still with it.
pub(crate) fn a_node_that_is_held_up_holds_up_nobody_who_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(LOG, id(0), Start::New(Members::of(&[id(0), id(1)])));
    let (log, node, writer, _) = RaftLog::open(RealDisk, folder.path(), &options, LogIndex::ZERO).unwrap();
    let (is_held, held) = mpsc::channel();
    let (let_go, wait) = mpsc::channel::<()>();
    // The first message that it has for the other holds it up, until the sender of this is gone.
    let (inbox, running) = run(node, writer, Duration::from_millis(1), move |_| {
        _ = is_held.send(());
        _ = wait.recv();
    })
    .unwrap();
    held.recv().unwrap();
    let (tell, told) = mpsc::channel();
    let (tell_too, tell_late) = (tell.clone(), tell.clone());
    inbox.hand_over_then(id(1), move |done| _ = tell.send(done));
    inbox.change_members_then(Change::Remove(id(1)), move |done| _ = tell_too.send(done));
    assert!(told.try_recv().is_err(), "it is still held up");
    drop(let_go);
    for _ in 0..2 {
        assert_eq!(told.recv().unwrap(), Err(ChangeError::NotLeading));
    }
    drop(log);
    running.join();
    inbox.hand_over_then(id(1), move |done| _ = tell_late.send(done));
    assert!(told.recv().is_err(), "it has stopped, and nobody is told");
}
