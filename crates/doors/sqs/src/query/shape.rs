//! How the members of an action's JSON are called in the Query protocol.
//!
//! The names are those of SQS's service model from the time when it spoke Query. Lists and maps are "flattened" there:
//! element 2 of `AttributeNames` is `AttributeName.2`, the second entry of `Attributes` is `Attribute.2.Name` and
//! `Attribute.2.Value`, and in answers there is no element around them.

/// An action's request and answer.
#[derive(Debug)]
pub(crate) struct Shape {
    /// All members of its request.
    pub(crate) request: &'static [Field],
    /// Its lists, maps and structures of its answer; other members need no table, they are called the same in both protocols.
    /// `None` if it has no answer but that it is done.
    pub(crate) answer: Option<&'static [Field]>,
}

/// A member.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name in JSON.
    pub(crate) json: &'static str,
    /// Its name in forms and XML.
    pub(crate) query: &'static str,
    pub(crate) kind: Kind,
}

/// What a member is.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    Integer,
    List(&'static Kind),
    Map { key: &'static str, value: &'static str, of: &'static Kind },
    Structure(&'static [Field]),
}

impl Shape {
    /// Whether the action is about the queue of a URL.
    pub(crate) fn has_queue_url(&self) -> bool {
        self.request.iter().any(|field| field.json == "QueueUrl")
    }
}

/// A text, called the same in both protocols.
pub(crate) const fn text(name: &'static str) -> Field {
    Field { json: name, query: name, kind: Kind::Text }
}

/// An integer of 32 bits, called the same in both protocols.
pub(crate) const fn integer(name: &'static str) -> Field {
    Field { json: name, query: name, kind: Kind::Integer }
}

/// A list.
pub(crate) const fn list(json: &'static str, query: &'static str, of: &'static Kind) -> Field {
    Field { json, query, kind: Kind::List(of) }
}

/// A map whose entries have a `Name` and a `Value`.
pub(crate) const fn map(json: &'static str, query: &'static str, of: &'static Kind) -> Field {
    Field { json, query, kind: Kind::Map { key: "Name", value: "Value", of } }
}

/// `MessageAttributes`, sent and received.
pub(crate) const MESSAGE_ATTRIBUTES: Field = map("MessageAttributes", "MessageAttribute", &ATTRIBUTE_VALUE);

/// `MessageSystemAttributes`, as they are sent.
pub(crate) const MESSAGE_SYSTEM_ATTRIBUTES: Field =
    map("MessageSystemAttributes", "MessageSystemAttribute", &ATTRIBUTE_VALUE);

const ATTRIBUTE_VALUE: Kind = Kind::Structure(&[
    text("DataType"),
    text("StringValue"),
    // In base64, as in JSON.
    text("BinaryValue"),
    list("StringListValues", "StringListValue", &Kind::Text),
    list("BinaryListValues", "BinaryListValue", &Kind::Text),
]);

/// `Tags`, which the request of CreateQueue calls `tags`.
pub(crate) const fn tags(json: &'static str) -> Field {
    Field { json, query: "Tag", kind: Kind::Map { key: "Key", value: "Value", of: &Kind::Text } }
}

/// `Failed` of a batch.
pub(crate) const FAILED: Field = list("Failed", "BatchResultErrorEntry", &Kind::Structure(&[]));
