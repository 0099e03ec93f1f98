//! `evenkeel cluster dev`, as somebody tries it out: forms, kills the one that leads, starts it again, stops all, and goes on another day.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Tool, binary, ports, wait};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(90);

/// A terminal in which it runs. All ends with it.
struct Terminal {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
}

/// A line of its table.
#[derive(Clone, Debug)]
struct Row {
    leads: bool,
    pid: Pid,
    endpoint: String,
}

fn pid(number: &str) -> Pid {
    Pid::from_raw(number.parse().unwrap()).unwrap()
}

impl Terminal {
    fn start(home: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(binary::evenkeel());
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EVENKEEL_")) {
            command.env_remove(name);
        }
        command.args(["cluster", "dev"]).args(more).current_dir(home).stderr(Stdio::inherit());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (lines, heard) = (BufReader::new(child.stdout.take().unwrap()).lines(), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut heard = heard.lock().unwrap();
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, said }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it says that.
    fn says(&mut self, what: &str) -> String {
        wait::until(&format!("it to say {what:?}"), SOON, || {
            assert!(self.said().contains(what) || self.child.try_wait().unwrap().is_none(), "{}", self.said());
            self.said().contains(what)
        });
        self.said()
    }

    /// Who is who, once all are there.
    fn rows(&mut self) -> Vec<Row> {
        let said = self.says("Ctrl-C stops all three");
        let rows =
            said.lines().filter(|line| line.contains("  http://127.0.0.1:") && line.contains("evenkeel-cluster/"));
        let rows: Vec<Row> = rows
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                Row { leads: words[1] == "leader", pid: pid(words[2]), endpoint: words[3].to_owned() }
            })
            .collect();
        assert_eq!((rows.len(), rows.iter().filter(|row| row.leads).count()), (3, 1), "{said}");
        rows
    }

    /// As by Ctrl-C.
    fn stop(mut self, signal: Signal) -> String {
        kill_process(pid(&self.child.id().to_string()), signal).unwrap();
        wait::until("it to stop", SOON, || self.child.try_wait().unwrap().is_some());
        assert!(self.child.wait().unwrap().success(), "{}", self.said());
        self.said()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("it said:\n{}", self.said());
        }
    }
}

fn tool(endpoint: &str, arguments: &[&str]) -> Tool {
    Tool::bare(arguments).variable("AWS_ENDPOINT_URL_SQS", endpoint)
}

/// It does not run any more. Whoever is its parent by then may not have asked how it ended.
fn is_gone(process: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).unwrap_or_default();
    !status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

#[test]
fn the_one_that_leads_is_killed_and_nothing_is_lost_today_or_tomorrow() {
    let home = tempfile::tempdir().unwrap();
    let listen = format!("127.0.0.1:{}", ports::free(&[1, 2, 10, 11, 12]));
    let mut terminal = Terminal::start(home.path(), &["--listen", &listen]);
    let rows = terminal.rows();
    let (leader, other) = (rows.iter().find(|row| row.leads).unwrap(), rows.iter().find(|row| !row.leads).unwrap());
    assert!(terminal.said().contains(&format!("AWS_ENDPOINT_URL_SQS={}", other.endpoint)), "{}", terminal.said());
    tool(&other.endpoint, &["queues", "create", "work"]).works();
    tool(&other.endpoint, &["send", "work", "hello"]).works();

    kill_process(leader.pid, Signal::KILL).unwrap();
    let said = terminal.says("; it led. Press Enter");
    assert!(said.contains(&format!("evenkeel serve --dev --listen {}", &leader.endpoint["http://".len()..])), "{said}");
    terminal.says(" leads now: http://");
    let status = tool(&other.endpoint, &["cluster", "status", "--json"]).works().json().remove(0);
    assert_eq!(status["nodes"].as_array().unwrap().len(), 3, "{status}");
    let received = tool(&other.endpoint, &["receive", "work", "--bodies"]).works();
    assert_eq!(received.stdout.trim(), "hello");

    terminal.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    terminal.says(" starts again as process ");
    wait::until("the killed one to be there again", SOON, || {
        let status = tool(&other.endpoint, &["cluster", "status", "--json"]).works().json().remove(0);
        status["nodes"].as_array().unwrap().iter().all(|node| node["reachable"] == true)
    });
    terminal.stop(Signal::INT);
    assert!(rows.iter().all(|row| is_gone(row.pid)), "they end with it");

    let mut terminal = Terminal::start(home.path(), &[]);
    let again = terminal.rows();
    assert_eq!(
        rows.iter().map(|row| &row.endpoint).collect::<Vec<_>>(),
        again.iter().map(|row| &row.endpoint).collect::<Vec<_>>()
    );
    let listed = tool(&again[2].endpoint, &["queues", "--json"]).works().json();
    assert_eq!(listed.len(), 1, "{listed:?}");
    terminal.stop(Signal::TERM);
    assert!(again.iter().all(|row| is_gone(row.pid)));
}

#[test]
fn whoever_kills_it_finds_no_node_left() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(home.path(), &["--listen", "127.0.0.1:0"]);
    let rows = terminal.rows();
    drop(terminal);
    wait::until("all nodes to stop", SOON, || rows.iter().all(|row| is_gone(row.pid)));
    // What it was doing when it was killed does not matter: it goes on.
    let mut terminal = Terminal::start(home.path(), &[]);
    terminal.rows();
    terminal.stop(Signal::INT);
}

#[test]
fn a_cluster_that_was_half_formed_is_formed_the_next_time() {
    let home = tempfile::tempdir().unwrap();
    let terminal = Terminal::start(home.path(), &["--listen", "127.0.0.1:0"]);
    let first = home.path().join("evenkeel-cluster/a/cluster.json");
    wait::until("the first node's folder to be there", SOON, || first.exists());
    drop(terminal);
    let mut terminal = Terminal::start(home.path(), &[]);
    terminal.rows();
    terminal.stop(Signal::INT);
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let said = |more: &[&str]| Tool::bare(&[["cluster", "dev"].as_slice(), more].concat()).folder(home.path()).fails(1);
    assert!(said(&["--listen", "0.0.0.0:9324"]).contains("only this machine reaches"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let said = said(&["--listen", &listen]);
    assert!(said.contains("is in use") && said.contains("a.log"), "{said}");
}
