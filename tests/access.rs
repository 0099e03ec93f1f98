//! Who is let in, from outside: presigned URLs, and servers that let everybody in.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_sigv4::{AmzDate, Payload, Request, Signer};
use evenkeel_tests::http::{Answer, Connection};
use evenkeel_tests::signed::{ACCESS_KEY, Pen, SECRET_KEY};
use evenkeel_tests::{Client, Launch, Server};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn send(address: SocketAddr, head: &str, body: &str) -> Answer {
    let mut connection = Connection::open(address, Duration::from_secs(10)).unwrap();
    let length = body.len();
    connection.write(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
    connection.read().unwrap()
}

/// A request for that action without a signature, with more lines in its head.
fn unsigned(address: SocketAddr, host: &str, more: &str, action: &str, body: &Value) -> Answer {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.{action}\r\n\
         Content-Type: application/x-amz-json-1.0\r\n{more}"
    );
    send(address, &head, &body.to_string())
}

/// A presigned request, made so many seconds ago, with a token if one is given.
fn presigned(server: &Server, age_seconds: i64, expires_seconds: u32, token: Option<&str>, body: &str) -> Answer {
    let host = server.address().to_string();
    let target = "AmazonSQS.CreateQueue";
    let headers = [("host", host.as_str()), ("x-amz-target", target)];
    let query = token.map(|token| format!("X-Amz-Security-Token={token}")).unwrap_or_default();
    let payload = Payload::Bytes(br#"{"QueueName":"jobs"}"#);
    let request = Request { method: "POST", path: "/", query: &query, headers: &headers, payload };
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let date = AmzDate::from_unix(now - age_seconds);
    let mut signer = Signer::new(ACCESS_KEY, SECRET_KEY, "eu-west-1", "sqs");
    let query = signer.presign(&request, "host;x-amz-target", &date, expires_seconds).unwrap();
    send(server.address(), &format!("POST /?{query} HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: {target}\r\n"), body)
}

fn code(answer: &Answer) -> &str {
    answer.header("x-amzn-query-error").unwrap_or_default().split(';').next().unwrap_or_default()
}

#[test]
fn a_presigned_url_is_good_until_it_expires_and_for_its_body_only() {
    let server = Server::start();
    let body = r#"{"QueueName":"jobs"}"#;
    for (age, expires, expected) in [
        (0, 60, ""),
        (3_600, 86_400, ""),
        (62, 60, "RequestExpired"),
        (-1_000, 604_800, "SignatureDoesNotMatch"),
        (0, 604_801, "IncompleteSignature"),
    ] {
        let answer = presigned(&server, age, expires, None, body);
        assert_eq!(code(&answer), expected, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.status == 200, expected.is_empty());
    }
    let other = presigned(&server, 0, 60, None, r#"{"QueueName":"mine"}"#);
    assert_eq!((other.status, code(&other)), (403, "SignatureDoesNotMatch"));
    let token = presigned(&server, 0, 60, Some("token"), body);
    assert_eq!((token.status, code(&token)), (403, "InvalidClientTokenId"));
    assert!(String::from_utf8_lossy(&token.body).contains("AWS_SESSION_TOKEN"));
}

#[test]
fn without_a_signature_nobody_is_let_in() {
    let server = Server::start();
    let answer = unsigned(server.address(), "localhost", "", "CreateQueue", &json!({"QueueName": "jobs"}));
    assert_eq!((answer.status, code(&answer)), (403, "MissingAuthenticationToken"));
    assert_eq!(server.client().call("GetQueueUrl", &json!({"QueueName": "jobs"})).unwrap_err().status(), 400);
}

#[test]
fn a_server_without_authentication_takes_any_credentials_and_says_so_at_every_start() {
    let mut server = Launch::default().argument("--insecure-no-auth").start();
    for _ in 0..2 {
        assert!(server.stderr().contains("insecure_no_auth"), "{}", server.stderr());
        let address = server.address();
        let answer = unsigned(address, "localhost:1", "", "CreateQueue", &json!({"QueueName": "jobs"}));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let mut stranger = Client::signing(server.shared_address(), Pen::new("anybody", "anything", "sqs"));
        let url = stranger.call("GetQueueUrl", &json!({"QueueName": "jobs"})).unwrap();
        assert!(url["QueueUrl"].as_str().unwrap().ends_with("/000000000000/jobs"));
        assert!(server.stop().status.success());
        server.start_again();
    }
}

#[test]
fn a_server_without_authentication_lets_no_web_page_in() {
    let server = Launch::default().argument("--insecure-no-auth").start();
    let body = json!({"QueueName": "jobs"});
    for (host, more) in
        [("localhost", "Origin: https://evil.example\r\n"), ("localhost", "Origin: null\r\n"), ("evil.example", "")]
    {
        assert_eq!(unsigned(server.address(), host, more, "CreateQueue", &body).status, 403, "{host} {more}");
    }
    assert_eq!(
        server.client().call("GetQueueUrl", &body).unwrap_err().code(),
        "AWS.SimpleQueueService.NonExistentQueue"
    );
}

#[test]
fn a_server_that_others_can_reach_does_not_start_without_authentication() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let launch = Launch::bare().argument("--listen").argument(listen).argument("--insecure-no-auth");
        let ended = launch.run();
        assert!(!ended.status.success());
        assert!(ended.stderr.contains("loopback") && ended.stderr.contains("--listen"), "{}", ended.stderr);
    }
}

/// What an answer lets pages of other origins do.
fn allowed<'a>(answer: &'a Answer, what: &str) -> Option<&'a str> {
    answer.header(&format!("access-control-{what}"))
}

#[test]
fn a_page_of_another_origin_may_call_if_it_signs() {
    let server = Server::start();
    let host = server.address().to_string();
    let page = "Origin: https://app.example\r\n";
    let preflight = |path: &str| {
        let asked =
            "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,x-amz-target\r\n";
        send(server.address(), &format!("OPTIONS {path} HTTP/1.1\r\nHost: {host}\r\n{page}{asked}"), "")
    };
    for path in ["/", "/000000000000/jobs"] {
        let told = preflight(path);
        assert_eq!((told.status, allowed(&told, "allow-origin")), (200, Some("*")), "{path}");
        assert_eq!(allowed(&told, "allow-headers"), Some("authorization,x-amz-target"));
        assert_eq!(allowed(&told, "allow-credentials"), None, "no cookie of anybody's");
    }
    let signed = Pen::new(ACCESS_KEY, SECRET_KEY, "sqs").request(&host, "CreateQueue", br#"{"QueueName":"jobs"}"#);
    let (line, rest) = std::str::from_utf8(&signed).unwrap().split_once("\r\n").unwrap();
    let mut connection = Connection::open(server.address(), Duration::from_secs(10)).unwrap();
    connection.write(format!("{line}\r\n{page}{rest}").as_bytes()).unwrap();
    let created = connection.read().unwrap();
    assert_eq!((created.status, allowed(&created, "allow-origin")), (200, Some("*")), "{}", created.text());
    // A refusal may be read as well: SDKs find its code in this header.
    let refused = unsigned(server.address(), &host, page, "ListQueues", &json!({}));
    assert_eq!((refused.status, allowed(&refused, "allow-origin")), (403, Some("*")));
    assert!(allowed(&refused, "expose-headers").unwrap().contains("x-amzn-query-error"));

    let program = unsigned(server.address(), &host, "", "ListQueues", &json!({}));
    assert_eq!(allowed(&program, "allow-origin"), None, "no page asked");
    for path in ["/v1/keys", "/console", "/console/queue"] {
        let told = preflight(path);
        assert_eq!(allowed(&told, "allow-origin"), None, "{path} is for no page of another origin");
    }
    for path in ["/v1/keys", "/console", "/metrics", "/readyz"] {
        let told = send(server.address(), &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{page}"), "");
        assert_eq!(allowed(&told, "allow-origin"), None, "{path} is read by no page of another origin");
    }
}

#[test]
fn no_page_may_call_where_no_key_is_asked_for() {
    let server = Launch::default().argument("--insecure-no-auth").start();
    let host = format!("localhost:{}", server.address().port());
    let page = "Origin: http://localhost:3000\r\n";
    let asked = format!("OPTIONS / HTTP/1.1\r\nHost: {host}\r\n{page}Access-Control-Request-Method: POST\r\n");
    for answer in
        [send(server.address(), &asked, ""), unsigned(server.address(), &host, page, "ListQueues", &json!({}))]
    {
        assert_eq!((answer.status, allowed(&answer, "allow-origin")), (403, None), "{}", answer.text());
    }
}
