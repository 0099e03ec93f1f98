//! A real browser, steered over WebDriver (W3C WebDriver 2): Chromium by its ChromeDriver, on a port and with a profile of its own.

use crate::http::{Answer, Connection};
use crate::wait;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long the browser may take for a command; its first start on a busy machine takes the longest.
const COMMAND_MAX: Duration = Duration::from_secs(90);
/// What an element's id is called in answers (WebDriver, "web element identifier").
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Nothing but what a test asks for: Chromium would also look for updates and the like.
const FLAGS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A browser with one window. It ends when dropped.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one; `None`, and a line that says so, where there is none.
    ///
    /// # Panics
    /// If there is one and it does not start.
    pub fn start() -> Option<Self> {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut driver) = command.spawn() else {
            eprintln!("not tried in a browser: there is no chromedriver here");
            return None;
        };
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            line.split("started successfully on port ").nth(1)?.trim_end_matches('.').parse::<u16>().ok()
        });
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("it says on which port it listens")));
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut browser = Self { driver, address, session: String::new(), _profile: profile };
        let folder = format!("--user-data-dir={}", browser._profile.path().display());
        let flags: Vec<&str> = FLAGS.into_iter().chain([folder.as_str()]).collect();
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": {"args": flags}, "goog:loggingPrefs": {"browser": "ALL"}});
        let session = browser.ask("POST", "/session", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session = format!("/session/{}", session["sessionId"].as_str().expect("a session has an id"));
        Some(browser)
    }

    /// Goes to a page and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.tell("/url", &json!({"url": url}));
    }

    /// The first element that the selector matches gets a text typed into it.
    pub fn type_into(&self, selector: &str, text: &str) {
        self.tell(&format!("/element/{}/value", self.element(selector)), &json!({"text": text}));
    }

    /// Clicks on the first element that the selector matches, and waits until the page that it leads to is loaded: the driver itself
    /// waits only for what has begun when the click is over.
    ///
    /// # Panics
    /// If it leads nowhere.
    pub fn follow(&self, selector: &str) {
        self.tell("/execute/sync", &json!({"script": "window.left = true;", "args": []}));
        self.tell(&format!("/element/{}/click", self.element(selector)), &json!({}));
        wait::until("the next page", COMMAND_MAX, || {
            self.value("window.left === undefined && document.readyState === 'complete'") == true
        });
    }

    /// What an expression is worth in the page.
    pub fn value(&self, expression: &str) -> Value {
        self.tell("/execute/sync", &json!({"script": format!("return {expression};"), "args": []}))
    }

    /// As [`Browser::value`], of a text.
    pub fn text(&self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_else(|| panic!("{expression} is no text")).to_owned()
    }

    /// Makes the window that wide, in pixels of the page, and prefers dark colours or light ones.
    pub fn look(&self, width: u32, dark: bool) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.develop("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!({"name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" }});
        self.develop("Emulation.setEmulatedMedia", &json!({"features": [scheme]}));
    }

    /// What the browser complained about since it was asked last: refused by the content policy, failed scripts, missing files.
    pub fn complaints(&self) -> Vec<Value> {
        let log = self.tell("/se/log", &json!({"type": "browser"}));
        log.as_array().expect("a log is a list").clone()
    }

    fn element(&self, selector: &str) -> String {
        let found = self.tell("/element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT].as_str().expect("an element has an id").to_owned()
    }

    /// A command of the DevTools protocol.
    fn develop(&self, command: &str, parameters: &Value) {
        self.tell("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    fn tell(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.send(method, path, body).expect("the driver answers");
        let told: Value = serde_json::from_slice(&answer.body).expect("the driver speaks JSON");
        assert_eq!(answer.status, 200, "{method} {path} {body}: {told}");
        told["value"].clone()
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> std::io::Result<Answer> {
        let body = body.to_string();
        let mut connection = Connection::open(self.address, COMMAND_MAX)?;
        let (host, length) = (self.address, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
        connection.write(format!("{head}{body}").as_bytes())?;
        connection.read()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with its session; killed before that, it would leave it behind.
        if !self.session.is_empty() {
            _ = self.send("DELETE", &self.session, &json!({}));
        }
        _ = self.driver.kill();
        _ = self.driver.wait();
    }
}
