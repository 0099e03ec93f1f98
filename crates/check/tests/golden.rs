//! A whole data folder of format 1, as it was written once: every later version has to read it.
//!
//! `golden/folder-1.bin` holds it, packed; `golden/pack.rs` says how. It has two checkpoints, retired segments with their
//! sidecars, body files and log above, and it is never made anew once a version that writes this format is released: until
//! then by `cargo run -p evenkeel-check --example golden_folder`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

#[allow(dead_code, reason = "the engine's tests need more of it")]
#[path = "../../engine/tests/house/driver.rs"]
mod driver;
#[path = "golden/unpack.rs"]
mod unpack;

use driver::{FOLDER, House, body, number_of};
use evenkeel_check::{Verdict, check};
use evenkeel_disk::{Disk, MemDisk};
use std::path::Path;

const GOLDEN: &[u8] = include_bytes!("golden/folder-1.bin");
/// What is in it: the last entry, jobs, queues, and the digest of the state.
const STATE: (u64, u64, u64, &str) = include!("golden/state.in");
/// Bytes of each job's body: as the example makes them.
const BODY_BYTES: usize = 200;

fn folder() -> MemDisk {
    let disk = MemDisk::new(1);
    unpack::unpack(GOLDEN, &disk, Path::new(FOLDER));
    disk
}

#[test]
fn the_folder_has_every_kind_of_file() {
    let disk = folder();
    let names: Vec<String> = ["log", "checkpoints", "bodies"]
        .iter()
        .flat_map(|dir| disk.list(&Path::new(FOLDER).join(dir)).unwrap())
        .collect();
    for kind in [".seg", ".idx", ".ckpt", ".run", ".bodies"] {
        assert!(names.iter().any(|name| name.ends_with(kind)), "{kind}: {names:?}");
    }
}

#[test]
fn it_is_sound_and_its_state_is_the_one_that_was_written() {
    let report = check(folder(), Path::new(FOLDER), &mut |_, _, _| {}).unwrap();
    assert_eq!((report.verdict, report.findings.as_slice()), (Verdict::Sound, &[][..]));
    assert_eq!((report.bodies.missing, report.bodies.damaged), (0, 0));
    let state = report.state.unwrap();
    // The digest covers every field of every record: a version that reads one of them otherwise has another.
    assert_eq!((state.index, state.jobs, state.queues, state.digest.as_str()), STATE);
}

#[test]
fn a_server_goes_on_with_it_and_every_job_has_its_body() {
    let disk = folder();
    let mut house = House::open(&disk).unwrap();
    house.end_leases();
    let jobs = house.engine.machine().queues().sizes().2;
    assert_eq!(u64::from(jobs), STATE.1);
    let mut numbers = Vec::new();
    while let Some(job) = house.receive() {
        assert_eq!(job.body, body(number_of(&job.body), BODY_BYTES));
        numbers.push(number_of(&job.body));
        assert!(house.ack(&job));
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), usize::try_from(jobs).unwrap(), "each of them once");
    assert_eq!(house.send(&body(1, BODY_BYTES)), Some(Ok(())));
}
