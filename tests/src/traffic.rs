//! Real SDKs under way: `tests/boto3/traffic.py` with the retries that boto3 makes by itself, and what reached the program.

use crate::{binary, python};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// Longer than a cluster is ever away, so that what comes again was lost sight of and not late.
const LEASE_SECONDS: u32 = 30;
/// How much shorter than promised a lease may be, as in [`crate::ledger`].
const SLACK_SECONDS: f64 = 0.005;
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
    /// What reached the program, by endpoint.
    pub errors: BTreeMap<String, Vec<String>>,
    /// Jobs that came again, as they may: their leases had ended and nobody was told that they are deleted.
    pub again: Vec<String>,
    /// Jobs that were lost, doubled, or leased twice.
    pub wrongs: Vec<String>,
}

impl Traffic {
    /// Starts a sender and a worker at each endpoint, which rests so long between two sends; returns once all have done something.
    ///
    /// # Panics
    /// If they cannot.
    pub fn start(queue: &str, pause: Duration, endpoints: &[String]) -> Self {
        let mut command = python::aws(&python::with_boto3());
        command
            .arg(binary::workspace().join("tests/boto3/traffic.py"))
            .args([queue, &LEASE_SECONDS.to_string(), &pause.as_secs_f64().to_string()])
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
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let errors = told["errors"].as_object().expect("an object").iter();
    let mut jobs: HashMap<&str, Job> = HashMap::new();
    let (sent, mut wrongs, mut again) = (texts(&told["sent"]), Vec::new(), Vec::new());
    for receive in told["received"].as_array().expect("a list") {
        let body = receive[0].as_str().expect("a body");
        let time = |at: usize| receive[at].as_f64().expect("a time");
        let count = receive[1].as_u64().expect("a count");
        jobs.entry(body).or_default().receives.push(Receive { count, began: time(2), ended: time(3) });
    }
    for deletion in told["deleted"].as_array().expect("a list") {
        let body = deletion[0].as_str().expect("a body");
        let deleted = &mut jobs.get_mut(body).expect("it came before").deleted;
        deleted.push(deletion[1].as_f64().expect("a time"));
    }
    for (body, job) in &mut jobs {
        wrongs.extend(job.wrongs().into_iter().map(|wrong| format!("{body} {wrong}: {job:?}")));
        if job.receives.len() > 1 {
            again.push(format!("{body}: {job:?}"));
        }
    }
    for body in sent.iter().filter(|body| !jobs.contains_key(body.as_str())) {
        wrongs.push(format!("{body} was acknowledged, and never came"));
    }
    Seen {
        sent: sent.len(),
        retries: told["retries"].as_u64().expect("a number"),
        slowest: told["slowest"].as_f64().expect("a number"),
        errors: errors.map(|(endpoint, list)| (endpoint.clone(), texts(list))).collect(),
        again,
        wrongs,
    }
}

/// What happened to a job, to the program: an answer that was lost on its way may have been a receive as well.
#[derive(Debug, Default)]
struct Job {
    receives: Vec<Receive>,
    deleted: Vec<f64>,
}

/// In seconds. Its lease was granted between these moments.
#[derive(Debug)]
struct Receive {
    count: u64,
    began: f64,
    ended: f64,
}

impl Receive {
    /// Until when its lease lasts at least.
    fn until(&self) -> f64 {
        self.began + f64::from(LEASE_SECONDS) - SLACK_SECONDS
    }
}

impl Job {
    fn wrongs(&mut self) -> Vec<&'static str> {
        self.receives.sort_by(|one, other| one.ended.total_cmp(&other.ended));
        let mut wrongs = Vec::new();
        for (at, receive) in self.receives.iter().enumerate() {
            for later in &self.receives[at + 1..] {
                if later.count == receive.count {
                    wrongs.push("came twice as the same of its receives");
                }
                if later.began > receive.ended && later.ended < receive.until() {
                    wrongs.push("was given to a second worker while the first held it");
                }
            }
            // Late, a deletion is acknowledged as well, and does nothing if another holds the job.
            let is_held = |moment: f64| moment > receive.ended && moment < receive.until();
            if let Some(gone) = self.deleted.iter().copied().find(|&moment| is_held(moment))
                && self.receives.iter().any(|other| other.began > gone)
            {
                wrongs.push("came back after its delete was acknowledged");
            }
        }
        wrongs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn wrongs(received: &Value, deleted: &Value) -> Vec<String> {
        let told = json!({"sent": ["1"], "received": received, "deleted": deleted, "errors": {}, "retries": 0, "slowest": 0.0});
        judge(&told).wrongs
    }

    #[test]
    fn what_may_be_is_not_wrong() {
        assert_eq!(wrongs(&json!([["1", 1, 0.0, 0.1]]), &json!([["1", 0.2]])), Vec::<String>::new());
        // Its lease ended, and its deletion was too late.
        let twice = json!([["1", 1, 0.0, 0.1], ["1", 2, 30.0, 30.1]]);
        assert_eq!(wrongs(&twice, &json!([["1", 30.05], ["1", 30.2]])), Vec::<String>::new());
    }

    /// The judge is only worth something if it finds each wrong.
    #[test]
    fn every_wrong_is_found() {
        let one = |what: &str, received: &Value, deleted: &Value| {
            let wrongs = wrongs(received, deleted);
            assert!(wrongs.iter().any(|wrong| wrong.contains(what)), "{what}: {wrongs:?}");
        };
        one("never came", &json!([]), &json!([]));
        one("the same of its receives", &json!([["1", 1, 0.0, 0.1], ["1", 1, 40.0, 40.1]]), &json!([]));
        one("second worker", &json!([["1", 1, 0.0, 0.1], ["1", 2, 20.0, 20.1]]), &json!([]));
        one("came back", &json!([["1", 1, 0.0, 0.1], ["1", 2, 40.0, 40.1]]), &json!([["1", 0.3]]));
    }
}
