//! Turns between groups: weights, bounds, limits, and what a job costs.

use crate::script::Script;
use evenkeel_machine::command::{FairBy, QueueSettings};
use evenkeel_types::Micros;
use std::collections::BTreeMap;

#[test]
fn a_quiet_tenant_is_served_at_once_behind_a_hundred_thousand_jobs() {
    let mut script = Script::new(QueueSettings::default());
    script.send("noisy", 100_000);
    script.send("quiet", 10);
    let served = script.serve(30);
    let places: Vec<_> = (0..served.len()).filter(|&at| served[at] == "quiet").collect();
    assert!(places[0] <= 1, "{places:?}");
    assert!(places[9] <= 19, "{places:?}");
}

#[test]
fn a_newcomer_behind_ten_thousand_tenants_waits_for_at_most_one_round() {
    let mut script = Script::new(QueueSettings::default());
    for tenant in 0..10_000 {
        script.send(&format!("tenant-{tenant}"), 2);
    }
    script.serve(2_500);
    script.send("quiet", 2);
    let served = script.serve(20_000);
    let places: Vec<_> = (0..served.len()).filter(|&at| served[at] == "quiet").collect();
    assert!(places[0] <= 10_000, "{places:?}");
    assert!(places[1] - places[0] <= 10_001, "{places:?}");
}

#[test]
fn a_heavy_groups_turns_are_spread_between_those_of_the_others() {
    let mut script = Script::new(QueueSettings::default());
    script.configure_group("heavy", 3, 0);
    script.send("heavy", 300);
    for light in ["a", "b", "c"] {
        script.send(light, 100);
    }
    let served = script.serve(600);
    // Three of six turns are heavy's, and never three in a row without another's between.
    for window in served[6..594].windows(12) {
        let heavy = window.iter().filter(|group| *group == "heavy").count();
        assert!((5..=7).contains(&heavy), "{window:?}");
    }
}

#[test]
fn between_two_turns_of_a_group_no_other_gets_more_than_its_weight_allows() {
    // The bound of `queue/turns.rs`, for a spread of weights, with everybody backlogged.
    let weights = [1u8, 2, 3, 7, 10, 33, 50, 99, 100];
    let mut script = Script::new(QueueSettings::default());
    for weight in weights {
        let group = format!("w{weight}");
        script.configure_group(&group, weight, 0);
        script.send(&group, 40 * usize::from(weight));
    }
    let served = script.serve(6_000);
    for mine in weights {
        let name = format!("w{mine}");
        let mut between: BTreeMap<&str, usize> = BTreeMap::new();
        let mut seen = false;
        for group in &served {
            if *group == name {
                for (&other, &count) in between.iter().filter(|_| seen) {
                    let weight: usize = other[1..].parse().unwrap();
                    let bound = weight.div_ceil(mine.into()) + 1;
                    assert!(count <= bound, "{other} had {count} turns between two of {name}, at most {bound}");
                }
                between.clear();
                seen = true;
            } else {
                *between.entry(group).or_default() += 1;
            }
        }
    }
}

#[test]
fn shares_are_as_the_weights_over_a_long_run() {
    let mut script = Script::new(QueueSettings { default_weight: 5, ..QueueSettings::default() });
    script.configure_group("b", 10, 0);
    script.send("", 2_000);
    script.send("a", 2_000);
    script.send("b", 2_000);
    let served = script.serve(1_600);
    let count = |name: &str| served.iter().filter(|group| *group == name).count();
    assert!((497..=503).contains(&count("")), "default lane: {}", count(""));
    assert!((97..=103).contains(&count("a")), "a: {}", count("a"));
    assert!((997..=1_003).contains(&count("b")), "b: {}", count("b"));
}

#[test]
fn leaving_and_coming_back_gains_no_turns() {
    // A tenant that sends one job at a time, each as soon as the last is done, gets its share and no more.
    let mut script = Script::new(QueueSettings::default());
    for tenant in 0..9 {
        script.send(&format!("t{tenant}"), 200);
    }
    let (mut mine, mut waiting) = (0, false);
    for _ in 0..1_000 {
        if !waiting {
            script.send("hopper", 1);
            waiting = true;
        }
        if script.serve(1) == ["hopper"] {
            (mine, waiting) = (mine + 1, false);
        }
    }
    assert!((95..=105).contains(&mine), "{mine} of 1,000 turns among ten tenants");
}

/// Ten workers, two tenants with endless work: a long job takes a minute, a short one two seconds. Tells how many workers
/// the long jobs held at most, and on average in per cent, once the first long jobs have ended.
fn workers_held_by_long_jobs(fair_by: FairBy) -> (usize, u64) {
    let mut script = Script::new(QueueSettings { fair_by, ..QueueSettings::default() });
    script.send("long", 1_000);
    script.send("short", 2_000);
    let begun = script.now;
    let mut busy: Vec<(u64, evenkeel_machine::Grant)> = Vec::new();
    let (mut most, mut held, mut whole) = (0, 0, 0);
    while script.now < begun + 600_000_000 {
        while busy.len() < 10 {
            let grant = script.receive_for(1, Micros::from_secs(600)).pop().unwrap();
            let seconds = if &*grant.group == "long" { 60 } else { 2 };
            busy.push((script.now + seconds * 1_000_000, grant));
        }
        let long = busy.iter().filter(|(_, grant)| &*grant.group == "long").count();
        let at = (0..busy.len()).min_by_key(|&at| busy[at].0).unwrap();
        let (ends, grant) = busy.swap_remove(at);
        if script.now > begun + 65_000_000 {
            most = most.max(long);
            held += long as u64 * (ends - script.now);
            whole += 10 * (ends - script.now);
        }
        script.now = ends;
        script.ack(&grant).unwrap();
    }
    script.machine.audit().unwrap();
    (most, held * 100 / whole)
}

#[test]
fn with_lease_time_a_tenant_with_long_jobs_cannot_hold_every_worker() {
    let (most, share) = workers_held_by_long_jobs(FairBy::LeaseTime);
    assert!(most <= 7, "long jobs held {most} of 10 workers");
    assert!((40..=60).contains(&share), "long jobs held the workers {share} % of the time");
    // Counting jobs, they do: that is what the setting is for.
    let (most, share) = workers_held_by_long_jobs(FairBy::Count);
    assert!(most == 10 && share > 90, "{most} of 10, {share} %");
}

#[test]
fn one_receive_takes_from_several_groups() {
    let mut script = Script::new(QueueSettings::default());
    for group in ["a", "b", "c"] {
        script.send(group, 10);
    }
    let grants = script.receive_for(6, Micros::from_secs(30));
    let groups: Vec<_> = grants.iter().map(|grant| &*grant.group).collect();
    assert_eq!(groups, ["a", "b", "c", "a", "b", "c"]);
}

#[test]
fn a_group_at_its_limit_rests_until_one_of_its_leases_ends() {
    let mut script = Script::new(QueueSettings { group_in_flight_max: 2, ..QueueSettings::default() });
    script.configure_group("wide", 1, 3);
    script.send("narrow", 10);
    script.send("wide", 10);
    let grants = script.receive_for(10, Micros::from_secs(30));
    let of = |name: &str| grants.iter().filter(|grant| &*grant.group == name).count();
    assert_eq!((of("narrow"), of("wide")), (2, 3));
    assert!(script.receive().is_none(), "both are at their limits");
    let narrow = grants.iter().find(|grant| &*grant.group == "narrow").unwrap();
    script.ack(narrow).unwrap();
    assert_eq!(script.receive_for(10, Micros::from_secs(30)).len(), 1);
    script.machine.audit().unwrap();
    script.wait(31_000_000);
    assert_eq!(script.receive_for(10, Micros::from_secs(30)).len(), 5, "all leases ran out");
}

#[test]
fn lanes_that_owe_nothing_are_forgotten() {
    let mut script = Script::new(QueueSettings::default());
    for tenant in 0..5_000 {
        script.send(&format!("tenant-{tenant}"), 1);
    }
    assert_eq!(script.machine.queues().sizes(), (1, 5_000, 5_000));
    script.serve(5_000);
    let (_, lanes, jobs) = script.machine.queues().sizes();
    assert_eq!(jobs, 0);
    assert!(lanes > 0, "not all in one step");
    for _ in 0..10 {
        assert!(script.machine.next_due().is_some() || script.machine.queues().sizes().1 == 0);
        script.wait(0);
    }
    assert_eq!(script.machine.queues().sizes(), (1, 0, 0));
    assert_eq!(script.machine.next_due(), None, "and then there is nothing left to do");
}
