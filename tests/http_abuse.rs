//! Bad input from outside: the right answer to each, and a server that serves the next one as if nothing had been.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::http::{Answer, Connection};
use evenkeel_tests::signed::{ACCESS_KEY, Pen, SECRET_KEY};
use evenkeel_tests::{Client, Server};
use serde_json::json;
use std::net::TcpStream;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MIB: usize = 1 << 20;

fn connect(server: &Server) -> Connection {
    Connection::open(server.address(), 10 * SECOND).unwrap()
}

/// Writes as much as the server takes, and reads what it says; `None` if it only closes the connection.
fn exchange(server: &Server, bytes: &[u8]) -> Option<Answer> {
    let mut connection = connect(server);
    // The server may answer and close before it has taken all.
    _ = connection.write(bytes);
    connection.read().ok()
}

fn code(answer: &Answer) -> &str {
    answer.header("x-amzn-query-error").and_then(|code| code.split(';').next()).unwrap_or_default()
}

fn still_serves(server: &Server, after: &str) {
    let called = server.client().create_queue("still-there", &json!({}));
    assert!(called.is_ok(), "after {after}: {called:?}\n{}", server.stderr());
}

#[test]
fn garbage_is_refused() {
    let server = Server::start();
    let mut random = evenkeel_tests::random::Random(7);
    let noise: Vec<u8> = (0..4_096).flat_map(|_| random.draw().to_le_bytes()).collect();
    let host = server.address();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing at all but a line", b"\r\n\r\n\r\n\r\n hello\r\n\r\n".to_vec()),
        ("noise", noise),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("another protocol", b"EHLO example.org\r\n\r\n".to_vec()),
        ("a strange version", format!("POST / HTTP/9.9\r\nHost: {host}\r\n\r\n").into_bytes()),
        ("a header without a name", format!("POST / HTTP/1.1\r\nHost: {host}\r\n: x\r\n\r\n").into_bytes()),
        ("a NUL in a header", format!("POST / HTTP/1.1\r\nHost: {host}\r\nA: \0\r\n\r\n").into_bytes()),
        ("a length that is no number", format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n").into()),
        (
            "two lengths",
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab").into(),
        ),
        (
            "a huge length",
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999999999999999\r\n\r\n").into(),
        ),
        (
            "chunks without a size",
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n").into(),
        ),
    ];
    for (what, bytes) in cases {
        if let Some(answer) = exchange(&server, &bytes) {
            assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
        }
        still_serves(&server, what);
    }
}

#[test]
fn what_is_too_large_is_refused_and_not_read() {
    let server = Server::start();
    let host = server.address().to_string();
    let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\nX-Filler: {}\r\n\r\n", "x".repeat(2 * MIB));
    if let Some(answer) = exchange(&server, head.as_bytes()) {
        assert_eq!(answer.status, 431, "a head of 2 MiB");
    }
    let many = "A: b\r\n".repeat(5_000);
    if let Some(answer) = exchange(&server, format!("POST / HTTP/1.1\r\nHost: {host}\r\n{many}\r\n").as_bytes()) {
        assert_eq!(answer.status, 431, "5,000 headers");
    }
    let uri = format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "x".repeat(100_000));
    if let Some(answer) = exchange(&server, uri.as_bytes()) {
        assert!([414, 431].contains(&answer.status), "a path of 100,000 bytes: {}", answer.status);
    }
    let head = Pen::default().head(&host, "SendMessage", b"", "Content-Length: 104857600\r\n");
    let answer = exchange(&server, &head).expect("a refusal before the body is sent");
    assert_eq!(answer.status, 413, "100 MiB announced");

    // In chunks, where no length is announced: it must stop reading by itself.
    let mut connection = connect(&server);
    connection.write(&Pen::default().head(&host, "SendMessage", b"", "Transfer-Encoding: chunked\r\n")).unwrap();
    let chunk = [format!("{:x}\r\n", MIB).into_bytes(), vec![b'x'; MIB], b"\r\n".to_vec()].concat();
    let taken = (0..100).take_while(|_| connection.write(&chunk).is_ok()).count();
    assert!(taken < 100, "it took 100 MiB");
    if let Ok(answer) = connection.read() {
        assert_eq!(answer.status, 413);
    }
    still_serves(&server, "large requests");
}

#[test]
fn the_largest_message_is_taken_and_one_byte_more_is_not() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    // Six bytes of JSON each, the worst case.
    let escaped = "\u{1f}".repeat(10);
    assert_eq!(client.send(&queue, &escaped, None).unwrap_err().code(), "InvalidMessageContents");
    let largest = "\\\"".repeat(MIB / 2);
    client.send(&queue, &largest, None).unwrap();
    assert_eq!(client.receive(&queue, 1, 0, None).unwrap()[0].body, largest);
    let refused = client.send(&queue, &format!("{largest}x"), None).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (400, "InvalidParameterValue"));
    assert_eq!(client.send(&queue, "", None).unwrap_err().status(), 400);
}

#[test]
fn half_requests_cost_nothing_and_do_nothing() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    let body = json!({"QueueUrl": queue, "MessageBody": "half"}).to_string();
    let request = Pen::default().request(&server.address().to_string(), "SendMessage", body.as_bytes());
    for length in [1, 20, 100, request.len() - body.len(), request.len() - 1] {
        let mut connection = connect(&server);
        connection.write(&request[..length]).unwrap();
        connection.end_writing().unwrap();
        if let Ok(answer) = connection.read() {
            assert!((400..500).contains(&answer.status), "{length} bytes: {}", answer.status);
        }
        drop(TcpStream::connect(server.address()).unwrap());
    }
    assert_eq!(client.counts(&queue).unwrap(), [0, 0, 0]);
    // Byte by byte is slow, but whole.
    let mut connection = connect(&server);
    for byte in &request {
        connection.write(&[*byte]).unwrap();
    }
    assert_eq!(connection.read().unwrap().status, 200);
    assert_eq!(client.counts(&queue).unwrap(), [1, 0, 0]);
}

#[test]
fn a_wrong_length_does_nothing() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    let body = json!({"QueueUrl": queue, "MessageBody": "a job"}).to_string();
    let host = server.address().to_string();
    let shorter = format!("Content-Length: {}\r\n", body.len() - 3);
    let mut request = Pen::default().head(&host, "SendMessage", body.as_bytes(), &shorter);
    request.extend_from_slice(body.as_bytes());
    let answer = exchange(&server, &request).unwrap();
    assert_eq!((answer.status, code(&answer)), (403, "SignatureDoesNotMatch"));
    let longer = format!("Content-Length: {}\r\n", body.len() + 3);
    let mut request = Pen::default().head(&host, "SendMessage", body.as_bytes(), &longer);
    request.extend_from_slice(body.as_bytes());
    let mut connection = connect(&server);
    connection.write(&request).unwrap();
    connection.end_writing().unwrap();
    if let Ok(answer) = connection.read() {
        assert_eq!(answer.status, 400);
    }
    assert_eq!(client.counts(&queue).unwrap(), [0, 0, 0]);
}

#[test]
fn chunked_bodies_expectations_and_pipelines_work() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("jobs", &json!({})).unwrap();
    let host = server.address().to_string();
    let mut pen = Pen::default();
    let body = json!({"QueueUrl": queue, "MessageBody": "in chunks"}).to_string();

    let mut request = pen.head(&host, "SendMessage", body.as_bytes(), "Transfer-Encoding: chunked\r\n");
    for part in body.as_bytes().chunks(7) {
        request.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        request.extend_from_slice(part);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(exchange(&server, &request).unwrap().status, 200);

    let framing = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len());
    let mut connection = connect(&server);
    connection.write(&pen.head(&host, "SendMessage", body.as_bytes(), &framing)).unwrap();
    assert_eq!(connection.read().unwrap().status, 100);
    connection.write(body.as_bytes()).unwrap();
    assert_eq!(connection.read().unwrap().status, 200);

    let mut connection = connect(&server);
    let requests: Vec<Vec<u8>> = (0..20)
        .map(|at| {
            let body = json!({"QueueUrl": queue, "MessageBody": format!("pipelined {at}")}).to_string();
            pen.request(&host, "SendMessage", body.as_bytes())
        })
        .collect();
    connection.write(&requests.concat()).unwrap();
    for _ in &requests {
        assert_eq!(connection.read().unwrap().status, 200);
    }
    assert_eq!(client.counts(&queue).unwrap(), [22, 0, 0]);
    let bodies: Vec<String> =
        (0..3).flat_map(|_| client.receive(&queue, 10, 0, None).unwrap()).map(|job| job.body).collect();
    let pipelined: Vec<&String> = bodies.iter().filter(|body| body.starts_with("pipelined")).collect();
    assert_eq!(pipelined, (0..20).map(|at| format!("pipelined {at}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
}

#[test]
fn wrong_signatures_are_refused_with_their_own_codes() {
    let server = Server::start();
    let address = server.shared_address();
    let refusal = |mut pen: Pen, skew: i64| {
        pen.skew_seconds = skew;
        let failure = Client::signing(address.clone(), pen).create_queue("jobs", &json!({})).unwrap_err();
        (failure.status(), failure.code().to_owned())
    };
    let pen = |access: &str, secret: &str, service: &str| Pen::new(access, secret, service);
    let mismatch = (403, "SignatureDoesNotMatch".to_owned());
    assert_eq!(refusal(pen(ACCESS_KEY, "wrong", "sqs"), 0), mismatch);
    assert_eq!(refusal(pen("AKIANOBODY", SECRET_KEY, "sqs"), 0), (403, "InvalidClientTokenId".to_owned()));
    assert_eq!(refusal(pen(ACCESS_KEY, SECRET_KEY, "s3"), 0), mismatch);
    for skew in [-16 * 60, 16 * 60] {
        assert_eq!(refusal(Pen::default(), skew), mismatch, "{skew} s");
    }
    let mut slow = Pen::default();
    slow.skew_seconds = -10 * 60;
    Client::signing(address.clone(), slow).create_queue("jobs", &json!({})).unwrap();

    let host = server.address().to_string();
    let unsigned = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    let answer = exchange(&server, unsigned.as_bytes()).unwrap();
    assert_eq!((answer.status, code(&answer)), (403, "MissingAuthenticationToken"));
    assert!(answer.header("date").is_some(), "SDKs set their clocks by it");
    assert!(answer.header("x-amzn-requestid").is_some());

    let signed = Pen::default().request(&host, "CreateQueue", b"{\"QueueName\":\"jobs\"}");
    let signed = String::from_utf8(signed).unwrap();
    for (was, is) in [
        ("\"jobs\"", "\"mine\""),
        ("AmazonSQS.CreateQueue", "AmazonSQS.DeleteQueue"),
        ("POST / ", "POST /a "),
        ("us-east-1", "us-west-1"),
    ] {
        let answer = exchange(&server, signed.replace(was, is).as_bytes()).unwrap();
        assert_eq!((answer.status, code(&answer)), (403, "SignatureDoesNotMatch"), "{was} replaced by {is}");
    }
    for authorization in ["", "Basic cm9vdDpyb290", "AWS4-HMAC-SHA256 Credential=a/b", "AWS4-HMAC-SHA256 \u{e9}"] {
        let request =
            format!("POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\nContent-Length: 0\r\n\r\n");
        let status = exchange(&server, request.as_bytes()).unwrap().status;
        assert!([400, 403].contains(&status), "{authorization}: {status}");
    }
    for (method, path) in [
        ("GET", "/?Action=ListQueues"),
        ("PUT", "/x"),
        ("DELETE", "/000000000000/jobs"),
        ("OPTIONS", "*"),
        ("CONNECT", "a:1"),
    ] {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        if let Some(answer) = exchange(&server, request.as_bytes()) {
            assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
        }
    }
    still_serves(&server, "wrong signatures");
}

#[test]
fn what_is_no_json_of_the_right_shape_is_the_clients_mistake() {
    let server = Server::start();
    let queue = server.client().create_queue("jobs", &json!({})).unwrap();
    let host = server.address().to_string();
    let deep = format!("{{\"QueueUrl\":{}", "[".repeat(500_000));
    let bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\xff\xfe{\"QueueUrl\":1}".to_vec(),
        b"{\"QueueUrl\":\"\xff\"}".to_vec(),
        b"{\"QueueUrl\":\"\\ud800\"}".to_vec(),
        b"{\"QueueUrl\":7}".to_vec(),
        format!("{{\"QueueUrl\":\"{queue}\",\"MessageBody\":{{}}}}").into_bytes(),
        format!("{{\"QueueUrl\":\"{queue}\",\"MessageBody\":\"a\"}} trailing").into_bytes(),
        format!("{{\"QueueUrl\":\"{queue}\",\"MessageBody\":\"a\",\"DelaySeconds\":1e999}}").into_bytes(),
        deep.into_bytes(),
    ];
    for body in bodies {
        let shown: String = String::from_utf8_lossy(&body).chars().take(60).collect();
        let answer = exchange(&server, &Pen::default().request(&host, "SendMessage", &body)).unwrap();
        assert_eq!(answer.status, 400, "{shown}: {}", answer.text());
        assert!(answer.text().contains("SerializationException"), "{shown}: {}", answer.text());
        still_serves(&server, &shown);
    }
    // Unknown members are skipped, however deep.
    let deep = format!("{{\"Unknown\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = exchange(&server, &Pen::default().request(&host, "SendMessage", deep.as_bytes())).unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    for action in ["", "Nothing", "SendMessage\u{e9}", "../../etc/passwd"] {
        let answer = exchange(&server, &Pen::default().request(&host, action, b"{}")).unwrap();
        assert!((400..500).contains(&answer.status), "{action}: {} {}", answer.status, answer.text());
    }
    assert_eq!(server.client().counts(&queue).unwrap(), [0, 0, 0]);
}
