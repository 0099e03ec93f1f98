//! JSON answers, written by hand into one buffer.
//!
//! Only what the answers need: objects and arrays whose separators take care of themselves, strings with the
//! escapes of RFC 8259, section 7, and numbers. Strings are copied in runs: blocks without a character to escape go over
//! as they are.

/// Bytes looked at together; most text holds nothing to escape in so many.
const BLOCK_BYTES: usize = 32;

/// A JSON text under construction.
#[derive(Debug)]
pub(crate) struct Json {
    out: Vec<u8>,
    /// Whether the next member or element is the first of its kind, and takes no comma.
    first: bool,
}

impl Json {
    /// An empty text with room for some bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), first: true }
    }

    /// The text.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Whether nothing stands in the innermost object or array yet.
    pub(crate) fn is_at_first(&self) -> bool {
        self.first
    }

    /// Opens an object, as a value or element.
    pub(crate) fn open_object(&mut self) {
        self.element();
        self.out.push(b'{');
        self.first = true;
    }

    /// Opens the object that is a member's value.
    pub(crate) fn open_object_at(&mut self, name: &str) {
        self.name(name);
        self.out.push(b'{');
        self.first = true;
    }

    /// Closes the innermost object.
    pub(crate) fn close_object(&mut self) {
        self.out.push(b'}');
        self.first = false;
    }

    /// Opens the array that is a member's value.
    pub(crate) fn open_array_at(&mut self, name: &str) {
        self.name(name);
        self.out.push(b'[');
        self.first = true;
    }

    /// Closes the innermost array.
    pub(crate) fn close_array(&mut self) {
        self.out.push(b']');
        self.first = false;
    }

    /// A member that is a string.
    pub(crate) fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        quote(value, &mut self.out);
    }

    /// A member that is a string of characters which need no escape: hexadecimal digits, base64, numbers.
    pub(crate) fn plain_string(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(value.as_ref());
        self.out.push(b'"');
    }

    /// A member that is a number in quotation marks, as SQS writes the numbers among attributes.
    pub(crate) fn number_string(&mut self, name: &str, value: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = value;
        for place in digits.iter_mut().rev() {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            at -= 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.plain_string(name, digits.get(at..).unwrap_or_default());
    }

    /// A member that is a number.
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        self.out.extend_from_slice(value.to_string().as_bytes());
    }

    /// An element that is a string.
    pub(crate) fn string_element(&mut self, value: &str) {
        self.element();
        self.first = false;
        quote(value, &mut self.out);
    }

    /// A member that is true or false.
    pub(crate) fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn element(&mut self) {
        if !self.first {
            self.out.push(b',');
        }
    }

    fn name(&mut self, name: &str) {
        self.element();
        self.first = false;
        quote(name, &mut self.out);
        self.out.push(b':');
    }
}

/// Appends a string with its quotation marks.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    for block in text.as_bytes().chunks(BLOCK_BYTES) {
        if block.iter().fold(false, |any, &byte| any | (byte < 0x20) | (byte == b'"') | (byte == b'\\')) {
            block.iter().for_each(|&byte| escape(byte, out));
        } else {
            out.extend_from_slice(block);
        }
    }
    out.push(b'"');
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x00..=0x1F => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&crate::hex::pair(byte));
            return;
        }
        _ => {
            out.push(byte);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(json: Json) -> String {
        String::from_utf8(json.into_bytes()).unwrap()
    }

    #[test]
    fn separators_stand_between_members_and_elements_only() {
        let mut json = Json::with_capacity(0);
        json.open_object();
        json.open_array_at("empty");
        json.close_array();
        json.open_array_at("two");
        for id in ["a", "b"] {
            json.open_object();
            json.string("id", id);
            json.boolean("good", id == "a");
            json.close_object();
        }
        json.close_array();
        json.open_object_at("inner");
        json.number_string("zero", 0);
        json.number_string("most", u64::MAX);
        json.close_object();
        json.plain_string("last", "x");
        json.close_object();
        assert_eq!(
            text(json),
            r#"{"empty":[],"two":[{"id":"a","good":true},{"id":"b","good":false}],"#.to_owned()
                + r#""inner":{"zero":"0","most":"18446744073709551615"},"last":"x"}"#
        );
    }

    proptest! {
        #[test]
        fn any_string_reads_back(value in "\\PC*|[\\x00-\\x7f]*|(\"|\\\\|\u{1F6A2}|\n){0,80}") {
            let mut json = Json::with_capacity(0);
            json.open_object();
            json.string(&value, &value);
            json.close_object();
            let read: std::collections::BTreeMap<String, String> = serde_json::from_slice(&json.into_bytes()).unwrap();
            prop_assert_eq!(read.into_iter().collect::<Vec<_>>(), vec![(value.clone(), value)]);
        }
    }
}
