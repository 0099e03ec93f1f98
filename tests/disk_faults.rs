//! A disk that is full, and a disk that lies, under the real process.
//!
//! The full disk is a small tmpfs, which only root may mount; without that right those tests say so and pass. The
//! simulator breaks its disks in many more ways (`cargo xtask sim`); here it is a real one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::small_disk::SmallDisk;
use evenkeel_tests::{Client, Launch, Server, http, wait};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// Room for three segments of the log, 64 MiB each, and a little more.
const DISK_MEBIBYTES: u32 = 256;

/// Receives and deletes everything; gives the bodies.
fn take_all(client: &mut Client, queue: &str) -> BTreeSet<String> {
    let mut bodies = BTreeSet::new();
    loop {
        let jobs = client.receive(queue, 10, 0, None).unwrap();
        if jobs.is_empty() {
            return bodies;
        }
        for job in jobs {
            client.delete(queue, &job.handle).unwrap();
            bodies.insert(job.body);
        }
    }
}

/// Sends until the disk is full; adds the bodies that were taken.
fn send_until_refused(client: &mut Client, queue: &str, taken: &mut BTreeSet<String>) {
    for _ in 0..1_500 {
        let body = format!("{:05} {}", taken.len(), "x".repeat(200_000));
        match client.send(queue, &body, None) {
            Ok(_) => _ = taken.insert(body),
            Err(failure) => {
                assert_eq!(failure.status(), 503, "{failure:?}");
                assert!(format!("{failure:?}").contains("full"), "it says what is wrong: {failure:?}");
                return;
            }
        }
    }
    panic!("300 MB went onto a disk that has no room for them");
}

#[test]
fn a_full_disk_refuses_sends_and_works_again_once_there_is_room() {
    let Some(disk) = SmallDisk::of_mebibytes(DISK_MEBIBYTES) else { return };
    let mut server = Launch::default().data(disk.data()).start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    client.send(&queue, "before", None).unwrap();
    let mut taken = BTreeSet::from(["before".to_owned()]);
    for _ in 0..3 {
        disk.fill();
        send_until_refused(&mut client, &queue, &mut taken);
        std::thread::sleep(SECOND / 2);
        assert!(server.is_running(), "{}", server.stderr());
        assert_eq!(http::get(server.address(), "/healthz", SECOND).unwrap().status, 200);
        assert_eq!(client.counts(&queue).unwrap()[0], taken.len() as u64, "it still answers questions");
        disk.make_room();
        wait::until("a send to be taken again", 10 * SECOND, || {
            let body = format!("after {}", taken.len());
            let sent = client.send(&queue, &body, None).is_ok();
            if sent {
                taken.insert(body);
            }
            sent
        });
    }
    // What was acknowledged is there, and what was refused is not, in this life and the next.
    assert_eq!(client.counts(&queue).unwrap()[0], taken.len() as u64);
    server.kill();
    server.start_again();
    assert_eq!(take_all(&mut client, &queue), taken);
}

#[test]
fn a_start_on_a_full_disk_loses_nothing() {
    let Some(disk) = SmallDisk::of_mebibytes(DISK_MEBIBYTES) else { return };
    let mut server = Launch::default().data(disk.data()).start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    let mut taken = BTreeSet::new();
    disk.fill();
    send_until_refused(&mut client, &queue, &mut taken);
    server.kill();
    // It may serve what it can, or say why not.
    if let Err(error) = server.try_start() {
        assert!(error.contains("space") || error.contains("full"), "{error}");
        assert!(!error.contains("panicked"), "{error}");
    }
    server.kill();
    disk.make_room();
    server.start_again();
    assert_eq!(take_all(&mut client, &queue), taken);
    client.send(&queue, "after", None).unwrap();
}

/// All files of a folder with their bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The files that are not the same in both. A segment made ready holds nothing yet, and may come and go.
fn changed(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) -> BTreeSet<PathBuf> {
    let paths = before.keys().chain(after.keys()).filter(|path| !path.ends_with("spare"));
    paths.filter(|&path| before.get(path) != after.get(path)).cloned().collect()
}

fn find(bytes: &[u8], what: &str) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what.as_bytes())
}

#[test]
fn damage_in_the_middle_of_the_log_is_named_and_nothing_is_touched() {
    let mut server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    for at in 0..200 {
        client.send(&queue, &format!("job number {at:03}, {}", "x".repeat(500)), None).unwrap();
    }
    server.kill();
    let whole = contents(server.data());
    let needle = "job number 050";
    let (segment, bytes) =
        whole.iter().find(|(_, bytes)| find(bytes, needle).is_some()).expect("the log holds the body");
    let place = find(bytes, needle).unwrap();
    type Damage = fn(&mut [u8], usize);
    let damages: [(&str, Damage); 4] = [
        ("a bit of a body", |bytes, place| bytes[place + 11] ^= 1),
        ("a byte before the body: a header or a field", |bytes, place| bytes[place - 40] ^= 0xff),
        ("4 KiB zeroed", |bytes, place| bytes[place..place + 4_096].fill(0)),
        ("4 KiB of noise", |bytes, place| {
            let mut random = evenkeel_tests::random::Random(1);
            bytes[place..place + 4_096].fill_with(|| random.draw().to_le_bytes()[0]);
        }),
    ];
    for (what, damage) in damages {
        let mut damaged = bytes.clone();
        damage(&mut damaged, place);
        std::fs::write(segment, &damaged).unwrap();
        let before = contents(server.data());
        let error = server.try_start().expect_err(what);
        let status = server.wait_for_end("the server to refuse").status;
        assert_eq!(status.code(), Some(1), "{what}: {error}");
        let name = segment.file_name().unwrap().to_str().unwrap();
        assert!(error.contains(name), "{what}: the file {name} is not named: {error}");
        let offsets =
            error.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse::<usize>().ok());
        let near = offsets.into_iter().any(|offset| (place.saturating_sub(8_192)..place + 8_192).contains(&offset));
        assert!(near, "{what}: no offset near {place} is named: {error}");
        let changed = changed(&before, &contents(server.data()));
        assert!(changed.is_empty(), "{what}: a start that refuses changes no file: {changed:?}");
    }
    std::fs::write(segment, bytes).unwrap();
    server.start_again();
    assert_eq!(take_all(&mut client, &queue).len(), 200, "repaired by hand, it has everything");
}

#[test]
fn a_log_that_is_gone_is_missed() {
    let mut server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    client.send(&queue, "a job to be missed", None).unwrap();
    // A clean stop leaves a checkpoint, which says how far the log went.
    assert!(server.stop().status.success());
    let whole = contents(server.data());
    let (segment, bytes) = whole.iter().find(|(_, bytes)| find(bytes, "to be missed").is_some()).unwrap();
    std::fs::remove_file(segment).unwrap();
    let before = contents(server.data());
    let error = server.try_start().expect_err("it started without its log, as if nothing had been");
    assert!(!error.contains("panicked"), "{error}");
    let changed = changed(&before, &contents(server.data()));
    assert!(changed.is_empty(), "a start that refuses changes no file: {changed:?}");
    server.kill();
    std::fs::write(segment, bytes).unwrap();
    server.start_again();
    assert_eq!(take_all(&mut client, &queue).len(), 1);
}
