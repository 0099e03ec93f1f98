//! Calls as forms: the Query protocol, by the names of SQS's service model from the time when it spoke it.

use serde_json::Value;

/// A call as `Action=…&Version=…&…`.
pub fn form(action: &str, parameters: &Value) -> String {
    let mut pairs = vec![("Action".to_owned(), action.to_owned()), ("Version".to_owned(), "2012-11-05".to_owned())];
    structure(&mut pairs, "", action, parameters);
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&")
}

/// What a member is called in a form, and what the keys of its entries are called if it is a map.
pub fn query_name(action: &str, member: &str) -> (String, Option<&'static str>) {
    let (name, key) = match member {
        "AttributeNames" => ("AttributeName", None),
        "MessageSystemAttributeNames" => ("MessageSystemAttributeName", None),
        "MessageAttributeNames" => ("MessageAttributeName", None),
        "TagKeys" => ("TagKey", None),
        "AWSAccountIds" => ("AWSAccountId", None),
        "Actions" => ("ActionName", None),
        "StringListValues" => ("StringListValue", None),
        "BinaryListValues" => ("BinaryListValue", None),
        "Attributes" => ("Attribute", Some("Name")),
        "MessageAttributes" => ("MessageAttribute", Some("Name")),
        "MessageSystemAttributes" => ("MessageSystemAttribute", Some("Name")),
        "tags" | "Tags" => ("Tag", Some("Key")),
        "Entries" => return (format!("{action}RequestEntry"), None),
        same => (same, None),
    };
    (name.to_owned(), key)
}

fn structure(pairs: &mut Vec<(String, String)>, prefix: &str, action: &str, members: &Value) {
    for (member, value) in members.as_object().expect("a structure is an object") {
        let (name, key) = query_name(action, member);
        match (value, key) {
            (Value::Null, _) => {}
            (Value::Array(list), _) if list.is_empty() => pairs.push((format!("{prefix}{name}"), String::new())),
            (Value::Array(list), _) => {
                for (at, element) in (1..).zip(list) {
                    one(pairs, format!("{prefix}{name}.{at}"), action, element);
                }
            }
            (Value::Object(map), Some(key)) => {
                for (at, (entry, value)) in (1..).zip(map) {
                    pairs.push((format!("{prefix}{name}.{at}.{key}"), entry.clone()));
                    one(pairs, format!("{prefix}{name}.{at}.Value"), action, value);
                }
            }
            _ => one(pairs, format!("{prefix}{name}"), action, value),
        }
    }
}

fn one(pairs: &mut Vec<(String, String)>, name: String, action: &str, value: &Value) {
    match value {
        Value::Object(_) => structure(pairs, &format!("{name}."), action, value),
        Value::String(text) => pairs.push((name, text.clone())),
        other => pairs.push((name, other.to_string())),
    }
}

/// Percent-encoded as strictly as anybody does.
pub fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        _ if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
