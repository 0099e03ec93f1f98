//! Where does one request end and the next begin? Requests that two readers could answer differently (request smuggling),
//! broken framing, versions, targets and methods. Whatever comes in: the right refusal or an end of the connection, and nothing
//! is done that was not asked for plainly.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::http::{Answer, Connection};
use evenkeel_tests::random::Random;
use evenkeel_tests::signed::Pen;
use evenkeel_tests::{Client, Server};
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A server, a queue on it, and the means to ask.
struct House {
    server: Server,
    client: Client,
    queue: String,
    host: String,
    pen: Pen,
}

impl House {
    fn new() -> Self {
        let server = Server::start();
        let mut client = server.client();
        let queue = client.create_queue("jobs", &json!({})).unwrap();
        let host = server.address().to_string();
        Self { server, client, queue, host, pen: Pen::default() }
    }

    fn body(&self, text: &str) -> String {
        json!({"QueueUrl": self.queue, "MessageBody": text}).to_string()
    }

    /// A whole, signed `SendMessage`.
    fn send(&mut self, text: &str) -> Vec<u8> {
        let body = self.body(text);
        self.pen.request(&self.host, "SendMessage", body.as_bytes())
    }

    /// That many answers to these bytes.
    fn served(&self, bytes: &[u8], count: usize) -> Vec<Answer> {
        let mut connection = Connection::open(self.server.address(), 20 * SECOND).unwrap();
        connection.write(bytes).unwrap();
        (0..count).map(|_| connection.read().unwrap()).collect()
    }

    /// What the server says to bytes of a client that goes on to say that it is done: maybe nothing.
    fn answers(&self, bytes: &[u8]) -> Vec<Answer> {
        let mut connection = Connection::open(self.server.address(), 20 * SECOND).unwrap();
        // The server may refuse and close before it has taken all.
        _ = connection.write(bytes);
        _ = connection.end_writing();
        std::iter::from_fn(|| connection.read().ok()).collect()
    }

    fn sent(&mut self) -> u64 {
        let counts = self.client.counts(&self.queue);
        counts.unwrap_or_else(|failure| panic!("{failure:?}\n{}", self.server.stderr())).iter().sum()
    }
}

/// A head with these framing lines, its signature fitting `body`.
fn head(house: &mut House, body: &str, framing: &str) -> Vec<u8> {
    let host = house.host.clone();
    house.pen.head(&host, "SendMessage", body.as_bytes(), framing)
}

#[test]
fn nothing_is_smuggled_behind_a_request_whose_end_is_doubtful() {
    let mut house = House::new();
    let inner = house.send("smuggled");
    let length = inner.len() + 5;
    let shapes: Vec<(&str, String)> = vec![
        ("length before chunks", format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n")),
        ("chunks before length", format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n")),
        (
            "chunks that are not the last coding",
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked, identity\r\n"),
        ),
        ("an unknown coding", format!("Content-Length: {length}\r\nTransfer-Encoding: xchunked\r\n")),
        ("a blank before the colon", format!("Content-Length: {length}\r\nTransfer-Encoding : chunked\r\n")),
        ("a tab for the blank", format!("Content-Length: {length}\r\nTransfer-Encoding:\tchunked\r\n")),
        ("a vertical tab", format!("Content-Length: {length}\r\nTransfer-Encoding:\x0bchunked\r\n")),
        (
            "codings twice",
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        ),
        ("a folded line", format!("Content-Length: {length}\r\nTransfer-Encoding:\r\n chunked\r\n")),
        ("lines without returns", format!("Content-Length: {length}\nTransfer-Encoding: chunked\n")),
        ("a return alone", format!("A: b\rContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n")),
        ("two lengths", format!("Content-Length: 5\r\nContent-Length: {length}\r\n")),
        ("lengths in a list", format!("Content-Length: 5, {length}\r\n")),
        ("a length with a sign", format!("Content-Length: +{length}\r\n")),
        ("a length in base 16", format!("Content-Length: 0x{length:x}\r\n")),
        ("a length with a blank inside", format!("Content-Length: 5 {length}\r\n")),
        ("a length that wraps around", format!("Content-Length: {}\r\n", u128::from(u64::MAX) + 6)),
    ];
    for (what, framing) in shapes {
        // Read as chunks, the first request ends behind `0`; read by its length, it covers all.
        let mut bytes = head(&mut house, "", &framing);
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes.extend_from_slice(&inner);
        let answers = house.answers(&bytes);
        assert!(answers.iter().all(|answer| (400..500).contains(&answer.status)), "{what}: {answers:?}");
        assert_eq!(house.sent(), 0, "{what}: {answers:?}");
    }
}

#[test]
fn chunks_that_are_broken_end_the_connection_and_send_nothing() {
    let mut house = House::new();
    let body = house.body("in chunks");
    let size = body.len();
    let next = String::from_utf8(house.send("next")).unwrap();
    let shapes = [
        ("a size that is no number", format!("xyz\r\n{body}\r\n0\r\n\r\n")),
        ("a negative size", format!("-{size:x}\r\n{body}\r\n0\r\n\r\n")),
        ("a size with a sign", format!("+{size:x}\r\n{body}\r\n0\r\n\r\n")),
        ("a size with 0x", format!("0x{size:x}\r\n{body}\r\n0\r\n\r\n")),
        ("no size", format!("\r\n{body}\r\n0\r\n\r\n")),
        ("a size that wraps around", format!("1{size:016x}\r\n{body}\r\n0\r\n\r\n")),
        ("a size too small", format!("{:x}\r\n{body}\r\n0\r\n\r\n", size - 1)),
        ("a size too large", format!("{:x}\r\n{body}\r\n0\r\n\r\n", size + 1)),
        ("no end of the chunk", format!("{size:x}\r\n{body}0\r\n\r\n")),
        ("no last chunk", format!("{size:x}\r\n{body}\r\n")),
        ("an endless extension", format!("{size:x};{}\r\n{body}\r\n0\r\n\r\n", "x".repeat(100_000))),
        ("endless trailers", format!("{size:x}\r\n{body}\r\n0\r\n{}\r\n", "A: b\r\n".repeat(20_000))),
    ];
    for (what, chunks) in shapes {
        let mut bytes = head(&mut house, &body, "Transfer-Encoding: chunked\r\n");
        bytes.extend_from_slice(format!("{chunks}{next}").as_bytes());
        let answers = house.answers(&bytes);
        assert!(answers.iter().all(|answer| (400..500).contains(&answer.status)), "{what}: {answers:?}");
        assert_eq!(house.sent(), 0, "{what}: {answers:?}");
    }
}

#[test]
fn garbage_between_pipelined_requests_ends_the_pipeline_there() {
    let mut house = House::new();
    let mut sent = 0;
    for garbage in [b"\0\0\0\0".as_slice(), b"garbage\r\n\r\n", b"{}", &[0xff; 300]] {
        let pipeline = [house.send("before"), garbage.to_vec(), house.send("behind")].concat();
        let mut connection = Connection::open(house.server.address(), 5 * SECOND).unwrap();
        connection.write(&pipeline).unwrap();
        let answers: Vec<Answer> = std::iter::from_fn(|| connection.read().ok()).collect();
        sent += 1;
        assert_eq!(answers[0].status, 200);
        assert!(answers[1..].iter().all(|answer| answer.status == 400), "{answers:?}");
        assert_eq!(house.sent(), sent, "{garbage:?}: {answers:?}");
    }
    // Empty lines between requests are let pass (RFC 9112, section 2.2).
    let pipeline = [house.send("one"), b"\r\n\r\n".to_vec(), house.send("two")].concat();
    assert_eq!(house.served(&pipeline, 2).iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200]);
    // A refusal of the door ends nothing.
    let host = house.host.clone();
    let refused = house.pen.request(&host, "SendMessage", b"{\"QueueUrl\":7}");
    let pipeline = [refused, house.send("three")].concat();
    assert_eq!(house.served(&pipeline, 2).iter().map(|answer| answer.status).collect::<Vec<_>>(), [400, 200]);
    assert_eq!(house.sent(), sent + 3);
}

#[test]
fn versions_and_targets_that_http_allows_are_served() {
    let mut house = House::new();
    let host = house.host.clone();
    let as_text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    // HTTP/1.0 ends with its answer, unless it asks for more.
    let plain = as_text(house.send("a")).replace("HTTP/1.1", "HTTP/1.0");
    let mut connection = Connection::open(house.server.address(), 5 * SECOND).unwrap();
    connection.write(plain.as_bytes()).unwrap();
    assert_eq!(connection.read().unwrap().status, 200);
    assert!(connection.is_closed());
    let kept = plain.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(house.served(format!("{kept}{kept}").as_bytes(), 2).len(), 2);
    // As a proxy is asked.
    let absolute = as_text(house.send("b")).replacen("POST / ", &format!("POST http://{host}/ "), 1);
    assert_eq!(house.served(absolute.as_bytes(), 1)[0].status, 200);
    // A client that is done says so.
    let last = as_text(house.send("c")).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let mut connection = Connection::open(house.server.address(), 5 * SECOND).unwrap();
    connection.write(last.as_bytes()).unwrap();
    let answer = connection.read().unwrap();
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(connection.is_closed());
    assert_eq!(house.sent(), 5);
    // Who waits for `100 Continue` is told no before it sends much.
    let much = "Content-Length: 104857600\r\nExpect: 100-continue\r\n";
    let refused = head(&mut house, "", much);
    assert_eq!(house.served(&refused, 1)[0].status, 413);
}

#[test]
fn doubled_headers_do_nothing_that_was_not_signed() {
    let mut house = House::new();
    let request = String::from_utf8(house.send("doubled")).unwrap();
    for line in [
        "X-Amz-Target: AmazonSQS.PurgeQueue",
        "X-Amz-Target: AmazonSQS.SendMessage",
        "Host: example.org",
        "X-Amz-Date: 20200101T000000Z",
        "Authorization: AWS4-HMAC-SHA256 Credential=evenkeel-tests/20200101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00",
        "Content-Type: application/x-www-form-urlencoded",
    ] {
        for doubled in [
            request.replacen("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"), 1),
            request.replacen("\r\n", &format!("\r\n{line}\r\n"), 1),
        ] {
            let answers = house.answers(doubled.as_bytes());
            assert!(answers.iter().all(|answer| [400, 403].contains(&answer.status)), "{line}: {answers:?}");
        }
    }
    assert_eq!(house.sent(), 0);
}

#[test]
fn other_methods_are_refused_with_what_is_allowed() {
    let mut house = House::new();
    let request = String::from_utf8(house.send("a")).unwrap();
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let answers = house.served(request.replacen("POST", method, 1).as_bytes(), 1);
        assert_eq!(answers[0].status, 405, "{method}");
        assert_eq!(answers[0].header("allow"), Some("GET, POST"), "{method}");
        assert!(!answers[0].text().contains("AWS4"), "{method} is not echoed");
    }
    let mut connection = Connection::open(house.server.address(), 5 * SECOND).unwrap();
    connection
        .write(
            b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nPOST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        )
        .unwrap();
    let health = connection.read().unwrap();
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
    assert_ne!(connection.read().unwrap().status, 200, "only a GET or HEAD asks for health");
    // A HEAD is answered with a head: no byte of a body may follow, or the next answer begins in its middle.
    let mut raw = std::net::TcpStream::connect(house.server.address()).unwrap();
    let mut said = String::new();
    std::io::Write::write_all(&mut raw, b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    std::io::Read::read_to_string(&mut raw, &mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("\r\n\r\n"), "{said}");
    assert_eq!(house.sent(), 0);
}

/// One bit, byte or piece of a good request is changed behind the signature, or the bytes are cut, doubled or glued together.
///
/// What is not signed (a blank, the case of a name) may be changed; then the request is a good one and is done, once. Its client
/// has said that it is done, so it may be done without an answer, and later than the rounds after it: hence the account at the end.
#[test]
fn a_thousand_damaged_requests_are_refused() {
    let mut house = House::new();
    let mut random = Random(19);
    let mut served = HashSet::new();
    let mut unanswered = HashSet::new();
    for round in 0..1_000 {
        let body = format!("round {round:03}");
        let mut bytes = house.send(&body);
        let at = |random: &mut Random, bytes: &[u8]| usize::try_from(random.below(bytes.len() as u64)).unwrap();
        for _ in 0..random.one_to(3) {
            let place = at(&mut random, &bytes);
            match random.below(5) {
                0 => bytes[place] ^= 1 << random.below(8),
                1 => bytes[place] = *random.pick(b"\0\r\n :;,\"{}%\x7f\xff"),
                2 => bytes.truncate(place.max(1)),
                3 => drop(bytes.remove(place)),
                _ => {
                    let piece = bytes[place..bytes.len().min(place + 20)].to_vec();
                    let to = at(&mut random, &bytes);
                    bytes.splice(to..to, piece);
                }
            }
            if bytes.is_empty() {
                bytes.push(b'x');
            }
        }
        let answers = house.answers(&bytes);
        assert!(
            answers.iter().all(|answer| answer.status == 200 || (400..500).contains(&answer.status)),
            "{body}: {answers:?} to {}",
            String::from_utf8_lossy(&bytes)
        );
        match answers.iter().filter(|answer| answer.status == 200).count() {
            0 if answers.is_empty() => _ = unanswered.insert(body),
            0 => {}
            1 => _ = served.insert(body),
            more => panic!("{body}: served {more} times as {}", String::from_utf8_lossy(&bytes)),
        }
    }
    loop {
        let jobs = house.client.receive(&house.queue, 10, 0, None).unwrap();
        if jobs.is_empty() {
            break;
        }
        for job in jobs {
            assert!(
                served.remove(&job.body) || unanswered.remove(&job.body),
                "{} was refused, or is here twice",
                job.body
            );
        }
    }
    assert!(served.is_empty(), "said to be done, but not there: {served:?}");
}

/// The shape of the JSON is damaged, and the signature fits it.
#[test]
fn a_thousand_signed_oddities_are_answered_without_a_failure_of_the_server() {
    let mut house = House::new();
    let mut random = Random(23);
    let queue = house.queue.clone();
    let host = house.host.clone();
    let actions = [
        (
            "SendMessage",
            json!({"QueueUrl": queue, "MessageBody": "a", "DelaySeconds": 1, "MessageGroupId": "g",
            "MessageAttributes": {"a": {"DataType": "Number", "StringValue": "1"}}}),
        ),
        ("SendMessageBatch", json!({"QueueUrl": queue, "Entries": [{"Id": "a", "MessageBody": "a"}]})),
        (
            "ReceiveMessage",
            json!({"QueueUrl": queue, "MaxNumberOfMessages": 1, "VisibilityTimeout": 0,
            "AttributeNames": ["All"], "WaitTimeSeconds": 0}),
        ),
        ("DeleteMessage", json!({"QueueUrl": queue, "ReceiptHandle": "x"})),
        ("ChangeMessageVisibility", json!({"QueueUrl": queue, "ReceiptHandle": "x", "VisibilityTimeout": 3})),
        ("CreateQueue", json!({"QueueName": "other", "Attributes": {"VisibilityTimeout": "30"}})),
        ("GetQueueAttributes", json!({"QueueUrl": queue, "AttributeNames": ["All"]})),
        ("SetQueueAttributes", json!({"QueueUrl": queue, "Attributes": {"DelaySeconds": "0"}})),
        ("ListQueues", json!({"MaxResults": 10, "NextToken": "x"})),
        ("TagQueue", json!({"QueueUrl": queue, "Tags": {"a": "b"}})),
    ];
    let oddities = [
        "null",
        "true",
        "-1",
        "0",
        "1e999",
        "-0.0",
        "1.5",
        "99999999999999999999999999",
        "18446744073709551615",
        "\"\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\uffff\"",
        "\"\u{202e}\u{0}\"",
        "[]",
        "{}",
        "[[[[[[]]]]]]",
        "{\"a\":{\"b\":{}}}",
        "\"2147483648\"",
        "NaN",
        "\"a\"\"b\"",
        "[null]",
        "{\"\":\"\"}",
        "\"/000000000000/jobs\"",
        "\"http://[::1/\"",
    ];
    for round in 0..1_000 {
        let (action, request) = random.pick(&actions).clone();
        let text = request.to_string();
        // A value, found by what stands behind a colon or in a list.
        let places: Vec<usize> = text.match_indices(':').map(|(at, _)| at + 1).collect();
        let from = *random.pick(&places);
        let rest = &text[from..];
        let length = rest.find([',', '}']).unwrap_or(rest.len());
        let odd = *random.pick(&oddities);
        let body = match random.below(8) {
            0 => format!("{}{odd}", &text[..from]),
            1 => text.replacen('{', &format!("{{{odd}:{odd},"), 1),
            2 => text.replacen('{', &format!("{{\"QueueUrl\":{odd},"), 1),
            3 => format!("{}{}{}", "[".repeat(200), odd, "]".repeat(200)),
            _ => format!("{}{odd}{}", &text[..from], &rest[length..]),
        };
        let request = house.pen.request(&host, action, body.as_bytes());
        let answer = house.served(&request, 1).remove(0);
        let status = answer.status;
        let ok = status == 200 || (400..500).contains(&status);
        assert!(ok, "round {round}: {action} {body}: {status} {}", answer.text());
        if status != 200 {
            let refusal = answer.text();
            assert!(refusal.contains("__type") && answer.header("x-amzn-query-error").is_some(), "{body}: {refusal}");
        }
    }
    house.sent();
}
