//! JSON requests: read once, borrowed from the request's bytes wherever a string holds no escape.
//!
//! Unknown members are skipped, as AWS does; `null` is the same as absent; a wrong type, a number beyond its type and
//! malformed JSON are a `SerializationException`. Lists and maps that have a limit are not kept beyond it but counted,
//! so that a request cannot make the server hold many times its own size.

use crate::{error::SqsError, limits::NAMES_MAX};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

/// Reads a request.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, SqsError> {
    // Structures could also be read from arrays; a request is an object.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(SqsError::Serialization("the request is not a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| SqsError::Serialization(error.to_string()))
}

/// A string, borrowed if it can be, at any depth.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A structure within a request: an object, where `serde` would also take a list of its members in their order.
#[derive(Debug)]
pub(crate) struct Object<T>(pub(crate) T);

impl<T> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// A list of which at most `MAX` elements are kept; all are counted.
#[derive(Debug)]
pub(crate) struct List<T, const MAX: usize> {
    pub(crate) kept: Vec<T>,
    pub(crate) count: usize,
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
            type Value = List<T, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<List<T, MAX>, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MAX {
                    let Some(element) = sequence.next_element()? else { break };
                    kept.push(element);
                }
                let mut count = kept.len();
                while count >= MAX && sequence.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(List { kept, count })
            }
        }
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

/// Names of attributes that a request asks for.
pub(crate) type Names<'a> = List<Text<'a>, NAMES_MAX>;

/// The names given; none if there is no list.
pub(crate) fn names<'n, 'a>(given: Option<&'n Names<'a>>) -> Result<&'n [Text<'a>], SqsError> {
    match given {
        Some(given) if given.count > NAMES_MAX => {
            Err(SqsError::InvalidParameterValue(format!("{} attribute names are too many.", given.count)))
        }
        Some(given) => Ok(&given.kept),
        None => Ok(&[]),
    }
}

/// A map of which at most `MAX` members are kept, in the order they came; all are counted.
#[derive(Debug)]
pub(crate) struct Members<'a, T, const MAX: usize> {
    pub(crate) kept: Vec<(Text<'a>, T)>,
    pub(crate) count: usize,
}

impl<'de: 'a, 'a, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Members<'a, T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for MembersVisitor<T, MAX> {
            type Value = Members<'de, T, MAX>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de, T, MAX>, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MAX {
                    let Some(member) = map.next_entry()? else { break };
                    kept.push(member);
                }
                let mut count = kept.len();
                while count >= MAX && map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Members { kept, count })
            }
        }
        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sample<'a> {
        #[serde(borrow)]
        text: Option<Text<'a>>,
        list: Option<List<u8, 2>>,
        #[serde(borrow)]
        map: Option<Members<'a, Text<'a>, 1>>,
        number: Option<i32>,
    }

    #[test]
    fn strings_without_escapes_are_borrowed() {
        let sample: Sample<'_> = parse(br#"{"text":"plain","map":{"a":"b"}}"#).unwrap();
        assert!(matches!(sample.text, Some(Text(Cow::Borrowed("plain")))));
        assert!(matches!(sample.map.unwrap().kept.first(), Some((Text(Cow::Borrowed("a")), Text(Cow::Borrowed("b"))))));
        let sample: Sample<'_> = parse(br#"{"text":"a\n\ud83d\udea2","unknown":{"x":[1e999]}}"#).unwrap();
        assert_eq!(&*sample.text.unwrap(), "a\n\u{1F6A2}");
    }

    #[test]
    fn what_is_beyond_a_limit_is_counted_and_not_kept() {
        let sample: Sample<'_> = parse(br#"{"list":[1,2,"x",{},5],"map":{"a":"b","c":1}}"#).unwrap();
        let (list, map) = (sample.list.unwrap(), sample.map.unwrap());
        assert_eq!((list.kept, list.count), (vec![1, 2], 5));
        assert_eq!((map.kept.len(), map.count), (1, 2));
        let sample: Sample<'_> = parse(br#"{"list":[1],"map":{}}"#).unwrap();
        assert_eq!((sample.list.unwrap().count, sample.map.unwrap().count), (1, 0));
    }

    #[test]
    fn a_structure_is_an_object_and_no_list_of_its_members() {
        let read = |json: &str| serde_json::from_str::<List<Object<Sample<'_>>, 2>>(json).map(|list| list.count);
        assert_eq!(read(r#"[{"text":"a"},{}]"#).unwrap(), 2);
        for wrong in [r#"[["a",[],{},1]]"#, r#"[{},["a",[],{},1]]"#, "[[]]", "[null]", r#"["a"]"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn null_is_absent_and_wrong_types_are_refused() {
        let sample: Sample<'_> = parse(br#" {"text":null,"list":null,"map":null,"number":null}"#).unwrap();
        assert!(sample.text.is_none() && sample.list.is_none() && sample.map.is_none() && sample.number.is_none());
        let deep = format!(r#"{{"list":{}"#, "[".repeat(100_000));
        for wrong in [
            "",
            "[]",
            "{",
            "nul",
            r#"{"text":1}"#,
            r#"{"list":{}}"#,
            r#"{"map":[]}"#,
            r#"{"number":"1"}"#,
            r#"{"number":3000000000}"#,
            r#"{"number":1e400}"#,
            r#"{"number":1.5}"#,
            r#"{"text":"\ud800"}"#,
            r#"{} x"#,
            "{\"text\":\"\u{1}\"}",
            &deep,
        ] {
            let error = parse::<Sample<'_>>(wrong.as_bytes()).unwrap_err();
            assert!(matches!(error, SqsError::Serialization(_)), "{wrong}: {error}");
        }
        assert!(parse::<Sample<'_>>(b"{\"text\":\"\xFF\"}").is_err());
    }
}
