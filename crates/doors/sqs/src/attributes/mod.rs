//! Message attributes: names, types and values that travel beside a message's text.
//!
//! AWS Developer Guide, "Amazon SQS message metadata". Checked wholly when sent ([`check`]), summed as AWS does
//! ([`md5`]), and on receive only those are returned that were asked for ([`NameFilter`]).

mod check;
mod filter;
pub(crate) mod md5;
mod number;

pub(crate) use check::{GivenAttributes, check, counted_bytes, is_trace_header, trace_header};
pub(crate) use filter::NameFilter;

use std::borrow::Cow;

/// One attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    /// `String`, `Number` or `Binary`, each with or without `.label`.
    pub(crate) data_type: &'a str,
    /// UTF-8 unless it is binary.
    pub(crate) value: Cow<'a, [u8]>,
}

impl Attribute<'_> {
    /// Whether its value is bytes rather than text.
    pub(crate) fn is_binary(&self) -> bool {
        self.data_type.starts_with("Binary")
    }

    /// What counts against the limit on a message.
    pub(crate) fn counted_bytes(&self) -> usize {
        self.name.len() + self.data_type.len() + self.value.len()
    }
}
