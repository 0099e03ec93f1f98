//! The simulator: the whole house on simulated clocks, disk and wires, in one thread, from one seed.
//!
//! [`run`] lives through the world of one seed, twice, and compares the two. What the house is: [`house`]. Who uses it
//! and what befalls it: [`world`]. What clients know: [`oracle`]. What the log says: [`witness`] and [`book`]. What must
//! hold: [`invariants`], one file per promise. [`run_cluster`] does the same with several nodes: [`cluster`].
//!
//! Not simulated: threads (the engine and the log are driven step by step) and sockets (requests and answers are the
//! door's bytes, delivered late, twice, or never).

pub mod ask;
pub mod book;
pub mod clock;
pub mod cluster;
pub mod counts;
pub mod disk;
#[cfg(feature = "faults")]
pub mod faults;
pub mod house;
pub mod invariants;
pub mod keeping;
pub mod kinds;
pub mod oracle;
pub mod parsers;
pub mod profile;
pub mod rng;
pub mod schedule;
pub mod trace;
pub mod wire;
pub mod witness;
pub mod world;

use counts::Counts;
use invariants::Broken;
use std::cell::Cell;
use world::World;

thread_local! {
    /// The seed that this thread lives through, for the message of a panic.
    static SEED: Cell<u64> = const { Cell::new(0) };
}

/// The seed that this thread lives through.
#[must_use]
pub fn present_seed() -> u64 {
    SEED.get()
}

/// A seed that broke a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The promise.
    pub broken: Broken,
    /// The last events before.
    pub last: Vec<String>,
}

/// Lives through the world of a seed, and again if `twice`.
///
/// # Errors
/// A promise was broken, or the two runs differ.
pub fn run(seed: u64, twice: bool, verbose: bool) -> Result<Counts, Box<Failure>> {
    let (counts, digest) = once(seed, verbose)?;
    if twice {
        let (_, again) = once(seed, false)?;
        if again != digest {
            let broken = Broken::new("determinism", "a second run of the seed went otherwise");
            return Err(Box::new(Failure { seed, broken, last: Vec::new() }));
        }
    }
    Ok(counts)
}

/// Lives through a short day of a seed without chance, on a disk that dies after so many operations that change
/// something: with every number from 0 on, the house dies at every write boundary. Half of the deaths take the power
/// along, as the seed and the number decide.
///
/// # Errors
/// A promise was broken.
pub fn run_dying_after(seed: u64, operations: u64, verbose: bool) -> Result<Counts, Box<Failure>> {
    live(seed, World::dying_after(seed, Some(operations), verbose)).map(|(counts, _)| counts)
}

/// Lives through the same day on a disk that does not die, and counts the operations that change something.
///
/// # Errors
/// A promise was broken.
pub fn run_without_dying(seed: u64, verbose: bool) -> Result<Counts, Box<Failure>> {
    live(seed, World::dying_after(seed, None, verbose)).map(|(counts, _)| counts)
}

/// Lives through the world of a cluster of a seed, and again if `twice`.
///
/// # Errors
/// A promise was broken, or the two runs differ.
pub fn run_cluster(seed: u64, twice: bool, verbose: bool) -> Result<cluster::counts::Counts, Box<Failure>> {
    let once = |verbose| {
        SEED.set(seed);
        let mut world = cluster::World::new(seed, verbose);
        match world.run() {
            Ok(()) => Ok((world.counts(), world.trace().digest())),
            Err(broken) => Err(Box::new(Failure { seed, broken, last: world.trace().last() })),
        }
    };
    let (counts, digest) = once(verbose)?;
    if twice && once(false)?.1 != digest {
        let broken = Broken::new("determinism", "a second run of the seed went otherwise");
        return Err(Box::new(Failure { seed, broken, last: Vec::new() }));
    }
    Ok(counts)
}

fn once(seed: u64, verbose: bool) -> Result<(Counts, u64), Box<Failure>> {
    live(seed, World::new(seed, verbose))
}

fn live(seed: u64, mut world: World) -> Result<(Counts, u64), Box<Failure>> {
    SEED.set(seed);
    match world.run() {
        Ok(()) => Ok((world.counts(), world.trace().digest())),
        Err(broken) => Err(Box::new(Failure { seed, broken, last: world.trace().last() })),
    }
}
