//! Tags of a queue: which may be.
//!
//! AWS API Reference, TagQueue; "Tagging AWS resources". Lengths are in UTF-16 units; letters, digits and spaces of any script, and
//! `_.:/=+-@`. Keys that begin with `aws:` are AWS's own.

use crate::{
    error::SqsError,
    json_in::{Members, Text},
    limits::{TAG_KEY_UNITS_MAX, TAG_VALUE_UNITS_MAX, TAGS_MAX},
};

/// `Tags` of a request.
pub(crate) type GivenTags<'a> = Members<'a, Text<'a>, TAGS_MAX>;

/// The tags given, as the machine takes them.
pub(crate) fn check<'r>(given: Option<&'r GivenTags<'_>>) -> Result<Vec<(&'r str, &'r str)>, SqsError> {
    let Some(given) = given else { return Ok(Vec::new()) };
    if given.count > TAGS_MAX {
        return Err(SqsError::InvalidParameterValue(format!(
            "Too many tags added: {}, at most {TAGS_MAX}.",
            given.count
        )));
    }
    given.kept.iter().map(|(key, value)| check_one(key, value)).collect()
}

fn check_one<'r>(key: &'r str, value: &'r str) -> Result<(&'r str, &'r str), SqsError> {
    check_key(key)?;
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        return Err(SqsError::value(key, "Tags", "Keys that begin with aws: are reserved."));
    }
    if value.encode_utf16().count() > TAG_VALUE_UNITS_MAX || !value.chars().all(is_allowed) {
        let reason =
            format!("A tag's value has 0 to {TAG_VALUE_UNITS_MAX} letters, digits, spaces and characters of _.:/=+-@.");
        return Err(SqsError::value(value, "Tags", &reason));
    }
    Ok((key, value))
}

/// Refuses what is no tag's key.
pub(crate) fn check_key(key: &str) -> Result<(), SqsError> {
    let units = key.encode_utf16().count();
    if !(1..=TAG_KEY_UNITS_MAX).contains(&units) || !key.chars().all(is_allowed) {
        let reason =
            format!("A tag's key has 1 to {TAG_KEY_UNITS_MAX} letters, digits, spaces and characters of _.:/=+-@.");
        return Err(SqsError::value(key, "Tags", &reason));
    }
    Ok(())
}

fn is_allowed(character: char) -> bool {
    character.is_alphanumeric()
        || (character.is_whitespace() && !character.is_control())
        || "_.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_counted_as_utf_16_does() {
        let two_units_each = "\u{20000}";
        assert!(check_one(&two_units_each.repeat(64), &two_units_each.repeat(128)).is_ok());
        assert!(check_one(&two_units_each.repeat(65), "").is_err());
        assert!(check_one("k", &two_units_each.repeat(129)).is_err());
        assert!(check_one("Größe 2", "a.b:c/d=e+f-g@h_i").is_ok());
        for (key, value) in [("", ""), ("a\n", ""), ("a", "<b>"), ("aws:x", ""), ("AWS:x", "")] {
            assert!(check_one(key, value).is_err(), "{key} {value}");
        }
    }
}
