//! A small SQS client: one connection, one call at a time, and honest about what it does not know.
//!
//! It never retries: a call whose answer did not arrive *may* have been done, and the test must reckon with both.

use crate::http::{Answer, Connection};
use crate::server::Address;
use crate::signed::Pen;
use serde_json::{Value, json};
use std::time::Duration;

/// How long an answer may take unless a test says otherwise: longer than the longest long poll.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call gave nothing.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The server said no.
    Refused {
        status: u16,
        /// `__type` behind its `#`.
        shape: String,
        /// `x-amzn-query-error` before its `;`.
        code: String,
        message: String,
    },
    /// The answer did not arrive: the call may have been done, or not.
    Unknown(String),
}

impl Failure {
    /// The Query code of a refusal, empty for an unknown outcome.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Unknown(_) => "",
        }
    }

    /// The HTTP status of a refusal, 0 for an unknown outcome.
    pub fn status(&self) -> u16 {
        match self {
            Self::Refused { status, .. } => *status,
            Self::Unknown(_) => 0,
        }
    }

    /// Whether the call may have been done all the same. 503 says that nothing was.
    pub fn may_have_been_done(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500 && *status != 503,
            Self::Unknown(_) => true,
        }
    }
}

/// A job as it was received.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub handle: String,
    pub body: String,
    pub receive_count: u32,
    pub group: Option<String>,
}

/// A client of one server; follows it when it restarts at another address.
pub struct Client {
    server: Address,
    pen: Pen,
    connection: Option<(std::net::SocketAddr, Connection)>,
    timeout: Duration,
    /// The number by which a repeated call is known as the same (`amz-sdk-invocation-id`), for all calls until it is changed.
    pub invocation: Option<String>,
}

impl Client {
    pub fn new(server: Address) -> Self {
        Self::signing(server, Pen::default())
    }

    pub fn signing(server: Address, pen: Pen) -> Self {
        Self { server, pen, connection: None, timeout: TIMEOUT, invocation: None }
    }

    /// How long an answer may take from now on.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
        self.connection = None;
    }

    /// Calls an action.
    pub fn call(&mut self, action: &str, request: &Value) -> Result<Value, Failure> {
        let answer = self.ask(action, request.to_string().as_bytes()).inspect_err(|_| self.connection = None)?;
        if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.connection = None;
        }
        // Some actions answer with nothing at all.
        let body = if answer.body.is_empty() { b"{}".as_slice() } else { &answer.body };
        let body: Result<Value, _> = serde_json::from_slice(body);
        if answer.status == 200 {
            return body.map_err(|error| Failure::Unknown(format!("the answer is no JSON: {error}")));
        }
        let body = body.unwrap_or_default();
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Err(Failure::Refused {
            status: answer.status,
            shape: text(body["__type"].as_str().and_then(|shape| shape.rsplit('#').next())),
            code: text(answer.header("x-amzn-query-error").and_then(|code| code.split(';').next())),
            message: text(body["message"].as_str()),
        })
    }

    fn ask(&mut self, action: &str, body: &[u8]) -> Result<Answer, Failure> {
        let unknown = |error: std::io::Error| Failure::Unknown(error.to_string());
        let address = self.server.get().ok_or_else(|| Failure::Unknown("the server is down".into()))?;
        if self.connection.as_ref().is_none_or(|(held, _)| *held != address) {
            self.connection = Some((address, Connection::open(address, self.timeout).map_err(unknown)?));
        }
        let (_, connection) = self.connection.as_mut().expect("just opened");
        let mut framing = format!("Content-Length: {}\r\n", body.len());
        if let Some(invocation) = &self.invocation {
            framing.push_str(&format!("amz-sdk-invocation-id: {invocation}\r\n"));
        }
        let mut request = self.pen.head(&address.to_string(), action, body, &framing);
        request.extend_from_slice(body);
        connection.write(&request).map_err(unknown)?;
        connection.read().map_err(unknown)
    }

    /// Makes a queue; gives its URL.
    pub fn create_queue(&mut self, name: &str, attributes: &Value) -> Result<String, Failure> {
        let answer = self.call("CreateQueue", &json!({"QueueName": name, "Attributes": attributes}))?;
        Ok(answer["QueueUrl"].as_str().expect("a queue has a URL").to_owned())
    }

    /// Changes a queue's attributes.
    pub fn set_attributes(&mut self, queue: &str, attributes: &Value) -> Result<(), Failure> {
        self.call("SetQueueAttributes", &json!({"QueueUrl": queue, "Attributes": attributes})).map(drop)
    }

    /// How many are waiting, in flight, and delayed.
    pub fn counts(&mut self, queue: &str) -> Result<[u64; 3], Failure> {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ];
        let answer = self.call("GetQueueAttributes", &json!({"QueueUrl": queue, "AttributeNames": names}))?;
        Ok(names.map(|name| answer["Attributes"][name].as_str().expect("a count").parse().expect("a number")))
    }

    /// Sends one job; gives its message id.
    pub fn send(&mut self, queue: &str, body: &str, group: Option<&str>) -> Result<String, Failure> {
        let mut request = json!({"QueueUrl": queue, "MessageBody": body});
        if let Some(group) = group {
            request["MessageGroupId"] = group.into();
        }
        let answer = self.call("SendMessage", &request)?;
        Ok(answer["MessageId"].as_str().expect("a message has an id").to_owned())
    }

    /// Sends up to ten bodies as one batch, its entries named by their positions. Gives whether each was taken.
    pub fn send_batch(&mut self, queue: &str, bodies: &[String], group: Option<&str>) -> Result<Vec<bool>, Failure> {
        let entry = |(at, body): (usize, &String)| match group {
            Some(group) => json!({"Id": at.to_string(), "MessageBody": body, "MessageGroupId": group}),
            None => json!({"Id": at.to_string(), "MessageBody": body}),
        };
        let entries: Vec<Value> = bodies.iter().enumerate().map(entry).collect();
        let answer = self.call("SendMessageBatch", &json!({"QueueUrl": queue, "Entries": entries}))?;
        Ok(successes(&answer, bodies.len()))
    }

    /// Receives up to `max` jobs, waiting `wait` seconds for the first, leased for `lease` seconds or the queue's time.
    pub fn receive(&mut self, queue: &str, max: u32, wait: u32, lease: Option<u32>) -> Result<Vec<Message>, Failure> {
        let answer = self.call("ReceiveMessage", &receive_request(queue, max, wait, lease))?;
        Ok(messages(&answer))
    }

    /// Deletes one job.
    pub fn delete(&mut self, queue: &str, handle: &str) -> Result<(), Failure> {
        self.call("DeleteMessage", &json!({"QueueUrl": queue, "ReceiptHandle": handle})).map(drop)
    }

    /// Deletes up to ten jobs. Gives whether each was taken.
    pub fn delete_batch(&mut self, queue: &str, handles: &[&str]) -> Result<Vec<bool>, Failure> {
        let entry = |(at, handle): (usize, &&str)| json!({"Id": at.to_string(), "ReceiptHandle": handle});
        let entries: Vec<Value> = handles.iter().enumerate().map(entry).collect();
        let answer = self.call("DeleteMessageBatch", &json!({"QueueUrl": queue, "Entries": entries}))?;
        Ok(successes(&answer, handles.len()))
    }

    /// Makes a lease end in `seconds`.
    pub fn change_visibility(&mut self, queue: &str, handle: &str, seconds: u32) -> Result<(), Failure> {
        let request = json!({"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": seconds});
        self.call("ChangeMessageVisibility", &request).map(drop)
    }
}

/// The body of a `ReceiveMessage` that asks for all system attributes.
pub fn receive_request(queue: &str, max: u32, wait: u32, lease: Option<u32>) -> Value {
    let mut request = json!({
        "QueueUrl": queue,
        "MaxNumberOfMessages": max,
        "WaitTimeSeconds": wait,
        "MessageSystemAttributeNames": ["All"],
    });
    if let Some(lease) = lease {
        request["VisibilityTimeout"] = lease.into();
    }
    request
}

/// The jobs in the answer to a `ReceiveMessage`; none if the list is left out.
pub fn messages(answer: &Value) -> Vec<Message> {
    let text = |value: &Value| value.as_str().expect("a message's field").to_owned();
    let message = |message: &Value| Message {
        id: text(&message["MessageId"]),
        handle: text(&message["ReceiptHandle"]),
        body: text(&message["Body"]),
        receive_count: text(&message["Attributes"]["ApproximateReceiveCount"]).parse().expect("a count"),
        group: message["Attributes"]["MessageGroupId"].as_str().map(str::to_owned),
    };
    answer["Messages"].as_array().map(|list| list.iter().map(message).collect()).unwrap_or_default()
}

/// Which entries of a batch, named by their positions, succeeded.
fn successes(answer: &Value, count: usize) -> Vec<bool> {
    let mut taken = vec![false; count];
    for entry in answer["Successful"].as_array().into_iter().flatten() {
        let at: usize = entry["Id"].as_str().expect("an entry's id").parse().expect("a position");
        taken[at] = true;
    }
    taken
}
