//! The demo, with a short run: it measures, tells, draws and leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Tool, binary};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A wait as the demo writes it, in seconds.
fn seconds(number: &str, unit: &str) -> f64 {
    number.parse::<f64>().unwrap() * if unit == "ms" { 0.001 } else { 1.0 }
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn it_ends_by_itself_with_what_it_measured_and_a_picture() {
    let (home, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    binary::evenkeel();
    let begun = Instant::now();
    let said = Tool::bare(&["demo", "--seconds", "4", "--svg", "demo.svg"])
        .folder(home.path())
        .variable("TMPDIR", temporary.path().to_str().unwrap())
        .works();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(said.stdout.lines().all(|line| line.chars().count() < 80), "{}", said.stdout);
    assert!(!said.stdout.contains('\u{1b}'), "no colours where there is no terminal: {}", said.stdout);
    assert!(said.stdout.lines().filter(|line| line.contains(" s  one line:")).count() >= 3, "{}", said.stdout);

    let row = said.stdout.lines().find(|line| line.contains("quiet tenants: half waited")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    let [.., line, line_unit, fair, fair_unit] = words[..] else { panic!("{row}") };
    let (line, fair) = (seconds(line, line_unit), seconds(fair, fair_unit));
    assert!(line > 2.0 * fair, "in one line {line} s, with turns {fair} s");

    let svg = std::fs::read_to_string(home.path().join("demo.svg")).unwrap();
    assert!(
        svg.starts_with("<svg ") && svg.contains("prefers-color-scheme:dark") && svg.matches("<circle").count() > 100
    );
    assert!(is_empty(temporary.path()), "it leaves nothing behind");
}

#[test]
fn whoever_stops_it_finds_nothing_left() {
    for signal in [Signal::INT, Signal::TERM] {
        let temporary = tempfile::tempdir().unwrap();
        let demo = Command::new(binary::evenkeel())
            .args(["demo", "--seconds", "60"])
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let log = |folder: std::fs::DirEntry| folder.path().join("data/log").exists();
        while !std::fs::read_dir(temporary.path()).unwrap().any(|folder| log(folder.unwrap())) {
            assert!(begun.elapsed() < Duration::from_secs(30), "its server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        // It listens for signals as soon as it measures.
        std::thread::sleep(Duration::from_millis(500));
        kill_process(Pid::from_child(&demo), signal).unwrap();
        let ended = demo.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(is_empty(temporary.path()), "after {signal:?}");
    }
}

#[test]
fn its_server_goes_with_it_even_if_it_is_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = Command::new(binary::evenkeel())
        .args(["demo", "--seconds", "60"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let lock = || {
        let folder = std::fs::read_dir(temporary.path()).unwrap().next()?.unwrap();
        std::fs::File::open(folder.path().join("data/lock")).ok()
    };
    let held = || lock().is_some_and(|file| file.try_lock().is_err());
    while !held() {
        assert!(begun.elapsed() < Duration::from_secs(30), "its server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    demo.kill().unwrap();
    demo.wait().unwrap();
    let killed = Instant::now();
    while held() {
        assert!(killed.elapsed() < Duration::from_secs(20), "the server still holds its folder");
        std::thread::sleep(Duration::from_millis(20));
    }
}
