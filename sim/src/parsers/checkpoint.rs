//! Any bytes as a checkpoint: the state that was written, or a refusal.

use super::{machine_batch::prepared, seal};
use evenkeel_checkpoint::{Checkpoints, Options, Part, Source, scan_manifest_bytes, scan_run_bytes};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_machine::{
    Machine, Outcome,
    batch::BatchBuilder,
    command::{Command, QueueKey, QueueSettings},
};
use evenkeel_types::AccountId;
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

/// Panics if reading them as a run does, or if more records are said to be there than there is room for.
pub fn judge_run(bytes: &[u8]) {
    for bytes in [bytes, &seal::run(bytes)] {
        if let Ok(run) = scan_run_bytes(bytes) {
            assert!(run.records * 2 + run.blocks * 32 <= bytes.len() as u64, "a record takes two bytes and more");
        }
    }
}

/// Panics if reading them as a manifest does, or if more runs are said to be there than there is room for.
pub fn judge_manifest(bytes: &[u8]) {
    for bytes in [bytes, &seal::manifest(bytes)] {
        if let Ok(manifest) = scan_manifest_bytes(bytes) {
            assert!(manifest.runs * 56 + manifest.meta_bytes <= bytes.len(), "a run takes 56 bytes");
        }
    }
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

/// Runs: a whole one, and of a part of the records.
#[must_use]
pub fn corpus_of_runs() -> Vec<Vec<u8>> {
    corpus_of_files(".run")
}

/// Manifests, of one run and of two.
#[must_use]
pub fn corpus_of_manifests() -> Vec<Vec<u8>> {
    corpus_of_files(".ckpt")
}

fn corpus_of_files(ending: &str) -> Vec<Vec<u8>> {
    let disk = MemDisk::new(1);
    let folder = Path::new(FOLDER);
    let mut machine = prepared();
    let options = Options { ballast_bytes: 0, ..Options::default() };
    let (mut checkpoints, _) = Checkpoints::open(disk.clone(), folder, options).expect("a disk in memory");
    for source in [Source::Whole, Source::Delta] {
        let head = machine.begin_checkpoint(matches!(source, Source::Whole));
        checkpoints.begin(machine.applied(), source).expect("a disk in memory");
        let mut part = Part::default();
        while !machine.drain_checkpoint(usize::MAX, &mut |section, slot, bytes| part.push(section, slot, bytes)) {}
        checkpoints.append(&part).and_then(|()| checkpoints.finish(&head)).expect("a disk in memory");
        changed(&mut machine);
    }
    let mut names = disk.list(folder).expect("a disk in memory");
    names.retain(|name| name.ends_with(ending));
    names.iter().map(|name| disk.contents(&folder.join(name)).expect("it is there")).collect()
}

/// One more queue.
fn changed(machine: &mut Machine) {
    let mut batch = BatchBuilder::default();
    let queue = QueueKey { account: AccountId::default(), name: "another" };
    batch.push(&Command::CreateQueue {
        queue,
        settings: QueueSettings::default(),
        papers: Default::default(),
        tags: vec![],
    });
    let bytes = batch.close(machine.log_time(), machine.wall_time()).to_vec();
    machine.apply(machine.applied().next(), &bytes, &mut Outcome::default()).expect("a batch that was just made");
}
