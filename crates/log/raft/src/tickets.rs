//! Proposals of this owner that have no answer yet, in order.

use evenkeel_log::Ticket;
use evenkeel_types::LogIndex;
use std::collections::VecDeque;

enum Fate {
    /// It stands at this index, written under this term.
    At(LogIndex, u64),
    Refused,
}

/// What the owner waits for.
#[derive(Default)]
pub(crate) struct Tickets(VecDeque<(Ticket, Fate)>);

impl Tickets {
    pub(crate) fn stands_at(&mut self, ticket: Ticket, index: LogIndex, term: u64) {
        self.0.push_back((ticket, Fate::At(index, term)));
    }

    pub(crate) fn refuse(&mut self, ticket: Ticket) {
        self.0.push_back((ticket, Fate::Refused));
    }

    /// What stood behind `after` was removed in favour of another owner's.
    pub(crate) fn truncate(&mut self, after: LogIndex) {
        for (_, fate) in &mut self.0 {
            if matches!(fate, Fate::At(index, _) if *index > after) {
                *fate = Fate::Refused;
            }
        }
    }

    /// An entry is committed: whose answer is it?
    pub(crate) fn committed(&mut self, index: LogIndex, term: u64) -> Option<Ticket> {
        let (ticket, fate) = self.0.front_mut()?;
        let ticket = *ticket;
        match *fate {
            Fate::At(at, under) if at == index && under == term => {
                self.0.pop_front();
                Some(ticket)
            }
            Fate::At(at, _) if at == index => {
                *fate = Fate::Refused;
                None
            }
            Fate::At(..) | Fate::Refused => None,
        }
    }

    /// The next refusal that can be told. Answers come in the order of proposal, so it waits for those before it.
    pub(crate) fn next_refused(&mut self) -> Option<Ticket> {
        match self.0.front() {
            Some((ticket, Fate::Refused)) => {
                let ticket = *ticket;
                self.0.pop_front();
                Some(ticket)
            }
            _ => None,
        }
    }
}
