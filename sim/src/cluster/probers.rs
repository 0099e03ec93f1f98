//! Probers: a few clients with a small queue of their own, who do one thing after the other and ask until they are told. What they did is
//! judged as a whole: [`super::linear`].

use super::{
    World,
    clients::{Client, Way},
    linear::{Call, Verdict, What},
};
use crate::{
    ask::{Ask, HeldMessage, Told},
    clock::{SECOND, Time},
    invariants::Broken,
    witness::number_in,
};
use std::collections::BTreeSet;

/// Their queue.
pub(crate) const QUEUE: &str = "probes";
/// What one of them does at most.
const CALLS_MAX: usize = 14;

/// What probers did, and what they hold.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    calls: Vec<Call>,
    /// Who holds what.
    held: Vec<(u32, u64, HeldMessage)>,
    /// How many calls each has begun.
    begun: Vec<(u32, usize)>,
    /// Received by a call that was repeated: when an early one comes late, it gets the job under a new handle, and the one that is held is void.
    shaky: BTreeSet<u64>,
}

impl Probes {
    fn begun(&mut self, prober: u32) -> &mut usize {
        let at = self.begun.iter().position(|(of, _)| *of == prober).unwrap_or(self.begun.len());
        if at == self.begun.len() {
            self.begun.push((prober, 0));
        }
        &mut self.begun.get_mut(at).expect("it was just made").1
    }
}

impl World {
    pub(super) fn prober_acts(&mut self, prober: u32) {
        let begun = self.probes.begun(prober);
        // One look at the end of all.
        if *begun >= CALLS_MAX {
            return;
        }
        *begun += 1;
        let mine = self.probes.held.iter().position(|(of, ..)| *of == prober);
        let queue = QUEUE.to_owned();
        let ask = match (self.whims.below(10), mine) {
            (0..=3, _) => {
                let message = self.new_message(20);
                Ask::Send { queue, messages: vec![message], batch: false }
            }
            (4..=5, Some(at)) => {
                let (.., held) = self.probes.held.swap_remove(at);
                Ask::Delete { queue, held: vec![held], batch: false }
            }
            (6..=7, _) => Ask::Counts { queue },
            _ => Ask::Receive { queue, max: 1, wait_secs: Some(0), lease_secs: None, attempt: None },
        };
        self.ask(Client::Prober(prober), ask);
    }

    pub(super) fn prober_is_told(
        &mut self,
        prober: u32,
        ask: Ask,
        told: Told,
        way: Way,
        again: u32,
        asked: Time,
    ) -> Result<(), Broken> {
        let now = self.now;
        let mut note = |what: What, to: Option<Time>| self.probes.calls.push(Call { from: asked, to, what });
        let number = |ask: &Ask| match ask {
            Ask::Send { messages, .. } => messages.first().map_or(0, |message| message.number),
            _ => 0,
        };
        match (&ask, &told) {
            (Ask::Send { .. }, Told::Sent(results)) => match results.first() {
                Some(Ok(id)) => {
                    note(What::Send(number(&ask)), Some(now));
                    self.to_confirm.push(number(&ask));
                    self.account.is_known_as(number(&ask), id)?;
                }
                _ => note(What::Send(number(&ask)), None),
            },
            (Ask::Receive { .. }, Told::Received(messages)) => match messages.first() {
                Some(message) => {
                    let number = number_in(message.body.as_bytes()).unwrap_or(0);
                    note(What::Receive(number), Some(now));
                    if again > 0 {
                        self.probes.shaky.insert(number);
                    }
                    self.account.is_known_as(number, &message.id)?;
                    let (id, handle) = (message.id.clone(), message.handle.clone());
                    self.probes.held.push((prober, number, HeldMessage { id, count: message.count, handle }));
                }
                // What was asked before may still be done, and nobody will hear of it.
                None if again > 0 => note(What::MaybeReceive, None),
                // A receive that finds nothing promises nothing.
                None => {}
            },
            (Ask::Delete { held, .. }, Told::Deleted(_)) => {
                let number = self.probes_number(held.first());
                let to = (!self.probes.shaky.contains(&number)).then_some(now);
                self.probes.calls.push(Call { from: asked, to, what: What::Delete(number) });
            }
            (Ask::Counts { .. }, Told::Counts([ready, leased, _])) => {
                note(What::Counts { ready: *ready, leased: *leased }, Some(now));
            }
            (Ask::Counts { .. }, _) => {}
            _ if again < 200 => {
                self.again(Client::Prober(prober), ask, way, again, asked);
                return Ok(());
            }
            _ => return Err(Broken::new("liveness", format!("prober {prober} was never told: {told:?}"))),
        }
        // So that they last for the whole run.
        let pause = (self.profile.runs_for / CALLS_MAX as u64).max(SECOND / 10) * 2;
        self.turn(Client::Prober(prober), pause);
        Ok(())
    }

    fn probes_number(&self, held: Option<&HeldMessage>) -> u64 {
        held.map_or(0, |held| self.account.number_of(&held.id))
    }

    /// Judges what the probers did.
    pub(super) fn judge_probes(&mut self) -> Result<(), Broken> {
        let calls = &self.probes.calls;
        if calls.is_empty() {
            // Clocks that err, most likely: then leases end too early to be judged by.
            return Ok(());
        }
        match super::linear::judge(calls) {
            Verdict::Linearizable => {
                self.counts.histories += 1;
                self.counts.history_calls += calls.len() as u64;
                Ok(())
            }
            Verdict::Undecided => {
                self.counts.histories_undecided += 1;
                Ok(())
            }
            Verdict::Not => {
                let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
                Err(Broken::new("linear", format!("no order explains: {}", calls.join("; "))))
            }
        }
    }
}
