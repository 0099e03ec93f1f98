//! Heads that ask for nothing that there is, halves of requests, and garbage between forms.

use crate::house::{House, TIMEOUT, Way, assert_refused};
use evenkeel_tests::form::form;
use evenkeel_tests::http::{Answer, Connection};
use serde_json::json;

#[test]
fn targets_that_name_no_action_are_refused_in_json() {
    let mut house = House::open();
    let before = house.state();
    let queue = house.queue.clone();
    let body = json!({"QueueUrl": queue, "MessageBody": "a"}).to_string();
    for target in [
        "",
        "AmazonSQS",
        "AmazonSQS.",
        "AmazonSQS.Nothing",
        "AmazonSQS.sendMessage",
        "AmazonSQS.SendMessage ",
        "AmazonSQS.SendMessage.SendMessage",
        "AmazonSQS.SendMessage,AmazonSQS.SendMessage",
        "amazonsqs.SendMessage",
        "SendMessage",
        ".SendMessage",
        "AmazonSQSv2.SendMessage",
        "DynamoDB_20120810.ListTables",
        "AmazonSQS.SendMessage\u{0}",
        &"x".repeat(8_000),
    ] {
        // HTTP takes blanks off the end of a value, and allows no NUL in it.
        let (trimmed, is_http) = (target.trim_end(), !target.contains('\0'));
        if trimmed == "AmazonSQS.SendMessage" || !is_http {
            continue;
        }
        let lines = format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: {target}\r\n");
        let answer = house.exchange("POST", "/", &lines, body.as_bytes());
        assert_refused(Way::Json, &answer, "InvalidAction", target);
    }
    // The target decides, whatever the body is said to be.
    for content_type in ["application/x-www-form-urlencoded", "text/plain", "application/x-amz-json-1.1", "x"] {
        let lines = format!("Content-Type: {content_type}\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n");
        let answer = house.exchange("POST", "/", &lines, b"Action=SendMessage&MessageBody=a");
        assert_refused(Way::Json, &answer, "MalformedInput", content_type);
    }
    // JSON goes to `/`, but a queue's path does no harm; a form in the query string is none of it.
    let answer = house.exchange(
        "GET",
        "/?Action=PurgeQueue",
        "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.Nothing\r\n",
        b"",
    );
    assert_refused(Way::Json, &answer, "InvalidAction", "both protocols at once");
    assert_eq!(house.state(), before);
}

/// That many answers to bytes of a client that waits for them.
fn served(house: &House, bytes: &[u8], count: usize) -> Vec<Answer> {
    let mut connection = Connection::open(house.server.address(), TIMEOUT).unwrap();
    connection.write(bytes).unwrap();
    (0..count).map(|_| connection.read().unwrap()).collect()
}

/// What the server says to bytes of a client that then says that it is done.
fn said(house: &House, bytes: &[u8]) -> Vec<Answer> {
    let mut connection = Connection::open(house.server.address(), TIMEOUT).unwrap();
    // The server may refuse and close before it has taken all.
    _ = connection.write(bytes);
    _ = connection.end_writing();
    std::iter::from_fn(|| connection.read().ok()).collect()
}

#[test]
fn bytes_that_no_head_may_have_end_the_connection_or_are_refused() {
    let mut house = House::open();
    let before = house.state();
    let host = house.server.address();
    let path = house.path();
    let form = "Action=SendMessage&MessageBody=a";
    let mut heads: Vec<Vec<u8>> = Vec::new();
    for wrong in [b"\xff".as_slice(), b"\x00", b"\x7f", b"\x1b[31m", b"\xc3("] {
        for (front, back) in [
            (format!("GET {path}"), format!("?{form} HTTP/1.1\r\nHost: {host}\r\n\r\n")),
            (format!("GET {path}?{form}"), format!(" HTTP/1.1\r\nHost: {host}\r\n\r\n")),
            ("GE".to_owned(), format!("T {path}?{form} HTTP/1.1\r\nHost: {host}\r\n\r\n")),
            (format!("GET {path}?{form} HTTP/1.1"), format!("\r\nHost: {host}\r\n\r\n")),
            (format!("GET {path}?{form} HTTP/1.1\r\nHost: "), format!("{host}\r\n\r\n")),
            (format!("GET {path}?{form} HTTP/1.1\r\nHost: {host}\r\nX"), ": y\r\n\r\n".to_owned()),
            (
                format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.PurgeQueue"),
                "\r\nContent-Length: 0\r\n\r\n".to_owned(),
            ),
            (
                format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded"),
                format!("\r\nContent-Length: {}\r\n\r\n{form}", form.len()),
            ),
        ] {
            heads.push([front.as_bytes(), wrong, back.as_bytes()].concat());
        }
    }
    for target in ["//", "/..%2f", "/000000000000/%FF", "/000000000000/jobs%00", "*", "", "http://", "a b", "/%"] {
        heads.push(format!("GET {target}?{form} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes());
    }
    for bytes in heads {
        // Each is whole: there is an answer, or the end of the connection.
        let mut connection = Connection::open(house.server.address(), TIMEOUT).unwrap();
        connection.write(&bytes).unwrap();
        let shown = bytes.escape_ascii().to_string();
        match connection.read() {
            Ok(answer) => assert!((400..500).contains(&answer.status), "{shown}: {answer:?}"),
            Err(_) => assert!(connection.is_closed(), "{shown}: nothing is said"),
        }
        assert_eq!(house.state(), before, "after {shown}");
    }
}

#[test]
fn half_requests_in_either_protocol_do_nothing() {
    let mut house = House::open();
    let before = house.state();
    let host = house.server.address();
    let queue = house.queue.clone();
    let call = json!({"QueueUrl": queue, "MessageBody": "half"});
    let json = call.to_string();
    let form = form("SendMessage", &call);
    for whole in [
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n\
             Content-Length: {}\r\n\r\n{json}",
            json.len()
        ),
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ),
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{form}\r\n0\r\n\r\n",
            form.len()
        ),
        format!("GET /?{form} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    ] {
        for length in 1..whole.len() {
            let answers = said(&house, &whole.as_bytes()[..length]);
            let ok = answers.iter().all(|answer| answer.status == 400);
            assert!(answers.len() <= 1 && ok, "{}: {answers:?}", &whole[..length]);
        }
        assert_eq!(house.state(), before, "halves of {whole}");
        // It would have been done: that nothing was is no accident.
        assert_eq!(served(&house, whole.as_bytes(), 1)[0].status, 200, "{whole}");
        assert_ne!(house.state(), before);
        let all = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10});
        let received = house.call(Way::Json, "ReceiveMessage", &all);
        let told: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
        for message in told["Messages"].as_array().unwrap() {
            let handle = &message["ReceiptHandle"];
            if message["Body"] == "half" {
                house.call(Way::Json, "DeleteMessage", &json!({"QueueUrl": queue, "ReceiptHandle": handle}));
            } else {
                let back = json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": 0});
                house.call(Way::Json, "ChangeMessageVisibility", &back);
            }
        }
        assert_eq!(house.state(), before);
    }
}

#[test]
fn garbage_between_forms_ends_the_pipeline_there() {
    let house = House::open();
    let host = house.server.address();
    let mut client = house.server.client();
    let queue = client.create_queue("pipeline", &json!({})).unwrap();
    let send = |body: &str| {
        let form = form("SendMessage", &json!({"QueueUrl": queue, "MessageBody": body}));
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )
        .into_bytes()
    };
    let mut sent = 0;
    for garbage in [
        b"\0".as_slice(),
        b"&Action=PurgeQueue&",
        b"Action=SendMessage&MessageBody=a\r\n\r\n",
        b"<xml/>\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        &[0xff; 70_000],
        &[b'x'; 140_000],
        b"GET\r\n\r\n",
        b"POST / HTTP/2.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        // Who waits is told what was wrong, and that it is the end.
        let mut connection = Connection::open(host, TIMEOUT).unwrap();
        _ = connection.write(&[send("before"), garbage.to_vec(), send("behind")].concat());
        let answers: Vec<Answer> = std::iter::from_fn(|| connection.read().ok()).collect();
        assert!(connection.is_closed(), "{}: {answers:?}", garbage[..garbage.len().min(40)].escape_ascii());
        sent += 1;
        let shown = garbage[..garbage.len().min(40)].escape_ascii();
        assert_eq!(answers[0].status, 200, "{shown}");
        assert!(answers[1..].iter().all(|answer| (400..500).contains(&answer.status)), "{shown}: {answers:?}");
        assert_eq!(client.counts(&queue).unwrap(), [sent, 0, 0], "{shown}: {answers:?}");
    }
    // A refused form ends nothing: the next one is read where it begins.
    let refused = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\nAction=Nope".to_vec();
    let answers = served(&house, &[refused, send("next")].concat(), 2);
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [400, 200]);
}
