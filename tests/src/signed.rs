//! Signed requests as bytes, right by default and wrong where a test wants it.

use evenkeel_sigv4::{AmzDate, Payload, Request, Signer};
use std::time::{SystemTime, UNIX_EPOCH};

/// The root credentials that tests start servers with.
pub const ACCESS_KEY: &str = "evenkeel-tests";
pub const SECRET_KEY: &str = "a secret for tests only";

const SIGNED_HEADERS: &str = "content-type;host;x-amz-date;x-amz-target";

/// Signs as one access key; keeps the day's key.
pub struct Pen {
    signer: Signer,
    /// Added to the clock, in seconds.
    pub skew_seconds: i64,
}

impl Default for Pen {
    fn default() -> Self {
        Self::new(ACCESS_KEY, SECRET_KEY, "sqs")
    }
}

impl Pen {
    pub fn new(access_key: &str, secret_key: &str, service: &str) -> Self {
        Self { signer: Signer::new(access_key, secret_key, "us-east-1", service), skew_seconds: 0 }
    }

    /// The whole request: `POST /` with that action and body.
    pub fn request(&mut self, host: &str, action: &str, body: &[u8]) -> Vec<u8> {
        let mut request = self.head(host, action, body, &format!("Content-Length: {}\r\n", body.len()));
        request.extend_from_slice(body);
        request
    }

    /// The head only, with other headers in the place of `Content-Length`.
    pub fn head(&mut self, host: &str, action: &str, body: &[u8], framing: &str) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let date = AmzDate::from_unix(i64::try_from(now).expect("it is before 292 billion") + self.skew_seconds);
        let target = format!("AmazonSQS.{action}");
        let stamp = date.to_string();
        let content_type = "application/x-amz-json-1.0";
        let headers =
            [("content-type", content_type), ("host", host), ("x-amz-date", &stamp), ("x-amz-target", &target)];
        let request =
            Request { method: "POST", path: "/", query: "", headers: &headers, payload: Payload::Bytes(body) };
        let authorization = self.signer.authorization(&request, SIGNED_HEADERS, &date).expect("a request of ours");
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\nX-Amz-Target: {target}\r\n\
             X-Amz-Date: {stamp}\r\nAuthorization: {authorization}\r\n{framing}\r\n"
        )
        .into_bytes()
    }
}
