//! The oracle: what the clients asked for and what they were told. A request without an answer *may* have happened.

use crate::{
    ask::{Message, NewMessage},
    clock::{SECOND, Time},
    invariants::{Broken, told::broken},
    witness::number_in,
};
use evenkeel_types::LogIndex;
use std::collections::{BTreeMap, BTreeSet};

/// Where in the log a message came in: the entry, and the offset of its body.
pub type Place = (LogIndex, u32);

/// Knows what clients know, all of them together.
#[derive(Debug, Default)]
pub struct Oracle {
    sent: BTreeMap<u64, Sent>,
    messages: BTreeMap<String, Known>,
    /// By queue, when purges and deletions were asked for and when they were done.
    purges: BTreeMap<String, Vec<(Time, Time)>>,
    /// Sends that were acknowledged.
    pub acknowledged: u64,
    /// Messages that were received, however often.
    pub received: u64,
}

#[derive(Debug)]
struct Sent {
    body: String,
    group: Option<String>,
    delay_secs: u64,
    dedup: Option<String>,
    first_asked: Time,
}

/// A message by its id.
#[derive(Debug, Default)]
struct Known {
    number: u64,
    queue: String,
    /// When a client first heard of it.
    known_since: Time,
    acknowledged: bool,
    /// By receive count.
    receives: BTreeMap<u32, Seen>,
    /// Somebody asked to finish it.
    finish_asked: bool,
}

/// One receive of a message.
#[derive(Debug)]
struct Seen {
    queue: String,
    asked: Time,
    life: u64,
    lease_secs: u64,
    /// Somebody asked to change this lease.
    changed: bool,
    /// When it was answered that it is finished.
    finished: Option<Time>,
}

impl Known {
    fn new(number: u64, queue: &str, now: Time) -> Self {
        Self { number, queue: queue.to_owned(), known_since: now, ..Self::default() }
    }
}

impl Oracle {
    /// A client is about to send these.
    pub fn sends(&mut self, messages: &[NewMessage], default_delay_secs: u64, now: Time) {
        for message in messages {
            self.sent.entry(message.number).or_insert_with(|| Sent {
                body: message.body.clone(),
                group: message.group.clone(),
                delay_secs: message.delay_secs.unwrap_or(default_delay_secs),
                dedup: message.dedup.clone(),
                first_asked: now,
            });
        }
    }

    /// A send was acknowledged.
    ///
    /// # Errors
    /// The id belongs to another message.
    pub fn acknowledged(&mut self, number: u64, id: &str, queue: &str, now: Time) -> Result<(), Broken> {
        let known = self.messages.entry(id.to_owned()).or_insert_with(|| Known::new(number, queue, now));
        // Who sends another under the same de-duplication id is told of the first.
        let dedup = |number| self.sent.get(number).and_then(|sent| sent.dedup.as_ref());
        if known.number != number && (dedup(&number).is_none() || dedup(&number) != dedup(&known.number)) {
            return broken(format!("message {id} is acknowledged for job {number} and is job {}", known.number));
        }
        self.acknowledged += u64::from(!known.acknowledged);
        known.acknowledged = true;
        Ok(())
    }

    /// A client received a message by a request that it made at `asked`, in the present life of the house. If it `may_repeat` another
    /// the lease may have begun with that.
    ///
    /// # Errors
    /// It must not look like this.
    #[expect(clippy::too_many_arguments, reason = "what a client knows of a receive")]
    pub fn receives(
        &mut self,
        message: &Message,
        queue: &str,
        lease_secs: u64,
        asked: Time,
        now: Time,
        life: u64,
        may_repeat: bool,
    ) -> Result<(), Broken> {
        self.received += 1;
        let Message { id, body, count, .. } = message;
        let Some(number) = number_in(body.as_bytes()) else {
            return broken(format!("message {id} has a body that nobody sent: {:.60}", body));
        };
        let Some(sent) = self.sent.get(&number) else {
            return broken(format!("message {id} is job {number}, which nobody sent"));
        };
        if sent.body != *body || sent.group != message.group {
            return broken(format!("job {number} is not as it was sent: {body:.60} of {:?}", message.group));
        }
        if now < sent.first_asked + sent.delay_secs * SECOND && life == 0 {
            return broken(format!("job {number} came before its delay of {} s was over", sent.delay_secs));
        }
        let known = self.messages.entry(id.clone()).or_insert_with(|| Known::new(number, queue, now));
        if known.queue != queue {
            // It came here as a dead letter; since when it is here nobody was told.
            (known.queue, known.known_since) = (queue.to_owned(), now);
        }
        let purges = self.purges.get(&known.queue).map_or(&[][..], Vec::as_slice);
        if purges.iter().any(|&(purge_asked, done)| known.known_since < purge_asked && done < asked) {
            return broken(format!("job {number} was purged and came back"));
        }
        let dedup = |number| self.sent.get(number).and_then(|sent| sent.dedup.as_ref());
        if known.number != number && sent.dedup.is_some() && sent.dedup.as_ref() == dedup(&known.number) {
            // Who was told of it had sent another under the same de-duplication id.
            known.number = number;
        }
        if known.number != number {
            return broken(format!("message {id} is job {number} and was job {}", known.number));
        }
        if known.receives.contains_key(count) {
            return broken(format!("job {number} was received twice with count {count}"));
        }
        if let Some(before) = known.receives.get(&(count - 1)) {
            let held_until = before.asked + before.lease_secs * SECOND;
            // Who finishes what has gone to the dead letters meanwhile was too late.
            if before.queue == queue && before.finished.is_some_and(|finished| finished < asked) {
                return broken(format!("job {number} was finished under count {} and came back", count - 1));
            }
            if !before.changed && before.life == life && now < held_until {
                return broken(format!("job {number} was received at {now} while held until {held_until}"));
            }
        }
        let seen = Seen { queue: queue.to_owned(), asked, life, lease_secs, changed: may_repeat, finished: None };
        known.receives.insert(*count, seen);
        Ok(())
    }

    /// A client asks to finish a message, or to change its lease.
    pub fn asks_about(&mut self, id: &str, count: u32, to_finish: bool) {
        let Some(known) = self.messages.get_mut(id) else { return };
        known.finish_asked |= to_finish;
        if let Some(seen) = known.receives.get_mut(&count) {
            seen.changed = true;
        }
    }

    /// It was answered that a queue is purged or deleted, as was asked for then.
    pub fn purged(&mut self, queue: &str, asked: Time, now: Time) {
        self.purges.entry(queue.to_owned()).or_default().push((asked, now));
    }

    /// It was answered that a message is finished.
    pub fn finished(&mut self, id: &str, count: u32, now: Time) {
        if let Some(seen) = self.messages.get_mut(id).and_then(|known| known.receives.get_mut(&count)) {
            seen.finished.get_or_insert(now);
        }
    }

    /// After all is healed and every queue is empty. `place` tells what a message's id stands for, and `gone` where messages were that were
    /// purged or whose time had passed.
    ///
    /// # Errors
    /// A message that was acknowledged never came.
    pub fn check_end(&self, place: impl Fn(&str) -> Option<Place>, gone: &BTreeSet<Place>) -> Result<(), Broken> {
        // One that was moved is finished under another id. Its place tells that it is the same; its number may be another's, who sent it
        // once more under one de-duplication id.
        let finished = self.messages.iter().filter(|(_, known)| known.finish_asked);
        let finished: BTreeSet<Place> = finished.filter_map(|(id, _)| place(id)).collect();
        for (id, known) in self.messages.iter().filter(|(_, known)| known.acknowledged && !known.finish_asked) {
            if place(id).is_none_or(|place| !finished.contains(&place) && !gone.contains(&place)) {
                let what = format!(
                    "job {} was acknowledged as {id}, received {} times, never finished, and is gone",
                    known.number,
                    known.receives.len()
                );
                return Err(Broken::new("told", what));
            }
        }
        Ok(())
    }
}
