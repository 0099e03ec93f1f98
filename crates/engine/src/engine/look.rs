//! Looks: reads of the state as it is, and of the engine itself. No command, and nothing that grows with what there is.

use super::Engine;
use crate::{
    CallId, Errand,
    read::house,
    request::{Answer, House, Look, Looked},
};
use bytes::Bytes;
use evenkeel_log::Log;

impl<L: Log> Engine<L> {
    pub(super) fn look(&mut self, call: CallId, look: &Look) {
        if let Look::Body(body) = look {
            match self.tail.body(*body) {
                Some(bytes) => self.answers.push((call, Answer::Looked(Ok(Looked::Body(Some(bytes)))))),
                None => {
                    self.reading += 1;
                    self.errands.push(Errand::ReadBody { call, body: *body });
                }
            }
            return;
        }
        let mut looked = look.at(&self.machine);
        match &mut looked {
            Ok(Looked::House(seen)) => **seen = self.house(),
            Ok(Looked::Rows(rows)) => {
                for row in rows {
                    row.received = self.received.get(&row.queue.id).copied().unwrap_or_default();
                }
            }
            _ => {}
        }
        self.answers.push((call, Answer::Looked(looked)));
    }

    /// What could be read. Who asked may have been overtaken: the job is finished, and its body no more.
    pub(super) fn body_read(&mut self, call: CallId, body: Option<Bytes>) {
        self.reading -= 1;
        self.answers.push((call, Answer::Looked(Ok(Looked::Body(body)))));
    }

    fn house(&self) -> House {
        House {
            totals: self.totals,
            waiting: self.waiters.len(),
            unsynced_bytes: self.unsynced_bytes(),
            is_full: self.is_full(),
            ..house(&self.machine)
        }
    }
}
