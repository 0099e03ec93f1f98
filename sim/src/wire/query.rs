//! The older protocol: forms that say what the JSON says, and XML read back into what JSON would have said.
//!
//! By the names of SQS's service model from when it spoke Query, as far as the simulated clients use them. Elements are
//! numbered from 1; lists and maps are flattened.

use roxmltree::{Document, Node};
use serde_json::{Map, Value};

/// A form.
pub(super) fn form(action: &str, request: &Value) -> String {
    let mut pairs = vec![format!("Action={action}"), "Version=2012-11-05".to_owned()];
    structure(&mut pairs, "", action, request);
    pairs.join("&")
}

fn structure(pairs: &mut Vec<String>, prefix: &str, action: &str, members: &Value) {
    let mut put = |name: String, value: &Value| match value {
        Value::Null => {}
        Value::String(text) => pairs.push(format!("{name}={}", encoded(text))),
        Value::Object(_) => structure(pairs, &format!("{name}."), action, value),
        other => pairs.push(format!("{name}={other}")),
    };
    for (name, value) in members.as_object().into_iter().flatten() {
        match (&**name, value) {
            ("Attributes", Value::Object(map)) => {
                for (at, (key, value)) in (1..).zip(map) {
                    put(format!("{prefix}Attribute.{at}.Name"), &key.as_str().into());
                    put(format!("{prefix}Attribute.{at}.Value"), value);
                }
            }
            ("Entries", Value::Array(list)) => {
                (1..).zip(list).for_each(|(at, entry)| put(format!("{prefix}{action}RequestEntry.{at}"), entry));
            }
            (name, Value::Array(list)) => {
                let singular = name.trim_end_matches('s');
                (1..).zip(list).for_each(|(at, element)| put(format!("{prefix}{singular}.{at}"), element));
            }
            (name, value) => put(format!("{prefix}{name}"), value),
        }
    }
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        _ if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// What an answer says, as JSON would have said it; `None` if it is none.
pub(super) fn told(action: &str, status: u16, xml: &str) -> Option<Value> {
    let document = Document::parse(xml).ok()?;
    let root = document.root_element();
    if status != 200 {
        let error = child(root, "Error").filter(|_| root.tag_name().name() == "ErrorResponse")?;
        child(root, "RequestId")?;
        return Some(
            serde_json::json!({ "__type": text(child(error, "Code")?), "message": text(child(error, "Message")?) }),
        );
    }
    (root.tag_name().name() == format!("{action}Response")).then_some(())?;
    child(child(root, "ResponseMetadata")?, "RequestId")?;
    child(root, &format!("{action}Result"))
        .map_or_else(|| Some(Value::Object(Map::new())), |result| members(action, result))
}

fn members(action: &str, node: Node<'_, '_>) -> Option<Value> {
    let mut members = Map::new();
    for element in node.children().filter(Node::is_element) {
        let name = element.tag_name().name();
        let list = match name {
            "Message" if action == "ReceiveMessage" => "Messages",
            "BatchResultErrorEntry" => "Failed",
            _ if name.strip_suffix("ResultEntry") == Some(action) => "Successful",
            "Attribute" => {
                let map = members.entry("Attributes").or_insert_with(|| Value::Object(Map::new()));
                map.as_object_mut()?.insert(text(child(element, "Name")?), text(child(element, "Value")?).into());
                continue;
            }
            _ => {
                // What is told twice makes no sense.
                members.insert(name.to_owned(), text(element).into()).is_none().then_some(())?;
                continue;
            }
        };
        let list = members.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut()?.push(self::members(action, element)?);
    }
    Some(Value::Object(members))
}

fn child<'d>(node: Node<'d, 'd>, name: &str) -> Option<Node<'d, 'd>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn text(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_says_what_the_json_says() {
        let request = json!({
            "AttributeNames": ["All"],
            "Attributes": { "DelaySeconds": "5" },
            "Entries": [{ "Id": "e0", "MessageBody": "a b&" }, { "Id": "e1", "DelaySeconds": 3, "MessageGroupId": null }],
        });
        assert_eq!(
            form("SendMessageBatch", &request),
            "Action=SendMessageBatch&Version=2012-11-05&AttributeName.1=All&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5\
             &SendMessageBatchRequestEntry.1.Id=e0&SendMessageBatchRequestEntry.1.MessageBody=a+b%26\
             &SendMessageBatchRequestEntry.2.DelaySeconds=3&SendMessageBatchRequestEntry.2.Id=e1"
        );
    }

    #[test]
    fn xml_is_read_as_json_would_say_it() {
        let xml = "<AResponse xmlns='urn:x'><AResult><AResultEntry><Id>e0</Id></AResultEntry><Attribute><Name>n</Name>\
                   <Value>v</Value></Attribute></AResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AResponse>";
        let expected = json!({ "Successful": [{ "Id": "e0" }], "Attributes": { "n": "v" } });
        assert_eq!(told("A", 200, xml), Some(expected));
        assert_eq!(told("B", 200, xml), None, "another action's answer");
        assert_eq!(told("A", 400, xml), None, "a success with an error's status");
        let error = "<ErrorResponse><Error><Code>c</Code><Message>m</Message></Error><RequestId/></ErrorResponse>";
        assert_eq!(told("A", 400, error), Some(json!({ "__type": "c", "message": "m" })));
        assert_eq!(told("A", 200, "<html>"), None);
    }
}
