//! Queue names and URLs.
//!
//! A queue's URL is `http://<host>/<account>/<name>`, its host the one by which the client reached us, and its scheme, too: some SDKs send
//! to the URL as it was told. Of a URL that a
//! client sends only the path counts: it may have come by another name of the same server. The name alone does, too, for a queue
//! of the caller's own account; AWS was seen to take it, and some programs count on that.
//! AWS Developer Guide, "Amazon SQS queue and message identifiers".

use crate::{
    caller::Head,
    error::SqsError,
    limits::{HOST_BYTES_MAX, QUEUE_NAME_BYTES_MAX},
};
use evenkeel_engine::QueueName;
use evenkeel_machine::command::QueueKey;
use evenkeel_types::AccountId;

/// A queue as a request names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queue<'a> {
    pub(crate) account: AccountId,
    pub(crate) name: &'a str,
}

impl<'a> Queue<'a> {
    /// The queue that a URL names, or a name within an account.
    pub(crate) fn of_url(url: Option<&'a str>, own: AccountId) -> Result<Self, SqsError> {
        let url = url.filter(|url| !url.is_empty()).ok_or(SqsError::MissingParameter("QueueUrl"))?;
        if is_name(url) {
            return Ok(Self { account: own, name: url });
        }
        let invalid = || SqsError::InvalidAddress(url.to_owned());
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.split_once('/').ok_or_else(invalid)?.1,
            None => url.strip_prefix('/').ok_or_else(invalid)?,
        };
        let (account, name) = path.split_once('/').ok_or_else(invalid)?;
        let account = account.parse().map_err(|_| invalid())?;
        if !is_name(name) {
            return Err(invalid());
        }
        Ok(Self { account, name })
    }

    /// For the engine to keep.
    pub(crate) fn to_name(self) -> QueueName {
        QueueName { account: self.account, name: self.name.into() }
    }

    /// As the machine takes it.
    pub(crate) fn key(self) -> QueueKey<'a> {
        QueueKey { account: self.account, name: self.name }
    }

    /// A queue that waits in an answer's place.
    pub(crate) fn named(name: &'a QueueName) -> Self {
        Self { account: name.account, name: &name.name }
    }
}

/// Whether a queue could be called so, by us or by AWS: `.fifo` queues too.
pub(crate) fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    (1..=QUEUE_NAME_BYTES_MAX).contains(&name.len())
        && !stem.is_empty()
        && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether a queue of that name is a FIFO queue: the machine lets no other be called so.
pub(crate) fn is_fifo(name: &str) -> bool {
    name.ends_with(".fifo")
}

/// What the URLs of this request's queues begin with.
pub(crate) fn base(head: &Head<'_>) -> Result<String, SqsError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if !(1..=HOST_BYTES_MAX).contains(&head.host.len()) || !head.host.bytes().all(allowed) {
        let reason = "Queue URLs are built from it: letters, digits, '.', '-', '_', ':' and brackets, please.";
        return Err(SqsError::value(head.host, "Host", reason));
    }
    Ok(format!("{}://{}", if head.tls || head.by_https { "https" } else { "http" }, head.host))
}

/// A queue's URL.
pub(crate) fn url(base: &str, queue: &QueueName) -> String {
    format!("{base}/{}/{}", queue.account, queue.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: AccountId = AccountId::from_number(12).unwrap();

    #[test]
    fn only_the_path_of_a_url_counts() {
        for url in [
            "http://localhost:9324/000000000012/jobs",
            "https://sqs.eu-west-1.amazonaws.com/000000000012/jobs",
            "http://[::1]:80/000000000012/jobs",
            "/000000000012/jobs",
        ] {
            let queue = Queue::of_url(Some(url), AccountId::default()).unwrap();
            assert_eq!((queue.account, queue.name), (AccountId::from_number(12).unwrap(), "jobs"), "{url}");
        }
    }

    #[test]
    fn a_name_alone_is_of_the_callers_account() {
        for name in ["jobs", "a-B_9", "jobs.fifo"] {
            assert_eq!(Queue::of_url(Some(name), OWN), Ok(Queue { account: OWN, name }));
        }
    }

    #[test]
    fn what_names_no_queue_is_refused() {
        for url in [
            "a b",
            "a.b",
            ".fifo",
            "http://host",
            "http://host/",
            "http://host/jobs",
            "http://host/12/jobs",
            "/000000000012/",
            "/000000000012/a b",
            "/000000000012/a/b",
            "/000000000012/jobs?x=1",
            "//000000000012/jobs",
            "/000000000012/.fifo",
            "/000000000012/a.b",
        ] {
            let error = Queue::of_url(Some(url), OWN).unwrap_err();
            assert_eq!(error, SqsError::InvalidAddress(url.to_owned()), "{url}");
        }
        for absent in [None, Some("")] {
            assert_eq!(Queue::of_url(absent, OWN), Err(SqsError::MissingParameter("QueueUrl")));
        }
    }

    #[test]
    fn urls_are_built_from_a_host_that_could_be_one() {
        let head = |host| Head { host, ..Head::default() };
        assert_eq!(base(&head("localhost:9324")).unwrap(), "http://localhost:9324");
        assert_eq!(base(&Head { tls: true, ..head("[::1]") }).unwrap(), "https://[::1]");
        assert_eq!(base(&Head { by_https: true, ..head("q.example") }).unwrap(), "https://q.example");
        for wrong in ["", "a b", "a/b", "a\"b", "evil\r\nx", &"x".repeat(262)] {
            assert!(base(&head(wrong)).is_err(), "{wrong}");
        }
    }
}
