//! What a verification costs: a `SendMessage` of 1.3 KiB with the headers of an SDK, key cached.
//!
//! ```text
//! cargo run --release -p evenkeel-sigv4 --example cost
//! ```
//! The yardstick is printed beside it: hashing the body alone. With SHA instructions (found at run time by `sha2`) that
//! is some 1.5 to 2 GiB/s; without them about a quarter, and the figures grow accordingly.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::hint::black_box;
use std::time::Instant;

use evenkeel_sigv4::{AmzDate, Keyed, Payload, Request, Secrets, Signer, Verifier};
use sha2::{Digest as _, Sha256};

const NOW: i64 = 1_440_938_160;
const SIGNED: &str = "content-type;host;x-amz-date;x-amz-target";
const ROUNDS: u32 = 200_000;

struct Root;

impl Secrets for Root {
    type Key = Self;
    fn find(&self, access_key_id: &str) -> Option<Self> {
        (access_key_id == "AKIDEXAMPLE").then_some(Self)
    }
}

impl Keyed for Root {
    fn secret(&self) -> &[u8] {
        b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    }
}

fn main() {
    let body = format!(
        r#"{{"QueueUrl":"http://127.0.0.1:9324/000000000000/bench","MessageBody":"{}","MessageGroupId":"g0000001"}}"#,
        "x".repeat(1_200)
    );
    let date = AmzDate::from_unix(NOW);
    let mut headers: Vec<(String, Vec<u8>)> = [
        ("Host", "127.0.0.1:9324"),
        ("X-Amz-Target", "AmazonSQS.SendMessage"),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("User-Agent", "Botocore/1.40 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11"),
        ("X-Amz-Date", "20150830T123600Z"),
        ("amz-sdk-invocation-id", "900464cd-a9ed-4a44-96d3-285355f3ce74"),
        ("amz-sdk-request", "attempt=1; max=3"),
        ("Content-Length", "1300"),
    ]
    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    .into();
    let mut signer = Signer::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "sqs");
    let unsigned = headers.clone();
    let request =
        Request { method: "POST", path: "/", query: "", headers: &unsigned, payload: Payload::Bytes(body.as_bytes()) };
    let authorization = signer.authorization(&request, SIGNED, &date).expect("the headers are there");
    headers.push(("Authorization".into(), authorization.into_bytes()));

    println!("body {} bytes, {ROUNDS} rounds each", body.len());
    report("hash the body alone", || _ = black_box(Sha256::digest(black_box(body.as_bytes()))));
    report("sign", || _ = black_box(signer.sign(&request, SIGNED, &date)));
    let mut verifier = Verifier::new("sqs");
    let request = Request { headers: &headers, ..request_of(&body, &headers) };
    report("verify", || assert!(verifier.verify(black_box(&request), &Root, NOW).is_ok()));
    let empty = Request { payload: Payload::Bytes(b""), ..request };
    report("verify an empty body (refused)", || assert!(verifier.verify(black_box(&empty), &Root, NOW).is_err()));
    report("verify, key not cached", || {
        assert!(Verifier::new("sqs").verify(black_box(&request), &Root, NOW).is_ok());
    });
}

fn request_of<'a>(body: &'a str, headers: &'a Vec<(String, Vec<u8>)>) -> Request<'a, Vec<(String, Vec<u8>)>> {
    Request { method: "POST", path: "/", query: "", headers, payload: Payload::Bytes(body.as_bytes()) }
}

/// The best of five, because the machine is shared.
fn report(what: &str, mut work: impl FnMut()) {
    let best = (0..5).map(|_| {
        let start = Instant::now();
        (0..ROUNDS / 5).for_each(|_| work());
        start.elapsed() / (ROUNDS / 5)
    });
    println!("{what:32} {:6} ns", best.min().unwrap_or_default().as_nanos());
}
