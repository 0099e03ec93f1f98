//! XML answers: from the JSON that an action wrote, by its shape, in one pass.
//!
//! Text is escaped so that a parser gives back what went in: `&`, `<` and `>`, and the carriage return, which parsers make a
//! line feed of. What XML 1.0 cannot say at all (section 2.2; some control characters, U+FFFE and U+FFFF) is in no message, since none
//! is accepted with it; where an error repeats it from a request, U+FFFD stands in its place.

use super::shape::Kind;
use crate::actions::Action;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::{fmt, io::Write as _};

const DECLARATION: &str = "<?xml version=\"1.0\"?>";
const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

/// The answer of an action that wrote this JSON; `None` if it is no answer of that action.
pub(crate) fn answer(action: Action, json: &[u8], request_id: &str) -> Option<Vec<u8>> {
    let name = action.name();
    let mut out = Vec::with_capacity(json.len() + json.len() / 4 + 256);
    out.extend_from_slice(format!("{DECLARATION}<{name}Response xmlns=\"{NAMESPACE}\">").as_bytes());
    if let Some(fields) = action.shape().answer {
        let result = format!("{name}Result");
        let mut json = serde_json::Deserializer::from_slice(json);
        Element { out: &mut out, name: &result, kind: &Kind::Structure(fields) }.deserialize(&mut json).ok()?;
    }
    out.extend_from_slice(b"<ResponseMetadata>");
    element("RequestId", request_id, &mut out);
    out.extend_from_slice(format!("</ResponseMetadata></{name}Response>").as_bytes());
    Some(out)
}

/// An error's answer. `fault` is `Sender` or `Receiver`.
pub(crate) fn error(fault: &str, code: &str, message: &str, request_id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 512);
    out.extend_from_slice(format!("{DECLARATION}<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>").as_bytes());
    element("Type", fault, &mut out);
    element("Code", code, &mut out);
    element("Message", message, &mut out);
    out.extend_from_slice(b"<Detail/></Error>");
    element("RequestId", request_id, &mut out);
    out.extend_from_slice(b"</ErrorResponse>");
    out
}

/// An element that holds text. Its name is one of ours.
fn element(name: &str, text: &str, out: &mut Vec<u8>) {
    open(name, out);
    escape(text, out);
    close(name, out);
}

fn open(name: &str, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

fn close(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// Writes text, in runs: what needs no escape goes over as it is.
fn escape(text: &str, out: &mut Vec<u8>) {
    let mut from = 0;
    let run = |from: usize, to: usize| text.as_bytes().get(from..to).unwrap_or_default();
    for (at, character) in text.char_indices() {
        let instead: &str = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '\r' => "&#xD;",
            '\t' | '\n' => continue,
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => "\u{FFFD}",
            _ => continue,
        };
        out.extend_from_slice(run(from, at));
        out.extend_from_slice(instead.as_bytes());
        from = at + character.len_utf8();
    }
    out.extend_from_slice(run(from, text.len()));
}

/// A JSON value on its way into an element, or into as many as a list has.
struct Element<'e> {
    out: &'e mut Vec<u8>,
    name: &'e str,
    kind: &'e Kind,
}

impl Element<'_> {
    fn scalar<E: Error>(self, text: &str) -> Result<(), E> {
        element(self.name, text, self.out);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as its shape says", self.name)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.scalar(text)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(if value { "true" } else { "false" })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        open(self.name, self.out);
        _ = write!(self.out, "{number}");
        close(self.name, self.out);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.scalar(&number.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Kind::List(of) = self.kind else { return Err(Error::custom("a list that no shape names")) };
        while list.next_element_seed(Element { out: &mut *self.out, name: self.name, kind: of })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        match self.kind {
            Kind::Map { key, value, of } => {
                while let Some(name) = members.next_key::<String>()? {
                    open(self.name, self.out);
                    element(key, &name, self.out);
                    members.next_value_seed(Element { out: &mut *self.out, name: value, kind: of })?;
                    close(self.name, self.out);
                }
            }
            Kind::Structure(fields) => {
                open(self.name, self.out);
                while let Some(name) = members.next_key::<String>()? {
                    let field = fields.iter().find(|field| field.json == name);
                    let (name, kind) = field.map_or((&*name, &Kind::Text), |field| (field.query, &field.kind));
                    members.next_value_seed(Element { out: &mut *self.out, name, kind })?;
                }
                close(self.name, self.out);
            }
            _ => return Err(Error::custom("an object that no shape names")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        escape(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_escaped_where_a_parser_would_read_it_otherwise() {
        assert_eq!(escaped("plain \u{E4}\u{1F6A2}\t\n\"'"), "plain \u{E4}\u{1F6A2}\t\n\"'");
        assert_eq!(escaped("<a href='x'>&amp;</a>]]>"), "&lt;a href='x'&gt;&amp;amp;&lt;/a&gt;]]&gt;");
        assert_eq!(escaped("a\r\nb\r"), "a&#xD;\nb&#xD;");
        assert_eq!(
            escaped("\0\u{1}a\u{1F}\u{FFFE}\u{FFFF}\u{FFFD}\u{7F}"),
            "\u{FFFD}\u{FFFD}a\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{7F}"
        );
    }

    #[test]
    fn an_error_has_aws_form() {
        let xml = error("Sender", "InvalidParameterValue", "a < b", "id-1");
        assert_eq!(
            std::str::from_utf8(&xml).unwrap(),
            "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error>\
             <Type>Sender</Type><Code>InvalidParameterValue</Code><Message>a &lt; b</Message><Detail/></Error>\
             <RequestId>id-1</RequestId></ErrorResponse>"
        );
    }

    #[test]
    fn lists_and_maps_are_flattened() {
        let json = br#"{"Messages":[
            {"MessageId":"1","Body":"a&b\u0000","Attributes":{"SenderId":"me","SentTimestamp":"5"},
             "MessageAttributes":{"x":{"DataType":"String","StringValue":"<"}}},
            {"MessageId":"2"}]}"#;
        let xml = String::from_utf8(answer(Action::ReceiveMessage, json, "r").unwrap()).unwrap();
        let expected = "<?xml version=\"1.0\"?>\
            <ReceiveMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><ReceiveMessageResult>\
            <Message><MessageId>1</MessageId><Body>a&amp;b\u{FFFD}</Body>\
            <Attribute><Name>SenderId</Name><Value>me</Value></Attribute>\
            <Attribute><Name>SentTimestamp</Name><Value>5</Value></Attribute>\
            <MessageAttribute><Name>x</Name><Value><DataType>String</DataType><StringValue>&lt;</StringValue></Value>\
            </MessageAttribute></Message><Message><MessageId>2</MessageId></Message></ReceiveMessageResult>\
            <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ReceiveMessageResponse>";
        assert_eq!(xml, expected);
        let xml = String::from_utf8(answer(Action::ReceiveMessage, b"{}", "r").unwrap()).unwrap();
        assert!(xml.contains("<ReceiveMessageResult></ReceiveMessageResult><ResponseMetadata>"), "{xml}");
        let xml = String::from_utf8(answer(Action::DeleteMessage, b"{}", "r").unwrap()).unwrap();
        assert!(!xml.contains("Result") && xml.contains("/\"><ResponseMetadata>"), "{xml}");
        assert_eq!(answer(Action::DeleteMessageBatch, br#"{"Unknown":[]}"#, "r"), None);
        assert_eq!(answer(Action::DeleteMessageBatch, br#"{"Successful":{}}"#, "r"), None);
    }
}
