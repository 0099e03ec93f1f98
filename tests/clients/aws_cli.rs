//! The AWS command line (`aws sqs`, version 1): what somebody types, or writes into a script.

use crate::program;
use evenkeel_tests::{Server, python};
use serde_json::{Value, json};
use std::process::Output;

/// `aws sqs` on one server.
struct Shell<'a> {
    server: &'a Server,
    more: Vec<(&'static str, &'static str)>,
}

impl Shell<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        let aws = python::with_clients().with_file_name("aws");
        let mut command = program(&aws, self.server);
        // Version 1 does not read AWS_ENDPOINT_URL_SQS.
        let endpoint = self.server.endpoint();
        command
            .args(["sqs", "--output", "json", "--endpoint-url", &endpoint])
            .args(arguments)
            .envs(self.more.iter().copied());
        command.output().unwrap()
    }

    /// What it prints, as JSON; null for nothing.
    fn sqs(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        if printed.trim().is_empty() { Value::Null } else { serde_json::from_str(&printed).unwrap() }
    }

    /// Its complaint.
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeds");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn receive(&self, queue: &str, more: &[&str]) -> Vec<Value> {
        let received = self.sqs(&[&["receive-message", "--queue-url", queue], more].concat());
        received["Messages"].as_array().cloned().unwrap_or_default()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

pub(crate) fn works_through_a_day() {
    let server = Server::start();
    let shell = Shell { server: &server, more: Vec::new() };
    let made = shell.sqs(&["create-queue", "--queue-name", "jobs", "--attributes", "VisibilityTimeout=60"]);
    let queue = text(&made["QueueUrl"]);
    assert_eq!(shell.sqs(&["get-queue-url", "--queue-name", "jobs"]), made);

    let attributes =
        r#"{"colour":{"DataType":"String","StringValue":"grün"},"raw":{"DataType":"Binary","BinaryValue":"AAEC/w=="}}"#;
    let body = "a job with \"quotes\", <tags> & ünïcode\nand lines";
    let sent =
        shell.sqs(&["send-message", "--queue-url", queue, "--message-body", body, "--message-attributes", attributes]);
    assert_eq!(text(&sent["MD5OfMessageBody"]).len(), 32);
    let received = shell
        .receive(queue, &["--wait-time-seconds", "5", "--attribute-names", "All", "--message-attribute-names", "All"]);
    let job = &received[0];
    assert_eq!(text(&job["Body"]), body);
    assert_eq!(job["MessageId"], sent["MessageId"]);
    assert_eq!(job["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"]);
    assert_eq!(text(&job["MessageAttributes"]["colour"]["StringValue"]), "grün");
    assert_eq!(text(&job["Attributes"]["ApproximateReceiveCount"]), "1");

    // The worker gives it back, takes it again, and is done.
    let handle = text(&job["ReceiptHandle"]);
    let give_back =
        ["change-message-visibility", "--queue-url", queue, "--visibility-timeout", "0", "--receipt-handle"];
    shell.sqs(&[&give_back[..], &[handle]].concat());
    let again = shell.receive(queue, &["--attribute-names", "ApproximateReceiveCount"]);
    assert_eq!(text(&again[0]["Attributes"]["ApproximateReceiveCount"]), "2");
    let delete = ["delete-message", "--queue-url", queue, "--receipt-handle"];
    shell.sqs(&[&delete[..], &[text(&again[0]["ReceiptHandle"])]].concat());

    // Many at once, from a file.
    let entries: Vec<Value> =
        (0..10).map(|at| json!({"Id": format!("e{at}"), "MessageBody": at.to_string()})).collect();
    let file = server.home().join("entries.json");
    std::fs::write(&file, Value::from(entries).to_string()).unwrap();
    let entries = format!("file://{}", file.display());
    let sent = shell.sqs(&["send-message-batch", "--queue-url", queue, "--entries", &entries]);
    assert_eq!(sent["Successful"].as_array().unwrap().len(), 10);
    let jobs = shell.receive(queue, &["--max-number-of-messages", "10"]);
    assert_eq!(jobs.iter().map(|job| text(&job["Body"])).collect::<Vec<_>>().concat(), "0123456789");
    let count = |name: &str| {
        let attributes = shell.sqs(&["get-queue-attributes", "--queue-url", queue, "--attribute-names", "All"]);
        text(&attributes["Attributes"][name]).to_owned()
    };
    assert_eq!(count("ApproximateNumberOfMessagesNotVisible"), "10");
    let done: Vec<Value> = jobs
        .iter()
        .enumerate()
        .map(|(at, job)| json!({"Id": at.to_string(), "ReceiptHandle": job["ReceiptHandle"]}))
        .collect();
    let deleted =
        shell.sqs(&["delete-message-batch", "--queue-url", queue, "--entries", &Value::from(done).to_string()]);
    assert_eq!(deleted["Successful"].as_array().unwrap().len(), 10);
    assert_eq!(count("ApproximateNumberOfMessagesNotVisible"), "0");

    // The largest body, from a file.
    let file = server.home().join("large");
    std::fs::write(&file, "x".repeat(1 << 20)).unwrap();
    let large = format!("file://{}", file.display());
    shell.sqs(&["send-message", "--queue-url", queue, "--message-body", &large]);
    assert_eq!(text(&shell.receive(queue, &[])[0]["Body"]).len(), 1 << 20);

    shell.sqs(&["set-queue-attributes", "--queue-url", queue, "--attributes", "DelaySeconds=900"]);
    shell.sqs(&["send-message", "--queue-url", queue, "--message-body", "later"]);
    assert_eq!(count("ApproximateNumberOfMessagesDelayed"), "1");
    shell.sqs(&["purge-queue", "--queue-url", queue]);
    assert_eq!(count("ApproximateNumberOfMessagesDelayed"), "0");
    shell.sqs(&["delete-queue", "--queue-url", queue]);
    assert!(shell.fails(&["get-queue-url", "--queue-name", "jobs"]).contains("NonExistentQueue"));
}

pub(crate) fn says_what_is_wrong() {
    let server = Server::start();
    let shell = Shell { server: &server, more: Vec::new() };
    let made = shell.sqs(&["create-queue", "--queue-name", "jobs"]);
    let queue = text(&made["QueueUrl"]);
    let cases: [(&[&str], &str); 5] = [
        (&["create-queue", "--queue-name", "a b"], "InvalidParameterValue"),
        (&["create-queue", "--queue-name", "jobs", "--attributes", "VisibilityTimeout=31"], "QueueAlreadyExists"),
        (
            &["create-queue", "--queue-name", "other", "--attributes", "VisibilityTimeout=43201"],
            "InvalidAttributeValue",
        ),
        (&["delete-message", "--queue-url", queue, "--receipt-handle", "x"], "ReceiptHandleIsInvalid"),
        (
            &["send-message", "--queue-url", queue, "--message-body", "a", "--delay-seconds", "901"],
            "InvalidParameterValue",
        ),
    ];
    for (arguments, code) in cases {
        let complaint = shell.fails(arguments);
        assert!(complaint.contains(&format!("({code})")), "{arguments:?}: {complaint}");
    }
    let thief = Shell { server: &server, more: vec![("AWS_SECRET_ACCESS_KEY", "guessed")] };
    assert!(thief.fails(&["purge-queue", "--queue-url", queue]).contains("(SignatureDoesNotMatch)"));
    let stranger = Shell { server: &server, more: vec![("AWS_ACCESS_KEY_ID", "AKIANOBODY")] };
    assert!(stranger.fails(&["purge-queue", "--queue-url", queue]).contains("(InvalidClientTokenId)"));
}
