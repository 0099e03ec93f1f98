//! Profiles: what kind of day the cluster of a seed has.

use crate::{
    clock::{MILLISECOND, SECOND, Time},
    keeping::Keeping,
    profile::Role,
    rng::Rng,
};

/// How likely each fault is, in thousandths a simulated second for the whole cluster, unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// A process is killed.
    pub kill: u32,
    /// A node loses power.
    pub power_cut: u32,
    /// All nodes lose power.
    pub blackout: u32,
    /// A disk dies after some more operations.
    pub disk_dies: u32,
    /// A sync fails.
    pub sync_fails: u32,
    /// A disk is full for a while.
    pub disk_full: u32,
    /// Syncs of a node are slow for a while.
    pub slow_disk: u32,
    /// A process stands still for a while.
    pub pause: u32,
    /// The calendar of a node jumps.
    pub wall_jump: u32,
    /// The network is cut in some way for a while.
    pub partition: u32,
    /// The leader is asked to hand over.
    pub hand_over: u32,
    /// A process is killed, and stays away for so long that the others have dropped the log that it needs.
    pub absence: u32,
    /// Something is written that nobody can apply.
    pub poison: u32,
    /// A healthy member is removed, and another joins.
    pub churn: u32,
    /// Of a thousand restarts, those that find a flipped bit.
    pub damage: u32,
    /// Of a thousand messages between nodes, those that are lost.
    pub message_lost: u32,
    /// Of a thousand, those that come twice.
    pub message_doubled: u32,
    /// Of a thousand, those that come late, behind others.
    pub message_late: u32,
    /// Of a thousand requests of clients, those that arrive twice.
    pub request_doubled: u32,
    /// Of a thousand replies, those that never arrive.
    pub reply_lost: u32,
}

/// What a seed simulates.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Nodes that are to vote.
    pub nodes: usize,
    /// The first begins alone, and the others join it.
    pub grows: bool,
    /// What goes wrong.
    pub faults: FaultRates,
    /// How long clients work before everything heals.
    pub runs_for: Time,
    /// Queues, each with its role.
    pub queues: Vec<Role>,
    /// Groups per queue.
    pub groups: u32,
    /// Clients that send.
    pub senders: u32,
    /// Clients that work.
    pub workers: u32,
    /// Clients that make, change and delete queues.
    pub changers: u32,
    /// Clients whose small histories are judged as a whole.
    pub probers: u32,
    /// The nodes begin with an older version, and get a newer one in the middle of it.
    pub upgrades: bool,
    /// Between two things that a client does, at most.
    pub pause: Time,
    /// The longest lease asked for, in seconds.
    pub lease_secs: u64,
    /// The largest body.
    pub body_bytes: u64,
    /// Of a thousand times, those that an engine's thread comes late to its work.
    pub lazy_engines: u32,
    /// Elections, power cuts and slow syncs come all the time: what is promised before it is synced shows then.
    pub is_stormy: bool,
    /// Calendars may jump, or clocks run fast: then leases end when log time says, and that is not true time.
    pub clocks_err: bool,
    /// The log's segments.
    pub segment_bytes: u64,
    /// Log between two checkpoints.
    pub checkpoint_every: u64,
    /// How files are kept.
    pub keeping: Keeping,
}

impl Profile {
    /// The one of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 201);
        let clocks_err = rng.chance(250);
        let mut faults = fault_rates(&mut rng);
        if !clocks_err {
            faults.wall_jump = 0;
        }
        let is_stormy = faults != FaultRates::default() && rng.chance(300);
        if is_stormy {
            faults = FaultRates { power_cut: 500, slow_disk: 800, partition: 600, hand_over: 300, ..faults };
        }
        // Drawn apart: other seeds are as they were.
        if faults != FaultRates::default() && Rng::new(seed, 204).chance(150) {
            faults.poison = 100;
        }
        let body_bytes = if rng.chance(100) { 20_000 } else { 400 };
        let mut keeping = Keeping::of(&mut rng, body_bytes);
        // A single node's affair.
        (keeping.what_if_within, keeping.what_if_behind, keeping.dies_within) = (0, 0, 0);
        let mut queues = vec![Role::default()];
        if rng.chance(500) {
            queues.push(Role { is_fifo: true, by_group: rng.chance(500), ..Role::default() });
        }
        // Large bodies in small segments would be a segment each, on every node.
        let scale = if body_bytes > 1_000 { 8 } else { 1 };
        Self {
            nodes: if rng.chance(250) { 5 } else { 3 },
            grows: rng.chance(300),
            faults,
            runs_for: rng.between(15, 45) * SECOND,
            queues,
            groups: u32::try_from(rng.between(1, 6)).unwrap_or(1),
            senders: 3,
            workers: 4,
            changers: 2,
            probers: if clocks_err { 0 } else { 3 },
            pause: rng.between(100, 600) * MILLISECOND,
            lease_secs: 10,
            body_bytes,
            lazy_engines: if rng.chance(400) { 100 } else { 5 },
            is_stormy,
            clocks_err,
            segment_bytes: scale * rng.span(6 * 1024, 64 * 1024),
            checkpoint_every: scale * rng.span(4 * 1024, 64 * 1024),
            keeping,
            upgrades: rng.chance(300),
        }
    }
}

fn fault_rates(rng: &mut Rng) -> FaultRates {
    let mut rates = FaultRates::default();
    // One seed in ten has a sunny day.
    if rng.chance(100) {
        return rates;
    }
    rng.some_rates([
        (&mut rates.kill, 100),
        (&mut rates.power_cut, 120),
        (&mut rates.blackout, 25),
        (&mut rates.disk_dies, 60),
        (&mut rates.sync_fails, 60),
        (&mut rates.disk_full, 60),
        (&mut rates.slow_disk, 80),
        (&mut rates.pause, 150),
        (&mut rates.wall_jump, 200),
        (&mut rates.partition, 250),
        (&mut rates.hand_over, 100),
        (&mut rates.absence, 200),
        (&mut rates.churn, 60),
        (&mut rates.message_lost, 60),
        (&mut rates.message_doubled, 60),
        (&mut rates.message_late, 100),
        (&mut rates.request_doubled, 60),
        (&mut rates.reply_lost, 80),
    ]);
    if rng.chance(400) {
        rates.damage = 500;
    }
    rates
}
