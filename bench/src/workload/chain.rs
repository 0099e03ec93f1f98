//! What every workload must check in an answer, and the receipt handles it takes along.

use crate::sqs::scan;

/// The receipt handles of one receive, kept in one buffer.
#[derive(Default)]
pub struct Handles {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Handles {
    /// Takes the handles out of a receive's answer; returns how many.
    pub fn take(&mut self, answer: &[u8]) -> usize {
        self.bytes.clear();
        self.ends.clear();
        for handle in scan::strings(answer, b"\"ReceiptHandle\"") {
            self.bytes.extend_from_slice(handle);
            self.ends.push(self.bytes.len());
        }
        self.ends.len()
    }

    pub fn count(&self) -> usize {
        self.ends.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }

    pub fn first(&self) -> &[u8] {
        self.iter().next().unwrap_or_default()
    }
}

/// # Errors
/// If the answer to a send or a batch of `count` does not name that many jobs.
pub fn check_sent(answer: &[u8], count: usize) -> Result<(), String> {
    match scan::count(answer, b"\"MessageId\"") {
        found if found == count => Ok(()),
        found => Err(format!("{found} of {count} jobs accepted: {}", String::from_utf8_lossy(answer))),
    }
}

/// # Errors
/// If the answer to a batch of `count` deletes names failures, or fewer.
pub fn check_deleted(answer: &[u8], count: usize) -> Result<(), String> {
    let found = scan::count(answer, b"\"Id\"");
    if found == count && !scan::has_items(answer, b"\"Failed\"") {
        return Ok(());
    }
    Err(format!("{found} of {count} deleted: {}", String::from_utf8_lossy(answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_kept_apart() {
        let mut handles = Handles::default();
        assert_eq!(handles.take(br#"{"Messages":[{"ReceiptHandle":"one"},{"ReceiptHandle":"two"}]}"#), 2);
        assert_eq!(handles.iter().collect::<Vec<_>>(), [b"one", b"two"]);
        assert_eq!((handles.take(b"{}"), handles.count(), handles.first()), (0, 0, b"".as_slice()));
    }

    #[test]
    fn answers_that_lack_something_are_errors() {
        assert!(check_sent(br#"{"MessageId":"1"}"#, 1).is_ok());
        assert!(check_sent(br#"{"Successful":[{"MessageId":"1"}],"Failed":[{"Id":"2"}]}"#, 2).is_err());
        assert!(check_deleted(br#"{"Successful":[{"Id":"0"}]}"#, 1).is_ok());
        assert!(check_deleted(br#"{"Failed":[{"Id":"0"}]}"#, 1).is_err());
    }
}
