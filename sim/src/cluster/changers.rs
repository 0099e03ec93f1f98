//! Changers: clients that make, change and delete the same few queues, under numbers of their own. They ask again when they were told nothing, and now and
//! then though they were told, as a call that comes late does.
//!
//! **Who was told that a change was made is told so again, whatever others did to the queue in the meantime.** That nothing is made twice is judged in the
//! log ([`crate::invariants::repeats`]).

use super::{
    Event, World,
    clients::{Client, Retry, Way},
};
use crate::{
    ask::{Ask, Told},
    clock::{MILLISECOND, SECOND},
    invariants::Broken,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Queues that any of them makes: so few that they get in each other's way. One that was there already is found, which changes nothing.
const SHARED: [&str; 2] = ["plaything-0", "plaything-1"];
/// How many are known of the queues that one of them made under a name that only it makes.
const OWN_KNOWN: usize = 2;
/// A call is repeated at most so often.
const REPEATS_MAX: u32 = 12;

/// What changers were told, by the number of the call.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Calls that may be judged: all whose first attempt came when calls were known already, and that change something.
    judged: BTreeSet<String>,
    /// What was made.
    made: BTreeMap<String, Ask>,
    /// The newest queues of their own.
    own: VecDeque<String>,
}

impl World {
    pub(super) fn changer_acts(&mut self, client: Client) {
        let known: Vec<String> =
            SHARED.iter().map(|&name| name.to_owned()).chain(self.changes.own.iter().cloned()).collect();
        let queue = self.whims.pick(&known).clone();
        let lease = |seconds: u64| vec![("VisibilityTimeout".to_owned(), seconds.to_string())];
        let ask = match self.whims.below(10) {
            0 | 1 => Ask::Create { queue: self.own_queue(), attributes: lease(self.whims.between(10, 12)) },
            2 => {
                let queue = (*self.whims.pick(&SHARED)).to_owned();
                Ask::Create { queue, attributes: lease(self.whims.between(10, 12)) }
            }
            3 | 4 => Ask::DeleteQueue { queue },
            5 => {
                let share = format!("{{\"weight\":{},\"in_flight_limit\":0}}", self.whims.span(1, 50));
                Ask::Configure { queue, attributes: vec![("EvenkeelGroup.group-0".to_owned(), share)] }
            }
            _ => Ask::Configure { queue, attributes: lease(self.whims.between(10, 60)) },
        };
        self.ask(client, ask);
    }

    /// A name that nobody made before.
    fn own_queue(&mut self) -> String {
        let name = format!("own-{}", self.ops_made);
        self.changes.own.push_back(name.clone());
        if self.changes.own.len() > OWN_KNOWN {
            self.changes.own.pop_front();
        }
        name
    }

    /// A changer begins a call.
    pub(super) fn changer_asks(&mut self, ask: &Ask, way: &Way) {
        let may_find = matches!(ask, Ask::Create { queue, .. } if SHARED.contains(&queue.as_str()));
        let level = self.witness.machine.feature_level();
        // What is noted of calls may be forgotten too early by clocks that jump.
        if level >= self.witness.machine.build().once_since && !self.profile.clocks_err && !may_find {
            self.changes.judged.extend(way.invocation.clone());
        }
    }

    pub(super) fn changer_is_told(
        &mut self,
        client: Client,
        ask: Ask,
        told: &Told,
        way: Way,
        again: u32,
        is_open: bool,
    ) -> Result<(), Broken> {
        let call = way.invocation.clone().unwrap_or_default();
        match told {
            Told::Done if self.changes.made.contains_key(&call) => self.counts.changes_told_again += 1,
            Told::Done => {
                self.counts.changes_made += 1;
                if self.changes.judged.contains(&call) {
                    self.changes.made.insert(call, ask.clone());
                }
            }
            Told::Refused(words) if !is_open => {
                if let Some(made) = self.changes.made.get(&call) {
                    let what = format!("{made:?} was made, and refused when it was repeated: {words}");
                    return Err(Broken::new("repeats", what));
                }
            }
            _ => {}
        }
        if is_open && again < REPEATS_MAX && self.whims.chance(900) {
            self.again(client, ask, way, again, self.now);
        } else if *told == Told::Done && again < REPEATS_MAX && self.whims.chance(400) {
            let late = self.whims.span(10 * MILLISECOND, 6 * SECOND);
            let retry = Retry { client, ask, way, again: again + 1, first_asked: self.now };
            self.schedule.at(self.now + late, Event::Again(Box::new(retry)));
        } else {
            self.turn(client, self.profile.pause);
        }
        Ok(())
    }
}
