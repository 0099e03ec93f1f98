//! Lists of queues by pages: how many, from where on, and the token for the next one.

use super::{Call, Next, respond};
use crate::{
    door::Door,
    error::SqsError,
    json_out::Json,
    limits::QUEUES_PER_PAGE_MAX,
    queue_url, refusals,
    tokens::{Purpose, Scope},
};
use evenkeel_engine::{Answer, QueueName};
use evenkeel_types::AccountId;

/// A page that is asked for.
#[derive(Debug)]
pub(crate) struct List {
    purpose: Purpose,
    account: AccountId,
    /// What the list is of: a prefix, or a queue.
    name: Box<str>,
    /// What the URLs on it begin with.
    base: String,
    names_max: usize,
    /// `MaxResults` was given; else no token is, as on AWS.
    goes_on: bool,
}

impl List {
    /// Reads `MaxResults`.
    pub(crate) fn of(
        call: &Call<'_>,
        purpose: Purpose,
        account: AccountId,
        name: &str,
        max_results: Option<i32>,
    ) -> Result<Self, SqsError> {
        let max = max_results.unwrap_or(QUEUES_PER_PAGE_MAX);
        let names_max = usize::try_from(max).ok().filter(|_| (1..=QUEUES_PER_PAGE_MAX).contains(&max));
        let names_max = names_max.ok_or_else(|| {
            let reason = format!("MaxResults must be an integer between 1 and {QUEUES_PER_PAGE_MAX}.");
            SqsError::value(max.to_string(), "MaxResults", &reason)
        })?;
        let base = queue_url::base(call.head)?;
        Ok(Self { purpose, account, name: name.into(), base, names_max, goes_on: max_results.is_some() })
    }

    fn scope(&self) -> Scope<'_> {
        Scope { purpose: self.purpose, account: self.account, name: &self.name }
    }

    /// The name behind which the page begins, by `NextToken`.
    pub(crate) fn behind(&self, token: Option<&str>, door: &Door) -> Result<Option<Box<str>>, SqsError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        let name = self.scope().open(&door.ids, token).and_then(|name| String::from_utf8(name).ok());
        let reason = "It was not given out for this list.";
        name.map(|name| Some(name.into())).ok_or_else(|| SqsError::value(token, "NextToken", reason))
    }

    /// How many names to ask for: one more, to know whether the list goes on.
    pub(crate) fn asked(&self) -> usize {
        self.names_max + 1
    }

    /// The page: its queues' URLs, and the token of the next one.
    pub(crate) fn answer(self, door: &Door, answer: Answer) -> Result<Next, SqsError> {
        let names = refusals::names(answer)?;
        let (page, rest) = names.split_at_checked(self.names_max).unwrap_or((&names, &[]));
        let mut json = Json::with_capacity(64 + page.len() * 96);
        json.open_object();
        // The second is in lower case in AWS's model, and there if it is empty.
        let (member, is_told_empty) = match self.purpose {
            Purpose::Sources => ("queueUrls", true),
            _ => ("QueueUrls", false),
        };
        if is_told_empty || !page.is_empty() {
            json.open_array_at(member);
            for name in page {
                let queue = QueueName { account: self.account, name: (&**name).into() };
                json.string_element(&queue_url::url(&self.base, &queue));
            }
            json.close_array();
        }
        if let Some(last) = page.last().filter(|_| self.goes_on && !rest.is_empty()) {
            json.string("NextToken", &self.scope().seal(&door.ids, last.as_bytes()));
        }
        json.close_object();
        respond(json.into_bytes())
    }
}
