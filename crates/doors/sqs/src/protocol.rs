//! By which of SQS's two protocols a request came, and how it is answered by it.

use crate::{
    actions::{Action, Told},
    caller::Head,
    error::{SqsError, Wire},
    json_out::Json,
    query::xml,
    response::Response,
    text::is_media_type,
};
use evenkeel_engine::Request;

/// The `Content-Type` of JSON answers.
const JSON: &str = "application/x-amz-json-1.0";
/// The `Content-Type` of XML answers.
const XML: &str = "text/xml";

/// What an answer looks like.
#[derive(Debug)]
pub(crate) enum Face {
    /// AWS JSON 1.0.
    Json { action: Option<Action> },
    /// Query: XML, which carries the request's id.
    Xml { request_id: Box<str>, action: Option<Action> },
}

impl Face {
    /// The face of the protocol that a request speaks: JSON if it names its action in `X-Amz-Target`, or at least sends
    /// JSON; Query otherwise.
    pub(crate) fn of(head: &Head<'_>) -> Self {
        let sends_json = |given: &str| [JSON, "application/json"].iter().any(|json| is_media_type(given, json));
        if head.target.is_some() || head.content_type.is_some_and(sends_json) {
            return Self::Json { action: None };
        }
        Self::Xml { request_id: head.request_id.into(), action: None }
    }

    /// A success.
    pub(crate) fn told(&self, told: Told) -> Response {
        let Told { json, undelivered } = told;
        match self {
            Self::Json { .. } => self.response(200, JSON, None, json, undelivered),
            Self::Xml { request_id, action } => {
                match action.and_then(|action| xml::answer(action, &json, request_id)) {
                    Some(body) => self.response(200, XML, None, body, undelivered),
                    // Our own mistake: what was received goes back as if nobody had been there.
                    None => {
                        let error = SqsError::InternalFailure("The answer cannot be written as XML.");
                        Response { undelivered, ..self.refused(&error) }
                    }
                }
            }
        }
    }

    /// A refusal.
    pub(crate) fn refused(&self, error: &SqsError) -> Response {
        match (self, error) {
            // AWS words this one otherwise than in JSON, and people search for it.
            (Self::Xml { .. }, SqsError::QueueDoesNotExist) => {
                self.error(&error.wire(), "The specified queue does not exist for this wsdl version.")
            }
            _ => self.error(&error.wire(), &error.to_string()),
        }
    }

    /// An error with that place on the wire and that message.
    pub(crate) fn error(&self, wire: &Wire, message: &str) -> Response {
        let fault = if wire.is_senders_fault() { "Sender" } else { "Receiver" };
        let (content_type, query_error, body) = match self {
            Self::Json { .. } => {
                let mut json = Json::with_capacity(128 + message.len());
                json.open_object();
                json.string("__type", &format!("{}#{}", wire.space, wire.shape));
                json.string("message", message);
                json.close_object();
                (JSON, Some(format!("{};{fault}", wire.code)), json.into_bytes())
            }
            Self::Xml { request_id, .. } => (XML, None, xml::error(fault, &wire.code, message, request_id)),
        };
        self.response(wire.status, content_type, query_error, body, None)
    }

    /// Notes which action it turned out to be.
    pub(crate) fn called(&mut self, called: Action) {
        match self {
            Self::Json { action } | Self::Xml { action, .. } => *action = Some(called),
        }
    }

    fn response(
        &self,
        status: u16,
        content_type: &'static str,
        query_error: Option<String>,
        body: Vec<u8>,
        undelivered: Option<Request>,
    ) -> Response {
        let (Self::Json { action } | Self::Xml { action, .. }) = self;
        Response { action: action.map(|action| action as usize), status, content_type, query_error, body, undelivered }
    }
}
