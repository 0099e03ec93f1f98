//! Looks: reads of the state as it is, and of the engine itself. No command, and nothing that grows with what there is. On one of several nodes most wait for
//! an entry that shows that they read no old state.

use super::Engine;
use crate::{
    CallId, Errand,
    fault::{self, Fault},
    read::house,
    request::{Answer, Description, EngineError, House, Look, Looked, QueueName, Request},
};
use bytes::Bytes;
use evenkeel_log::Log;

impl<L: Log> Engine<L> {
    /// Whether a look must wait until an entry has shown that this node still owns the log: another may, since before it was asked, and this one has not
    /// heard of it. What people and monitoring look at need not, and would have an idle node write; nor a body, whose place was told before.
    pub(super) fn must_be_proven(&self, request: &Request) -> bool {
        let for_people = matches!(
            request,
            Request::Look(
                Look::House | Look::Rows { .. } | Look::Row(_) | Look::Next { .. } | Look::Body(_) | Look::Sent(_)
            )
        );
        self.log.guarantees().replicated && !for_people && !fault::is(Fault::ReadUnproven)
    }

    /// The entry that they waited for is applied: what there is now is what there was when they were asked, or newer.
    pub(super) fn take_looks(&mut self, looks: Vec<(CallId, Request)>) {
        for (call, request) in looks {
            match request {
                Request::Look(look) => self.look(call, &look),
                Request::Describe(name) => self.describe(call, &name),
                Request::Propose(_) | Request::Receive(_) | Request::Skip(_) => unreachable!("only looks wait so"),
            }
        }
    }

    pub(super) fn refuse_looks(&mut self, looks: Vec<(CallId, Request)>, error: EngineError) {
        self.answers.extend(looks.into_iter().map(|(call, _)| (call, Answer::Failed(error))));
    }

    pub(super) fn describe(&mut self, call: CallId, name: &QueueName) {
        let description = Description::of(&self.machine, name.key());
        self.answers.push((call, Answer::Described(description)));
    }

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
