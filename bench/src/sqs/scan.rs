//! Finding strings in an answer without parsing it: `"Key" : "value"`.
//!
//! Safe against keys inside of values, because a quote inside of a JSON string is escaped: `"Key"` with plain quotes
//! stands only where a key (or a whole value, which no `:` follows) stands.

use memchr::{memchr, memmem};

/// The raw values (escapes left as they are) of each `key`, given with its quotes, in order.
pub fn strings<'a>(json: &'a [u8], key: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = json;
    std::iter::from_fn(move || {
        loop {
            let at = memmem::find(rest, key)?;
            rest = rest.get(at + key.len()..)?;
            if let Some((value, after)) = string_after_colon(rest) {
                rest = after;
                return Some(value);
            }
        }
    })
}

/// The first value of `key`.
pub fn string<'a>(json: &'a [u8], key: &'a [u8]) -> Option<&'a [u8]> {
    strings(json, key).next()
}

/// How many values `key` has.
pub fn count(json: &[u8], key: &[u8]) -> usize {
    strings(json, key).count()
}

/// True if `key` is followed by a list that is not empty.
pub fn has_items(json: &[u8], key: &[u8]) -> bool {
    let after = memmem::find(json, key).and_then(|at| json.get(at + key.len()..));
    let list = after.and_then(|rest| rest.trim_ascii_start().strip_prefix(b":"));
    let items = list.and_then(|rest| rest.trim_ascii_start().strip_prefix(b"["));
    items.is_some_and(|rest| !rest.trim_ascii_start().starts_with(b"]"))
}

fn string_after_colon(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let value = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        let end = from + memchr(b'"', value.get(from..)?)?;
        let (inside, after) = (value.get(..end)?, value.get(end + 1..)?);
        let escapes = inside.iter().rev().take_while(|&&byte| byte == b'\\').count();
        if escapes % 2 == 0 {
            return Some((inside, after));
        }
        from = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_keys_inside_of_values_are_not() {
        let json = br#"{"Messages":[{"Body":"say \"ReceiptHandle\": \"no\" \\","ReceiptHandle" : "a\/b"},
            {"ReceiptHandle":"c","Body":"ReceiptHandle"}]}"#;
        let handles: Vec<_> = strings(json, b"\"ReceiptHandle\"").collect();
        assert_eq!(handles, [b"a\\/b".as_slice(), b"c"]);
        assert_eq!(string(json, b"\"Body\""), Some(br#"say \"ReceiptHandle\": \"no\" \\"#.as_slice()));
        assert_eq!(string(json, b"\"MessageId\""), None);
        assert_eq!(string(br#"{"Body":"cut"#, b"\"Body\""), None);
    }

    #[test]
    fn empty_lists_have_no_items() {
        assert!(has_items(br#"{"Failed": [ {"Id":"1"}]}"#, b"\"Failed\""));
        assert!(!has_items(br#"{"Failed":[ ]}"#, b"\"Failed\""));
        assert!(!has_items(br#"{"Successful":[{}]}"#, b"\"Failed\""));
    }
}
