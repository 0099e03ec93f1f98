//! Profiles: what kind of day a seed simulates. Workload and faults are mixed independently of each other.

use crate::{
    clock::{MILLISECOND, SECOND, Time},
    keeping::Keeping,
    rng::Rng,
};

/// The shape of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A few clients, much idling.
    Quiet,
    /// One tenant sends many times what the others do.
    Flood,
    /// Very many groups with little in each.
    ManyGroups,
    /// Long jobs, turns charged by the time that leases were held.
    LongJobs,
    /// Bodies up to the limit beside empty ones.
    BigBodies,
    /// Delays and leases that end together, by the hundred.
    TimersStorm,
    /// Far more receivers than work: long polls meet every job.
    Hungry,
    /// Short jobs among some that stay, in small segments: bodies are carried, and carried again.
    LongLived,
}

const SHAPES: [Shape; 9] = [
    Shape::Quiet,
    Shape::Flood,
    Shape::ManyGroups,
    Shape::LongJobs,
    Shape::BigBodies,
    Shape::TimersStorm,
    Shape::Hungry,
    Shape::LongLived,
    Shape::LongLived,
];

/// How likely each fault is. Rates are per simulated second, in thousandths, unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// The process is killed.
    pub kill: u32,
    /// The power goes.
    pub power_cut: u32,
    /// The disk dies after some more operations.
    pub disk_dies: u32,
    /// A sync fails.
    pub sync_fails: u32,
    /// The disk is full for a while.
    pub disk_full: u32,
    /// Syncs are slow for a while.
    pub slow_disk: u32,
    /// The calendar jumps.
    pub wall_jump: u32,
    /// Of a thousand requests, those that never arrive.
    pub request_lost: u32,
    /// Of a thousand requests, those that arrive twice.
    pub request_doubled: u32,
    /// Of a thousand replies, those that never arrive.
    pub reply_lost: u32,
    /// Of a thousand restarts, those that find a flipped bit.
    pub damage: u32,
}

impl FaultRates {
    /// Nothing goes wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a queue is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// It keeps the order of groups.
    pub is_fifo: bool,
    /// Bodies serve as de-duplication ids there.
    pub by_content: bool,
    /// Ids count within their group there.
    pub by_group: bool,
    /// The number of the queue that takes its dead letters, a larger one.
    pub letters: Option<usize>,
    /// Its messages last for a minute or two.
    pub is_short_lived: bool,
}

/// What a seed simulates.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The shape of the work.
    pub shape: Shape,
    /// What goes wrong.
    pub faults: FaultRates,
    /// How long clients work before everything heals.
    pub runs_for: Time,
    /// Queues, each with its role.
    pub queues: Vec<Role>,
    /// Groups per queue, those without a name not counted.
    pub groups: u32,
    /// Clients that send.
    pub senders: u32,
    /// Clients that work.
    pub workers: u32,
    /// Between two things a sender does, at most.
    pub sender_pause: Time,
    /// Between two things a worker does, at most.
    pub worker_pause: Time,
    /// The longest job.
    pub job_takes: Time,
    /// The longest lease asked for, in seconds.
    pub lease_secs: u64,
    /// The largest body.
    pub body_bytes: u64,
    /// Of a thousand jobs, those that are delayed.
    pub delayed: u32,
    /// The longest delay, in seconds.
    pub delay_secs: u64,
    /// Of a thousand receives, those that wait.
    pub long_polls: u32,
    /// The log's segments.
    pub segment_bytes: u64,
    /// Log between two checkpoints.
    pub checkpoint_every: u64,
    /// How files are kept.
    pub keeping: Keeping,
    /// When the first queue is purged, beside what the configurator does.
    pub purges: Vec<Time>,
}

impl Profile {
    /// The one of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 1);
        let shape = *rng.pick(&SHAPES);
        let mut profile = Self {
            shape,
            faults: fault_rates(&mut rng),
            runs_for: rng.between(20, 60) * SECOND,
            queues: vec![Role::default()],
            groups: 4,
            senders: 3,
            workers: 4,
            sender_pause: 400 * MILLISECOND,
            worker_pause: 300 * MILLISECOND,
            job_takes: 2 * SECOND,
            lease_secs: 10,
            body_bytes: 300,
            delayed: 150,
            delay_secs: 20,
            long_polls: 500,
            segment_bytes: rng.span(16 * 1024, 128 * 1024),
            checkpoint_every: rng.span(8 * 1024, 128 * 1024),
            keeping: Keeping::busy(),
            purges: Vec::new(),
        };
        match shape {
            Shape::Quiet => {
                profile.senders = 1;
                profile.workers = 2;
                profile.sender_pause = 8 * SECOND;
                profile.queues.push(Role::default());
                profile.runs_for = 180 * SECOND;
            }
            Shape::Flood => {
                profile.senders = 5;
                profile.sender_pause = 150 * MILLISECOND;
                profile.worker_pause = 60 * MILLISECOND;
                profile.job_takes = 300 * MILLISECOND;
                profile.delayed = 20;
            }
            Shape::ManyGroups => profile.groups = 200,
            Shape::LongJobs => {
                profile.job_takes = 20 * SECOND;
                profile.lease_secs = 30;
                profile.workers = 8;
            }
            Shape::BigBodies => {
                // Batches larger than a whole segment are among them.
                profile.body_bytes = 120_000;
                profile.checkpoint_every *= 8;
                profile.senders = 2;
            }
            Shape::TimersStorm => {
                profile.delayed = 800;
                profile.senders = 6;
                profile.lease_secs = 3;
                profile.workers = 6;
            }
            Shape::Hungry => {
                profile.workers = 12;
                profile.long_polls = 950;
                profile.sender_pause = 2 * SECOND;
                profile.worker_pause = 20 * MILLISECOND;
                profile.queues.push(Role::default());
            }
            Shape::LongLived => {
                profile.live_long(&mut rng);
            }
        }
        let mut rng = Rng::new(seed, 4);
        if rng.chance(300) && shape != Shape::BigBodies {
            profile.segment_bytes = rng.span(6 * 1024, 32 * 1024);
            profile.checkpoint_every = rng.span(4 * 1024, 32 * 1024);
        }
        let is_sunny = profile.faults.is_none();
        profile.keeping = Keeping::of(&mut rng, profile.body_bytes);
        if !is_sunny && rng.chance(400) {
            profile.keeping.dies_within = u32::try_from(rng.between(1, 10)).unwrap_or(1);
        }
        profile.add_special_queues(&mut Rng::new(seed, 6));
        profile
    }

    /// FIFO queues, dead-letter queues, and one whose messages do not last, beside the plain ones.
    fn add_special_queues(&mut self, rng: &mut Rng) {
        let plain = self.queues.len();
        if rng.chance(300) {
            let letters = self.queues.len();
            self.queues.push(Role::default());
            self.queues.iter_mut().take(1).for_each(|source| source.letters = Some(letters));
        }
        if rng.chance(450) {
            let fifo =
                Role { is_fifo: true, by_content: rng.chance(300), by_group: rng.chance(300), ..Role::default() };
            let letters = rng.chance(600).then_some(self.queues.len() + 1);
            self.queues.push(Role { letters, ..fifo });
            if letters.is_some() {
                self.queues.push(fifo);
            }
            if self.shape == Shape::Quiet {
                // Ids are forgotten meanwhile.
                self.runs_for = 400 * SECOND;
            }
        }
        if rng.chance(150) {
            self.queues.push(Role { is_short_lived: true, ..Role::default() });
        }
        // As much for each worker to do as without them; the jobs of a locked group wait longer.
        let (now, added) = (self.queues.len() as u64, self.queues.len() - plain);
        self.sender_pause = self.sender_pause * now / (plain as u64).max(1);
        self.workers += 2 * u32::try_from(added).unwrap_or(0);
    }

    fn live_long(&mut self, rng: &mut Rng) {
        self.senders = 4;
        self.sender_pause = 200 * MILLISECOND;
        self.workers = 6;
        self.worker_pause = 100 * MILLISECOND;
        self.job_takes = 300 * MILLISECOND;
        self.delayed = 150;
        self.body_bytes = 800;
        self.delay_secs = 40;
        self.segment_bytes = rng.span(5 * 1024, 16 * 1024);
        self.checkpoint_every = rng.span(3 * 1024, 24 * 1024);
    }

    /// A short day without chance in which everything happens that is done with files.
    #[must_use]
    pub fn of_boundaries(seed: u64) -> Self {
        let mut profile = Self::of(seed);
        profile.shape = Shape::LongLived;
        profile.live_long(&mut Rng::new(seed, 5));
        profile.faults = FaultRates::default();
        profile.runs_for = 5 * SECOND;
        // So that body files are empty at once.
        profile.purges = vec![2 * SECOND, 3 * SECOND, 4 * SECOND];
        profile.queues = vec![Role::default()];
        profile.groups = 4;
        profile.lease_secs = 5;
        profile.delay_secs = 3;
        profile.segment_bytes = 8 * 1024;
        profile.checkpoint_every = 6 * 1024;
        profile.keeping = Keeping::busy();
        profile
    }
}

fn fault_rates(rng: &mut Rng) -> FaultRates {
    let mut rates = FaultRates::default();
    // One seed in eight runs on a sunny day: there, nothing may be late.
    if rng.chance(125) {
        return rates;
    }
    rng.some_rates([
        (&mut rates.kill, 60),
        (&mut rates.power_cut, 80),
        (&mut rates.disk_dies, 60),
        (&mut rates.sync_fails, 40),
        (&mut rates.disk_full, 120),
        (&mut rates.slow_disk, 60),
        (&mut rates.wall_jump, 100),
        (&mut rates.request_lost, 40),
        (&mut rates.request_doubled, 60),
        (&mut rates.reply_lost, 80),
    ]);
    if rng.chance(150) {
        rates.damage = 400;
    }
    rates
}
