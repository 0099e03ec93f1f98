//! Calls of SQS's actions, as JSON.

use super::{
    CallError, Endpoint, Identity,
    connection::{Connection, SendError},
};
use crate::http::Whole;
use bytes::Bytes;
use evenkeel_sigv4::{AmzDate, Payload, Request as Signable, Signer};
use http::{Request, Response, header};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const SIGNED_HEADERS: &str = "content-type;host;x-amz-date;x-amz-target";
/// How long an answer may take: the longest long poll, and a slow disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A client of one server.
pub(crate) struct Sqs {
    endpoint: Endpoint,
    signer: Option<Signer>,
    connection: Option<Connection>,
}

impl Sqs {
    /// A client that signs as `identity`, or not at all. Connects at the first call.
    pub(crate) fn new(endpoint: Endpoint, identity: Option<&Identity>) -> Self {
        let signer = identity.map(|Identity { credentials, region }| {
            Signer::new(&credentials.access_key, &credentials.secret_key, region, "sqs")
        });
        Self { endpoint, signer, connection: None }
    }

    /// Calls an action.
    ///
    /// # Errors
    /// See [`CallError`]; only [`CallError::Lost`] leaves open whether it was done.
    pub(crate) async fn call(&mut self, action: &'static str, request: &Value) -> Result<Value, CallError> {
        let mut request = Box::new(self.request(action, request.to_string().into()));
        loop {
            let (mut connection, is_new) = match self.connection.take() {
                Some(held) => (held, false),
                None => (self.connect().await?, true),
            };
            let lost = |why: String| CallError::Lost { endpoint: self.endpoint.clone(), action, why };
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, connection.send(*request)).await;
            match answer.map_err(|_| lost(format!("{} s passed", ANSWER_TIMEOUT.as_secs())))? {
                Ok((head, body)) => {
                    self.connection = Some(connection);
                    return self.read(&head, &body);
                }
                Err(SendError::Unsent(unsent, _)) if !is_new => request = unsent,
                Err(SendError::Unsent(_, why) | SendError::Lost(why)) => return Err(lost(why)),
            }
        }
    }

    /// The URL of the queue of that name.
    pub(crate) async fn queue_url(&mut self, name: &str) -> Result<String, CallError> {
        let answer = self.call("GetQueueUrl", &json!({"QueueName": name})).await?;
        Ok(text(&answer, "/QueueUrl").to_owned())
    }

    /// All attributes of a queue.
    pub(crate) async fn attributes(&mut self, url: &str) -> Result<Value, CallError> {
        let request = json!({"QueueUrl": url, "AttributeNames": ["All"]});
        let mut answer = self.call("GetQueueAttributes", &request).await?;
        Ok(answer.get_mut("Attributes").map(Value::take).unwrap_or_default())
    }

    /// A page of queue URLs, with the token of the next page.
    pub(crate) async fn queue_page(
        &mut self,
        prefix: &str,
        token: Option<&str>,
    ) -> Result<(Vec<String>, Option<String>), CallError> {
        let mut request = json!({"QueueNamePrefix": prefix, "MaxResults": 1_000});
        if let (Some(fields), Some(token)) = (request.as_object_mut(), token) {
            fields.insert("NextToken".into(), token.into());
        }
        let answer = self.call("ListQueues", &request).await?;
        let urls = answer.get("QueueUrls").and_then(Value::as_array).into_iter().flatten();
        let urls = urls.filter_map(|url| Some(url.as_str()?.to_owned())).collect();
        Ok((urls, answer.get("NextToken").and_then(Value::as_str).map(str::to_owned)))
    }

    async fn connect(&self) -> Result<Connection, CallError> {
        let opened = Connection::open(&self.endpoint).await;
        opened.map_err(|error| CallError::NoServer { endpoint: self.endpoint.clone(), error })
    }

    fn request(&mut self, action: &str, body: Bytes) -> Request<Whole> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let date = AmzDate::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX));
        let path = format!("{}/", self.endpoint.prefix);
        let (target, stamp) = (format!("AmazonSQS.{action}"), date.to_string());
        let host = self.endpoint.authority();
        let headers =
            [("content-type", CONTENT_TYPE), ("host", host), ("x-amz-date", &stamp), ("x-amz-target", &target)];
        let signable =
            Signable { method: "POST", path: &path, query: "", headers: &headers, payload: Payload::Bytes(&body) };
        let signature = self.signer.as_mut().map(|signer| {
            signer.authorization(&signable, SIGNED_HEADERS, &date).expect("these headers are there, and short")
        });
        let mut request =
            Request::post(&path).header(header::USER_AGENT, concat!("evenkeel/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(signature) = signature {
            request = request.header(header::AUTHORIZATION, signature);
        }
        request.body(Whole::new(body)).expect("an endpoint and an access key were checked to be plain")
    }

    fn read(&self, head: &Response<()>, body: &[u8]) -> Result<Value, CallError> {
        let status = head.status().as_u16();
        let not_sqs = || CallError::NotSqs { endpoint: self.endpoint.clone(), status };
        // Some actions answer with nothing at all.
        let read = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) };
        let answer: Value = read.map_err(|_| not_sqs())?;
        if status == 200 && answer.is_object() {
            return Ok(answer);
        }
        let code = head.headers().get("x-amzn-query-error").and_then(|value| value.to_str().ok());
        let code = code.and_then(|code| code.split(';').next()).unwrap_or_default();
        let shape = text(&answer, "/__type").rsplit('#').next().unwrap_or_default();
        let code = if code.is_empty() { shape } else { code };
        if code.is_empty() {
            return Err(not_sqs());
        }
        let message = ["/message", "/Message"].map(|at| text(&answer, at));
        let message = message.into_iter().find(|message| !message.is_empty()).unwrap_or(shape);
        Err(CallError::Refused { code: code.to_owned(), message: message.to_owned(), is_signed: self.signer.is_some() })
    }
}

/// A batch's failed entries: id and message.
pub(crate) fn batch_failures(answer: &Value) -> Vec<(&str, &str)> {
    let failed = answer.get("Failed").and_then(Value::as_array).into_iter().flatten();
    failed.map(|entry| (text(entry, "/Id"), text(entry, "/Message"))).collect()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
