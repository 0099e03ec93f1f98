//! Calls of the native door: JSON under `/v1/`.

use super::{
    CallError, Endpoint, Identity,
    connection::{Connection, SendError},
};
use crate::http::Whole;
use bytes::Bytes;
use evenkeel_sigv4::{AmzDate, Payload, Request as Signable, Signer};
use http::{Method, Request, header};
use serde_json::Value;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SIGNED_HEADERS: &str = "host;x-amz-date";
/// How long an answer may take: the door never waits for anything but the disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one server, with a connection for each call.
pub(crate) struct Native {
    endpoint: Endpoint,
    signer: Option<Signer>,
}

impl Native {
    /// A client that signs as `identity`, or not at all.
    pub(crate) fn new(endpoint: Endpoint, identity: Option<&Identity>) -> Self {
        let signer = identity.map(|Identity { credentials, region }| {
            Signer::new(&credentials.access_key, &credentials.secret_key, region, evenkeel_native::SERVICE)
        });
        Self { endpoint, signer }
    }

    /// Asks; `what` says what for, should no answer come.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(crate) async fn call(
        &mut self,
        what: &'static str,
        method: Method,
        path: &str,
        query: &str,
        body: &Value,
    ) -> Result<Value, CallError> {
        let body: Bytes = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = self.request(method, path, query, body);
        let unreachable = |error| CallError::NoServer { endpoint: self.endpoint.clone(), error };
        let lost = |why: String| CallError::Lost { endpoint: self.endpoint.clone(), action: what, why };
        let mut connection = Connection::open(&self.endpoint).await.map_err(unreachable)?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, connection.send(request)).await;
        match answer.map_err(|_| lost(format!("{} s passed", ANSWER_TIMEOUT.as_secs())))? {
            Ok((head, body)) => self.read(head.status().as_u16(), &body),
            Err(SendError::Unsent(_, why) | SendError::Lost(why)) => Err(lost(why)),
        }
    }

    fn request(&mut self, method: Method, path: &str, query: &str, body: Bytes) -> Request<Whole> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let date = AmzDate::from_unix(i64::try_from(now).unwrap_or(i64::MAX));
        let stamp = date.to_string();
        let path = format!("{}{path}", self.endpoint.prefix);
        let headers = [("host", self.endpoint.authority()), ("x-amz-date", stamp.as_str())];
        let signable =
            Signable { method: method.as_str(), path: &path, query, headers: &headers, payload: Payload::Bytes(&body) };
        let authorization = self.signer.as_mut().map(|signer| signer.authorization(&signable, SIGNED_HEADERS, &date));
        let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        let mut request = Request::builder().method(method).uri(target).header(header::HOST, self.endpoint.authority());
        request = request.header("x-amz-date", &stamp);
        if let Some(Ok(authorization)) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Whole::new(body)).expect("endpoint, identity and path were checked for what a header may hold")
    }

    fn read(&self, status: u16, body: &[u8]) -> Result<Value, CallError> {
        let value: Option<Value> = serde_json::from_slice(body).ok();
        let field = |name: &str| value.as_ref()?.pointer(&format!("/error/{name}"))?.as_str().map(str::to_owned);
        match (field("code"), field("message"), &value) {
            (Some(code), Some(message), _) => {
                Err(CallError::Refused { code, message, is_signed: self.signer.is_some() })
            }
            (_, _, Some(_)) if status < 300 => Ok(value.unwrap_or_default()),
            _ => Err(CallError::NotSqs { endpoint: self.endpoint.clone(), status }),
        }
    }
}
