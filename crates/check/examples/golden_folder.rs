//! Makes the golden data folder anew: `cargo run -p evenkeel-check --example golden_folder`. Only as long as no version
//! that writes its format was released.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a tool for those who change the format"
)]

#[allow(dead_code, reason = "the engine's tests need more of it")]
#[path = "../../engine/tests/house/driver.rs"]
mod driver;
#[path = "../tests/golden/pack.rs"]
mod pack;

use driver::{FOLDER, House, body, number_of};
use evenkeel_check::check;
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use std::path::Path;

/// Bytes of each job's body: as the test expects them.
const BODY_BYTES: usize = 200;

fn main() {
    let disk = make();
    let mut packed = Vec::new();
    for dir in ["", "log", "checkpoints", "bodies"] {
        for name in disk.list(&Path::new(FOLDER).join(dir)).unwrap() {
            let name = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            // What is no file has no contents.
            if let Ok(bytes) = disk.contents(&Path::new(FOLDER).join(&name)) {
                println!("{name}: {} bytes", bytes.len());
                pack::pack(&name, &bytes, &mut packed);
            }
        }
    }
    let state = check(disk, Path::new(FOLDER), &mut |_, _, _| {}).unwrap().state.unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    std::fs::write(golden.join("folder-1.bin"), &packed).unwrap();
    let state = format!("({}, {}, {}, \"{}\")\n", state.index, state.jobs, state.queues, state.digest);
    std::fs::write(golden.join("state.in"), &state).unwrap();
    println!("{} bytes packed; {state}", packed.len());
}

/// Work of some lives, the last of which ended by a crash.
fn make() -> MemDisk {
    let disk = MemDisk::new(1);
    let mut house = House::open(&disk).unwrap();
    assert!(house.create_queue());
    let mut number = 0;
    for round in 0..60 {
        for _ in 0..60 {
            assert_eq!(house.send(&body(number, BODY_BYTES)), Some(Ok(())));
            number += 1;
        }
        // Few survive of the first, all of the last.
        while let Some(job) = house.receive() {
            if number_of(&job.body) % 60 != 7 && round < 56 {
                assert!(house.ack(&job));
            }
        }
        if round == 12 || round == 25 {
            drop(house);
            disk.kill();
            house = House::open(&disk).unwrap();
        }
    }
    assert!(house.checkpoints > 2 && house.carried > 0, "{} and {}", house.checkpoints, house.carried);
    drop(house);
    disk.kill();
    let id = disk.open(&Path::new(FOLDER).join("log-id"), OpenMode::CreateNew).unwrap();
    id.write_all_at("07".repeat(16).as_bytes(), 0).unwrap();
    disk
}
