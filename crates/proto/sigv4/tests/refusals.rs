//! Each way a request can be wrong has its own answer, and nothing a stranger sends gets through or panics.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod common;

use common::{KEY, SECRET, Vector, now, vectors, verify};
use evenkeel_sigv4::{AmzDate, IncompleteSignature, Keyed, Secrets, SigError, Signer, Verifier};

/// A signed `SendMessage`.
fn send_message() -> Vector {
    let vectors = vectors(include_str!("vectors/botocore.txt"));
    vectors.into_iter().find(|vector| vector.name == "send-message").unwrap()
}

/// The same, changed and signed again.
fn signed_anew(change: impl FnOnce(&mut Vector), service: &str, date: &str, names: &str) -> Vector {
    let mut vector = send_message();
    change(&mut vector);
    *vector.header("x-amz-date") = date.into();
    let mut signer = Signer::new(KEY, SECRET, "eu-west-2", service);
    let date = AmzDate::parse(date.as_bytes()).unwrap();
    let authorization = signer.authorization(&vector.request(), names, &date).unwrap();
    *vector.header("authorization") = authorization.into_bytes();
    vector
}

const NAMES: &str = "content-type;host;x-amz-date;x-amz-target";

#[test]
fn what_is_signed_here_verifies_here() {
    for size in [0, 1, 63, 64, 65, 1_000, 300_000] {
        let vector = signed_anew(|vector| vector.body = vec![b'x'; size], "sqs", "20150830T123600Z", NAMES);
        assert_eq!(vector.verify("sqs"), Ok(7), "{size} bytes");
    }
}

#[test]
fn each_flaw_has_its_own_answer() {
    let flawed = |change: &dyn Fn(&mut Vector)| {
        let mut vector = send_message();
        change(&mut vector);
        vector.verify("sqs").unwrap_err()
    };
    let replaced = |from: &str, to: &str| {
        flawed(&|vector| {
            let text = String::from_utf8(vector.header("authorization").clone()).unwrap();
            assert!(text.contains(from));
            *vector.header("authorization") = text.replace(from, to).into_bytes();
        })
    };
    assert_eq!(flawed(&|vector| vector.remove("authorization")), SigError::MissingAuthenticationToken);
    assert_eq!(
        flawed(&|vector| vector.headers.push(("authorization".into(), b"AWS4-HMAC-SHA256".to_vec()))),
        IncompleteSignature::AuthorizationRepeated.into()
    );
    assert_eq!(replaced(KEY, "AKIDNOBODY"), SigError::InvalidClientTokenId);
    assert_eq!(replaced("host;", ""), IncompleteSignature::HostNotSigned.into());
    assert_eq!(replaced(";x-amz-target", ""), IncompleteSignature::TargetNotSigned.into());
    assert_eq!(replaced("x-amz-target", "x-amz-zzz"), IncompleteSignature::TargetNotSigned.into());
    assert_eq!(replaced("/sqs/", "/sns/"), SigError::WrongService { expected: "sqs".into() });
    assert_eq!(replaced("20150830/", "20150829/"), SigError::ScopeDateMismatch);
    assert_eq!(replaced("us-east-1", "us-east-2"), SigError::SignatureDoesNotMatch);
    assert_eq!(flawed(&|vector| vector.remove("content-type")), SigError::SignedHeaderAbsent);
    assert_eq!(flawed(&|vector| vector.remove("x-amz-date")), IncompleteSignature::DateMissing.into());
    assert_eq!(
        flawed(&|vector| *vector.header("x-amz-date") = b"yesterday".to_vec()),
        IncompleteSignature::DateMalformed.into()
    );
    let content_sha256 = |value: &'static str| {
        flawed(&|vector| vector.headers.push(("X-Amz-Content-SHA256".into(), value.as_bytes().to_vec())))
    };
    assert_eq!(content_sha256("UNSIGNED-PAYLOAD"), SigError::PayloadNotSigned);
    assert_eq!(content_sha256("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), SigError::PayloadNotSigned);
    assert_eq!(
        content_sha256("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        SigError::ContentSha256Mismatch
    );
    assert_eq!(flawed(&|vector| vector.query = "a&".repeat(1_025)), SigError::TooLong);
    assert_eq!(flawed(&|vector| vector.path = "/".repeat(100_000)), SigError::TooLong);
    assert_eq!(flawed(&|vector| *vector.header("content-type") = vec![b'x'; 100_000]), SigError::TooLong);
}

#[test]
fn fifteen_minutes_either_way_are_allowed_and_no_more() {
    let vector = send_message();
    let mut verifier = Verifier::new("sqs");
    for (skew, allowed) in [(-901, false), (-900, true), (0, true), (900, true), (901, false)] {
        let result = verify(&mut verifier, &vector, now() + skew);
        match skew {
            901 => assert!(matches!(result, Err(SigError::SignatureExpired { .. })), "{result:?}"),
            -901 => assert!(matches!(result, Err(SigError::RequestTimeTooSkewed { .. })), "{result:?}"),
            _ => assert!(allowed && result == Ok(7), "{skew}: {result:?}"),
        }
    }
    for extreme in [i64::MIN, i64::MAX] {
        assert!(verify(&mut verifier, &vector, extreme).is_err());
    }
}

/// A presigned `SendMessage`, good for so long, changed by `change` after it was signed.
fn presigned(expires_seconds: u32, change: impl FnOnce(&mut Vector)) -> Vector {
    let mut vector = send_message();
    vector.remove("authorization");
    vector.remove("x-amz-date");
    vector.query = "b=2&a=1".into();
    let mut signer = Signer::new(KEY, SECRET, "eu-west-2", "sqs");
    let date = AmzDate::parse(b"20150830T123600Z").unwrap();
    vector.query = signer.presign(&vector.request(), "host;x-amz-target", &date, expires_seconds).unwrap();
    change(&mut vector);
    vector
}

#[test]
fn a_presigned_url_counts_until_it_expires_and_no_longer() {
    let mut verifier = Verifier::new("sqs");
    for (expires, later, allowed) in [
        (1, 0, true),
        (1, 1, true),
        (1, 2, false),
        (604_800, 604_800, true),
        (604_800, 604_801, false),
        // A clock may be behind ours by a quarter of an hour, as with headers.
        (1, -900, true),
        (604_800, -901, false),
    ] {
        let result = verify(&mut verifier, &presigned(expires, |_| {}), now() + later);
        match result {
            Ok(account) => assert!(allowed && account == 7, "{expires} {later}"),
            Err(SigError::RequestExpired { expires_seconds, .. }) => {
                assert!(!allowed && later > expires_seconds, "{expires} {later}");
            }
            Err(error) => {
                assert!(
                    !allowed && matches!(error, SigError::RequestTimeTooSkewed { .. }),
                    "{expires} {later}: {error}"
                );
            }
        }
    }
    let unlimited = |vector: &mut Vector| vector.query = vector.query.replace("&X-Amz-Expires=60", "");
    let mut vector = presigned(60, unlimited);
    let signed = vector.query.find("&X-Amz-Signature=").unwrap();
    vector.query.truncate(signed);
    let mut signer = Signer::new(KEY, SECRET, "eu-west-2", "sqs");
    let date = AmzDate::parse(b"20150830T123600Z").unwrap();
    let signature = signer.sign(&vector.request(), "host;x-amz-target", &date).unwrap();
    vector.query += &format!("&X-Amz-Signature={}", String::from_utf8_lossy(&signature));
    assert_eq!(verify(&mut verifier, &vector, now() + 900), Ok(7), "without X-Amz-Expires it is a header's 15 minutes");
    assert!(matches!(verify(&mut verifier, &vector, now() + 901), Err(SigError::SignatureExpired { .. })));
    for extreme in [i64::MIN, i64::MAX] {
        assert!(verify(&mut verifier, &presigned(60, |_| {}), extreme).is_err());
    }
}

#[test]
fn a_changed_presigned_url_is_refused() {
    let refused = |change: &dyn Fn(&mut Vector)| presigned(60, change).verify("sqs").unwrap_err();
    let with = |more: &str| refused(&|vector| vector.query += more);
    let mismatch = SigError::SignatureDoesNotMatch;
    assert_eq!(with("&c=3"), mismatch);
    assert_eq!(refused(&|vector| vector.query = vector.query.replace("a=1", "a=2")), mismatch);
    assert_eq!(refused(&|vector| vector.query = vector.query.replace("Expires=60", "Expires=61")), mismatch);
    assert_eq!(refused(&|vector| vector.body.push(b' ')), mismatch, "the body is part of the signature");
    assert_eq!(refused(&|vector| vector.method = "GET".into()), mismatch);
    assert_eq!(refused(&|vector| vector.path = "/000000000000/other".into()), mismatch);
    assert_eq!(refused(&|vector| *vector.header("x-amz-target") = b"AmazonSQS.PurgeQueue".to_vec()), mismatch);
    assert_eq!(with("&X-Amz-Signature=00"), IncompleteSignature::ParameterRepeated.into());
    assert_eq!(with("&X-Amz-Security-Token=t"), SigError::SessionToken);
    let header = |name: &'static str, value: &'static str| {
        refused(&|vector| vector.headers.push((name.into(), value.as_bytes().to_vec())))
    };
    assert_eq!(header("Authorization", "AWS4-HMAC-SHA256"), IncompleteSignature::SignedTwice.into());
    assert_eq!(header("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), SigError::PayloadNotSigned);
    let zeroes = "0000000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(header("x-amz-content-sha256", zeroes), SigError::ContentSha256Mismatch);
    assert_eq!(refused(&|vector| vector.query = vector.query.replace("%3Bx-amz-target", "")), {
        SigError::from(IncompleteSignature::TargetNotSigned)
    });
    assert_eq!(
        refused(&|vector| vector.query = vector.query.replace(KEY, "AKIDNOBODY")),
        SigError::InvalidClientTokenId
    );
    assert_eq!(refused(&|vector| vector.query += &"&a".repeat(50_000)), SigError::TooLong);
    let whole = presigned(60, |_| {});
    let mut verifier = Verifier::new("sqs");
    for at in 0..whole.query.len() {
        for bit in 0..7 {
            let mut bytes = whole.query.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let query = String::from_utf8(bytes).unwrap();
            // Escapes may be spelt in either case.
            if query.replace("%2f", "%2F").replace("%3b", "%3B") != whole.query {
                assert!(
                    verify(&mut verifier, &Vector { query, ..whole.clone() }, now()).is_err(),
                    "byte {at}, bit {bit}"
                );
            }
        }
    }
}

#[test]
fn a_session_token_is_refused_because_no_key_has_one() {
    let mut vector = send_message();
    vector.headers.push(("X-Amz-Security-Token".into(), b"token".to_vec()));
    assert_eq!(vector.verify("sqs"), Err(SigError::SessionToken));
}

#[test]
fn a_plain_date_header_will_do() {
    for spelling in ["Sun, 30 Aug 2015 12:36:00 GMT", "20150830T123600Z"] {
        let mut vector = send_message();
        vector.remove("x-amz-date");
        vector.headers.push(("Date".into(), spelling.as_bytes().to_vec()));
        let date = AmzDate::parse(b"20150830T123600Z").unwrap();
        let mut signer = Signer::new(KEY, SECRET, "eu-west-2", "sqs");
        let authorization = signer.authorization(&vector.request(), "date;host;x-amz-target", &date).unwrap();
        *vector.header("authorization") = authorization.into_bytes();
        assert_eq!(vector.verify("sqs"), Ok(7), "{spelling}");
    }
}

#[test]
fn a_flipped_bit_anywhere_that_is_signed_is_refused() {
    let whole = signed_anew(|_| {}, "sqs", "20150830T123600Z", NAMES);
    let mut verifier = Verifier::new("sqs");
    assert_eq!(verify(&mut verifier, &whole, now()), Ok(7));
    let mut refuse = |vector: &Vector, what: &str| {
        assert!(verify(&mut verifier, vector, now()).is_err(), "{what}");
    };
    for at in 0..whole.body.len() {
        for bit in 0..8 {
            let mut vector = whole.clone();
            vector.body[at] ^= 1 << bit;
            refuse(&vector, &format!("body, byte {at}, bit {bit}"));
        }
    }
    for name in ["host", "content-type", "x-amz-date", "x-amz-target", "authorization"] {
        for at in 0..whole.clone().header(name).len() {
            for bit in 0..8 {
                let mut vector = whole.clone();
                vector.header(name)[at] ^= 1 << bit;
                // A comma or a blank between the parts may become another separator without changing the meaning.
                if !(name == "authorization" && b", \t".contains(&whole.clone().header(name)[at])) {
                    refuse(&vector, &format!("{name}, byte {at}, bit {bit}"));
                }
            }
        }
    }
    for path in ["/x", "/%00", "/0", ""] {
        let vector = Vector { path: path.into(), ..whole.clone() };
        // The empty path is the root's other spelling.
        if path.is_empty() { assert_eq!(vector.verify("sqs"), Ok(7)) } else { refuse(&vector, path) }
    }
    for query in ["a", "a=b", "="] {
        refuse(&Vector { query: query.into(), ..whole.clone() }, query);
    }
    refuse(&Vector { method: "PUT".into(), ..whole.clone() }, "method");
}

#[test]
fn a_rotated_secret_counts_at_once() {
    #[derive(Clone, Copy)]
    struct Rotating<'a>(&'a str, Option<&'a str>);
    impl Secrets for Rotating<'_> {
        type Key = Self;
        fn find(&self, _: &str) -> Option<Self> {
            Some(*self)
        }
    }
    impl Keyed for Rotating<'_> {
        fn secret(&self) -> &[u8] {
            self.0.as_bytes()
        }
        fn secret_before(&self) -> Option<&[u8]> {
            self.1.map(str::as_bytes)
        }
    }
    let (vector, mut verifier) = (send_message(), Verifier::new("sqs"));
    for (secret, before, accepted) in [
        (SECRET, None, true),
        ("another", None, false),
        ("another", Some(SECRET), true),
        (SECRET, Some("another"), true),
        ("another", Some("a third"), false),
        ("", None, false),
    ] {
        let result = verifier.verify(&vector.request(), &Rotating(secret, before), now());
        assert_eq!(result.is_ok(), accepted, "{secret} {before:?}");
    }
}

#[test]
fn garbage_is_refused_without_a_panic() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % u64::try_from(below).unwrap()).unwrap()
    };
    let whole = send_message();
    let mut verifier = Verifier::new("sqs");
    let pieces: [&[u8]; 14] = [
        b"AWS4-HMAC-SHA256",
        b" ",
        b",",
        b"=",
        b"/",
        b";",
        b"Credential=",
        b"SignedHeaders=",
        b"Signature=",
        b"host",
        b"AKIDEXAMPLE/20150830/x/sqs/aws4_request",
        b"\xff",
        b"\0",
        b"x-amz-date",
    ];
    for _ in 0..20_000 {
        let mut vector = whole.clone();
        let text = vector.header("authorization");
        if next(2) == 0 {
            text.clear();
            for _ in 0..next(16) {
                text.extend_from_slice(pieces[next(pieces.len())]);
            }
        } else {
            for _ in 0..=next(4) {
                match next(3) {
                    0 => text.truncate(next(text.len() + 1)),
                    1 => text.insert(next(text.len() + 1), u8::try_from(next(256)).unwrap()),
                    _ if text.is_empty() => {}
                    _ => _ = text.remove(next(text.len())),
                }
            }
            // Not every change alters the meaning (a second blank after a comma): only what is signed must differ.
            let trimmed = |text: &[u8]| text.iter().filter(|byte| !b", \t".contains(byte)).copied().collect::<Vec<_>>();
            if trimmed(text) == trimmed(whole.clone().header("authorization")) {
                continue;
            }
        }
        assert!(verify(&mut verifier, &vector, now()).is_err(), "{vector:?}");
    }
}
