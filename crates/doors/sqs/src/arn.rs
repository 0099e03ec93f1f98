//! ARNs of queues: `arn:aws:sqs:<region>:<account>:<name>`.
//!
//! Those that we write name the server's region. Of those that clients send, account and name count, as of a queue's URL
//! only the path does: one server has one region, whatever its clients call it. AWS, "Amazon Resource Names".

use crate::queue_url::is_name;
use evenkeel_types::AccountId;

/// What the ARNs of an account's queues begin with.
pub(crate) fn prefix(region: &str, account: AccountId) -> String {
    format!("arn:aws:sqs:{region}:{account}:")
}

/// The ARN of a queue.
pub(crate) fn of(region: &str, account: AccountId, name: &str) -> String {
    prefix(region, account) + name
}

/// Account and name of the queue that an ARN names.
pub(crate) fn parse(arn: &str) -> Option<(AccountId, &str)> {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next();
    let (scheme, partition, service, region) = (next()?, next()?, next()?, next()?);
    let (account, name) = (next()?, next()?);
    let fits = scheme == "arn" && partition.starts_with("aws") && service == "sqs" && !region.is_empty();
    Some((account.parse().ok()?, name)).filter(|_| fits && is_name(name))
}

/// Whether it is the ARN of something, but of no queue.
pub(crate) fn is_of_another_service(arn: &str) -> bool {
    let mut parts = arn.split(':');
    let (scheme, service) = (parts.next(), parts.nth(1));
    scheme == Some("arn") && service.is_some_and(|service| !service.is_empty() && service != "sqs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_in_any_region() {
        let account = AccountId::from_number(12).unwrap();
        assert_eq!(parse(&of("eu-west-1", account, "dead.fifo")), Some((account, "dead.fifo")));
        assert_eq!(parse("arn:aws-cn:sqs:elsewhere:000000000012:q"), Some((account, "q")));
    }

    #[test]
    fn what_names_no_queue_is_none() {
        for wrong in [
            "",
            "q",
            "arn:aws:sqs:us-east-1:000000000012",
            "arn:aws:sqs:us-east-1:000000000012:",
            "arn:aws:sqs:us-east-1:000000000012:a b",
            "arn:aws:sqs:us-east-1:000000000012:a:b",
            "arn:aws:sns:us-east-1:000000000012:q",
            "arn:aws:sqs::000000000012:q",
            "arn:aws:sqs:us-east-1:12:q",
            "urn:aws:sqs:us-east-1:000000000012:q",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
