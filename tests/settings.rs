//! The command line: where settings come from, and what a server says that cannot start.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::signed::Pen;
use evenkeel_tests::{Client, Launch, Server, binary};
use serde_json::json;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn output(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(binary::evenkeel()).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// A loopback address that is free at the moment.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn help_says_how_to_start_and_names_every_setting() {
    let (ok, help, _) = output(&["--help"]);
    assert!(ok && help.contains("serve"), "{help}");
    let (ok, help, _) = output(&["serve", "--help"]);
    assert!(ok);
    for named in
        ["--listen", "EVENKEEL_LISTEN", "--data-dir", "EVENKEEL_DATA_DIR", "--config", "--durability", "127.0.0.1:9324"]
    {
        assert!(help.contains(named), "{named} is not in:\n{help}");
    }
    let (ok, version, _) = output(&["--version"]);
    assert!(ok && version.starts_with("evenkeel "), "{version}");
    let (ok, _, error) = output(&["sevre"]);
    assert!(!ok && error.contains("serve"), "{error}");
}

#[test]
fn the_first_start_makes_credentials_and_shows_them_once() {
    let mut server = Launch::bare().argument("--listen").argument("127.0.0.1:0").start();
    let shown = server.stdout();
    let value = |name: &str| {
        let line = shown
            .lines()
            .find_map(|line| line.trim().strip_prefix(name))
            .unwrap_or_else(|| panic!("no {name} in:\n{shown}"));
        line.to_owned()
    };
    let (access, secret) = (value("export AWS_ACCESS_KEY_ID="), value("export AWS_SECRET_ACCESS_KEY="));
    assert_eq!(value("export AWS_ENDPOINT_URL_SQS="), server.endpoint());
    let file = server.home().join("evenkeel-data/root-credentials.toml");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains(&secret));
    assert!(!server.stderr().contains(&secret), "the secret stays out of the log");

    let mut client = Client::signing(server.shared_address(), Pen::new(&access, &secret, "sqs"));
    client.create_queue("jobs", &json!({})).unwrap();

    let ended = server.stop();
    assert!(ended.status.success() && !ended.stderr.contains(&secret));
    server.start_again();
    assert!(!server.stdout().contains(&secret), "shown only once:\n{}", server.stdout());
    assert!(!server.stderr().contains(&secret));
    client.call("GetQueueUrl", &json!({"QueueName": "jobs"})).expect("the same credentials are good");

    server.stop();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = server.try_start().unwrap_err();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (by_file, by_variable, by_flag) = (free_address(), free_address(), free_address());
    let file = path("settings.toml");
    std::fs::write(&file, format!("listen = \"{by_file}\"\ndata_dir = \"{}\"\n", path("by-file"))).unwrap();

    let launch = Launch::bare().argument("--config").argument(&file);
    let server = launch.clone().start();
    assert_eq!(server.address().to_string(), by_file);
    assert!(folder.path().join("by-file/log").exists());
    drop(server);

    let launch = launch.variable("EVENKEEL_LISTEN", &by_variable).variable("EVENKEEL_DATA_DIR", path("by-variable"));
    let server = launch.clone().start();
    assert_eq!(server.address().to_string(), by_variable);
    assert!(folder.path().join("by-variable/log").exists());
    drop(server);

    let launch = launch.argument("--listen").argument(&by_flag).argument("--data-dir").argument(path("by-flag"));
    let server = launch.start();
    assert_eq!(server.address().to_string(), by_flag);
    assert!(folder.path().join("by-flag/log").exists());
}

#[test]
fn a_second_server_on_the_same_folder_is_refused() {
    let server = Server::start();
    server.client().create_queue("jobs", &json!({})).unwrap();
    let ended = Launch::default().data(server.data()).run();
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("another server holds the data folder"), "{}", ended.stderr);
    assert!(ended.stderr.contains(server.data().to_str().unwrap()), "{}", ended.stderr);
    server.client().call("GetQueueUrl", &json!({"QueueName": "jobs"})).expect("the first goes on serving");
}

#[test]
fn a_folder_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Launch::default().data(folder.path()).start();
    assert!(server.stop().status.success());
    let segment = std::fs::read_dir(folder.path().join("log")).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "seg")).unwrap();
    // The format, and the header's checksum: docs/format.md.
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[16] = 2;
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[8..4096]).to_le_bytes();
    bytes[..8].copy_from_slice(&checksum);
    std::fs::write(&segment, &bytes).unwrap();
    let ended = Launch::default().data(folder.path()).run();
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("format 2") && ended.stderr.contains("use a newer version"), "{}", ended.stderr);
    assert!(std::fs::read(&segment).unwrap() == bytes, "nothing is touched");
}

#[test]
fn a_port_in_use_is_named() {
    let server = Server::start();
    let ended = Launch::bare().argument("--listen").argument(server.address().to_string()).run();
    assert!(!ended.status.success());
    let address = server.address().to_string();
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("in use"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--listen"), "it says what to do: {}", ended.stderr);
}

#[test]
fn what_is_wrong_in_the_settings_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = |text: &str| {
        let file = folder.path().join(format!("settings-{}.toml", text.len()));
        std::fs::write(&file, text).unwrap();
        Launch::bare().argument("--config").argument(file.to_str().unwrap())
    };
    let argument = |flag: &str, value: &str| Launch::bare().argument(flag).argument(value);
    let cases = [
        (settings("datadir = \"x\""), "datadir"),
        (settings("listen = \"localhost\""), "listen"),
        (settings("region = "), "settings-9.toml"),
        (argument("--config", "/nowhere/settings.toml"), "/nowhere/settings.toml"),
        (argument("--listen", "9324"), "--listen"),
        (argument("--listen", "192.0.2.1:9324"), "192.0.2.1:9324"),
        (argument("--durability", "never"), "sync"),
        (argument("--account-id", "12"), "twelve"),
        (argument("--http-threads", "0"), "http_threads"),
        (argument("--data-dir", "/proc/nothing"), "/proc/nothing"),
        (Launch::bare().variable("EVENKEEL_ROOT_ACCESS_KEY", "only-one"), "EVENKEEL_ROOT_SECRET_KEY"),
        (Launch::bare().variable("EVENKEEL_LOG_LEVEL", "loud"), "loud"),
    ];
    for (launch, named) in cases {
        // Those that fail late must not meet a server that runs on this machine.
        let ended = launch.clone().variable("EVENKEEL_LISTEN", "127.0.0.1:0").run();
        assert!(!ended.status.success(), "{launch:?}");
        assert!(ended.stderr.contains(named), "{named} is not in:\n{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}
