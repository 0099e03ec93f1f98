//! Damage: bits that flip in what is stored, in a file of every kind. It is noticed, or it is harmless; never served.
//!
//! Some flips are lived with (the house meets them at its next start), most are tried on a copy: started, looked through,
//! made to go on (checkpoints, merges, carrying), started again.

use super::{World, what_if};
use crate::{
    disk::Watched,
    house::{self, BODIES, CHECKPOINTS, LOG},
    invariants::Broken,
    kinds::FileKind,
};
use evenkeel_disk::{Disk, DiskFile, OpenMode};
use evenkeel_log::Log;
use std::path::{Path, PathBuf};

/// How a try with a flipped bit went.
enum Met {
    Noticed,
    Harmless,
}

impl World {
    /// A bit of what is durable flips while the house is down.
    pub(crate) fn flip_a_bit(&mut self) {
        let Some((kind, what)) = self.flip_on(&self.disk.clone(), &[]) else { return };
        self.line(format_args!("{what} flips"));
        self.damaged = Some(what);
        self.damaged_kind = Some(kind);
    }

    /// Tries a flipped bit on a copy of the disk.
    pub(crate) fn what_if_damaged(&mut self) -> Result<(), Broken> {
        if self.damaged.is_some() {
            return Ok(());
        }
        let disk = Watched::new(self.disk.fork(self.fate.next_u64()));
        disk.set_capacity(None);
        if self.fate.chance(300) {
            self.cut_power_of(&disk);
        }
        let retired = self.retired();
        let Some((kind, what)) = self.flip_on(&disk, &retired) else { return Ok(()) };
        let met = self.live_with(&disk, &what).map_err(|broken| Broken {
            what: format!("{} (on a copy, when {what} had flipped)", broken.what),
            ..broken
        })?;
        if matches!(met, Met::Noticed) {
            self.counts.files.noticed(kind);
            self.counts.damage_detected += 1;
        }
        Ok(())
    }

    fn live_with(&mut self, disk: &Watched, what: &str) -> Result<Met, Broken> {
        let Ok((mut house, found)) = house::open(disk, self.setup) else { return Ok(Met::Noticed) };
        let mut noticed = !found.damaged.is_empty();
        if house.catch_up(what_if::NOW).is_err() {
            return Ok(Met::Noticed);
        }
        match self.check_history(&house, &found) {
            Err(broken) if broken.what.contains("damaged") => return Ok(Met::Noticed),
            result => result?,
        }
        let living = what_if::living(&house);
        let unreadable = self.unreadable(&house, &living)?;
        noticed |= !unreadable.is_empty();
        match house.settle(2, what_if::NOW) {
            Ok(troubles) => noticed |= !troubles.is_empty(),
            Err(_) => return Ok(Met::Noticed),
        }
        // What damage did not hit stays. A body that was carried is still in its segment for a while; then it is in the
        // damaged file alone.
        let living = what_if::living(&house);
        let now_unreadable = self.unreadable(&house, &living)?;
        let is_hit =
            |error: &str| error.split_whitespace().any(|word| word.ends_with(".bodies") && what.ends_with(word));
        let spread = now_unreadable.iter().find(|(body, error)| !unreadable.contains_key(body) && !is_hit(error));
        if let Some((body, error)) = spread {
            return Err(Broken::new(
                "bodies",
                format!("the body at {body:?} was well before files were rewritten: {error}"),
            ));
        }
        drop(house);
        disk.kill();
        let Ok((mut house, found)) = house::open(disk, self.setup) else { return Ok(Met::Noticed) };
        if house.catch_up(what_if::NOW).is_err() {
            return Ok(Met::Noticed);
        }
        match self.check_history(&house, &found) {
            Err(broken) if broken.what.contains("damaged") => return Ok(Met::Noticed),
            result => result?,
        }
        self.unreadable(&house, &living)?;
        Ok(if noticed { Met::Noticed } else { Met::Harmless })
    }

    /// The segments that are kept for bodies alone.
    fn retired(&self) -> Vec<PathBuf> {
        let Some(house) = &self.house else { return Vec::new() };
        let retired = house.engine.log().retired();
        retired.iter().map(|extent| Path::new(LOG).join(format!("{:016x}.seg", extent.first.0))).collect()
    }

    /// Flips a bit of some file. Each kind of file is as likely as any other.
    fn flip_on(&mut self, disk: &Watched, retired: &[PathBuf]) -> Option<(FileKind, String)> {
        let kind_of = |path: &PathBuf| if retired.contains(path) { FileKind::Retired } else { FileKind::of(path) };
        let mut files: Vec<(FileKind, PathBuf)> = files(disk).into_iter().map(|path| (kind_of(&path), path)).collect();
        files.retain(|(kind, path)| *kind != FileKind::Other && bytes_of(disk, path) > 0);
        let mut kinds: Vec<FileKind> = files.iter().map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.is_empty() {
            return None;
        }
        let kind = *self.fate.pick(&kinds);
        files.retain(|(of, _)| *of == kind);
        let (_, path) = self.fate.pick(&files).clone();
        let contents = disk.contents(&path).unwrap_or_default();
        // The log makes room ahead of use; most of those zeros are nobody's data.
        let used = contents.iter().rposition(|&byte| byte != 0).map_or(0, |at| at as u64 + 1);
        let used = if used == 0 || self.fate.chance(50) { contents.len() as u64 } else { used };
        let offset = self.fate.below(used.max(1));
        let bit = u8::try_from(self.fate.below(8)).unwrap_or(0);
        disk.flip_bit(&path, offset, bit).ok()?;
        self.counts.flipped_bits += 1;
        self.counts.files.flipped(kind);
        Some((kind, format!("bit {bit} of byte {offset} of {}", path.display())))
    }

    pub(crate) fn bytes_on_disk(&self) -> u64 {
        files(&self.disk).iter().map(|path| bytes_of(&self.disk, path)).sum()
    }
}

/// Everything that has a name in the folders.
pub(crate) fn files(disk: &Watched) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in [LOG, CHECKPOINTS, BODIES] {
        let names = disk.list(Path::new(folder)).unwrap_or_default();
        files.extend(names.iter().map(|name| Path::new(folder).join(name)));
    }
    files
}

pub(crate) fn bytes_of(disk: &Watched, path: &Path) -> u64 {
    disk.open(path, OpenMode::Read).and_then(|file| file.len()).unwrap_or(0)
}
