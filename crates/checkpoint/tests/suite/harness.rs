//! A state that is a function of its index, so that every checkpoint can be compared with what it should be.

use evenkeel_checkpoint::{Checkpoints, Merge, OpenReport, Options, Part, Sink, Source};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_types::LogIndex;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

pub(super) type Records = BTreeMap<(u8, u32), Vec<u8>>;

pub(super) fn dir() -> &'static Path {
    Path::new("data/checkpoints")
}

pub(super) fn path(name: &str) -> PathBuf {
    dir().join(name)
}

/// Merges early, syncs often, and has a ballast of 4 KiB.
pub(super) fn small() -> Options {
    Options {
        ballast_bytes: 4096,
        sync_every_bytes: 1024,
        step_bytes: 700,
        small_bytes: 0,
        similar_runs: 3,
        runs_max: 6,
        ..Options::default()
    }
}

fn mix(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xD1B5_4A32_D192_ED03);
    x ^= x >> 29;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^ x >> 32
}

/// Slots of each section at an index: more with time, never fewer.
fn slots(section: u8, index: u64) -> u32 {
    match section {
        0 => 2,
        1 => 5 + index as u32 / 4,
        7 => 1,
        _ => 30 + 3 * index as u32,
    }
}

fn changed(section: u8, slot: u32, index: u64) -> bool {
    slot >= slots(section, index - 1) || index == 1 || mix(index, mix(section.into(), slot.into())).is_multiple_of(5)
}

fn value(section: u8, slot: u32, index: u64) -> Vec<u8> {
    let seed = mix(mix(index, 77), mix(section.into(), slot.into()));
    let len = if seed.is_multiple_of(40) { 300 } else { seed % 60 } as usize;
    (0..len).map(|at| mix(seed, at as u64) as u8).collect()
}

/// What changed in the batches after `base` up to `index`, as it is at `index`.
pub(super) fn delta(base: u64, index: u64) -> Records {
    let mut records = Records::new();
    for at in base + 1..=index {
        for section in [0, 1, 2, 7] {
            for slot in (0..slots(section, at)).filter(|slot| changed(section, *slot, at)) {
                // In the last section slots lie far apart.
                let place = if section == 7 { slot + 4_000_000_000 } else { slot };
                records.insert((section, place), value(section, slot, at));
            }
        }
    }
    records
}

pub(super) fn state(index: u64) -> Records {
    delta(0, index)
}

pub(super) fn meta(index: u64) -> Vec<u8> {
    format!("the meta of {index}").into_bytes()
}

pub(super) fn parts(records: &Records) -> Vec<Part> {
    let records: Vec<_> = records.iter().collect();
    let fill = |records: &[(&(u8, u32), &Vec<u8>)]| {
        let mut part = Part::default();
        assert!(part.is_empty());
        records.iter().for_each(|((section, slot), bytes)| part.push(*section, *slot, bytes));
        assert!(!part.is_empty() && part.len() >= 9 * records.len());
        part
    };
    records.chunks(17).map(fill).collect()
}

pub(super) fn open<D: Disk>(disk: &D) -> (Checkpoints<D>, OpenReport) {
    Checkpoints::open(disk.clone(), dir(), small()).unwrap()
}

/// Writes the checkpoint at `index`, and merges between the parts if asked to.
pub(super) fn write<D: Disk>(
    checkpoints: &mut Checkpoints<D>,
    index: u64,
    source: Source,
    merging: bool,
) -> io::Result<()> {
    let base = match source {
        Source::Whole => 0,
        Source::Delta => checkpoints.kept().last().unwrap().0,
    };
    checkpoints.begin(LogIndex(index), source)?;
    assert_eq!(checkpoints.writing(), Some(LogIndex(index)));
    for part in parts(&delta(base, index)) {
        checkpoints.append(&part)?;
        if merging {
            checkpoints.merge_step()?;
        }
    }
    checkpoints.finish(&meta(index))?;
    assert_eq!(checkpoints.kept().last(), Some(&LogIndex(index)));
    Ok(())
}

/// A delta if possible.
pub(super) fn write_next<D: Disk>(checkpoints: &mut Checkpoints<D>, index: u64, merging: bool) -> io::Result<()> {
    let source = if checkpoints.wants_whole() { Source::Whole } else { Source::Delta };
    write(checkpoints, index, source, merging)
}

pub(super) fn merge_all<D: Disk>(checkpoints: &mut Checkpoints<D>) -> io::Result<u32> {
    let mut installed = 0;
    for _ in 0..100_000 {
        match checkpoints.merge_step()? {
            Merge::Nothing => return Ok(installed),
            Merge::More => {}
            Merge::Installed => installed += 1,
        }
    }
    panic!("merging has no end");
}

/// Takes everything and minds the order.
#[derive(Debug, Default)]
pub(super) struct Collect {
    pub(super) meta: Option<Vec<u8>>,
    pub(super) records: Records,
}

impl Sink for Collect {
    fn meta(&mut self, bytes: &[u8]) -> Result<(), String> {
        assert!(self.meta.is_none() && self.records.is_empty(), "the meta comes first and once");
        self.meta = Some(bytes.to_vec());
        Ok(())
    }

    fn record(&mut self, section: u8, slot: u32, bytes: &[u8]) -> Result<(), String> {
        assert!(self.meta.is_some());
        let last = self.records.last_key_value().map(|(key, _)| *key);
        assert!(last < Some((section, slot)), "{last:?} before {section}, {slot}");
        self.records.insert((section, slot), bytes.to_vec());
        Ok(())
    }
}

pub(super) fn load<D: Disk>(checkpoints: &Checkpoints<D>, index: u64) -> Collect {
    let mut sink = Collect::default();
    checkpoints.load(LogIndex(index), &mut sink).unwrap_or_else(|error| panic!("at {index}: {error}"));
    sink
}

pub(super) fn check<D: Disk>(checkpoints: &Checkpoints<D>, index: u64) {
    let loaded = load(checkpoints, index);
    assert_eq!(loaded.meta, Some(meta(index)));
    assert!(loaded.records == state(index), "the state at {index} is another");
}

/// All that are kept load, and are what they should be.
pub(super) fn check_all<D: Disk>(checkpoints: &Checkpoints<D>) {
    assert_eq!(checkpoints.oldest(), checkpoints.kept().first().copied().unwrap_or(LogIndex::ZERO));
    for index in checkpoints.kept() {
        check(checkpoints, index.0);
    }
}

/// A disk with checkpoints at the given indexes, the first whole, the others deltas, nothing merged.
pub(super) fn disk_with(indexes: &[u64]) -> MemDisk {
    let disk = MemDisk::new(1);
    let (mut checkpoints, _) = open(&disk);
    for index in indexes {
        write_next(&mut checkpoints, *index, false).unwrap();
    }
    disk
}

pub(super) fn names<D: Disk>(disk: &D) -> Vec<String> {
    disk.list(dir()).unwrap()
}

pub(super) fn names_with<D: Disk>(disk: &D, ending: &str) -> Vec<String> {
    names(disk).into_iter().filter(|name| name.ends_with(ending)).collect()
}

/// Only the files of the kept checkpoints are there, and the ballast.
pub(super) fn check_no_file_too_many<D: Disk>(checkpoints: &Checkpoints<D>, disk: &D) {
    let pinned = checkpoints.kept().iter().map(|index| checkpoints.pin(*index).unwrap());
    let mut needed: Vec<String> = pinned.flat_map(|pinned| pinned.files()).map(|file| file.name).collect();
    needed.extend(checkpoints.has_ballast().then(|| "ballast".to_owned()));
    needed.sort();
    needed.dedup();
    assert_eq!(names(disk), needed);
}
