//! What if the power went now? Tried on a copy of the disk: a house started on it must have everything that was
//! committed, and the same state, also if its newest checkpoint were lost; and it must be able to go on from there.

use super::World;
use crate::{
    disk::Watched,
    house::{self, CHECKPOINTS, Found, House},
    invariants::{Broken, conservation, durable::Committed},
};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_log::{Log, LogReader};
use evenkeel_log_local::{LocalLog, Reader};
use evenkeel_types::{BodyRef, LogIndex, Micros, Now, WallTime};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use xxhash_rust::xxh3::xxh3_64;

/// What the clocks of a copy read.
pub(super) const NOW: Now = Now { monotonic: Micros(1), wall: WallTime(1) };

impl World {
    /// See the module. `plainly`: the process ends, and the power stays.
    pub(crate) fn what_if(&mut self, plainly: bool) -> Result<(), Broken> {
        let copy = self.disk.fork(self.fate.next_u64());
        self.what_if_on(&copy, plainly)
    }

    /// The same on a copy that was made earlier.
    pub(crate) fn what_if_on(&mut self, copy: &MemDisk, plainly: bool) -> Result<(), Broken> {
        if self.damaged.is_some() {
            return Ok(());
        }
        self.counts.what_ifs += 1;
        copy.set_capacity(None);
        if !plainly {
            self.cut_power_of(copy);
        }
        let without_newest = self.fate.chance(500) && lose_newest_checkpoint(copy);
        let after = if plainly { "an end" } else { "a power cut" };
        let from = if without_newest { ", from the older checkpoint" } else { "" };
        let blame =
            |broken: Broken| Broken { what: format!("{} (on a copy after {after}{from})", broken.what), ..broken };
        let disk = Watched::new(copy.clone());
        let (house, found) = self.reopened(&disk).map_err(blame)?;
        self.check_history(&house, &found).map_err(blame)?;
        conservation::audit(house.engine.machine(), &self.witness.book).map_err(blame)?;
        self.check_state_at_end(&house).map_err(blame)?;
        self.check_bodies(&house).map_err(blame)?;
        if self.fate.chance(400) { self.goes_on(house, &disk).map_err(blame) } else { Ok(()) }
    }

    /// The house of a copy makes checkpoints, merges and carries; then the power goes again.
    fn goes_on(&mut self, mut house: House, disk: &Watched) -> Result<(), Broken> {
        self.counts.what_ifs_on += 1;
        let checkpoints = if self.fate.chance(500) { 2 } else { 1 };
        let settled = house.settle(checkpoints, NOW);
        let troubles = settled.map_err(|fatal| Broken::new("replay", format!("it fails as it goes on: {fatal}")))?;
        if let Some(trouble) = troubles.first() {
            return Err(Broken::new("house", format!("as it goes on: {trouble}")));
        }
        let living = living(&house);
        self.check_living(&house, &living)?;
        drop(house);
        self.cut_power_of(disk);
        if self.fate.chance(300) {
            lose_newest_checkpoint(disk);
        }
        let again = |broken: Broken| Broken { what: format!("{}, having gone on and", broken.what), ..broken };
        let (house, found) = self.reopened(disk).map_err(again)?;
        self.check_history(&house, &found).map_err(again)?;
        if living != self::living(&house) {
            return Err(again(Broken::new("replay", "other jobs live than before the last power cut")));
        }
        self.check_living(&house, &living).map_err(again)
    }

    /// A house on a copy that nobody damaged, having taken in what its log has.
    fn reopened(&self, disk: &Watched) -> Result<(House, Found), Broken> {
        let opened = house::open(disk, self.setup);
        let (mut house, found) =
            opened.map_err(|error| Broken::new("replay", format!("it does not open: {error:?}")))?;
        if let Some(damaged) = found.damaged.first() {
            return Err(Broken::new("durable", format!("a checkpoint that nobody damaged: {damaged}")));
        }
        house.catch_up(NOW).map_err(|fatal| Broken::new("replay", format!("it fails: {fatal}")))?;
        Ok((house, found))
    }

    pub(super) fn cut_power_of(&mut self, copy: &MemDisk) {
        match self.fate.below(3) {
            0 => copy.crash_losing_all(),
            _ => copy.crash(),
        }
    }

    /// All that was committed is there, and gave the same state.
    pub(super) fn check_history(&self, house: &House, found: &Found) -> Result<(), Broken> {
        self.witness.committed.check_end(found.log.last)?;
        self.witness.digests.check("a copy", house.engine.machine())?;
        compare(&house.reader, house.engine.log(), &self.witness.committed, self.witness.applied())?;
        house.engine.audit_bodies().map_err(|what| Broken::new("living", what))
    }

    /// The copy may have durable entries that were never called committed; then only what they leave is compared.
    fn check_state_at_end(&self, house: &House) -> Result<(), Broken> {
        let behind = house.engine.machine().applied() < self.witness.applied();
        if behind { Err(Broken::new("replay", "a copy did not catch up")) } else { Ok(()) }
    }

    /// The body of every living job can be read, as it was sent.
    pub(super) fn check_bodies(&self, house: &House) -> Result<(), Broken> {
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

    /// Each of these bodies can be read, and is what was sent as far as the log said so.
    fn check_living(&self, house: &House, living: &BTreeSet<BodyRef>) -> Result<(), Broken> {
        let damaged = self.unreadable(house, living)?;
        match damaged.first_key_value() {
            Some((body, error)) => Err(Broken::new("bodies", format!("the body at {body:?}: {error}"))),
            None => Ok(()),
        }
    }

    /// Which of these bodies cannot be read.
    ///
    /// # Errors
    /// One of them is served, and is not what was sent.
    pub(super) fn unreadable(
        &self,
        house: &House,
        living: &BTreeSet<BodyRef>,
    ) -> Result<BTreeMap<BodyRef, String>, Broken> {
        let mut unreadable = BTreeMap::new();
        for &body in living {
            match house.keeper.bodies().read(body) {
                Ok(bytes) if self.witness.hashes.get(&body).is_none_or(|&hash| hash == xxh3_64(&bytes)) => {}
                Ok(_) => return Err(Broken::new("bodies", format!("the body at {body:?} is another"))),
                Err(error) => {
                    unreadable.insert(body, error.to_string());
                }
            }
        }
        Ok(unreadable)
    }
}

/// The bodies of all jobs, also of those that were purged and are not freed.
pub(super) fn living(house: &House) -> BTreeSet<BodyRef> {
    let queues = house.engine.machine().queues();
    queues.bodies(queues.job_slots()).collect()
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
    reader: &Reader<Watched>,
    log: &LocalLog<Watched>,
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
