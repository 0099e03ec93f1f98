//! Any bytes as a signed request: one `name: value` per line, the first line the method, path and query. Nobody but the
//! key's owner gets in.

use evenkeel_sigv4::{AmzDate, Keyed, Payload, Request, Secrets, Signer, Verifier};

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const DATE: &[u8] = b"20150830T123600Z";
const BODY: &[u8] = b"{}";

struct OneCaller;

impl Secrets for OneCaller {
    type Key = Self;

    fn find(&self, access_key_id: &str) -> Option<Self> {
        (access_key_id == KEY).then_some(Self)
    }
}

impl Keyed for OneCaller {
    fn secret(&self) -> &[u8] {
        SECRET.as_bytes()
    }
}

type Lines = Vec<(String, Vec<u8>)>;

fn parse(bytes: &[u8]) -> Option<(String, String, String, Lines)> {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let first = String::from_utf8_lossy(lines.next()?).into_owned();
    let mut parts = first.splitn(3, ' ').map(str::to_owned);
    let (method, path, query) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    let headers = lines.filter_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = line.split_at(colon);
        Some((String::from_utf8_lossy(name).into_owned(), value.get(1..)?.to_vec()))
    });
    Some((method, path, query, headers.collect()))
}

/// Panics if the verifier does, or if it answers the same question in two ways.
pub fn judge(bytes: &[u8]) {
    let Some((method, path, query, headers)) = parse(bytes) else { return };
    let request =
        Request { method: &method, path: &path, query: &query, headers: &headers, payload: Payload::Bytes(BODY) };
    let now = AmzDate::parse(DATE).expect("a good date").unix();
    let mut verifier = Verifier::new("sqs");
    let first = verifier.verify(&request, &OneCaller, now).map(|_| ());
    let again = verifier.verify(&request, &OneCaller, now).map(|_| ());
    assert_eq!(first, again, "a cached key gives the same answer");
    let later = verifier.verify(&request, &OneCaller, now + 86_400);
    assert!(later.is_err() || first.is_err(), "no signature lasts a day");
}

/// Good requests, by header and by URL.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    let date = AmzDate::parse(DATE).expect("a good date");
    let headers: Lines =
        vec![("host".to_owned(), b"localhost:9324".to_vec()), ("x-amz-date".to_owned(), DATE.to_vec())];
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, payload: Payload::Bytes(BODY) };
    let mut signer = Signer::new(KEY, SECRET, "eu-west-1", "sqs");
    let authorization = signer.authorization(&request, "host;x-amz-date", &date).expect("both headers are there");
    let date = String::from_utf8_lossy(DATE);
    let lines = format!("POST / \nhost:localhost:9324\nx-amz-date:{date}\nauthorization:{authorization}");
    let query = signer.presign(&request, "host", &AmzDate::parse(DATE).expect("a good date"), 3_600);
    let url = format!("POST / {}\nhost:localhost:9324", query.expect("the header is there"));
    vec![lines.into_bytes(), url.into_bytes()]
}
