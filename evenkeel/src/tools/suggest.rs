//! "Did you mean": the queue whose name comes closest to one that does not exist.

use super::session::{all_queues, name};
use crate::{client::Sqs, text::one_line};

/// How alike two names must be to be worth a question (Jaro-Winkler, 0 to 1).
const ALIKE_MIN: f64 = 0.8;

/// The error for a queue that does not exist. That it may name another is a kindness: if the queues cannot be listed, it
/// names none.
pub(super) async fn no_such_queue(sqs: &mut Sqs, wanted: &str) -> anyhow::Error {
    let urls = all_queues(sqs, "").await.unwrap_or_default();
    let names: Vec<&str> = urls.iter().map(|url| name(url)).collect();
    let shown = one_line(wanted);
    match closest(wanted, &names) {
        Some(close) => anyhow::anyhow!("there is no queue {shown}; did you mean {}?", one_line(close)),
        None => anyhow::anyhow!(
            "there is no queue {shown}; `evenkeel queues` lists those that there are, and `evenkeel queues create {shown}` \
             makes it"
        ),
    }
}

fn closest<'a>(wanted: &str, names: &[&'a str]) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let alike = |name: &&&str| strsim::jaro_winkler(&wanted, &name.to_lowercase());
    let best = names.iter().max_by(|left, right| alike(left).total_cmp(&alike(right)))?;
    (alike(&best) >= ALIKE_MIN).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_nothing_else() {
        let names = ["work", "thumbnails", "mails", "work.fifo"];
        assert_eq!(closest("wrok", &names), Some("work"));
        assert_eq!(closest("Thumbnail", &names), Some("thumbnails"));
        assert_eq!(closest("mail", &names), Some("mails"));
        assert_eq!(closest("invoices", &names), None);
        assert_eq!(closest("work", &[]), None);
    }
}
