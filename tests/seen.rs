//! How a server is seen from outside: metrics, readiness, the log.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use evenkeel_tests::http::{Answer, Connection, get};
use evenkeel_tests::signed::{ACCESS_KEY, SECRET_KEY};
use evenkeel_tests::{Launch, Server, Tool, wait};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);

/// As Prometheus asks, with `basic_auth`.
fn scrape(address: SocketAddr, authorization: &str) -> Answer {
    let mut connection = Connection::open(address, TIMEOUT).unwrap();
    let head = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n{authorization}\r\n");
    connection.write(head.as_bytes()).unwrap();
    connection.read().unwrap()
}

fn page(address: SocketAddr) -> String {
    let pair = STANDARD.encode(format!("{ACCESS_KEY}:{SECRET_KEY}"));
    let authorization = format!("Authorization: Basic {pair}\r\n");
    let answer = scrape(address, &authorization);
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    answer.text()
}

fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is not in:\n{page}")).parse().unwrap()
}

#[test]
fn metrics_tell_what_was_done() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("mails", &json!({})).unwrap();
    for tenant in ["a", "b", "b"] {
        client.send(&queue, "hello", Some(tenant)).unwrap();
    }
    client.send(&queue, &"x".repeat(2_000_000), None).unwrap_err();
    let job = client.receive(&queue, 1, 0, None).unwrap().remove(0);
    client.delete(&queue, &job.handle).unwrap();
    client.receive(&queue, 1, 0, None).unwrap();
    let of = |page: &str, family: &str| value(page, &format!("{family}{{account=\"000000000000\",queue=\"mails\"}}"));
    wait::until("the oldest job has an age, and only the client is connected beside who asks", TIMEOUT, || {
        let page = page(server.address());
        of(&page, "evenkeel_queue_oldest_age_seconds") > 0.0 && value(&page, "evenkeel_connections_open") == 2.0
    });
    let page = page(server.address());
    let of_queue = |family: &str| of(&page, family);
    assert_eq!(of_queue("evenkeel_queue_jobs_ready"), 1.0);
    assert_eq!(of_queue("evenkeel_queue_jobs_in_flight"), 1.0);
    assert_eq!(of_queue("evenkeel_queue_jobs_sent_total"), 3.0);
    assert_eq!(of_queue("evenkeel_queue_jobs_received_total"), 2.0);
    assert_eq!(of_queue("evenkeel_queue_jobs_finished_total"), 1.0);
    assert_eq!(of_queue("evenkeel_queue_groups_in_turns"), 1.0);
    assert_eq!(value(&page, "evenkeel_requests_total{action=\"SendMessage\",outcome=\"ok\"}"), 3.0);
    assert_eq!(value(&page, "evenkeel_requests_total{action=\"SendMessage\",outcome=\"refused\"}"), 1.0);
    assert_eq!(value(&page, "evenkeel_request_duration_seconds_count{action=\"ReceiveMessage\"}"), 2.0);
    assert_eq!(value(&page, "evenkeel_queues_as_other"), 0.0);
    assert_eq!(value(&page, "evenkeel_ready"), 1.0);
    assert!(value(&page, "evenkeel_log_sync_seconds_count") > 0.0);
    assert!(value(&page, "evenkeel_engine_busy_seconds_count") > 0.0);
    let longest = value(&page, "evenkeel_engine_busy_longest_seconds");
    let work = value(&page, "evenkeel_engine_work_longest_seconds");
    // Microseconds of at least one round, and no round takes as long as a test may.
    assert!((1e-6..60.0).contains(&longest) && (1e-6..60.0).contains(&work), "longest {longest}, work {work}");
    assert!(longest <= value(&page, "evenkeel_engine_busy_seconds_sum"), "{page}");
    assert!(value(&page, "evenkeel_batch_commands_sum") >= 6.0);
    assert!(value(&page, "evenkeel_disk_bytes{kind=\"log\"}") > 0.0);
    assert!(value(&page, "process_resident_memory_bytes") > 1e6);
}

#[test]
fn each_family_is_told_of_in_the_docs() {
    let docs = include_str!("../docs/operations.md");
    let server = Launch::default().argument("--max-bytes=1000000").start();
    server.client().create_queue("q", &json!({})).unwrap();
    let page = page(server.address());
    let families: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(families.len() > 40, "{page}");
    for family in families {
        assert!(docs.contains(&format!("`{family}`")), "docs/operations.md does not tell of {family}");
    }
}

/// By the parser and the lints of those who made the format. Where their tool is not installed only the texts above are compared.
#[test]
fn prometheus_reads_the_page_and_has_nothing_to_say() {
    let mut promtool = Command::new("promtool");
    let promtool =
        promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut promtool) = promtool.spawn() else {
        eprintln!("promtool is not installed: not checked");
        return;
    };
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("q", &json!({})).unwrap();
    client.send(&queue, "hello", None).unwrap();
    promtool.stdin.take().unwrap().write_all(page(server.address()).as_bytes()).unwrap();
    let ended = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.is_empty(), "{said}");
}

#[test]
fn waiting_receives_are_seen() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("q", &json!({})).unwrap();
    let mut receiver = server.client();
    let waiting = std::thread::spawn(move || receiver.receive(&queue, 1, 20, None).unwrap());
    wait::until("a receive waits", TIMEOUT, || value(&page(server.address()), "evenkeel_long_polls_waiting") == 1.0);
    let queue = client.create_queue("q", &json!({})).unwrap();
    client.send(&queue, "hello", None).unwrap();
    assert_eq!(waiting.join().unwrap().len(), 1);
}

#[test]
fn more_queues_than_are_told_by_name_are_told_together() {
    let server = Launch::default().argument("--metrics-queues=2").start();
    let mut client = server.client();
    for name in ["a", "b", "c", "d"] {
        let queue = client.create_queue(name, &json!({})).unwrap();
        client.send(&queue, "hello", None).unwrap();
    }
    let page = page(server.address());
    assert_eq!(value(&page, "evenkeel_queue_jobs_sent_total{account=\"other\",queue=\"other\"}"), 2.0);
    assert_eq!(value(&page, "evenkeel_queue_jobs_ready{account=\"000000000000\",queue=\"b\"}"), 1.0);
    assert_eq!(value(&page, "evenkeel_queues_as_other"), 2.0);
    assert!(!page.contains("queue=\"c\""), "{page}");
}

#[test]
fn metrics_need_a_key_for_them_on_the_main_address() {
    let server = Server::start();
    for authorization in ["", "Authorization: Basic Zm9vOmJhcg==\r\n", "Authorization: Basic !\r\n"] {
        let answer = scrape(server.address(), authorization);
        assert_eq!(answer.status, 401, "{authorization}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "));
        assert!(!answer.text().contains("evenkeel_"));
    }
    let scraped = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["keys", "--json", "create", "k"].iter().chain(arguments).copied().collect();
        let key = Tool::of(&server, &arguments).works().json().remove(0);
        let pair = format!("{}:{}", key["access_key"].as_str().unwrap(), key["secret_key"].as_str().unwrap());
        scrape(server.address(), &format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))).status
    };
    assert_eq!(scraped(&["--action", "evenkeel:ReadMetrics"]), 200);
    assert_eq!((scraped(&[]), scraped(&["--action", "*"])), (401, 401), "metrics tell of all accounts");
    assert_eq!(get(server.address(), "/readyz", TIMEOUT).unwrap().text(), "ready\n");
    assert_eq!(get(server.address(), "/healthz", TIMEOUT).unwrap().text(), "ok\n");
}

#[test]
fn an_address_of_their_own_tells_metrics_to_this_machine_without_a_key() {
    let server = Launch::default().argument("--metrics-listen=127.0.0.1:0").start();
    let log = server.stderr();
    let address = log.split("metrics without a key on http://").nth(1).unwrap().split('/').next().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    assert_ne!(address, server.address());
    assert_eq!(scrape(address, "").status, 200);
    assert_eq!(get(address, "/readyz", TIMEOUT).unwrap().status, 200);
    assert_eq!(get(address, "/", TIMEOUT).unwrap().status, 404, "nothing else is there");
    assert_eq!(scrape(server.address(), "").status, 401);
    // A page whose name was made to lead here is not of this machine.
    let mut rebound = Connection::open(address, TIMEOUT).unwrap();
    rebound.write(b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    assert_eq!(rebound.read().unwrap().status, 403);
    let ended = Launch::default().argument("--metrics-listen=0.0.0.0:0").run();
    assert!(!ended.status.success() && ended.stderr.contains("--metrics-public"), "{}", ended.stderr);
}

#[test]
fn the_log_can_be_json_and_never_has_a_secret() {
    let server = Launch::default().argument("--log-format=json").argument("--log-level=debug").start();
    let mut client = server.client();
    let queue = client.create_queue("q", &json!({})).unwrap();
    client.send(&queue, "a body", None).unwrap();
    wait::until("the request is in the log", TIMEOUT, || server.stderr().contains("\"SendMessage\""));
    let log = server.stderr();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let request = lines.iter().find(|line| line["action"] == "SendMessage").unwrap();
    assert_eq!(
        (&request["level"], &request["status"], &request["message"]),
        (&"DEBUG".into(), &200.into(), &"request".into())
    );
    assert!(request["micros"].is_u64() && request["request_id"].as_str().unwrap().len() == 36);
    assert!(!log.contains(SECRET_KEY) && !log.contains("a body"), "{log}");
}
