//! What if the power went now? Tried on a copy of the disk: a house started on it must have everything that was
//! committed, and the same state, also if its newest checkpoint were lost.

use super::World;
use crate::{
    house::{self, CHECKPOINTS, House},
    invariants::{Broken, conservation, durable::Committed},
};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_log::{Log, LogReader};
use evenkeel_log_local::{LocalLog, Reader};
use evenkeel_types::{LogIndex, Micros, Now, WallTime};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

impl World {
    /// See the module. `plainly`: the process ends, and the power stays.
    pub(crate) fn what_if(&mut self, plainly: bool) -> Result<(), Broken> {
        if self.damaged.is_some() {
            return Ok(());
        }
        self.counts.what_ifs += 1;
        let copy = self.disk.fork(self.fate.next_u64());
        copy.set_capacity(None);
        match self.fate.below(3) {
            _ if plainly => {}
            0 => copy.crash_losing_all(),
            _ => copy.crash(),
        }
        let without_newest = self.fate.chance(500) && lose_newest_checkpoint(&copy);
        let blame = |broken: Broken| Broken {
            what: format!("{} (on a copy after {})", broken.what, if plainly { "an end" } else { "a power cut" }),
            ..broken
        };
        let (mut house, found) = house::open(&copy, self.setup).map_err(|error| {
            Broken::new(
                "replay",
                format!(
                    "a copy does not open{}: {error:?}",
                    if without_newest { " from the older checkpoint" } else { "" }
                ),
            )
        })?;
        self.witness.committed.check_end(found.log.last).map_err(blame)?;
        let now = Now { monotonic: Micros(1), wall: WallTime(1) };
        house.catch_up(now).map_err(|fatal| Broken::new("replay", format!("a copy fails: {fatal}")))?;
        self.witness.digests.check("a copy", house.engine.machine()).map_err(blame)?;
        compare(&house.reader, house.engine.log(), &self.witness.committed, self.witness.applied()).map_err(blame)?;
        conservation::audit(house.engine.machine(), &self.witness.book).map_err(blame)?;
        self.check_state_at_end(&house).map_err(blame)?;
        self.check_bodies(&house).map_err(blame)
    }

    /// The copy may have durable entries that were never called committed; then only what they leave is compared.
    fn check_state_at_end(&self, house: &House) -> Result<(), Broken> {
        let behind = house.engine.machine().applied() < self.witness.applied();
        if behind { Err(Broken::new("replay", "a copy did not catch up")) } else { Ok(()) }
    }

    /// The body of every living job can be read, as it was sent.
    fn check_bodies(&self, house: &House) -> Result<(), Broken> {
        let jobs = self.witness.book.queues.values().flat_map(|queue| &queue.jobs);
        for (id, job) in jobs {
            match house.keeper.bodies().read(job.body) {
                Ok(bytes) if xxh3_64(&bytes) == job.body_hash => {}
                Ok(_) => return Err(Broken::new("bodies", format!("the body of job {id} is another"))),
                Err(error) => return Err(Broken::new("bodies", format!("the body of job {id}: {error}"))),
            }
        }
        Ok(())
    }
}

/// Removes the newest checkpoint if there is another. False if not.
fn lose_newest_checkpoint(disk: &MemDisk) -> bool {
    let folder = Path::new(CHECKPOINTS);
    let names = disk.list(folder).unwrap_or_default();
    let mut names: Vec<&String> = names.iter().filter(|name| name.ends_with(".ckpt")).collect();
    let newest = names.pop();
    match newest {
        Some(newest) if !names.is_empty() => disk.lose(&folder.join(newest)).is_ok(),
        _ => false,
    }
}

/// Compares every entry that is still there with what was committed.
pub(crate) fn compare(
    reader: &Reader<MemDisk>,
    log: &LocalLog<MemDisk>,
    committed: &Committed,
    last: LogIndex,
) -> Result<(), Broken> {
    let mut index = log.first_index().max(LogIndex(1));
    while index <= last {
        let entry = reader.read(index).map_err(|error| Broken::new("durable", format!("entry {index}: {error}")))?;
        committed.check(&entry)?;
        index = index.next();
    }
    Ok(())
}
