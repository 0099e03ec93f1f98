//! Any bytes as a checkpoint: the state that was written, or a refusal.

use super::machine_batch::prepared;
use evenkeel_checkpoint::{Checkpoints, Options, Part, Source, scan_manifest_bytes, scan_run_bytes};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_machine::Machine;
use std::path::Path;

const FOLDER: &str = "c";

/// Panics if decoding does, or if what was decoded is not what it says.
pub fn judge(bytes: &[u8]) {
    let Ok(mut machine) = Machine::decode(bytes) else { return };
    // The digest guards against accidents, not against those who know it; what passes must still encode to itself.
    let mut again = Vec::new();
    machine.encode(&mut again);
    assert_eq!(again, bytes, "a state has one encoding");
}

/// Panics if reading them as a run or a manifest of a checkpoint does.
pub fn judge_file(bytes: &[u8]) {
    let _ = scan_run_bytes(bytes);
    let _ = scan_manifest_bytes(bytes);
}

/// Encoded states.
#[must_use]
pub fn corpus() -> Vec<Vec<u8>> {
    let encoded = |mut machine: Machine| {
        let mut bytes = Vec::new();
        machine.encode(&mut bytes);
        bytes
    };
    vec![encoded(Machine::default()), encoded(prepared())]
}

/// A checkpoint's files: the run and the manifest.
#[must_use]
pub fn corpus_of_files() -> Vec<Vec<u8>> {
    let disk = MemDisk::new(1);
    let folder = Path::new(FOLDER);
    let mut machine = prepared();
    let options = Options { ballast_bytes: 0, ..Options::default() };
    let (mut checkpoints, _) = Checkpoints::open(disk.clone(), folder, options).expect("a disk in memory");
    let head = machine.begin_checkpoint(true);
    checkpoints.begin(machine.applied(), Source::Whole).expect("a disk in memory");
    let mut part = Part::default();
    while !machine.drain_checkpoint(usize::MAX, &mut |section, slot, bytes| part.push(section, slot, bytes)) {}
    checkpoints.append(&part).and_then(|()| checkpoints.finish(&head)).expect("a disk in memory");
    let names = disk.list(folder).expect("a disk in memory");
    names.iter().map(|name| disk.contents(&folder.join(name)).expect("it is there")).collect()
}
