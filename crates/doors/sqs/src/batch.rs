//! Batches: 1 to 10 entries, each with an id of its own, that succeed or fail one by one.
//!
//! AWS API Reference, SendMessageBatch: only the rules on the batch itself fail the whole call; everything else is told
//! per entry with HTTP 200. What is valid goes to the engine as one command, and the replies are merged back in order.

use crate::{
    error::SqsError,
    json_in::{List, Object},
    json_out::Json,
    limits::{BATCH_ENTRIES_MAX, BATCH_ENTRY_ID_BYTES_MAX},
};
use evenkeel_types::QueueId;

/// `Entries` of a request.
pub(crate) type Entries<T> = List<Object<T>, BATCH_ENTRIES_MAX>;

/// An entry of any batch.
pub(crate) trait Entry {
    /// What it is called in AWS's model.
    const SHAPE: &'static str;
    /// Its id; empty if it has none.
    fn id(&self) -> &str;
}

/// Checks the rules on the batch itself.
pub(crate) fn check<T: Entry>(entries: Option<&Entries<T>>) -> Result<&[Object<T>], SqsError> {
    let empty = SqsError::EmptyBatchRequest(T::SHAPE);
    let Some(entries) = entries.filter(|entries| entries.count > 0) else { return Err(empty) };
    if entries.count > BATCH_ENTRIES_MAX {
        return Err(SqsError::TooManyEntriesInBatchRequest(entries.count));
    }
    let entries = &*entries.kept;
    if !entries.iter().all(|entry| is_id(entry.id())) {
        return Err(SqsError::InvalidBatchEntryId);
    }
    // Ten at most: comparing each with those before it is quicker than any set.
    for (at, entry) in entries.iter().enumerate() {
        if entries.iter().take(at).any(|before| before.id() == entry.id()) {
            return Err(SqsError::BatchEntryIdsNotDistinct(entry.id().to_owned()));
        }
    }
    Ok(entries)
}

fn is_id(id: &str) -> bool {
    (1..=BATCH_ENTRY_ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Checks that a batch's handles are all of one queue. A queue that was deleted and made anew has another number, and a
/// batch may hold handles of both; but one command is for one queue, so that those of the second are refused.
pub(crate) fn same_queue(common: &mut Option<QueueId>, queue: QueueId, handle: Option<&str>) -> Result<(), SqsError> {
    if *common.get_or_insert(queue) == queue {
        return Ok(());
    }
    Err(SqsError::ReceiptHandleIsInvalid(handle.unwrap_or_default().to_owned()))
}

/// What became of each entry so far: refused at the door, or on its way with what is remembered of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch<T> {
    entries: Vec<(Box<str>, Result<T, SqsError>)>,
}

impl<T> Batch<T> {
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries) }
    }

    pub(crate) fn push(&mut self, id: &str, outcome: Result<T, SqsError>) {
        self.entries.push((id.into(), outcome));
    }

    /// The answer if nothing is on its way.
    pub(crate) fn refused(self) -> Vec<u8> {
        let none: [(); 0] = [];
        self.answer(none, |_, ()| Ok(()), |_, ()| {})
    }

    /// The answer: each entry on its way takes the next reply, and `judge` says how it ended.
    pub(crate) fn answer<R, S>(
        self,
        replies: impl IntoIterator<Item = R>,
        judge: impl Fn(T, R) -> Result<S, SqsError>,
        write: impl Fn(&mut Json, S),
    ) -> Vec<u8> {
        let mut replies = replies.into_iter();
        let missing = SqsError::InternalFailure("The server did not answer this entry.");
        let mut failed = Vec::new();
        let mut json = Json::with_capacity(256 * self.entries.len());
        json.open_object();
        let mut open = false;
        for (id, entry) in self.entries {
            let outcome = entry.and_then(|entry| judge(entry, replies.next().ok_or_else(|| missing.clone())?));
            match outcome {
                Ok(success) => {
                    if !open {
                        json.open_array_at("Successful");
                        open = true;
                    }
                    json.open_object();
                    json.plain_string("Id", &*id);
                    write(&mut json, success);
                    json.close_object();
                }
                Err(error) => failed.push((id, error)),
            }
        }
        if open {
            json.close_array();
        }
        if !failed.is_empty() {
            json.open_array_at("Failed");
            failed.iter().for_each(|(id, error)| error.write_entry(id, &mut json));
            json.close_array();
        }
        json.close_object();
        json.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(&'static str);

    impl Entry for Named {
        const SHAPE: &'static str = "NamedEntry";
        fn id(&self) -> &str {
            self.0
        }
    }

    fn refusal(ids: &[&'static str]) -> Option<SqsError> {
        let kept = ids.iter().take(BATCH_ENTRIES_MAX).map(|id| Object(Named(id))).collect();
        check(Some(&Entries { kept, count: ids.len() })).err()
    }

    #[test]
    fn a_batch_has_one_to_ten_distinct_ids() {
        assert_eq!(refusal(&["a", "b-_9"]), None);
        assert_eq!(refusal(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]), None);
        assert_eq!(refusal(&[]), Some(SqsError::EmptyBatchRequest("NamedEntry")));
        assert_eq!(check::<Named>(None).err(), Some(SqsError::EmptyBatchRequest("NamedEntry")));
        assert_eq!(refusal(&["a"; 20]), Some(SqsError::TooManyEntriesInBatchRequest(20)));
        assert_eq!(refusal(&["a", "b", "a"]), Some(SqsError::BatchEntryIdsNotDistinct("a".to_owned())));
        for wrong in ["", "a b", "ä", "a.b", &*"x".repeat(81).leak()] {
            assert_eq!(refusal(&["a", wrong]), Some(SqsError::InvalidBatchEntryId), "{wrong}");
        }
    }

    #[test]
    fn replies_are_merged_in_order_and_a_missing_one_fails_its_entry() {
        let mut batch = Batch::with_capacity(4);
        batch.push("a", Ok("A"));
        batch.push("b", Err(SqsError::MissingParameter("MessageBody")));
        batch.push("c", Ok("C"));
        batch.push("d", Ok("D"));
        let judge =
            |entry: &'static str, reply: u64| if reply == 0 { Err(SqsError::too_long(1)) } else { Ok((entry, reply)) };
        let answer = batch.answer([7, 0], judge, |json, (entry, reply)| json.number_string(entry, reply));
        let expected = concat!(
            r#"{"Successful":[{"Id":"a","A":"7"}],"Failed":["#,
            r#"{"Id":"b","SenderFault":true,"Code":"MissingParameter","#,
            r#""Message":"The request must contain the parameter MessageBody."},"#,
            r#"{"Id":"c","SenderFault":true,"Code":"InvalidParameterValue","#,
            r#""Message":"One or more parameters are invalid. Reason: Message must be shorter than 1 bytes."},"#,
            r#"{"Id":"d","SenderFault":false,"Code":"InternalFailure","#,
            r#""Message":"The server did not answer this entry."}]}"#,
        );
        assert_eq!(std::str::from_utf8(&answer), Ok(expected));
    }
}
