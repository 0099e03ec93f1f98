//! Attributes as a sender gives them, and the rules they must keep.
//!
//! AWS Developer Guide, "Amazon SQS message metadata" and "Amazon SQS message quotas".

use super::{Attribute, number::is_number};
use crate::{
    error::SqsError,
    json_in::{List, Members, Object, Text},
    limits::{ATTRIBUTE_NAME_BYTES_MAX, MESSAGE_ATTRIBUTES_MAX, TRACE_HEADER_BYTES_MAX},
    text::{VALID_CHARACTERS, echo, is_allowed},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::IgnoredAny};
use std::borrow::Cow;

/// `MessageAttributes` or `MessageSystemAttributes` of a request.
pub(crate) type GivenAttributes<'a> = Members<'a, Object<GivenValue<'a>>, MESSAGE_ATTRIBUTES_MAX>;

/// A value with its type, as it stands in a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GivenValue<'a> {
    #[serde(borrow)]
    data_type: Option<Text<'a>>,
    #[serde(borrow)]
    string_value: Option<Text<'a>>,
    /// In base64.
    #[serde(borrow)]
    binary_value: Option<Text<'a>>,
    string_list_values: Option<List<IgnoredAny, 0>>,
    binary_list_values: Option<List<IgnoredAny, 0>>,
}

impl GivenValue<'_> {
    fn string(&self) -> Option<&str> {
        self.string_value.as_deref().filter(|value| !value.is_empty())
    }

    fn binary(&self) -> Option<&str> {
        self.binary_value.as_deref().filter(|value| !value.is_empty())
    }
}

/// What the attributes count against the limit on a message, whether they are valid or not.
pub(crate) fn counted_bytes(given: Option<&GivenAttributes<'_>>) -> usize {
    let value = |value: &GivenValue<'_>| {
        let binary = value.binary().map_or(0, |text| text.trim_end_matches('=').len() * 3 / 4);
        value.data_type.as_deref().map_or(0, str::len) + value.string().map_or(0, str::len) + binary
    };
    given.map_or(0, |given| given.kept.iter().map(|(name, given)| name.len() + value(given)).sum())
}

/// Checks message attributes, and brings them into the order of their names.
pub(crate) fn check<'r>(given: Option<&'r GivenAttributes<'_>>) -> Result<Vec<Attribute<'r>>, SqsError> {
    let Some(given) = given else { return Ok(Vec::new()) };
    if given.count > MESSAGE_ATTRIBUTES_MAX {
        return Err(SqsError::InvalidParameterValue(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MESSAGE_ATTRIBUTES_MAX}].",
            given.count
        )));
    }
    let mut attributes =
        given.kept.iter().map(|(name, value)| check_one(name, value)).collect::<Result<Vec<_>, _>>()?;
    attributes.sort_unstable_by_key(|attribute| attribute.name);
    let twice = attributes.windows(2).find_map(|two| match two {
        [one, other] if one.name == other.name => Some(one.name),
        _ => None,
    });
    match twice {
        Some(name) => Err(SqsError::InvalidParameterValue(format!("Message attribute name '{name}' already exists."))),
        None => Ok(attributes),
    }
}

/// Checks `MessageSystemAttributes`: the trace header is the only one that a sender may give.
pub(crate) fn trace_header<'r>(given: Option<&'r GivenAttributes<'_>>) -> Result<Option<&'r str>, SqsError> {
    let mut header = None;
    for (name, value) in given.iter().flat_map(|given| &given.kept) {
        let refuse = |reason: &str| Err(SqsError::value(&**name, "MessageSystemAttributes", reason));
        if &**name != "AWSTraceHeader" {
            return refuse("The only message system attribute that can be sent is AWSTraceHeader.");
        }
        if header.is_some() {
            return refuse("It is given more than once.");
        }
        let text = match (value.data_type.as_deref(), value.string(), value.binary()) {
            (Some("String"), Some(text), None) => text,
            _ => return refuse("AWSTraceHeader must have the type String and a non-empty StringValue."),
        };
        if text.len() > TRACE_HEADER_BYTES_MAX {
            return refuse("AWSTraceHeader is too long.");
        }
        if !is_allowed(text) {
            return Err(SqsError::InvalidMessageContents);
        }
        header = Some(text);
    }
    Ok(header)
}

/// Whether the trace of a request may go with a message; if not, that is no reason to refuse it.
pub(crate) fn is_trace_header(text: &str) -> bool {
    (1..=TRACE_HEADER_BYTES_MAX).contains(&text.len()) && is_allowed(text)
}

fn check_one<'r>(name: &'r str, given: &'r GivenValue<'_>) -> Result<Attribute<'r>, SqsError> {
    let refuse = |message: String| Err(SqsError::InvalidParameterValue(message));
    check_name(name)?;
    let lists = [&given.string_list_values, &given.binary_list_values];
    if lists.into_iter().flatten().any(|list| list.count > 0) {
        return Err(SqsError::Unsupported("Message attribute list values are not supported.".to_owned()));
    }
    let Some(data_type) = given.data_type.as_deref().filter(|data_type| !data_type.is_empty()) else {
        return refuse(format!("The message attribute '{name}' must contain non-empty message attribute type."));
    };
    let (kind, label) = data_type.split_once('.').map_or((data_type, None), |(kind, label)| (kind, Some(label)));
    if !matches!(kind, "String" | "Number" | "Binary") {
        return refuse(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
             prefixes is Binary, Number, and String."
        ));
    }
    if data_type.len() > ATTRIBUTE_NAME_BYTES_MAX || label.is_some_and(|label| label.is_empty() || !is_allowed(label)) {
        return refuse(format!("The message attribute '{name}' has an invalid custom type label."));
    }
    let (value, other) =
        if kind == "Binary" { (given.binary(), given.string()) } else { (given.string(), given.binary()) };
    let Some(value) = value else {
        return refuse(format!("Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."));
    };
    if other.is_some() {
        return refuse(format!("The message attribute '{name}' must contain one value only, of type '{kind}'."));
    }
    let value = match kind {
        "Binary" => match STANDARD.decode(value) {
            Ok(bytes) => Cow::Owned(bytes),
            Err(error) => return Err(SqsError::Serialization(format!("BinaryValue of '{name}': {error}"))),
        },
        "Number" if !is_number(value) => {
            return refuse(format!("Can't cast the value of message attribute '{name}' to a number."));
        }
        // Not as of a body: AWS was seen to say InvalidParameterValue.
        _ if !is_allowed(value) => {
            return refuse(format!(
                "The value of message attribute '{name}' has characters that are not valid. {VALID_CHARACTERS}"
            ));
        }
        _ => Cow::Borrowed(value.as_bytes()),
    };
    Ok(Attribute { name, data_type, value })
}

fn check_name(name: &str) -> Result<(), SqsError> {
    let refuse = |message: String| Err(SqsError::InvalidParameterValue(message));
    if name.is_empty() {
        return refuse("The request must contain non-empty message attribute names.".to_owned());
    }
    if name.len() > ATTRIBUTE_NAME_BYTES_MAX {
        return refuse(format!(
            "Message attribute name '{}' is longer than {ATTRIBUTE_NAME_BYTES_MAX} bytes.",
            echo(name)
        ));
    }
    // Its pages speak of A to Z; AWS was seen to take the letters of others, too.
    if !name.chars().all(|one| one.is_alphabetic() || one.is_ascii_digit() || "_-.".contains(one)) {
        return refuse(format!(
            "Message attribute name '{}' can only contain upper and lower case letters, digits, periods, hyphens and \
             underscores.",
            echo(name)
        ));
    }
    let starts = |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if starts("AWS.") || starts("Amazon.") {
        return refuse(format!(
            "Message attribute name '{name}' begins with 'AWS.' or 'Amazon.', which are reserved for internal use."
        ));
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return refuse(format!(
            "Message attribute name '{name}' must not start or end with a period, or have two in a row."
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_in::parse;

    #[derive(Deserialize)]
    struct Sample<'a> {
        #[serde(borrow)]
        a: Option<GivenAttributes<'a>>,
    }

    /// What the attributes of a JSON object come to: names, types and values, or the error.
    fn checked(json: &str) -> Result<Vec<(String, String, Vec<u8>)>, SqsError> {
        let request = format!(r#"{{"a":{json}}}"#);
        let sample: Sample<'_> = parse(request.as_bytes())?;
        let attributes = check(sample.a.as_ref())?;
        let counted: usize = attributes.iter().map(Attribute::counted_bytes).sum();
        assert_eq!(counted_bytes(sample.a.as_ref()), counted, "{json}");
        let owned = |one: &Attribute<'_>| (one.name.to_owned(), one.data_type.to_owned(), one.value.to_vec());
        Ok(attributes.iter().map(owned).collect())
    }

    #[test]
    fn attributes_come_out_decoded_and_in_order() {
        let attributes = checked(
            r#"{"b":{"DataType":"Binary.png","BinaryValue":"AP8="},
                "a.B-ç_9":{"DataType":"String","StringValue":"\u00e4","StringListValues":[],"BinaryValue":""},
                "a":{"DataType":"Number.int","StringValue":"-1.5e3","BinaryListValues":null}}"#,
        );
        let expected = [
            ("a", "Number.int", b"-1.5e3".as_slice()),
            ("a.B-ç_9", "String", "ä".as_bytes()),
            ("b", "Binary.png", b"\x00\xFF"),
        ];
        let expected = expected.map(|(name, kind, value)| (name.to_owned(), kind.to_owned(), value.to_vec()));
        assert_eq!(attributes.unwrap(), expected);
        assert_eq!(checked("null"), Ok(Vec::new()));
        assert_eq!(checked("{}"), Ok(Vec::new()));
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        let long = "x".repeat(257);
        let names = ["", ".a", "a.", "a..b", "aws.x", "AMAZON.x", "a b", "a§", "a²", "a/b", &long];
        for name in names {
            let error = checked(&format!(r#"{{"{name}":{{"DataType":"String","StringValue":"x"}}}}"#)).unwrap_err();
            assert!(matches!(error, SqsError::InvalidParameterValue(_)), "{name}: {error}");
        }
        let values = [
            "{}",
            r#"{"DataType":"","StringValue":"x"}"#,
            r#"{"DataType":"Text","StringValue":"x"}"#,
            r#"{"DataType":"string","StringValue":"x"}"#,
            r#"{"DataType":"String."}"#,
            r#"{"DataType":"Stringx","StringValue":"x"}"#,
            r#"{"DataType":"String","StringValue":""}"#,
            r#"{"DataType":"String","BinaryValue":"AA=="}"#,
            r#"{"DataType":"Binary","BinaryValue":""}"#,
            r#"{"DataType":"Binary","StringValue":"x"}"#,
            r#"{"DataType":"String","StringValue":"x","BinaryValue":"AA=="}"#,
            r#"{"DataType":"Number","StringValue":"one"}"#,
        ];
        for value in values {
            let error = checked(&format!(r#"{{"a":{value}}}"#)).unwrap_err();
            assert!(matches!(error, SqsError::InvalidParameterValue(_)), "{value}: {error}");
        }
        let twice = r#"{"a":{"DataType":"String","StringValue":"x"},"a":{"DataType":"String","StringValue":"y"}}"#;
        assert!(matches!(checked(twice), Err(SqsError::InvalidParameterValue(_))));
        let list = r#"{"a":{"DataType":"String","StringListValues":["x"]}}"#;
        assert!(matches!(checked(list), Err(SqsError::Unsupported(_))));
        let base64 = r#"{"a":{"DataType":"Binary","BinaryValue":"A"}}"#;
        assert!(matches!(checked(base64), Err(SqsError::Serialization(_))));
        let control = r#"{"a":{"DataType":"String","StringValue":"\u0001"}}"#;
        assert!(matches!(checked(control), Err(SqsError::InvalidParameterValue(_))));
        let eleven: Vec<_> =
            (0..11).map(|at| format!(r#""a{at}":{{"DataType":"String","StringValue":"x"}}"#)).collect();
        let error = checked(&format!("{{{}}}", eleven.join(","))).unwrap_err();
        assert_eq!(error.to_string(), "Number of message attributes [11] exceeds the allowed maximum [10].");
        assert_eq!(checked(&format!("{{{}}}", eleven[..10].join(","))).unwrap().len(), 10);
    }

    #[test]
    fn the_trace_header_is_the_only_system_attribute() {
        let header = |json: &str| {
            let request = format!(r#"{{"a":{json}}}"#);
            let sample: Sample<'_> = parse(request.as_bytes()).unwrap();
            trace_header(sample.a.as_ref()).map(|header| header.map(str::to_owned))
        };
        let good = r#"{"AWSTraceHeader":{"DataType":"String","StringValue":"Root=1"}}"#;
        assert_eq!(header(good), Ok(Some("Root=1".to_owned())));
        assert_eq!(header("{}"), Ok(None));
        for wrong in [
            r#"{"Other":{"DataType":"String","StringValue":"Root=1"}}"#,
            r#"{"AWSTraceHeader":{"DataType":"Binary","BinaryValue":"AA=="}}"#,
            r#"{"AWSTraceHeader":{"DataType":"String","StringValue":""}}"#,
        ] {
            assert!(matches!(header(wrong), Err(SqsError::InvalidParameterValue(_))), "{wrong}");
        }
    }
}
