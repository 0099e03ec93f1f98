//! Access keys from outside: made, used, bounded, rotated, revoked, and kept over restarts without their secrets in clear.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::http::Connection;
use evenkeel_tests::signed::{ACCESS_KEY, Pen, SECRET_KEY};
use evenkeel_tests::{Client, Launch, Server, binary};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// `evenkeel keys`, as root unless told otherwise.
fn run(server: &Server, key: (&str, &str), arguments: &[&str]) -> Output {
    Command::new(binary::evenkeel())
        .args(["keys", "--endpoint", &server.endpoint()])
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", key.0)
        .env("AWS_SECRET_ACCESS_KEY", key.1)
        .current_dir(server.home())
        .output()
        .unwrap()
}

fn keys(server: &Server, arguments: &[&str]) -> Value {
    let mut whole = vec!["--json"];
    whole.extend(arguments);
    let output = run(server, (ACCESS_KEY, SECRET_KEY), &whole);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(server: &Server, key: (&str, &str), arguments: &[&str]) -> String {
    let output = run(server, key, arguments);
    assert!(!output.status.success(), "{arguments:?} should fail");
    String::from_utf8(output.stderr).unwrap()
}

fn pair(key: &Value) -> (String, String) {
    (key["access_key"].as_str().unwrap().to_owned(), key["secret_key"].as_str().unwrap().to_owned())
}

fn client(server: &Server, (access, secret): &(String, String)) -> Client {
    Client::signing(server.shared_address(), Pen::new(access, secret, "sqs"))
}

/// The code of what `GetQueueUrl` of a queue is refused with; empty if it is not.
fn refusal(client: &mut Client, queue: &str) -> String {
    client
        .call("GetQueueUrl", &json!({"QueueName": queue}))
        .err()
        .map(|failure| failure.code().to_owned())
        .unwrap_or_default()
}

#[test]
fn a_revoked_key_is_refused_on_the_connection_that_it_just_used() {
    let server = Server::start();
    server.client().create_queue("jobs", &json!({})).unwrap();
    let made = keys(&server, &["create", "worker"]);
    let mut worker = client(&server, &pair(&made));
    assert_eq!(refusal(&mut worker, "jobs"), "");
    keys(&server, &["revoke", made["access_key"].as_str().unwrap()]);
    assert_eq!(refusal(&mut worker, "jobs"), "InvalidClientTokenId");
    assert_eq!(keys(&server, &["list"])["keys"], json!([]));
}

#[test]
fn a_rotated_key_has_two_secrets_for_its_grace_and_then_one() {
    let server = Server::start();
    server.client().create_queue("jobs", &json!({})).unwrap();
    let old = pair(&keys(&server, &["create", "worker"]));
    let new = pair(&keys(&server, &["rotate", &old.0, "--grace", "1h"]));
    assert_eq!(old.0, new.0);
    for secret in [&old, &new, &old] {
        assert_eq!(refusal(&mut client(&server, secret), "jobs"), "", "both count");
    }
    assert!(keys(&server, &["list"])["keys"][0]["old_secret_until"].is_u64());
    let newer = pair(&keys(&server, &["rotate", &old.0, "--grace", "0s"]));
    for secret in [&old, &new] {
        assert_eq!(refusal(&mut client(&server, secret), "jobs"), "SignatureDoesNotMatch");
    }
    assert_eq!(refusal(&mut client(&server, &newer), "jobs"), "");
    let short = pair(&keys(&server, &["rotate", &old.0, "--grace", "1s"]));
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(refusal(&mut client(&server, &newer), "jobs"), "SignatureDoesNotMatch", "the grace is over");
    assert_eq!(refusal(&mut client(&server, &short), "jobs"), "");
}

#[test]
fn a_key_ends_when_it_was_to_end() {
    let server = Server::start();
    server.client().create_queue("jobs", &json!({})).unwrap();
    let made = keys(&server, &["create", "visitor", "--expires-in", "1s"]);
    let mut visitor = client(&server, &pair(&made));
    assert_eq!(refusal(&mut visitor, "jobs"), "");
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(refusal(&mut visitor, "jobs"), "InvalidClientTokenId");
    assert_eq!(keys(&server, &["list"])["keys"][0]["state"], "expired");
}

#[test]
fn rights_bound_what_a_key_does_and_where() {
    let server = Server::start();
    let mut root = server.client();
    let url = root.create_queue("jobs-1", &json!({})).unwrap();
    let other = root.create_queue("mail", &json!({})).unwrap();
    let made = keys(
        &server,
        &["create", "sender", "--action", "sqs:send*", "--action", "sqs:GetQueueUrl", "--queue", "jobs-"],
    );
    let mut sender = client(&server, &pair(&made));
    let send = |url: &str| json!({"QueueUrl": url, "MessageBody": "a"});
    let batch = |url: &str| json!({"QueueUrl": url, "Entries": [{"Id": "a", "MessageBody": "a"}]});
    sender.call("SendMessage", &send(&url)).unwrap();
    sender.call("SendMessageBatch", &batch(&url)).unwrap();
    assert_eq!(refusal(&mut sender, "jobs-1"), "");
    assert_eq!(refusal(&mut sender, "mail"), "AccessDenied");
    for (action, body) in [
        ("SendMessage", send(&other)),
        ("SendMessageBatch", batch(&other)),
        ("ReceiveMessage", json!({"QueueUrl": url})),
        ("DeleteMessageBatch", json!({"QueueUrl": url, "Entries": []})),
        ("PurgeQueue", json!({"QueueUrl": url})),
        ("CreateQueue", json!({"QueueName": "jobs-2"})),
    ] {
        let refused = sender.call(action, &body).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (403, "AccessDenied"), "{action}");
    }
    let got = root.call("ReceiveMessage", &json!({"QueueUrl": url, "AttributeNames": ["SenderId"]})).unwrap();
    assert_eq!(got["Messages"][0]["Attributes"]["SenderId"], "sender");
}

#[test]
fn accounts_do_not_see_each_other() {
    let server = Server::start();
    let mine = server.client().create_queue("jobs", &json!({})).unwrap();
    let made = keys(&server, &["create", "tenant", "--account", "123456789012"]);
    let mut tenant = client(&server, &pair(&made));
    assert_eq!(refusal(&mut tenant, "jobs"), "AWS.SimpleQueueService.NonExistentQueue");
    let theirs = tenant.create_queue("jobs", &json!({})).unwrap();
    assert!(theirs.ends_with("/123456789012/jobs"), "{theirs}");
    for (mut stranger, url) in [(tenant, mine), (server.client(), theirs)] {
        let refused = stranger.call("SendMessage", &json!({"QueueUrl": url, "MessageBody": "a"})).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (403, "AccessDenied"));
    }
}

/// Whether the text stands in some file below the folder.
fn is_in_some_file(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_in_some_file(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    })
}

#[test]
fn keys_outlive_restarts_and_their_secrets_are_nowhere_in_clear() {
    let mut server = Launch::default().argument("--checkpoint-every-mib").argument("1").start();
    let url = server.client().create_queue("jobs", &json!({})).unwrap();
    let old = pair(&keys(&server, &["create", "worker", "--description", "the one in the cellar"]));
    let new = pair(&keys(&server, &["rotate", &old.0]));
    let revoked = pair(&keys(&server, &["create", "gone"]));
    keys(&server, &["revoke", &revoked.0]);
    for round in 0..3 {
        match round {
            0 => server.kill(),
            // A stop makes a checkpoint, so that the next start reads the keys from there.
            _ => assert!(server.stop().status.success()),
        }
        server.start_again();
        assert_eq!(refusal(&mut client(&server, &old), "jobs"), "", "round {round}");
        assert_eq!(refusal(&mut client(&server, &new), "jobs"), "", "round {round}");
        assert_eq!(refusal(&mut client(&server, &revoked), "jobs"), "InvalidClientTokenId", "round {round}");
        assert_eq!(keys(&server, &["list"])["keys"][0]["description"], "the one in the cellar");
    }
    server.client().call("SendMessage", &json!({"QueueUrl": url, "MessageBody": "needle in the haystack"})).unwrap();
    server.stop();
    assert!(is_in_some_file(server.data(), "needle in the haystack"), "the search finds what is there");
    assert!(is_in_some_file(server.data(), &old.0));
    for (_, secret) in [&old, &new, &revoked] {
        assert!(!is_in_some_file(server.home(), secret), "a secret is on the disk, or in the log of the server");
    }
}

#[test]
fn what_policies_allow_and_deny_outlives_restarts() {
    let mut server = Launch::default().argument("--checkpoint-every-mib").argument("1").start();
    let root = server.client().create_queue("jobs", &json!({})).unwrap();
    let tenant = pair(&keys(&server, &["create", "tenant", "--account", "123456789012"]));
    let worker = pair(&keys(&server, &["create", "worker"]));
    let statement = |effect: &str, principal: &str, action: &str| json!({"Effect": effect, "Principal": {"AWS": principal}, "Action": action});
    let policy = json!({"Statement": [
        statement("Allow", "123456789012", "sqs:SendMessage"),
        statement("Deny", "arn:aws:iam::000000000000:user/worker", "sqs:SendMessage"),
    ]});
    let attributes = json!({"QueueUrl": root, "Attributes": {"Policy": policy.to_string()}});
    server.client().call("SetQueueAttributes", &attributes).unwrap();
    let message = json!({"QueueUrl": root, "MessageBody": "a"});
    for round in 0..3 {
        match round {
            0 => {}
            1 => server.kill(),
            // A stop makes a checkpoint, so that the next start reads the policy from there.
            _ => assert!(server.stop().status.success()),
        }
        if round > 0 {
            server.start_again();
        }
        client(&server, &tenant).call("SendMessage", &message).unwrap();
        for (key, action) in [(&worker, "SendMessage"), (&tenant, "ReceiveMessage")] {
            let refused = client(&server, key).call(action, &message).unwrap_err();
            assert_eq!((refused.status(), refused.code()), (403, "AccessDenied"), "round {round}");
        }
    }
    let none = json!({"QueueUrl": root, "Attributes": {"Policy": ""}});
    server.client().call("SetQueueAttributes", &none).unwrap();
    client(&server, &worker).call("SendMessage", &message).unwrap();
    assert_eq!(client(&server, &tenant).call("SendMessage", &message).unwrap_err().status(), 403);
}

#[test]
fn another_sealing_key_is_noticed_and_a_lost_one_does_not_stop_the_server() {
    let mut server = Server::start();
    server.client().create_queue("jobs", &json!({})).unwrap();
    let made = pair(&keys(&server, &["create", "worker"]));
    server.stop();
    let file = server.data().join("sealing-key");
    let right = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "00".repeat(32)).unwrap();
    let error = server.try_start().unwrap_err();
    assert!(error.contains("sealing-key is not the key") && error.contains("restore"), "{error}");
    server.kill();

    std::fs::remove_file(&file).unwrap();
    server.start_again();
    assert!(server.stderr().contains("sealing-key was missing"), "{}", server.stderr());
    assert_eq!(refusal(&mut client(&server, &made), "jobs"), "InvalidClientTokenId");
    assert_eq!(keys(&server, &["list"])["keys"][0]["state"], "unreadable");
    let anew = pair(&keys(&server, &["rotate", &made.0, "--grace", "0s"]));
    assert_eq!(refusal(&mut client(&server, &anew), "jobs"), "");
    server.stop();
    std::fs::write(&file, right).unwrap();
    assert!(server.try_start().unwrap_err().contains("not the key"));
    server.kill();
}

#[test]
fn only_root_administers_and_errors_say_what_to_do() {
    let server = Server::start();
    let root = (ACCESS_KEY, SECRET_KEY);
    let made = pair(&keys(&server, &["create", "worker"]));
    let worker = (made.0.as_str(), made.1.as_str());
    for arguments in [&["list"][..], &["create", "x"], &["revoke", worker.0], &["rotate", worker.0]] {
        let said = error(&server, worker, arguments);
        assert!(said.contains("only the root key") && said.contains("AccessDenied"), "{said}");
    }
    for (arguments, part) in [
        (&["revoke", "AKIANOBODY"][..], "list them"),
        (&["rotate", "AKIANOBODY"], "list them"),
        (&["revoke", "../x"], "no access key's id"),
        (&["revoke", ACCESS_KEY], "root key"),
        (&["create", "a b"], "letters"),
        (&["create", "x", "--action", "SendMessage"], "sqs:SendMessage"),
        (&["create", "x", "--queue", "*"], "letters"),
        (&["create", "x", "--account", "12"], "twelve"),
        (&["create", "x", "--expires-in", "0s"], "expires_in_seconds"),
        (&["create", "x", "--expires-in", "soon"], "12h"),
    ] {
        let said = error(&server, root, arguments);
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    let said = error(&server, (ACCESS_KEY, "wrong"), &["list"]);
    assert!(said.contains("SignatureDoesNotMatch") && said.contains("AWS_SECRET_ACCESS_KEY"), "{said}");
    assert_eq!(keys(&server, &["list"])["keys"].as_array().unwrap().len(), 1, "nothing else was made");

    let mut without_key = Command::new(binary::evenkeel());
    without_key.args(["keys", "list", "--endpoint", &server.endpoint(), "--data-dir", "nowhere"]);
    without_key.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").current_dir(server.home());
    let said = failure(&mut without_key);
    assert!(said.contains("--data-dir"), "{said}");
    let mut without_server = Command::new(binary::evenkeel());
    without_server.args(["keys", "list", "--endpoint", "http://127.0.0.1:1"]);
    without_server.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    let said = failure(&mut without_server);
    assert!(said.contains("evenkeel serve") && said.contains("--endpoint"), "{said}");
}

fn failure(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn people_see_a_table_and_the_data_folder_signs_for_them() {
    let server = Launch::bare().argument("--listen").argument("127.0.0.1:0").start();
    let run = |arguments: &[&str]| {
        let output = Command::new(binary::evenkeel())
            .args(["keys", "--endpoint", &server.endpoint()])
            .args(arguments)
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .current_dir(server.home())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(run(&["list"]).contains("keys create"));
    let shown = run(&["create", "worker", "--action", "sqs:*", "--queue", "jobs-"]);
    assert!(shown.contains("export AWS_SECRET_ACCESS_KEY=") && shown.contains("only now"), "{shown}");
    let listed = run(&["list"]);
    let lines: Vec<_> = listed.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("ACCESS KEY"), "{listed}");
    assert!(lines[1].contains("worker") && lines[1].contains("jobs-*") && lines[1].contains("never"), "{listed}");
    assert!(!listed.contains("SECRET"));
}

#[test]
fn the_native_door_refuses_what_is_not_signed_for_it() {
    let server = Server::start();
    let ask = |bytes: &[u8]| {
        let mut connection = Connection::open(server.address(), Duration::from_secs(10)).unwrap();
        connection.write(bytes).unwrap();
        let answer = connection.read().unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, body["error"]["code"].as_str().unwrap().to_owned())
    };
    let unsigned = ask(b"GET /v1/keys HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(unsigned, (403, "MissingAuthenticationToken".into()));
    // Right in all but the service: what is signed for SQS must not administer.
    let host = server.address().to_string();
    let signed = Pen::default().request(&host, "ListQueues", b"");
    let moved = String::from_utf8(signed).unwrap().replace("POST / ", "POST /v1/keys ");
    assert_eq!(ask(moved.as_bytes()), (403, "SignatureDoesNotMatch".into()));
}
