//! Signed requests, written by copying a finished head and patching what changes.
//!
//! ```text
//! POST / HTTP/1.1                                  fixed
//! Host, Content-Type, X-Amz-Target                 fixed per action
//! X-Amz-Date: yyyymmddThhmmssZ                     patched
//! Authorization: ... Credential=key/yyyymmdd/...   patched (8 digits)
//!                ... Signature=<64 digits>         patched
//! Content-Length:        <7 places, blanks before> patched
//! ```

use anyhow::Context as _;
use evenkeel_sigv4::{AmzDate, Payload, Request, Signer};

use crate::clock::{Clock, Nanos};
use crate::sqs::action::Action;
use crate::target::Target;

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const SIGNED_HEADERS: &str = "content-type;host;x-amz-date;x-amz-target";
const LENGTH_PLACES: usize = 7;

pub struct RequestWriter {
    signer: Signer,
    host: String,
    heads: Vec<(Action, Head)>,
    date: AmzDate,
}

/// A head with placeholders and where they stand.
struct Head {
    bytes: Vec<u8>,
    date: usize,
    day: usize,
    signature: usize,
    length: usize,
}

impl RequestWriter {
    pub fn new(target: &Target) -> anyhow::Result<Self> {
        let host = target.host();
        let scope = format!("{}/yyyymmdd/us-east-1/sqs/aws4_request", target.access_key);
        let heads = Action::ALL.into_iter().map(|action| Ok((action, head(&host, action, &scope)?)));
        Ok(Self {
            signer: Signer::new(&target.access_key, &target.secret_key, "us-east-1", "sqs"),
            heads: heads.collect::<anyhow::Result<_>>()?,
            host,
            date: AmzDate::from_unix(0),
        })
    }

    /// Replaces `out` by a signed call of `action` with `body`.
    ///
    /// # Errors
    /// If the body has ten million bytes or more.
    pub fn write(
        &mut self,
        out: &mut Vec<u8>,
        action: Action,
        body: &[u8],
        clock: &Clock,
        now: Nanos,
    ) -> anyhow::Result<()> {
        let unix = clock.unix(now);
        if self.date.unix() != unix {
            self.date = AmzDate::from_unix(unix);
        }
        let headers: [(&str, &[u8]); 4] = [
            ("content-type", CONTENT_TYPE.as_bytes()),
            ("host", self.host.as_bytes()),
            ("x-amz-date", self.date.as_bytes()),
            ("x-amz-target", action.target().as_bytes()),
        ];
        let request =
            Request { method: "POST", path: "/", query: "", headers: &headers, payload: Payload::Bytes(body) };
        let signature = self.signer.sign(&request, SIGNED_HEADERS, &self.date)?;
        let (_, head) = self.heads.iter().find(|(held, _)| *held == action).context("an action without a head")?;
        out.clear();
        out.extend_from_slice(&head.bytes);
        patch(out, head.date, self.date.as_bytes());
        patch(out, head.day, self.date.day());
        patch(out, head.signature, &signature);
        let mut length = [b' '; LENGTH_PLACES];
        put_length(&mut length, body.len()).context("the body is too long")?;
        patch(out, head.length, &length);
        out.extend_from_slice(body);
        Ok(())
    }
}

fn head(host: &str, action: Action, credential: &str) -> anyhow::Result<Head> {
    let signature = "s".repeat(64);
    let text = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: {CONTENT_TYPE}\r\nX-Amz-Target: {target}\r\n\
         X-Amz-Date: yyyymmddThhmmssZ\r\nAuthorization: AWS4-HMAC-SHA256 Credential={credential}, \
         SignedHeaders={SIGNED_HEADERS}, Signature={signature}\r\nContent-Length: {blank:LENGTH_PLACES$}\r\n\r\n",
        target = action.target(),
        blank = "",
    );
    let at = |placeholder: &str| text.find(placeholder).with_context(|| format!("no {placeholder} in the head"));
    Ok(Head {
        date: at("yyyymmddThhmmssZ")?,
        day: at("/yyyymmdd/")? + 1,
        signature: at(&signature)?,
        length: at("Content-Length: ")? + "Content-Length: ".len(),
        bytes: text.into_bytes(),
    })
}

fn patch(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = out.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn put_length(places: &mut [u8; LENGTH_PLACES], mut length: usize) -> Option<()> {
    for place in places.iter_mut().rev() {
        *place = b'0' + u8::try_from(length % 10).ok()?;
        length /= 10;
        if length == 0 {
            return Some(());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_sigv4::{Keyed, Secrets, Verifier};

    struct Root;

    impl Secrets for Root {
        type Key = Self;
        fn find(&self, access_key_id: &str) -> Option<Self> {
            (access_key_id == "root").then_some(Self)
        }
    }

    impl Keyed for Root {
        fn secret(&self) -> &[u8] {
            b"secret"
        }
    }

    #[test]
    fn a_written_request_verifies_and_tells_its_length() {
        let target = Target::new("http://127.0.0.1:9324", "root", "secret").unwrap();
        let (clock, mut out) = (Clock::new(), Vec::new());
        let mut writer = RequestWriter::new(&target).unwrap();
        for body in ["{}", &"x".repeat(123_456)] {
            writer.write(&mut out, Action::SendMessage, body.as_bytes(), &clock, clock.now()).unwrap();
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut request = httparse::Request::new(&mut headers);
            let start = request.parse(&out).unwrap().unwrap();
            assert_eq!(out.len() - start, body.len());
            let headers: Vec<(&str, &[u8])> = request.headers.iter().map(|held| (held.name, held.value)).collect();
            let length = headers.iter().find(|(name, _)| *name == "Content-Length").unwrap().1;
            assert_eq!(std::str::from_utf8(length).unwrap().trim(), body.len().to_string());
            let payload = Payload::Bytes(body.as_bytes());
            let request = Request { method: "POST", path: "/", query: "", headers: &headers, payload };
            Verifier::new("sqs").verify(&request, &Root, clock.unix(clock.now())).unwrap();
        }
        assert!(writer.write(&mut out, Action::SendMessage, &vec![0; 10_000_000], &clock, 0).is_err());
    }
}
