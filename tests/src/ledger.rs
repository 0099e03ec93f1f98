//! What clients were told, and what may therefore never happen. The judge of the tests that kill the server.
//!
//! Every job has a number, and its body follows from the number, so that a body is checked without being kept. Clients
//! write down what they are about to do before they do it, and what they were told afterwards. A call whose answer did
//! not arrive may have been done, and both are right. What is wrong:
//!
//! 1. A job whose send was acknowledged is gone, and nobody deleted it.
//! 2. A job is received that was never sent, or whose send was refused; or with another body.
//! 3. A job is received by a call that began after its delete was acknowledged, under a lease that was held.
//! 4. Two hold one job at the same time.

use crate::random::Random;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How much shorter than promised a lease may be: over a restart the server's time goes on by the calendar, which counts
/// in milliseconds and is corrected while it runs.
const CALENDAR_SLACK: Duration = Duration::from_millis(5);

/// A job's number.
pub type Number = u64;

/// What is known of all jobs, shared by all clients.
#[derive(Debug, Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    jobs: HashMap<Number, Job>,
    next: Number,
    wrongs: Vec<String>,
    counts: Counts,
}

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub sends_acknowledged: u64,
    pub sends_refused: u64,
    pub sends_unknown: u64,
    pub receives: u64,
    pub receives_again: u64,
    pub deletes_acknowledged: u64,
    pub deletes_late: u64,
    pub deletes_unknown: u64,
    pub given_back: u64,
}

#[derive(Clone, Copy, Debug)]
struct Job {
    sent: Sent,
    received: u32,
    gone: Gone,
    held: Option<Hold>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Perhaps,
    Surely,
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    /// Nobody tried to delete it.
    No,
    /// A delete was tried whose outcome nobody knows, or under a lease that may have been over.
    Perhaps,
    /// Acknowledged at that moment, under a lease that was held.
    Surely(Instant),
}

/// A lease as its holder knows it: it was granted between these moments, and lasts at least until `until`.
#[derive(Clone, Copy, Debug)]
struct Hold {
    granted_by: Instant,
    until: Instant,
    /// Its number among the job's leases, as the server counts them.
    number: u32,
}

/// One call, from before its request was sent.
#[derive(Clone, Copy, Debug)]
pub struct Began(Instant);

impl Began {
    /// Until when a lease granted by this call lasts at least.
    fn end(self, lease: Duration) -> Instant {
        self.0 + lease.saturating_sub(CALENDAR_SLACK)
    }
}

/// The present moment: to be taken before a request is sent.
pub fn begin() -> Began {
    Began(Instant::now())
}

/// The body of job `number`: the number, then filler of a length that follows from it; one in 200 is large.
pub fn body(number: Number) -> String {
    let mut random = Random(number);
    let length = if random.once_in(200) { 40_000 + random.below(60_000) } else { random.below(700) };
    let mut body = format!("{number}:");
    while (body.len() as u64) < length {
        body.push_str(&format!("{:x}\u{e9}\"", random.draw()));
    }
    body
}

impl Ledger {
    /// Numbers for jobs about to be sent.
    pub fn about_to_send(&self, count: u64) -> Vec<Number> {
        let mut inner = self.lock();
        let numbers: Vec<_> = (inner.next..inner.next + count).collect();
        inner.next += count;
        for &number in &numbers {
            inner.jobs.insert(number, Job { sent: Sent::Perhaps, received: 0, gone: Gone::No, held: None });
        }
        numbers
    }

    /// The server took it.
    pub fn sent(&self, number: Number) {
        self.set_sent(number, Sent::Surely);
        self.lock().counts.sends_acknowledged += 1;
    }

    /// The server did not take it, and said so.
    pub fn send_refused(&self, number: Number) {
        self.set_sent(number, Sent::Refused);
        self.lock().counts.sends_refused += 1;
    }

    /// No answer came.
    pub fn send_unknown(&self, _number: Number) {
        self.lock().counts.sends_unknown += 1;
    }

    fn set_sent(&self, number: Number, sent: Sent) {
        let mut inner = self.lock();
        let job = inner.jobs.get_mut(&number).expect("it was announced");
        job.sent = sent;
        if sent == Sent::Refused && job.received > 0 {
            inner.wrongs.push(format!("job {number} was refused, and received"));
        }
    }

    /// A job came, by a call that began at `began`, leased for `lease`, for the `count`th time as the server says. Gives
    /// its number, unless nobody sent it.
    pub fn received(&self, text: &str, began: Began, lease: Duration, count: u32) -> Option<Number> {
        let now = Instant::now();
        let mut inner = self.lock();
        let number = text.split(':').next().and_then(|number| number.parse().ok());
        let Some((number, job)) = number.and_then(|number| Some((number, *inner.jobs.get(&number)?))) else {
            let start: String = text.chars().take(60).collect();
            inner.wrongs.push(format!("a job was received that nobody sent: {start:?}"));
            return None;
        };
        inner.counts.receives += 1;
        inner.counts.receives_again += u64::from(job.received > 0);
        let mut wrong = |what: &str| inner.wrongs.push(format!("job {number} {what}"));
        if text != body(number) {
            wrong("came with another body");
        }
        if job.sent == Sent::Refused {
            wrong("was refused, and received");
        }
        if let Gone::Surely(at) = job.gone
            && began.0 > at
        {
            wrong("came back after its delete was acknowledged");
        }
        if let Some(hold) = job.held
            && began.0 > hold.granted_by
            && now < hold.until
        {
            wrong(&format!(
                "was given to a second worker while the first held it: receive {count} came {:?} after receive {}, {:?} \
                 before that lease could end",
                now - hold.granted_by,
                hold.number,
                hold.until - now,
            ));
        }
        let held = Some(Hold { granted_by: now, until: began.end(lease), number: count });
        inner.jobs.insert(number, Job { received: job.received + 1, held, ..job });
        Some(number)
    }

    /// Its holder gives it back before its time, or makes its lease shorter or longer.
    pub fn about_to_give_back(&self, number: Number) {
        let mut inner = self.lock();
        inner.counts.given_back += 1;
        inner.jobs.get_mut(&number).expect("it was received").held = None;
    }

    /// Somebody tries to delete it: from now on it may be gone.
    pub fn about_to_delete(&self, number: Number) {
        let mut inner = self.lock();
        let job = inner.jobs.get_mut(&number).expect("it was received");
        if job.gone == Gone::No {
            job.gone = Gone::Perhaps;
        }
    }

    /// The server took the delete. It counts only if the lease, received by a call that began at `began`, was held
    /// until now: a late one is acknowledged too, and does nothing if the job was granted again.
    pub fn deleted(&self, number: Number, began: Began, lease: Duration) {
        let now = Instant::now();
        let mut inner = self.lock();
        if now < began.end(lease) {
            inner.counts.deletes_acknowledged += 1;
            let job = inner.jobs.get_mut(&number).expect("it was received");
            if !matches!(job.gone, Gone::Surely(_)) {
                job.gone = Gone::Surely(now);
            }
        } else {
            inner.counts.deletes_late += 1;
        }
    }

    /// No answer came to the delete.
    pub fn delete_unknown(&self, _number: Number) {
        self.lock().counts.deletes_unknown += 1;
    }

    /// How many were taken and are not known to be gone.
    pub fn outstanding(&self) -> usize {
        self.lock().jobs.values().filter(|job| job.sent == Sent::Surely && job.gone == Gone::No).count()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// The account, once every queue is empty: whatever was taken must have been received and deleted by somebody.
    pub fn settle(&self) -> Vec<String> {
        let inner = self.lock();
        let mut wrongs = inner.wrongs.clone();
        for (number, job) in &inner.jobs {
            if job.sent == Sent::Surely && job.gone == Gone::No {
                wrongs.push(format!(
                    "job {number} is lost: its send was acknowledged, it was received {} times, and nobody deleted it",
                    job.received
                ));
            }
        }
        wrongs
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while holding it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(60);

    fn sent(ledger: &Ledger) -> Number {
        let number = ledger.about_to_send(1)[0];
        ledger.sent(number);
        number
    }

    #[test]
    fn a_job_sent_received_and_deleted_settles() {
        let ledger = Ledger::default();
        let (number, began) = (sent(&ledger), begin());
        assert_eq!(ledger.received(&body(number), began, LEASE, 1), Some(number));
        ledger.about_to_delete(number);
        ledger.deleted(number, began, LEASE);
        assert_eq!(ledger.settle(), Vec::<String>::new());
        assert_eq!(ledger.outstanding(), 0);
    }

    /// The judge is only worth something if it finds each wrong.
    #[test]
    fn every_wrong_is_found() {
        let one = |what: &str, ledger: &Ledger| {
            let wrongs = ledger.settle();
            assert!(wrongs.iter().any(|wrong| wrong.contains(what)), "{what}: {wrongs:?}");
        };
        let lost = Ledger::default();
        let number = sent(&lost);
        lost.received(&body(number), begin(), LEASE, 1);
        one("is lost", &lost);

        let ledger = Ledger::default();
        ledger.received("77:", begin(), LEASE, 1);
        one("nobody sent", &ledger);

        let number = sent(&ledger);
        ledger.received(&format!("{number}:another"), begin(), LEASE, 1);
        one("another body", &ledger);

        let number = ledger.about_to_send(1)[0];
        ledger.send_refused(number);
        ledger.received(&body(number), begin(), LEASE, 1);
        one("was refused", &ledger);

        let (number, began) = (sent(&ledger), begin());
        ledger.received(&body(number), began, LEASE, 1);
        std::thread::sleep(Duration::from_millis(1));
        ledger.received(&body(number), begin(), LEASE, 1);
        one("a second worker", &ledger);

        ledger.about_to_delete(number);
        ledger.deleted(number, began, LEASE);
        std::thread::sleep(Duration::from_millis(1));
        ledger.received(&body(number), begin(), LEASE, 1);
        one("came back", &ledger);
    }
}
