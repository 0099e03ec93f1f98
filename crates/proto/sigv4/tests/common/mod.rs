//! Vectors as data: raw requests with their signatures, and the one caller who may sign.
#![allow(dead_code, reason = "each test binary uses its part")]

use evenkeel_sigv4::{AmzDate, Keyed, Payload, Request, Secrets, SigError, Verifier};

pub(crate) const KEY: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// One access key, whose account is number 7.
pub(crate) struct OneCaller;

impl Secrets for OneCaller {
    type Key = Account;

    fn find(&self, access_key_id: &str) -> Option<Account> {
        (access_key_id == KEY).then_some(Account(7))
    }
}

/// An account whose secret is the one of all vectors.
#[derive(Debug)]
pub(crate) struct Account(pub(crate) u64);

impl Keyed for Account {
    fn secret(&self) -> &[u8] {
        SECRET.as_bytes()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Vector {
    pub(crate) fn request(&self) -> Request<'_, Vec<(String, Vec<u8>)>> {
        Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            payload: Payload::Bytes(&self.body),
        }
    }

    pub(crate) fn header(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.headers.iter_mut().find(|(held, _)| held.eq_ignore_ascii_case(name)).unwrap().1
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(held, _)| !held.eq_ignore_ascii_case(name));
    }

    /// Verified by a fresh verifier at the time of the vectors.
    pub(crate) fn verify(&self, service: &str) -> Result<u64, SigError> {
        verify(&mut Verifier::new(service), self, now())
    }
}

pub(crate) fn verify(verifier: &mut Verifier, vector: &Vector, now: i64) -> Result<u64, SigError> {
    verifier.verify(&vector.request(), &OneCaller, now).map(|verified| verified.key.0)
}

/// 2015-08-30T12:36:00Z.
pub(crate) fn now() -> i64 {
    AmzDate::parse(b"20150830T123600Z").unwrap().unix()
}

/// Reads a file of vectors: `=== name`, the head, an empty line, the body.
pub(crate) fn vectors(file: &str) -> Vec<Vector> {
    file.split("=== ").skip(1).map(vector).collect()
}

fn vector(text: &str) -> Vector {
    let (name, text) = text.split_once('\n').unwrap();
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let target = target.strip_suffix(" HTTP/1.1").unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines.map(|line| line.split_once(':').unwrap()).map(|(name, value)| (name.into(), value.into()));
    Vector {
        name: name.into(),
        method: method.into(),
        path: path.into(),
        query: query.into(),
        headers: headers.collect(),
        body: body.strip_suffix('\n').unwrap_or(body).into(),
    }
}
