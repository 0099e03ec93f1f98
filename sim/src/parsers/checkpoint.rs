//! Any bytes as a checkpoint: the state that was written, or a refusal.

use super::machine_batch::prepared;
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_engine::Checkpoints;
use evenkeel_machine::Machine;
use evenkeel_types::LogIndex;
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

/// Panics if opening a folder with these bytes as its only checkpoint does.
pub fn judge_file(bytes: &[u8]) {
    let disk = MemDisk::new(1);
    let folder = Path::new(FOLDER);
    let write = || -> std::io::Result<()> {
        disk.create_dir_all(folder)?;
        let file = disk.open(&folder.join(name()), OpenMode::CreateNew)?;
        file.write_all_at(bytes, 0)
    };
    write().expect("a disk in memory");
    if let Ok((_, loaded)) = Checkpoints::open(disk, folder) {
        assert_eq!(loaded.machine.digest(), prepared().digest(), "only what was written passes its checksum");
    }
}

fn name() -> String {
    format!("{:016x}.ckpt", prepared().applied().0)
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

/// Checkpoint files.
#[must_use]
pub fn corpus_of_files() -> Vec<Vec<u8>> {
    let disk = MemDisk::new(1);
    let folder = Path::new(FOLDER);
    let mut machine = prepared();
    let mut state = Vec::new();
    machine.encode(&mut state);
    let (mut checkpoints, _) = Checkpoints::open(disk.clone(), folder).expect("a disk in memory");
    let LogIndex(index) = machine.applied();
    checkpoints.write(LogIndex(index), &state).expect("a disk in memory");
    vec![disk.contents(&folder.join(name())).expect("it was just written")]
}
