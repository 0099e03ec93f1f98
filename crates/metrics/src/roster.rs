//! Which queues are told of by name: so many at most, the rest as one.
//!
//! Whoever is on the roster stays as long as it exists, so that a series is not cut because another queue grew. A place that comes
//! free is taken by who comes next. The rest is added up under one name, and must never seem to fall when a queue leaves it (deleted, or
//! to a place on the roster): Prometheus would take that for a restart and count all of it again. So it grows by what is
//! seen to be added, and what a queue brought before it left stays in it.

use crate::Figures;
use std::collections::BTreeMap;

/// The roster.
#[derive(Debug)]
pub struct Roster<K> {
    places: usize,
    /// Figures of the last round.
    named: BTreeMap<K, Figures>,
    rest: Figures,
    /// Of the rest, as told.
    told: Figures,
}

/// A walk through all queues.
#[derive(Debug)]
pub struct Round<K> {
    places: usize,
    /// Those on the roster, with their figures once they were seen.
    named: BTreeMap<K, Option<Figures>>,
    rest: Figures,
    rest_count: u64,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<K> {
    /// By name.
    pub named: Vec<(K, Figures)>,
    /// The rest together; `None` if there never was more than can be named.
    pub other: Option<Figures>,
    /// How many queues are in the rest.
    pub other_count: u64,
}

impl<K: Ord + Clone> Roster<K> {
    /// An empty one with so many places.
    #[must_use]
    pub fn new(places: usize) -> Self {
        Self { places, named: BTreeMap::new(), rest: Figures::default(), told: Figures::default() }
    }

    /// Begins a round. Others may begin before it ends.
    #[must_use]
    pub fn begin(&self) -> Round<K> {
        let named = self.named.keys().map(|key| (key.clone(), None)).collect();
        Round { places: self.places, named, rest: Figures::default(), rest_count: 0 }
    }

    /// Ends a round: what is to be told.
    pub fn end(&mut self, round: Round<K>) -> Shown<K> {
        let Round { named, rest, rest_count, .. } = round;
        self.named = named.into_iter().filter_map(|(key, figures)| Some((key, figures?))).collect();
        let before = std::mem::replace(&mut self.rest, rest);
        let grown = rest.totals.iter().zip(before.totals).map(|(now, before)| now.saturating_sub(before));
        let mut totals = self.told.totals;
        totals.iter_mut().zip(grown).for_each(|(total, more)| *total += more);
        self.told = Figures { totals, ..rest };
        let was_any = rest_count > 0 || totals.iter().any(|&total| total > 0);
        Shown {
            named: self.named.iter().map(|(key, figures)| (key.clone(), *figures)).collect(),
            other: was_any.then_some(self.told),
            other_count: rest_count,
        }
    }
}

impl<K: Ord + Clone> Round<K> {
    /// A queue, as it is.
    pub fn see(&mut self, key: &K, figures: &Figures) {
        if let Some(place) = self.named.get_mut(key) {
            *place = Some(*figures);
        } else if self.named.len() < self.places {
            self.named.insert(key.clone(), Some(*figures));
        } else {
            self.rest.add(figures);
            self.rest_count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(ready: u64, sent: u64) -> Figures {
        let mut figures = Figures { ready, ..Figures::default() };
        figures.totals[0] = sent;
        figures
    }

    fn round(roster: &mut Roster<&'static str>, queues: &[(&'static str, Figures)]) -> Shown<&'static str> {
        let mut round = roster.begin();
        queues.iter().for_each(|(name, figures)| round.see(name, figures));
        roster.end(round)
    }

    fn names(shown: &Shown<&'static str>) -> Vec<&'static str> {
        shown.named.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn who_is_on_the_roster_stays_and_free_places_are_taken() {
        let mut roster = Roster::new(2);
        let all = [("b", queue(1, 1)), ("c", queue(1, 1)), ("d", queue(9, 9))];
        assert_eq!(names(&round(&mut roster, &all)), ["b", "c"]);
        let more = [("a", queue(5, 5)), ("b", queue(0, 1)), ("c", queue(1, 1)), ("d", queue(9, 9))];
        let shown = round(&mut roster, &more);
        assert_eq!((names(&shown), shown.other_count), (vec!["b", "c"], 2));
        assert_eq!(shown.other.map(|other| (other.ready, other.totals[0])), Some((14, 14)));
        let without_b = [("a", queue(5, 5)), ("c", queue(1, 1)), ("d", queue(9, 9))];
        assert_eq!(names(&round(&mut roster, &without_b)), ["c"]);
        assert_eq!(names(&round(&mut roster, &without_b)), ["a", "c"]);
    }

    #[test]
    fn what_the_rest_has_counted_never_falls() {
        let mut roster = Roster::new(1);
        let sent = |shown: Shown<_>| shown.other.map(|other| other.totals[0]);
        assert_eq!(sent(round(&mut roster, &[("a", queue(0, 3))])), None);
        assert_eq!(sent(round(&mut roster, &[("a", queue(0, 3)), ("b", queue(0, 10))])), Some(10));
        assert_eq!(sent(round(&mut roster, &[("a", queue(0, 3))])), Some(10), "b was deleted");
        assert_eq!(sent(round(&mut roster, &[("a", queue(0, 3)), ("c", queue(0, 4))])), Some(14));
        assert_eq!(sent(round(&mut roster, &[("a", queue(0, 3)), ("c", queue(0, 6))])), Some(16));
    }

    #[test]
    fn without_places_all_are_the_rest() {
        let mut roster = Roster::new(0);
        let shown = round(&mut roster, &[("a", queue(1, 1)), ("b", queue(2, 2))]);
        assert_eq!((shown.named.len(), shown.other.map(|other| other.ready)), (0, Some(3)));
    }
}
