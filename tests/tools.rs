//! The commands that speak to a running server: what they print for people and for programs, and what they say if something is wrong.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Launch, Server, Tool};
use serde_json::{Value, json};
use std::net::TcpListener;

/// A server with the queue `work`.
fn server() -> Server {
    let server = Server::start();
    Tool::of(&server, &["queues", "create", "work"]).works();
    server
}

/// What is in the queue `work`: waiting, in flight, delayed.
fn counts(server: &Server) -> [u64; 3] {
    server.client().counts("/000000000000/work").unwrap()
}

/// The bodies that the queue `work` gives, all of them.
fn drain(server: &Server) -> Vec<Value> {
    Tool::of(server, &["receive", "work", "--all", "--delete", "--json"]).works().json()
}

#[test]
fn a_queue_is_made_shown_and_deleted() {
    let server = Server::start();
    let made = Tool::of(&server, &["queues", "create", "work", "--attribute", "VisibilityTimeout=7"]).works();
    let url = format!("{}/000000000000/work", server.endpoint());
    assert_eq!(made.stdout, format!("{url}\n"));
    let made = Tool::of(&server, &["queues", "create", "mail", "--json"]).works().json();
    assert_eq!(made, [json!({"name": "mail", "url": format!("{}/000000000000/mail", server.endpoint())})]);

    let shown = Tool::of(&server, &["queues", "show", "work"]).works().stdout;
    assert!(shown.lines().any(|line| line.split_whitespace().eq(["VisibilityTimeout", "7"])), "{shown}");
    let shown = Tool::of(&server, &["queues", "show", &url, "--json"]).works().json();
    assert_eq!((&shown[0]["name"], &shown[0]["attributes"]["VisibilityTimeout"]), (&json!("work"), &json!("7")));

    let error = Tool::of(&server, &["queues", "delete", "work"]).fails(1);
    assert!(error.contains("--yes"), "nobody can be asked: {error}");
    Tool::of(&server, &["queues", "delete", "work", "--yes"]).works();
    let error = Tool::of(&server, &["queues", "show", "work"]).fails(1);
    assert!(error.contains("there is no queue work") && error.contains("evenkeel queues create work"), "{error}");
}

#[test]
fn queues_are_listed_with_what_waits_in_each() {
    let server = Server::start();
    let none = Tool::of(&server, &["queues"]).works();
    assert_eq!(none.stdout, "");
    assert!(none.stderr.contains("evenkeel queues create NAME"), "{none:?}");
    for name in ["work", "mail", "mail-slow"] {
        Tool::of(&server, &["queues", "create", name]).works();
    }
    Tool::of(&server, &["send", "work"]).input("a\nb\nc\n").works();
    Tool::of(&server, &["send", "work", "later", "--delay", "900"]).works();
    Tool::of(&server, &["receive", "work"]).works();
    let table = Tool::of(&server, &["queues"]).works().stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["QUEUE", "WAITING", "IN", "FLIGHT", "DELAYED"]);
    assert_eq!(rows[1..], [vec!["mail", "0", "0", "0"], vec!["mail-slow", "0", "0", "0"], vec!["work", "2", "1", "1"]]);
    let mails = Tool::of(&server, &["queues", "mail", "--json"]).works().json();
    assert_eq!(mails.iter().map(|queue| &queue["name"]).collect::<Vec<_>>(), ["mail", "mail-slow"]);
    let work = Tool::of(&server, &["queues", "work", "--json"]).works().json();
    let url = format!("{}/000000000000/work", server.endpoint());
    assert_eq!(work, [json!({"name": "work", "url": url, "waiting": 2, "in_flight": 1, "delayed": 1})]);
}

#[test]
fn more_queues_than_a_page_holds_are_listed_whole() {
    let server = Server::start();
    let mut client = server.client();
    for number in 0..1_100 {
        client.create_queue(&format!("q{number:04}"), &json!({})).unwrap();
    }
    let names = Tool::of(&server, &["queues", "--json"]).works().json();
    let expected: Vec<String> = (0..1_100).map(|number| format!("q{number:04}")).collect();
    assert_eq!(names.iter().map(|queue| queue["name"].as_str().unwrap()).collect::<Vec<_>>(), expected);
}

#[test]
fn a_queue_that_is_not_there_is_told_with_the_one_that_may_be_meant() {
    let server = server();
    for arguments in [&["send", "wrok", "x"][..], &["purge", "Work", "--yes"], &["receive", "works"]] {
        let error = Tool::of(&server, arguments).fails(1);
        assert!(error.contains("did you mean work?"), "{error}");
    }
    let error = Tool::of(&server, &["send", "invoices", "x"]).fails(1);
    assert!(error.contains("evenkeel queues create invoices"), "{error}");
}

#[test]
fn dead_jobs_go_back_to_work() {
    let server = Server::start();
    Tool::of(&server, &["queues", "create", "dead"]).works();
    let policy =
        r#"RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}"#;
    Tool::of(&server, &["queues", "create", "work", "--attribute", policy]).works();
    Tool::of(&server, &["queues", "create", "other"]).works();
    let kill = || {
        Tool::of(&server, &["receive", "work", "--all", "--lease", "0"]).works();
        Tool::of(&server, &["receive", "work", "--all"]).works();
    };
    Tool::of(&server, &["send", "work"]).input("a\nb\nc\n").works();
    let error = Tool::of(&server, &["redrive", "dead", "--status"]).fails(1);
    assert!(error.contains("no jobs were ever moved"), "{error}");
    kill();
    let waiting = |name: &str| Tool::of(&server, &["queues", name, "--json"]).works().json()[0]["waiting"].clone();
    assert_eq!((waiting("dead"), waiting("work")), (json!(3), json!(0)));

    let told = Tool::of(&server, &["redrive", "dead"]).works();
    assert_eq!(told.stderr, "done: 3 of 3 jobs moved\n");
    assert_eq!((waiting("dead"), waiting("work")), (json!(0), json!(3)));

    kill();
    let told = Tool::of(&server, &["redrive", "dead", "--to", "other", "--json"]).works();
    assert_eq!(told.json(), [json!({"status": "COMPLETED", "moved": 3, "to_move": 3})]);
    assert_eq!((waiting("dead"), waiting("other")), (json!(0), json!(3)));
    let error = Tool::of(&server, &["redrive", "dead", "--to", "othr"]).fails(1);
    assert!(error.contains("did you mean other?"), "{error}");
    let error = Tool::of(&server, &["redrive", "dead", "--cancel"]).fails(1);
    assert!(error.contains("no task moves jobs"), "{error}");

    Tool::of(&server, &["send", "work"]).input("x\n".repeat(30)).works();
    kill();
    Tool::of(&server, &["redrive", "dead", "--rate", "1", "--detach"]).works();
    let status = Tool::of(&server, &["redrive", "dead", "--status", "--json"]).works().json();
    assert_eq!(status[0]["status"], "RUNNING");
    Tool::of(&server, &["redrive", "dead", "--cancel"]).works();
    let status = Tool::of(&server, &["redrive", "dead", "--status", "--json"]).works().json();
    assert!(["CANCELLED", "CANCELLING"].contains(&status[0]["status"].as_str().unwrap()), "{status:?}");
}

#[test]
fn a_job_is_sent_and_received_with_all_that_belongs_to_it() {
    let server = server();
    let arguments = ["send", "work", "resize\n17", "--group", "tenant-a", "--attribute", "kind=image", "--json"];
    let sent = Tool::of(&server, &arguments).works().json();
    Tool::of(&server, &["send", "work", "later", "--delay", "900"]).works();
    assert_eq!(counts(&server), [1, 0, 1]);

    let table = Tool::of(&server, &["receive", "work", "--lease", "0"]).works();
    let lines: Vec<&str> = table.stdout.lines().collect();
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), ["GROUP", "SENT", "AGO", "TRIES", "BODY"]);
    assert!(lines[1].starts_with("tenant-a ") && lines[1].ends_with("  1  resize\\n17"), "{table:?}");
    assert!(table.stderr.contains("they come back"), "{table:?}");

    let jobs = Tool::of(&server, &["receive", "work", "--json", "--wait", "5"]).works().json();
    let job = &jobs[0];
    assert_eq!((&job["id"], &job["group"], &job["body"]), (&sent[0]["id"], &json!("tenant-a"), &json!("resize\n17")));
    assert_eq!((&job["attempts"], &job["attributes"]["kind"]["StringValue"]), (&json!(2), &json!("image")));
    assert!(job["receipt_handle"].as_str().is_some_and(|handle| !handle.is_empty()));
    assert_eq!(counts(&server), [0, 1, 1]);

    let nothing = Tool::of(&server, &["receive", "work"]).works();
    assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("", "no jobs\n"));
}

#[test]
fn a_file_is_sent_line_by_line_in_its_order() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let lines: String = (0..1_234).map(|line| format!("job {line}\n")).collect();
    std::fs::write(folder.path().join("jobs.txt"), &lines).unwrap();
    let sent = Tool::of(&server, &["send", "work", "--file", "jobs.txt"]).folder(folder.path()).works();
    assert_eq!((sent.stdout.as_str(), sent.stderr.as_str()), ("", "1,234 jobs sent\n"));

    let received = Tool::of(&server, &["receive", "work", "--all", "--delete", "--bodies"]).works();
    assert_eq!(received.stdout, lines);
    assert_eq!(counts(&server), [0, 0, 0]);
}

#[test]
fn standard_input_may_name_the_group_of_each_line() {
    let server = server();
    let input = "tenant-a\tone\n\ntenant-b\ttwo\ttabs\n";
    let sent = Tool::of(&server, &["send", "work", "--grouped", "--json"]).input(input).works().json();
    assert_eq!(sent.iter().map(|sent| &sent["line"]).collect::<Vec<_>>(), [&json!(1), &json!(3)]);
    let jobs = drain(&server);
    let told: Vec<_> = jobs.iter().map(|job| (&job["group"], &job["body"])).collect();
    assert_eq!(told, [(&json!("tenant-a"), &json!("one")), (&json!("tenant-b"), &json!("two\ttabs"))]);
}

#[test]
fn a_line_that_is_refused_is_named() {
    let server = server();
    let error = Tool::of(&server, &["send", "work", "--file", "-"]).input("good\nb\u{1}d\nlast\n").fails(1);
    assert!(error.contains("line 2: ") && error.contains(" sent"), "{error}");
    let error = Tool::of(&server, &["send", "work"]).input(b"good\n\xff\n".as_slice()).fails(1);
    assert!(error.contains("line 2 is not UTF-8"), "{error}");
    let error = Tool::of(&server, &["send", "work", "--file", "absent.txt"]).fails(1);
    assert!(error.contains("absent.txt"), "{error}");
}

#[test]
fn a_purge_asks_first_and_says_what_there_was() {
    let server = server();
    Tool::of(&server, &["send", "work"]).input("a\nb\nc\n").works();
    assert!(Tool::of(&server, &["purge", "work"]).fails(1).contains("--yes"));
    assert_eq!(counts(&server), [3, 0, 0]);
    let purged = Tool::of(&server, &["purge", "work", "--yes"]).works();
    assert_eq!(purged.stderr, "purged work, which held 3 jobs\n");
    assert_eq!(counts(&server), [0, 0, 0]);
    let purged = Tool::of(&server, &["purge", "work", "--yes", "--json"]).works();
    assert_eq!(purged.json(), [json!({"name": "work", "held": 0})]);
}

#[test]
fn nothing_that_a_stranger_sent_reaches_the_terminal() {
    let server = server();
    let group = "g\u{202e}x";
    Tool::of(&server, &["send", "work", "\u{9b}31m\ttab", "--group", group]).run();
    Tool::of(&server, &["send", "work", "\u{85}\u{200f}\ttab"]).works();
    let shown = Tool::of(&server, &["receive", "work", "--max", "10"]).works().stdout;
    assert!(shown.contains("\\t") && shown.chars().all(|letter| letter == '\n' || !letter.is_control()), "{shown:?}");
    assert!(!shown.contains(['\u{202e}', '\u{200f}']), "{shown:?}");
}

#[test]
fn who_has_no_right_is_told_what_to_set() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let endpoint = server.endpoint();
    let show = || Tool::bare(&["queues", "show", "work", "--endpoint", &endpoint]).folder(folder.path());
    let error = show().fails(1);
    assert!(error.contains("AWS_ACCESS_KEY_ID") && error.contains("--data-dir"), "{error}");
    let error = show().variable("AWS_ACCESS_KEY_ID", "only-one").fails(1);
    assert!(error.contains("both"), "{error}");
    let key = |access, secret| show().variable("AWS_ACCESS_KEY_ID", access).variable("AWS_SECRET_ACCESS_KEY", secret);
    let error = key("stranger", "secret").fails(1);
    assert!(error.contains("does not know this access key"), "{error}");
    let error = key(evenkeel_tests::signed::ACCESS_KEY, "wrong").fails(1);
    assert!(error.contains("AWS_SECRET_ACCESS_KEY") && error.contains("clock"), "{error}");
}

#[test]
fn the_data_folder_of_a_server_on_this_machine_is_enough() {
    let server = Launch::bare().argument("--listen").argument("127.0.0.1:0").start();
    let endpoint = server.endpoint();
    let create = ["queues", "create", "work", "--endpoint", &endpoint];
    Tool::bare(&create).folder(server.home()).works();
    let data = server.home().join("evenkeel-data");
    Tool::bare(&["queues", "show", "work", "--endpoint", &endpoint, "--data-dir", data.to_str().unwrap()]).works();
}

#[test]
fn a_server_for_development_takes_anybody_and_prints_what_to_paste() {
    let server = Launch::bare().argument("--dev").argument("--listen").argument("127.0.0.1:0").start();
    let shown = server.stdout();
    assert!(shown.contains(&format!("export AWS_ENDPOINT_URL_SQS={}", server.endpoint())), "{shown}");
    let folder = tempfile::tempdir().unwrap();
    let endpoint = server.endpoint();
    let tool =
        |arguments: &[&str]| Tool::bare(arguments).folder(folder.path()).variable("AWS_ENDPOINT_URL_SQS", &endpoint);
    tool(&["queues", "create", "work"]).works();
    let paste = |name: &str| shown.split(&format!("export {name}=")).nth(1).unwrap().lines().next().unwrap().to_owned();
    let (access, secret) = (paste("AWS_ACCESS_KEY_ID"), paste("AWS_SECRET_ACCESS_KEY"));
    let signed = |arguments: &[&str]| {
        tool(arguments).variable("AWS_ACCESS_KEY_ID", &access).variable("AWS_SECRET_ACCESS_KEY", &secret)
    };
    signed(&["send", "work", "hello", "--group", "tenant-a"]).works();
    assert_eq!(signed(&["receive", "work", "--delete", "--bodies"]).works().stdout, "hello\n");

    let ended = Launch::bare().argument("--dev").argument("--listen").argument("0.0.0.0:0").run();
    assert!(!ended.status.success() && ended.stderr.contains("loopback"), "{ended:?}");
}

#[test]
fn where_no_server_is_the_error_says_how_to_start_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = listener.local_addr().unwrap();
    drop(listener);
    let error = Tool::bare(&["queues", "--endpoint", &format!("http://{free}")]).fails(1);
    assert!(error.contains(&free.to_string()) && error.contains("evenkeel serve --dev"), "{error}");
    assert_eq!(error.matches("refused").count(), 1, "said once: {error}");
    let error = Tool::bare(&["queues", "--endpoint", "https://127.0.0.1:9324"]).fails(1);
    assert!(error.contains("plain http"), "{error}");
    // Something that is no SQS: it hangs up.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stranger = std::thread::spawn(move || drop(listener.accept()));
    let error = Tool::bare(&["queues", "create", "q", "--endpoint", &format!("http://{address}")]).fails(1);
    assert!(error.contains("may or may not have been done"), "{error}");
    stranger.join().unwrap();
}

#[test]
fn a_ping_tells_whether_it_serves() {
    let mut server = Server::start();
    let endpoint = server.endpoint();
    let ping = |wait: &str| Tool::bare(&["ping", "--endpoint", &endpoint, "--wait", wait]);
    ping("0").works();
    server.stop();
    assert!(ping("0").fails(1).contains("no server answers"));
    let server = Launch::bare().argument("--listen").argument(endpoint.trim_start_matches("http://"));
    let starting = std::thread::spawn(move || server.start());
    ping("30").works();
    starting.join().unwrap();
}

#[test]
fn a_slip_of_the_finger_gets_a_hint() {
    assert!(Tool::bare(&["recieve", "work"]).fails(2).contains("'receive'"));
    assert!(Tool::bare(&["send", "work", "x", "--gruop", "a"]).fails(2).contains("--group"));
    assert!(Tool::bare(&["send", "work", "--attribute", "novalue", "x"]).fails(2).contains("NAME=VALUE"));
}

#[test]
fn help_teaches_by_example() {
    for command in
        ["queues", "send", "receive", "peek", "tail", "purge", "redrive", "ping", "demo", "completions", "man"]
    {
        let help = Tool::bare(&[command, "--help"]).works().stdout;
        assert!(help.contains("Examples:") && help.contains(&format!("evenkeel {command}")), "{help}");
    }
    let help = Tool::bare(&["--help"]).works().stdout;
    assert!(help.contains("evenkeel serve --dev"), "{help}");
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Tool::bare(&["completions", shell]).works().stdout;
        assert!(
            ["serve", "receive", "--group"].iter().all(|word| script.contains(word.trim_start_matches('-'))),
            "{shell}"
        );
    }
    let script = Tool::bare(&["completions", "bash"]).works().stdout;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evenkeel.bash");
    std::fs::write(&file, script).unwrap();
    let complete =
        "source \"$0\"; COMP_WORDS=(evenkeel rec); COMP_CWORD=1; _evenkeel evenkeel rec evenkeel; echo ${COMPREPLY[@]}";
    let said = std::process::Command::new("bash").args(["-c", complete]).arg(&file).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "receive\n");

    assert!(Tool::bare(&["man"]).works().stdout.contains(".SH SYNOPSIS"));
    Tool::bare(&["man", "--dir", "man1"]).folder(folder.path()).works();
    assert!(folder.path().join("man1/evenkeel-serve.1").is_file());
}

#[test]
fn nobody_has_to_read_to_the_end() {
    let server = server();
    Tool::of(&server, &["send", "work"]).input("x\n".repeat(2_000)).works();
    let script = format!(
        "set -o pipefail; '{}' receive work --all --json | head -1 | wc -l",
        evenkeel_tests::binary::evenkeel().display()
    );
    let said = std::process::Command::new("bash")
        .args(["-c", &script])
        .env("AWS_ENDPOINT_URL_SQS", server.endpoint())
        .env("AWS_ACCESS_KEY_ID", evenkeel_tests::signed::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", evenkeel_tests::signed::SECRET_KEY)
        .output()
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    assert_eq!((said.stdout.as_slice(), said.stderr.as_slice()), (b"1\n".as_slice(), b"".as_slice()));
}
