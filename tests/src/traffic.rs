//! Real SDKs under way: `tests/boto3/traffic.py` with the retries that boto3 makes by itself, and what reached the program.

use crate::{binary, python};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// Longer than a cluster is ever away, so that what comes again was lost sight of and not late.
const LEASE_SECONDS: u32 = 30;
const SOON: Duration = Duration::from_secs(60);

/// Clients that send and work.
pub struct Traffic {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// What they saw.
#[derive(Debug)]
pub struct Seen {
    pub sent: usize,
    /// Attempts besides the first, which boto3 made by itself.
    pub retries: u64,
    /// The longest call with all its attempts, in seconds.
    pub slowest: f64,
    /// What reached the program.
    pub errors: Vec<String>,
    /// Jobs that were lost, doubled, or leased twice.
    pub wrongs: Vec<String>,
}

impl Traffic {
    /// Starts a sender and a worker at each endpoint; returns once all have done something.
    ///
    /// # Panics
    /// If they cannot.
    pub fn start(queue: &str, endpoints: &[String]) -> Self {
        let mut command = python::aws(&python::with_boto3());
        command
            .arg(binary::workspace().join("tests/boto3/traffic.py"))
            .args([queue, &LEASE_SECONDS.to_string()])
            .args(endpoints)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python can be run");
        let stdin = child.stdin.take().expect("it is a pipe");
        let lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        let mut traffic = Self { child, stdin, lines };
        assert_eq!(traffic.line(), "going");
        traffic
    }

    /// Waits until so many more sends are acknowledged.
    ///
    /// # Panics
    /// If they are not within a minute.
    pub fn goes_on(&mut self, sends: usize) {
        let began = Instant::now();
        let before = self.acknowledged();
        while self.acknowledged() < before + sends {
            assert!(began.elapsed() < SOON, "sends are not acknowledged any more");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn acknowledged(&mut self) -> usize {
        self.stdin.write_all(b"\n").expect("it listens");
        self.line().parse().expect("a number")
    }

    /// Stops sending, has everything worked off, and tells what was seen.
    ///
    /// # Panics
    /// If it does not end well.
    pub fn stop(mut self) -> Seen {
        self.stdin.write_all(b"stop\n").expect("it listens");
        let told: Value = serde_json::from_str(&self.line()).expect("an object");
        let status = self.child.wait().expect("it is ours");
        assert!(status.success(), "{status}");
        judge(&told)
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("it said why it ended, above").expect("it speaks UTF-8")
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn judge(told: &Value) -> Seen {
    let texts = |name: &str| -> Vec<String> {
        let list = told[name].as_array().expect("a list").iter();
        list.map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let mut receives: HashMap<&str, Vec<u64>> = HashMap::new();
    for receive in told["received"].as_array().expect("a list") {
        let body = receive[0].as_str().expect("a body");
        receives.entry(body).or_default().push(receive[1].as_u64().expect("a count"));
    }
    let (sent, mut wrongs) = (texts("sent"), Vec::new());
    for body in &sent {
        // To the program, that is: an answer that was lost on its way may have been a receive as well.
        match receives.get(body.as_str()).map(Vec::as_slice) {
            None => wrongs.push(format!("{body} was acknowledged, and never came")),
            Some([_]) => {}
            Some(counts) => wrongs.push(format!("{body} came more than once, as its receives {counts:?}")),
        }
    }
    let deleted = texts("deleted");
    let mut once = deleted.clone();
    once.sort_unstable();
    once.dedup();
    if once.len() < deleted.len() {
        wrongs.push(format!("{} deletions of {} jobs", deleted.len(), once.len()));
    }
    Seen {
        sent: sent.len(),
        retries: told["retries"].as_u64().expect("a number"),
        slowest: told["slowest"].as_f64().expect("a number"),
        errors: texts("errors"),
        wrongs,
    }
}
