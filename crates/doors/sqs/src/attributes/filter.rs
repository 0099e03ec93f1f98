//! `MessageAttributeNames`: which attributes a receive returns.
//!
//! AWS API Reference, ReceiveMessage: names, `All` or `.*` for all, `prefix.*` for all that begin with a prefix. That `*` alone is
//! all, too, is not documented but was seen.
//! A name that is none of them matches nothing and is no error.

use super::Attribute;
use crate::json_in::Text;

/// The attributes a receive asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NameFilter {
    Nothing,
    All,
    Some(Vec<Pattern>),
}

/// One name, or the beginning of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Name(Box<str>),
    Prefix(Box<str>),
}

impl NameFilter {
    pub(crate) fn new(names: &[Text<'_>]) -> Self {
        if names.is_empty() {
            return Self::Nothing;
        }
        if names.iter().any(|name| matches!(&**name, "All" | ".*" | "*")) {
            return Self::All;
        }
        let pattern = |name: &Text<'_>| match name.strip_suffix(".*") {
            Some(prefix) => Pattern::Prefix(prefix.into()),
            None => Pattern::Name((**name).into()),
        };
        Self::Some(names.iter().map(pattern).collect())
    }

    /// Whether an attribute was asked for.
    pub(crate) fn matches(&self, attribute: &Attribute<'_>) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Some(patterns) => patterns.iter().any(|pattern| match pattern {
                Pattern::Name(name) => **name == *attribute.name,
                Pattern::Prefix(prefix) => attribute.name.starts_with(&**prefix),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn names_prefixes_and_all_select() {
        let cases: [(&[&str], &[&str]); 10] = [
            (&[], &[]),
            (&["All"], &["General", "Hello", "Help.Me"]),
            (&[".*"], &["General", "Hello", "Help.Me"]),
            (&["*"], &["General", "Hello", "Help.Me"]),
            (&["Hel*"], &[]),
            (&["Foo"], &[]),
            (&["Foo", "Hello"], &["Hello"]),
            (&["Hel.*"], &["Hello", "Help.Me"]),
            (&["Help..*", "General"], &["General", "Help.Me"]),
            (&["AWS.", ".", "..", "hello"], &[]),
        ];
        for (names, expected) in cases {
            let names: Vec<_> = names.iter().map(|&name| Text(Cow::Borrowed(name))).collect();
            let filter = NameFilter::new(&names);
            let matching = ["General", "Hello", "Help.Me"]
                .into_iter()
                .filter(|name| filter.matches(&Attribute { name, data_type: "String", value: Cow::Borrowed(b"x") }));
            assert_eq!(matching.collect::<Vec<_>>(), expected, "{names:?}");
        }
    }
}
