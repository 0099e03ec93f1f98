//! Lists of queues by pages: how many, from where on, and the token for the next one.

use crate::{door::Door, error::SqsError, limits::QUEUES_PER_PAGE_MAX, tokens::Scope};
use std::sync::Arc;

/// How long a page is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    names_max: usize,
    /// `MaxResults` was given; else no token is, as on AWS.
    goes_on: bool,
}

impl Page {
    /// Reads `MaxResults`.
    pub(crate) fn read(given: Option<i32>) -> Result<Self, SqsError> {
        let max = given.unwrap_or(QUEUES_PER_PAGE_MAX);
        let names_max = usize::try_from(max).ok().filter(|_| (1..=QUEUES_PER_PAGE_MAX).contains(&max));
        let names_max = names_max.ok_or_else(|| {
            let reason = format!("MaxResults must be an integer between 1 and {QUEUES_PER_PAGE_MAX}.");
            SqsError::value(max.to_string(), "MaxResults", &reason)
        })?;
        Ok(Self { names_max, goes_on: given.is_some() })
    }

    /// The name behind which a page begins, by `NextToken`.
    pub(crate) fn behind(token: Option<&str>, scope: &Scope<'_>, door: &Door) -> Result<Option<Box<str>>, SqsError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        let name = scope.open(&door.ids, token).and_then(|name| String::from_utf8(name).ok());
        let reason = "It was not given out for this list.";
        name.map(|name| Some(name.into())).ok_or_else(|| SqsError::value(token, "NextToken", reason))
    }

    /// How many names to ask for: one more, to know whether the list goes on.
    pub(crate) fn asked(self) -> usize {
        self.names_max + 1
    }

    /// The names on the page, and the token of the next one.
    pub(crate) fn cut<'n>(
        self,
        names: &'n [Arc<str>],
        scope: &Scope<'_>,
        door: &Door,
    ) -> (&'n [Arc<str>], Option<String>) {
        let Some((page, rest)) = names.split_at_checked(self.names_max) else { return (names, None) };
        let last = page.last().filter(|_| self.goes_on && !rest.is_empty());
        (page, last.map(|last| scope.seal(&door.ids, last.as_bytes())))
    }
}
