//! The live page from outside, as a browser asks for it. `browser.rs` looks at it in a real one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::http::{Answer, Connection};
use evenkeel_tests::signed::{ACCESS_KEY, SECRET_KEY};
use evenkeel_tests::tool::Tool;
use evenkeel_tests::{Server, wait};
use serde_json::{Value, json};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
const SCRIPT: &str = "<script>alert(1)</script>";

/// A browser: it keeps its cookie and runs no script.
struct Browser<'s> {
    server: &'s Server,
    cookie: String,
}

impl<'s> Browser<'s> {
    fn new(server: &'s Server) -> Self {
        Self { server, cookie: String::new() }
    }

    fn signed_in(server: &'s Server, key: (&str, &str)) -> Self {
        let mut browser = Self::new(server);
        let answer = browser.sign_in(key);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.text());
        browser
    }

    fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let address = self.server.address();
        let mut connection = Connection::open(address, TIMEOUT).unwrap();
        let (cookie, length) = (&self.cookie, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nCookie: a=b; {cookie}\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        connection.write(format!("{head}{body}").as_bytes()).unwrap();
        let answer = connection.read().unwrap();
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        answer
    }

    fn sign_in(&mut self, (access, secret): (&str, &str)) -> Answer {
        let form = format!("access_key={access}&secret_key={secret}");
        self.ask("POST", "/console/sign-in", "Sec-Fetch-Site: same-origin\r\n", &form)
    }

    /// A page that is there.
    fn page(&mut self, path: &str) -> String {
        let answer = self.ask("GET", path, "", "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        answer.text()
    }

    fn status(&mut self, path: &str) -> u16 {
        self.ask("GET", path, "", "").status
    }
}

/// What `evenkeel keys` tells root.
fn keys(server: &Server, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["keys", "--json"].iter().chain(arguments).copied().collect();
    Tool::of(server, &arguments).works().json().remove(0)
}

fn queue_page(name: &str) -> String {
    format!("/console/queue?account=000000000000&name={name}")
}

#[test]
fn who_signs_in_sees_the_queues_until_signing_out() {
    let server = Server::start();
    server.client().create_queue("mails", &json!({})).unwrap();
    let mut browser = Browser::new(&server);
    for path in ["/", &queue_page("mails"), "/console/job?id=x", "/console/nothing"] {
        let sent_away = browser.ask("GET", path, "", "");
        assert_eq!((sent_away.status, sent_away.header("location")), (303, Some("/console/sign-in")), "{path}");
    }
    assert!(browser.page("/console/sign-in").contains("name=\"secret_key\" type=\"password\""));
    let refused = browser.sign_in((ACCESS_KEY, "another secret"));
    assert_eq!((refused.status, refused.header("set-cookie")), (403, None));
    assert!(refused.text().contains("There is no such key"));
    let given = browser.sign_in((ACCESS_KEY, SECRET_KEY)).header("set-cookie").unwrap().to_owned();
    assert!(
        given.contains("; HttpOnly") && given.contains("; SameSite=Strict") && given.contains("; Path=/"),
        "{given}"
    );
    assert!(browser.page("/").contains(">mails<"));
    let log = server.stderr();
    assert!(
        log.contains("a sign-in to the live page was refused") && log.contains("signed in to the live page"),
        "{log}"
    );
    assert!(!log.contains("another secret") && !log.contains(SECRET_KEY), "{log}");
    let page = browser.page(&queue_page("mails"));
    let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let stolen = browser.cookie.clone();
    assert_eq!(browser.ask("POST", "/console/sign-out", "", "token=0").status, 403);
    assert_eq!(browser.status("/"), 200, "still there");
    assert_eq!(browser.ask("POST", "/console/sign-out", "", &format!("token={token}")).status, 303);
    browser.cookie = stolen;
    assert_eq!(browser.status("/"), 303, "a session that has ended lets nobody in");
}

#[test]
fn forms_of_other_sites_and_too_many_guesses_are_refused() {
    let server = Server::start();
    let mut browser = Browser::new(&server);
    let form = format!("access_key={ACCESS_KEY}&secret_key={SECRET_KEY}");
    for header in ["Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        assert_eq!(browser.ask("POST", "/console/sign-in", header, &form).status, 403, "{header}");
    }
    let own = format!("Origin: http://{}\r\n", server.address());
    assert_eq!(browser.ask("POST", "/console/sign-in", &own, &form).status, 303);
    for _ in 0..5 {
        assert_eq!(browser.sign_in((ACCESS_KEY, "a guess")).status, 403);
    }
    let refused = browser.sign_in((ACCESS_KEY, SECRET_KEY));
    assert_eq!(refused.status, 429, "even with the right one");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() <= 10);
    assert_eq!(browser.status("/"), 200, "who is in stays in");
    assert_eq!(browser.ask("POST", "/console/sign-in", "", &"x".repeat(10_000)).status, 413);
    assert_eq!(browser.ask("DELETE", "/console/queue", "", "").status, 405);
}

#[test]
fn a_key_sees_what_it_is_for_and_nothing_once_it_is_revoked() {
    let server = Server::start();
    let mut client = server.client();
    let mails = client.create_queue("mails", &json!({})).unwrap();
    let secret = client.create_queue("secret", &json!({})).unwrap();
    let (visible, hidden) = (client.send(&mails, "m", None).unwrap(), client.send(&secret, "s", None).unwrap());
    let made = keys(&server, &["create", "reader", "--action", "sqs:Get*", "--queue", "mail"]);
    let pair = (made["access_key"].as_str().unwrap(), made["secret_key"].as_str().unwrap());
    let mut reader = Browser::signed_in(&server, pair);
    let page = reader.page("/");
    assert!(page.contains(">mails<") && page.contains(">reader<"), "{page}");
    assert!(!page.contains("secret") && !page.contains("in 2 queues"), "{page}");
    assert_eq!(reader.status(&queue_page("secret")), 404);
    assert_eq!(reader.status(&format!("/console/job?id={hidden}")), 404);
    let page = reader.page(&format!("/console/job?id={visible}&body=1"));
    assert!(page.contains("This key may not read bodies here"), "{page}");
    let deny =
        json!({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "sqs:GetQueueAttributes", "Resource": "*"}});
    client.set_attributes(&mails, &json!({"Policy": deny.to_string()})).unwrap();
    assert_eq!(reader.status(&queue_page("mails")), 404, "a policy denies it");
    client.set_attributes(&mails, &json!({"Policy": ""})).unwrap();
    assert_eq!(reader.status(&queue_page("mails")), 200);
    keys(&server, &["rotate", pair.0]);
    assert_eq!(reader.status("/"), 303, "a new secret asks for a new sign-in");
    let other = keys(&server, &["create", "other", "--account", "000000000001"]);
    let pair = (other["access_key"].as_str().unwrap(), other["secret_key"].as_str().unwrap());
    let mut stranger = Browser::signed_in(&server, pair);
    assert!(stranger.page("/").contains("No queues yet"));
    assert_eq!(stranger.status(&queue_page("mails")), 404, "accounts do not see each other");
    keys(&server, &["revoke", pair.0]);
    assert_eq!(stranger.status("/"), 303);
}

#[test]
fn a_queue_shows_who_waits_and_who_is_next() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("mails", &json!({})).unwrap();
    for group in ["noisy", "noisy", "noisy", "quiet"] {
        client.send(&queue, "hello", Some(group)).unwrap();
    }
    client.receive(&queue, 1, 0, None).unwrap();
    let mut browser = Browser::signed_in(&server, (ACCESS_KEY, SECRET_KEY));
    let page = browser.page(&queue_page("mails"));
    assert!(page.contains("<dt>Waiting</dt><dd>3<"), "{page}");
    assert!(page.contains("<dt>In flight</dt><dd>1<"), "{page}");
    let next = page.split("<h2>Next</h2>").nth(1).unwrap();
    let order: Vec<&str> = next.split("<bdi>").skip(1).filter_map(|rest| rest.split("</bdi>").next()).collect();
    assert_eq!(order, ["quiet", "noisy", "noisy"], "the quiet one's turn is before the noisy one's second");
    let found = browser.page(&format!("{}&group=quiet", queue_page("mails")));
    let groups = found.split("<h2>Groups</h2>").nth(1).unwrap().split("<h2>Next</h2>").next().unwrap();
    assert!(groups.contains("<bdi>quiet</bdi>") && !groups.contains("<bdi>noisy</bdi>"), "{groups}");
    assert!(browser.page(&format!("{}&group=none", queue_page("mails"))).contains("No such group"));
    wait::until("the chart has a line", TIMEOUT, || {
        browser.page(&queue_page("mails")).contains("class=\"line ready\" d=\"M")
    });
}

#[test]
fn a_job_is_shown_with_its_body_only_if_asked_and_no_name_or_body_becomes_markup() {
    let server = Server::start();
    let mut client = server.client();
    let queue = client.create_queue("mails", &json!({"VisibilityTimeout": "600"})).unwrap();
    let body = "<img src=x onerror=alert(2)>\u{202e}\u{5e9}\u{5dc}\u{5d5}\u{5dd} 😀";
    let id = client.send(&queue, body, Some(SCRIPT)).unwrap();
    let long = client.send(&queue, &"y".repeat(300_000), Some("\"'&<")).unwrap();
    let mut browser = Browser::signed_in(&server, (ACCESS_KEY, SECRET_KEY));
    let job = format!("/console/job?id={id}");
    let pages = [
        browser.page("/"),
        browser.page(&queue_page("mails")),
        browser.page(&format!("{}&group=%3Cscript%3Ealert(1)%3C%2Fscript%3E", queue_page("mails"))),
        browser.page(&job),
        browser.page(&format!("{job}&body=1")),
        browser.page(&format!("/console/job?id={long}&body=1")),
        browser.ask("GET", "/console/queue?account=000000000000&name=%22%3E%3Cscript%3E", "", "").text(),
        browser.ask("GET", "/console/job?id=%3Cscript%3E", "", "").text(),
    ];
    for page in &pages {
        let scripts = page.matches("<script").count();
        assert_eq!(scripts, page.matches("<script defer src=\"/console/script.js\"></script>").count(), "{page}");
        assert!(!page.contains("<img src=x") && !page.contains("style=") && !page.contains(" onclick"), "{page}");
    }
    assert!(pages[1].contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!pages[3].contains("onerror"), "a body is shown only if somebody asks");
    assert!(pages[4].contains("&lt;img src=x onerror=alert(2)&gt;\u{202e}") && pages[4].contains('😀'));
    assert!(pages[5].len() < 100_000 && pages[5].contains("more.</small>"));
    assert!(pages[3].contains("Waits for its turn") && pages[3].contains("<dt>Attempts</dt><dd>0"));
    let received = client.receive(&queue, 1, 0, None).unwrap().remove(0);
    let page = browser.page(&job);
    assert!(page.contains("With a worker since") && page.contains("First granted"), "{page}");
    client.delete(&queue, &received.handle).unwrap();
    assert_eq!(browser.status(&job), 404, "what is finished is gone");
}

#[test]
fn a_page_works_without_a_script_and_lets_a_browser_do_little() {
    let server = Server::start();
    server.client().create_queue("mails", &json!({})).unwrap();
    let mut browser = Browser::signed_in(&server, (ACCESS_KEY, SECRET_KEY));
    let answer = browser.ask("GET", "/", "", "");
    let policy = answer.header("content-security-policy").unwrap();
    for rule in
        ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.text().contains("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>"));
    assert!(answer.text().contains("<table"));
    for (path, kind) in [
        ("style.css", "text/css; charset=utf-8"),
        ("script.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let answer = Browser::new(&server).ask("GET", &format!("/console/{path}"), "", "");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
    }
    // What belongs to SQS stays there.
    assert_eq!(
        browser.ask("GET", "/?Action=ListQueues&Version=2012-11-05", "", "").header("content-type"),
        Some("text/xml")
    );
}
