//! SQS's two protocols as a client speaks them, by the names of AWS's service models. Written against these, not against the
//! door's own tables, so that a mistake there does not cancel out.

use evenkeel_sqs::{Head, Response};
use serde_json::{Map, Value};

/// How a call reaches the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// AWS JSON 1.0.
    Json,
    /// A form by POST, to `/`.
    Form,
    /// A query string by GET, to the queue's own path if there is a queue.
    Get,
}

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) target: Option<String>,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: String,
}

impl Wire {
    pub(crate) fn new(way: Way, action: &str, parameters: &Value) -> Self {
        let wire =
            Self { path: "/".to_owned(), query: String::new(), target: None, content_type: None, body: String::new() };
        match way {
            Way::Json => Self {
                target: Some(format!("AmazonSQS.{action}")),
                content_type: Some("application/x-amz-json-1.0"),
                body: parameters.to_string(),
                ..wire
            },
            Way::Form => Self {
                content_type: Some("application/x-www-form-urlencoded; charset=utf-8"),
                body: form(action, parameters),
                ..wire
            },
            Way::Get => {
                let mut parameters = parameters.clone();
                let path = parameters["QueueUrl"].as_str().and_then(|url| url.strip_prefix("http://localhost:9324"));
                let path = path.unwrap_or("/").to_owned();
                if path != "/" {
                    parameters.as_object_mut().unwrap().remove("QueueUrl");
                }
                let query = format!("{}&X-Amz-Expires=60&X-Amz-Signature=0a", form(action, &parameters));
                Self { path, query, ..wire }
            }
        }
    }

    pub(crate) fn head(&self) -> Head<'_> {
        Head {
            path: &self.path,
            query: &self.query,
            target: self.target.as_deref(),
            content_type: self.content_type,
            host: "localhost:9324",
            request_id: "the-id",
            ..Head::default()
        }
    }
}

/// A form, as botocore wrote it when it spoke Query.
fn form(action: &str, parameters: &Value) -> String {
    let mut pairs = vec![("Action".to_owned(), action.to_owned()), ("Version".to_owned(), "2012-11-05".to_owned())];
    structure(&mut pairs, "", action, parameters);
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

fn structure(pairs: &mut Vec<(String, String)>, prefix: &str, action: &str, members: &Value) {
    for (name, value) in members.as_object().unwrap() {
        let entries = format!("{action}RequestEntry");
        let (flat, key) = match &**name {
            "AttributeNames" => ("AttributeName", ""),
            "MessageSystemAttributeNames" => ("MessageSystemAttributeName", ""),
            "MessageAttributeNames" => ("MessageAttributeName", ""),
            "TagKeys" => ("TagKey", ""),
            "AWSAccountIds" => ("AWSAccountId", ""),
            "Actions" => ("ActionName", ""),
            "StringListValues" => ("StringListValue", ""),
            "Entries" => (&*entries, ""),
            "Attributes" => ("Attribute", "Name"),
            "MessageAttributes" => ("MessageAttribute", "Name"),
            "MessageSystemAttributes" => ("MessageSystemAttribute", "Name"),
            "tags" => ("Tag", "Key"),
            // What botocore makes of the model, which names no other.
            "Tags" => ("Tags", "Key"),
            _ => (&**name, ""),
        };
        match value {
            Value::Null => {}
            Value::Array(list) if list.is_empty() => pairs.push((format!("{prefix}{name}"), String::new())),
            Value::Array(list) => {
                for (at, element) in (1..).zip(list) {
                    member(pairs, format!("{prefix}{flat}.{at}"), action, element);
                }
            }
            Value::Object(map) if !key.is_empty() => {
                for (at, (name, value)) in (1..).zip(map) {
                    pairs.push((format!("{prefix}{flat}.{at}.{key}"), name.clone()));
                    member(pairs, format!("{prefix}{flat}.{at}.Value"), action, value);
                }
            }
            _ => member(pairs, format!("{prefix}{flat}"), action, value),
        }
    }
}

fn member(pairs: &mut Vec<(String, String)>, name: String, action: &str, value: &Value) {
    match value {
        Value::Object(_) => structure(pairs, &format!("{name}."), action, value),
        Value::String(text) => pairs.push((name, text.clone())),
        other => pairs.push((name, other.to_string())),
    }
}

/// Percent-encoded as browsers do, and as strictly as anybody does.
fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        _ if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// What an answer says.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// The members of a success.
    Done(Value),
    /// Status, the error's code in the Query protocol, its shape if the protocol has it, and the message.
    Refused(u16, String, Option<String>, String),
}

/// Reads an answer, and checks what every answer of the protocol must have.
#[track_caller]
pub(crate) fn read(way: Way, action: &str, response: &Response) -> Said {
    let body = std::str::from_utf8(&response.body).unwrap();
    if way == Way::Json {
        assert_eq!(response.content_type, "application/x-amz-json-1.0");
        let told: Value = serde_json::from_str(body).unwrap();
        let Some(code) = &response.query_error else {
            assert_eq!(response.status, 200, "{body}");
            return Said::Done(told);
        };
        let (code, fault) = code.split_once(';').unwrap();
        assert_eq!(fault, if response.status < 500 { "Sender" } else { "Receiver" });
        let shape = told["__type"].as_str().unwrap().to_owned();
        assert!(shape.starts_with("com.amazonaws.sqs#") || shape.starts_with("com.amazon.coral.service#"), "{body}");
        let message = told["message"].as_str().unwrap().to_owned();
        assert_eq!(told.as_object().unwrap().len(), 2, "{body}");
        return Said::Refused(response.status, code.to_owned(), Some(shape), message);
    }
    assert_eq!((response.content_type, &response.query_error), ("text/xml", &None));
    let document = roxmltree::Document::parse(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let root = document.root_element();
    assert_eq!(root.tag_name().namespace(), Some("http://queue.amazonaws.com/doc/2012-11-05/"));
    if root.tag_name().name() == "ErrorResponse" {
        let error = child(root, "Error");
        assert_eq!(text(child(error, "Type")), if response.status < 500 { "Sender" } else { "Receiver" });
        child(error, "Detail");
        assert_eq!(text(child(root, "RequestId")), "the-id");
        let (code, mut message) = (text(child(error, "Code")), text(child(error, "Message")));
        if code == "AWS.SimpleQueueService.NonExistentQueue" {
            // AWS words this one otherwise than in JSON, and people search for it.
            let words = message.strip_suffix(" for this wsdl version.");
            message = format!("{}.", words.unwrap_or_else(|| panic!("{message}")));
        }
        return Said::Refused(response.status, code, None, message);
    }
    assert_eq!((response.status, root.tag_name().name()), (200, &*format!("{action}Response")), "{body}");
    assert_eq!(text(child(child(root, "ResponseMetadata"), "RequestId")), "the-id");
    let result = root
        .children()
        .find(|node| node.has_tag_name((root.tag_name().namespace().unwrap(), &*format!("{action}Result"))));
    let without = [
        "AddPermission",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "DeleteQueue",
        "PurgeQueue",
        "RemovePermission",
        "SetQueueAttributes",
        "TagQueue",
        "UntagQueue",
    ];
    assert_eq!(result.is_none(), without.contains(&action), "{body}");
    Said::Done(result.map_or_else(|| Value::Object(Map::new()), |result| members(action, result)))
}

type Node<'d> = roxmltree::Node<'d, 'd>;

#[track_caller]
fn child<'d>(node: Node<'d>, name: &str) -> Node<'d> {
    node.children().find(|child| child.tag_name().name() == name).unwrap_or_else(|| panic!("no {name}"))
}

fn text(node: Node<'_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

/// A structure's elements as JSON members; every scalar is a string.
fn members(action: &str, node: Node<'_>) -> Value {
    let mut members = Map::new();
    for element in node.children().filter(Node::is_element) {
        let name = element.tag_name().name();
        let (member, key) = match (name, action) {
            ("Message", "ReceiveMessage") => ("Messages", None),
            ("QueueUrl", "ListQueues") => ("QueueUrls", None),
            ("QueueUrl", "ListDeadLetterSourceQueues") => ("queueUrls", None),
            ("BatchResultErrorEntry", _) => ("Failed", None),
            ("ListMessageMoveTasksResultEntry", _) => ("Results", None),
            (name, action) if name == format!("{action}ResultEntry") => ("Successful", None),
            ("Attribute", _) => ("Attributes", Some("Name")),
            ("MessageAttribute", _) => ("MessageAttributes", Some("Name")),
            ("Tag", _) => ("Tags", Some("Key")),
            (name, _) => {
                assert!(members.insert(name.to_owned(), value(action, element)).is_none(), "{name} twice");
                continue;
            }
        };
        match key {
            None => {
                let list = members.entry(member).or_insert_with(|| Value::Array(Vec::new()));
                list.as_array_mut().unwrap().push(value(action, element));
            }
            Some(key) => {
                let map = members.entry(member).or_insert_with(|| Value::Object(Map::new()));
                let (key, value) = (text(child(element, key)), value(action, child(element, "Value")));
                assert!(map.as_object_mut().unwrap().insert(key.clone(), value).is_none(), "{key} twice");
            }
        }
    }
    Value::Object(members)
}

fn value(action: &str, node: Node<'_>) -> Value {
    if node.children().any(|child| child.is_element()) { members(action, node) } else { Value::String(text(node)) }
}

/// A JSON value with every scalar as the string that it is in XML.
pub(crate) fn strings(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.iter().map(|(name, value)| (name.clone(), strings(value))).collect()),
        Value::Array(list) => Value::Array(list.iter().map(strings).collect()),
        Value::String(_) => value.clone(),
        other => Value::String(other.to_string()),
    }
}
