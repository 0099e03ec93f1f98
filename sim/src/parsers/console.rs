//! Any bytes as a visit to the live page, and as the names and bodies that it shows: nothing of it may become markup.
//!
//! The first line is method, path and query, then come cookies, host and origin, a line each; the rest is the form.

use bytes::Bytes;
use evenkeel_access::{Directory, Policies, Vault};
use evenkeel_console::{Console, Response, Step, Visit};
use evenkeel_engine::{Answer, Description, Interpreter, JobPlace, Legible, Look, Looked, Request, Row};
use evenkeel_machine::{
    command::QueueSettings,
    queue::{Counts, GroupPage, GroupRow, JobDetail, JobPlace as Standing, Peeked, QueueRow},
};
use evenkeel_metrics::Counts as Histogram;
use evenkeel_types::{AccountId, BodyRef, JobId, LogIndex, Micros, Now, QueueId, WallTime};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

const KEY: &str = "ROOT";
const SECRET: &str = "root secret";

/// A door whose ids and bodies are what they are.
struct Plain;

impl Interpreter for Plain {
    fn id(&self, _: JobId, _: BodyRef) -> String {
        "an id".into()
    }

    fn place(&self, id: &str) -> Option<JobPlace> {
        (!id.is_empty()).then_some(JobPlace { index: LogIndex(1), offset: 2, slot: 3 })
    }

    fn read(&self, body: &[u8]) -> Option<Legible> {
        let text = String::from_utf8_lossy(body).into_owned();
        Some(Legible { sender: text.clone(), text, attributes: Vec::new() })
    }
}

fn console(is_open: bool) -> Console {
    let directory = Directory::new(Vault::new(&[1; 32]), AccountId::default(), KEY, SECRET);
    Console::new(
        Arc::new(directory),
        Arc::new(Policies::new("Policy")),
        Arc::new(Plain),
        Box::new(Histogram::default),
        is_open,
    )
}

/// Panics if the console does, if it lets somebody in who is nobody, or if what others wrote becomes markup.
pub fn judge(bytes: &[u8]) {
    let mut lines = bytes.splitn(5, |&byte| byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (first, cookies, host, origin) = (line(), line(), line(), line());
    let body = lines.next().unwrap_or_default();
    let mut parts = first.splitn(3, ' ');
    let mut part = || parts.next().unwrap_or_default();
    let (method, path, query) = (part(), part(), part());
    let visit = Visit {
        method,
        path,
        query,
        cookies: &cookies,
        host: &host,
        origin: Some(origin.as_str()).filter(|origin| !origin.is_empty()),
        fetch_site: None,
        body,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        now: Now { monotonic: Micros(7), wall: WallTime(1_700_000_000_000) },
    };
    let Step::Respond(refused) = console(false).accept(&visit) else { panic!("nobody is let in without a session") };
    check(&refused);
    let open = console(true);
    // What the page shows is as hostile as what was asked.
    let hostile = format!("<x-{first}\"'>");
    let mut step = open.accept(&visit);
    for _ in 0..4 {
        match step {
            Step::Respond(response) => return check(&response),
            Step::Ask(requests, pending) => {
                let answers = requests.iter().map(|request| answer(request, &hostile)).collect();
                step = pending.answer(&open, answers);
            }
        }
    }
    panic!("a page asks at most twice");
}

fn check(response: &Response) {
    assert!((200..600).contains(&response.status));
    for (name, value) in &response.headers {
        assert!(!value.contains(['\r', '\n', '\0']), "{name}: {value:?}");
    }
    if response.content_type.starts_with("text/html") {
        let page = std::str::from_utf8(&response.body).expect("pages are UTF-8");
        // Markup of ours has neither.
        assert!(!page.contains("<x-") && !page.contains("\"'"), "{page}");
        let scripts = page.matches("<script").count();
        assert_eq!(scripts, page.matches("<script defer src=\"/console/script.js\"></script>").count(), "{page}");
    }
    let cookie = response.header("set-cookie").unwrap_or("; HttpOnly; SameSite=Strict");
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict"), "{cookie}");
}

fn answer(request: &Request, hostile: &str) -> Answer {
    let row = || QueueRow {
        id: QueueId::default(),
        account: AccountId::default(),
        name: hostile.into(),
        counts: Counts { ready: 1, leased: u64::MAX, ..Counts::default() },
        bytes: u64::MAX,
        oldest: Some(WallTime(u64::MAX)),
        groups_in_turns: 1,
    };
    let group = || GroupRow {
        group: hostile.into(),
        ready: 1,
        delayed: 2,
        leased: u32::MAX,
        oldest: Some(WallTime(1)),
        in_turns: false,
        own: None,
    };
    let body = BodyRef { index: LogIndex(1), offset: 2, bytes: 3 };
    let look = match request {
        Request::Look(look) => look,
        _ => {
            return Answer::Described(Ok(Description {
                queue: QueueId::default(),
                settings: QueueSettings::default(),
                counts: Counts::default(),
                created_at: WallTime(0),
                modified_at: WallTime(u64::MAX),
                papers: None,
            }));
        }
    };
    Answer::Looked(Ok(match look {
        Look::Rows { .. } | Look::Row(_) => Looked::Rows(vec![Row { queue: row(), received: 0 }]),
        Look::Groups { .. } => Looked::Groups(GroupPage { rows: vec![group()], next: Some(1) }),
        Look::GroupRow { .. } => Looked::GroupRow(Some(group())),
        Look::Next { .. } => Looked::Next(vec![Peeked {
            id: JobId::default(),
            group: hostile.into(),
            body,
            grants: 1,
            enqueued_at: WallTime(1),
        }]),
        Look::Job { .. } => Looked::Job(Some(Box::new(JobDetail {
            id: JobId::default(),
            account: AccountId::default(),
            queue: hostile.into(),
            group: hostile.into(),
            place: Standing::Leased { since: WallTime(1), until: WallTime(u64::MAX) },
            grants: 1,
            enqueued_at: WallTime(1),
            first_granted_at: Some(WallTime(2)),
            expires_at: WallTime(u64::MAX),
            source: Some(hostile.into()),
            body,
        }))),
        Look::Body(_) => Looked::Body(Some(Bytes::from(hostile.to_owned()))),
        _ => Looked::House(Box::default()),
    }))
}

/// Good visits to each page.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    let form = format!("access_key={KEY}&secret_key={SECRET}");
    [
        "GET / \n\n\n\n".to_owned(),
        "GET / after=000000000000%2Fmails\nevenkeel_session=0123\nhost\n\n".to_owned(),
        "GET /console/queue account=000000000000&name=mails&from=3\na=b; c=d\nhost\n\n".to_owned(),
        "GET /console/queue account=000000000000&name=mails&group=a%20b\n\nhost\n\n".to_owned(),
        "GET /console/job id=01f1330b-791c-39a7-2b88-b19a4faa843a&body=1\n\nhost\n\n".to_owned(),
        "GET /console/style.css \n\nhost\n\n".to_owned(),
        format!("POST /console/sign-in \n\nhost:9324\nhttp://host:9324\n{form}"),
        "POST /console/sign-out \nevenkeel_session=0123\nhost\nhttp://host\ntoken=0123".to_owned(),
    ]
    .map(String::into_bytes)
    .into()
}
