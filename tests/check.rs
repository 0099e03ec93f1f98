//! `evenkeel check` on folders that a real server made: what it says, what it exits with, and that it changes nothing.
//!
//! `crates/check` breaks every file of a small folder in many ways; here it is the binary, and files of their real sizes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Client, Launch, Server, binary, wait};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn check(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(binary::evenkeel()).arg("check").arg(folder).args(arguments).output().unwrap()
}

/// The report and the exit code, which must agree.
fn report(folder: &Path) -> (Value, i32) {
    let output = check(folder, &["--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let code = output.status.code().unwrap();
    assert_eq!(report["exit_code"], code, "{text}");
    assert_eq!(report["format"], 1);
    (report, code)
}

/// All files of a folder: length, and a checksum of sorts.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (usize, u64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                let words = bytes.chunks(8).map(|chunk| chunk.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
                let sum = words.fold(0u64, |sum, word| (sum.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15));
                found.insert(path, (bytes.len(), sum));
            }
        }
    }
    found
}

/// The files of a folder with that ending, in order.
fn files(folder: &Path, within: &str, ending: &str) -> Vec<String> {
    let names = std::fs::read_dir(folder.join(within)).into_iter().flatten();
    let names = names.map(|entry| format!("{within}/{}", entry.unwrap().file_name().to_str().unwrap()));
    let mut names: Vec<_> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    names
}

fn names_file(report: &Value, file: &str) -> bool {
    report["findings"].as_array().unwrap().iter().any(|finding| finding["file"] == file)
}

/// Flips a bit of each of some bytes, and back again when dropped.
struct Flipped(std::fs::File, Vec<u64>);

impl Flipped {
    fn new(path: &Path, offsets: impl Iterator<Item = u64>) -> Self {
        let flipped = Self(std::fs::File::options().read(true).write(true).open(path).unwrap(), offsets.collect());
        flipped.flip();
        flipped
    }

    fn flip(&self) {
        for &offset in &self.1 {
            let mut byte = [0];
            self.0.read_exact_at(&mut byte, offset).unwrap();
            self.0.write_all_at(&[byte[0] ^ 16], offset).unwrap();
        }
    }
}

impl Drop for Flipped {
    fn drop(&mut self) {
        self.flip();
    }
}

/// Sends jobs of so many bytes each.
fn send(client: &mut Client, queue: &str, jobs: usize, bytes: usize) {
    for at in 0..jobs {
        client.send(queue, &format!("{at:06} {}", "x".repeat(bytes)), Some(&format!("group-{}", at % 7))).unwrap();
    }
}

/// Receives all, and deletes all but each so-manieth.
fn take_most(client: &mut Client, queue: &str, keep: usize) {
    let mut at = 0;
    loop {
        let jobs = client.receive(queue, 10, 0, None).unwrap();
        if jobs.is_empty() {
            return;
        }
        for job in jobs {
            at += 1;
            if at % keep != 0 {
                client.delete(queue, &job.handle).unwrap();
            }
        }
    }
}

#[test]
fn a_folder_of_every_kind_of_file_is_checked() {
    let mut server = Launch::default().argument("--checkpoint-every-mib=16").start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({"VisibilityTimeout": "40000"})).unwrap();
    let other = client.create_queue("others", &json!({})).unwrap();
    // Four segments of 64 MiB, of which little lives: bodies are carried.
    send(&mut client, &queue, 260, 1_000_000);
    take_most(&mut client, &queue, 10);
    let data = server.data().to_owned();
    wait::until("bodies to be carried", 60 * SECOND, || {
        send(&mut client, &other, 20, 200_000);
        !files(&data, "bodies", ".bodies").is_empty()
    });
    send(&mut client, &other, 500, 300_000);
    send(&mut client, &other, 3_000, 100);

    let (told, code) = report(&data);
    assert_eq!((code, &told["verdict"]), (3, &json!("unchecked")), "a server runs on it");
    assert!(told["error"].as_str().unwrap().contains("in use"), "{told}");

    assert!(server.stop().status.success());
    server.start_again();
    send(&mut server.client(), &other, 200, 100);
    assert!(server.stop().status.success());

    let before = contents(&data);
    let (told, code) = report(&data);
    assert_eq!((code, &told["verdict"]), (0, &json!("sound")), "{told:#}");
    assert_eq!(told["bodies"]["checked"], told["state"]["jobs"]);
    assert_eq!((&told["state"]["queues"], &told["starts"]), (&json!(2), &json!(true)));
    assert_eq!(told["checkpoints"][1]["agrees"], true, "{told:#}");
    let output = check(&data, &[]);
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.contains("SOUND") && output.status.success(), "{words}");
    assert!(contents(&data) == before, "a check changes nothing");

    // A bit of each kind of file: what it is, where it is, and whether that is serious.
    let (segments, bodies) = (files(&data, "log", ".seg"), files(&data, "bodies", ".bodies"));
    let (runs, manifests) = (files(&data, "checkpoints", ".run"), files(&data, "checkpoints", ".ckpt"));
    let sidecars = files(&data, "log", ".idx");
    assert!(segments.len() > 2 && manifests.len() == 2, "{segments:?} {manifests:?}");
    let last = segments.last().unwrap();
    let cases = [
        ("the log's last segment", last, 4_200, 2),
        ("bodies in a retired segment", &segments[0], 5_000, 2),
        ("a body file's body", &bodies[0], 600_000, 2),
        ("a sidecar", &sidecars[0], 100, 1),
        ("the newest manifest", &manifests[1], 200, 1),
        ("the newest run", runs.last().unwrap(), 700, 1),
    ];
    for (what, file, offset, expected) in cases {
        // Not all bodies in a segment are needed still: some in many places surely are.
        let end = if *file == segments[0] { 60_000_000 } else { offset + 1 };
        let flipped = Flipped::new(&data.join(file), (offset..end).step_by(150_000));
        let (told, code) = report(&data);
        assert_eq!(code, expected, "{what}, {file}: {told:#}");
        assert!(names_file(&told, file), "{what}, {file}: {told:#}");
        let damaged = contents(&data);
        let words = String::from_utf8(check(&data, &[]).stdout).unwrap();
        assert!(words.contains(file) && words.contains("DAMAGED"), "{what}, {file}: {words}");
        assert!(contents(&data) == damaged, "{what}: a check changes nothing");
        drop(flipped);
    }
    let flipped = Flipped::new(&data.join(&bodies[0]), 600_000..600_001);
    let (told, _) = report(&data);
    assert_eq!(told["bodies"]["queues"][0]["name"], "jobs", "it says whose bodies are lost: {told:#}");
    drop(flipped);

    for (file, expected) in [(&segments[0], 2), (last, 2), (&bodies[0], 2), (&sidecars[0], 1), (&manifests[1], 1)] {
        let (path, aside) = (data.join(file), data.join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        let (told, code) = report(&data);
        assert_eq!(code, expected, "without {file}: {told:#}");
        std::fs::rename(&aside, &path).unwrap();
    }
    assert_eq!(report(&data).1, 0, "all is as it was");
    server.start_again();
}

#[test]
fn what_is_no_data_folder_cannot_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    for folder in [folder.path().to_owned(), folder.path().join("nothing")] {
        let output = check(&folder, &[]);
        assert_eq!(output.status.code(), Some(3));
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(words.contains("no data folder"), "{words}");
        assert_eq!(report(&folder).1, 3);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made there");
}

#[test]
fn a_server_that_was_killed_leaves_a_folder_that_loses_nothing() {
    let mut server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    send(&mut client, &queue, 1_000, 100);
    server.kill();
    let (told, code) = report(server.data());
    assert!(code <= 1, "{told:#}");
    assert_eq!((&told["state"]["jobs"], &told["starts"]), (&json!(1_000), &json!(true)));
}
