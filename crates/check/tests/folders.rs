//! Data folders, whole and damaged in every file: what the check says must be what a start finds.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

/// The engine's own driver of a house: a server without sockets.
#[allow(dead_code, reason = "the engine's tests need more of it")]
#[path = "../../engine/tests/house/driver.rs"]
mod driver;

use driver::{House, body, number_of};
use evenkeel_check::{CheckError, Report, Severity, Verdict, check};
use evenkeel_checkpoint::{Checkpoints, Part, Source};
use evenkeel_disk::{Disk, DiskFile, MemDisk, OpenMode};
use evenkeel_machine::Machine;
use evenkeel_types::LogIndex;
use std::{collections::BTreeMap, path::Path, path::PathBuf, sync::OnceLock};

const FOLDER: &str = "/data";
const BODY_BYTES: usize = 1_000;

/// A folder with all kinds of files: two checkpoints, retired segments, body files, and log above. Made once.
fn folder() -> MemDisk {
    static MADE: OnceLock<MemDisk> = OnceLock::new();
    MADE.get_or_init(make).fork(1)
}

fn make() -> MemDisk {
    let disk = MemDisk::new(1);
    let mut house = House::open(&disk).unwrap();
    assert!(house.create_queue());
    let mut number = 0;
    for round in 0..24 {
        for _ in 0..60 {
            assert_eq!(house.send(&body(number, BODY_BYTES)), Some(Ok(())));
            number += 1;
        }
        // Few survive of the first, all of the last.
        while let Some(job) = house.receive() {
            if number_of(&job.body) % 60 != 7 && round < 20 {
                assert!(house.ack(&job));
            }
        }
    }
    house.end_leases();
    // The newest checkpoint has some log above it, whenever checkpoints are made.
    let checkpoints = house.checkpoints;
    while house.checkpoints == checkpoints {
        assert_eq!(house.send(&body(number, BODY_BYTES)), Some(Ok(())));
        number += 1;
    }
    for number in number..number + 40 {
        assert_eq!(house.send(&body(number, BODY_BYTES)), Some(Ok(())));
    }
    assert!(house.checkpoints > 5 && house.carried > 0, "{} and {}", house.checkpoints, house.carried);
    drop(house);
    disk.kill();
    let id = disk.open(&path("log-id"), OpenMode::CreateNew).unwrap();
    id.write_all_at("07".repeat(16).as_bytes(), 0).unwrap();
    disk
}

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

fn checked(disk: &MemDisk) -> Result<Report, CheckError> {
    check(disk.clone(), Path::new(FOLDER), &mut |_, done, all| assert!(done <= all))
}

/// All files that hold something.
fn files(disk: &MemDisk) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for dir in ["", "log", "checkpoints", "bodies"] {
        for name in disk.list(&path(dir)).unwrap_or_default() {
            let name = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            if let Ok(bytes) = disk.contents(&path(&name)) {
                files.insert(name, bytes);
            }
        }
    }
    files
}

/// What a server does with it: does it start, and which bodies can it deliver?
fn delivered(disk: &MemDisk) -> Result<Vec<u64>, String> {
    let mut house = House::open(disk)?;
    if house.dead {
        return Err("it stopped".into());
    }
    house.disk_is_ill = true;
    house.end_leases();
    let mut numbers = Vec::new();
    let jobs = house.engine.machine().queues().sizes().2;
    for _ in 0..jobs {
        if let Some(job) = house.receive() {
            assert_eq!(job.body, body(number_of(&job.body), BODY_BYTES));
            numbers.push(number_of(&job.body));
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[test]
fn a_sound_folder_is_called_sound_and_nothing_is_changed() {
    let disk = folder();
    let before = files(&disk);
    assert!(before.keys().filter(|name| name.ends_with(".seg")).count() > 4);
    for kind in [".idx", ".ckpt", ".run", ".bodies"] {
        assert!(before.keys().any(|name| name.ends_with(kind)), "{kind}: {:?}", before.keys());
    }
    let changes = disk.counters().changes;
    let report = checked(&disk).unwrap();
    assert_eq!((report.verdict, report.findings.as_slice()), (Verdict::Sound, &[][..]));
    assert_eq!(disk.counters().changes, changes, "not even a sync");
    assert_eq!(files(&disk), before);

    let jobs = delivered(&disk).unwrap();
    let state = report.state.unwrap();
    assert_eq!((state.jobs, state.queues, report.bodies.checked), (jobs.len() as u64, 1, jobs.len() as u64));
    assert!(report.starts && report.bodies.lost() == 0 && state.epoch > 0 && state.index == report.log_last);
    let agree: Vec<_> = report.checkpoints.iter().map(|checkpoint| (checkpoint.usable, checkpoint.agrees)).collect();
    assert_eq!(agree, [(true, None), (true, Some(true))], "the newer is met by replaying from the older");
}

/// Damages one file and compares what the check says with what a server does.
fn compare(what: &str, name: &str, all: &[u64], damage: impl Fn(&MemDisk)) -> Verdict {
    let disk = folder();
    damage(&disk);
    let before = files(&disk);
    let report = checked(&disk).unwrap_or_else(|error| panic!("{what} {name}: {error}"));
    assert_eq!(files(&disk), before, "{what} {name}: something was changed");
    assert_ne!(report.verdict, Verdict::Sound, "{what} {name}: nothing was found");
    let stem = name.rsplit('/').next().unwrap().split('.').next().unwrap();
    let named = |finding: &evenkeel_check::Finding| {
        let by_name = finding.file.as_deref() == Some(name) || finding.what.contains(stem);
        // Of bodies that are gone without a trace only the entries can be told, of a manifest only the runs that are left.
        let by_trace = finding.what.contains("are in no file") || finding.what == "it is left over";
        by_name || (what == "gone" && by_trace)
    };
    assert!(report.findings.iter().any(named), "{what} {name} is not named: {:?}", report.findings);
    let serious = report.findings.iter().any(|finding| finding.severity == Severity::Serious);
    assert_eq!(serious, report.verdict == Verdict::Damaged);
    match delivered(&disk) {
        Ok(jobs) => {
            assert!(report.starts, "{what} {name}: it starts, though {:?}", report.start_error);
            let lost = (all.len() - jobs.len()) as u64;
            assert_eq!(report.bodies.lost(), lost, "{what} {name}: {:?}", report.findings);
            assert_eq!(report.bodies.queues.iter().map(|queue| queue.missing + queue.damaged).sum::<u64>(), lost);
            let verdict = if lost > 0 { Verdict::Damaged } else { Verdict::Harmless };
            assert_eq!(report.verdict, verdict, "{what} {name}: {:?}", report.findings);
        }
        Err(error) => {
            assert!(!report.starts, "{what} {name}: it does not start: {error}");
            assert_eq!(report.verdict, Verdict::Damaged);
        }
    }
    report.verdict
}

/// Names of all files that matter.
fn names(disk: &MemDisk) -> Vec<String> {
    let helpers = ["lock", "log/lock", "log/spare", "checkpoints/ballast", "log-id"];
    files(disk).into_keys().filter(|name| !helpers.contains(&name.as_str())).collect()
}

#[test]
fn a_bit_that_flipped_in_any_file_is_found_and_judged_as_a_start_would_find_it() {
    let all = delivered(&folder()).unwrap();
    let mut verdicts = BTreeMap::<Verdict, u32>::new();
    for name in names(&folder()) {
        let bytes = files(&folder())[&name].clone();
        // Behind its end a segment may hold zeros that nobody looks at.
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64;
        for at in [9, end / 3, end / 2, end - 1] {
            let verdict = compare(&format!("bit at {at}"), &name, &all, |disk| {
                disk.flip_bit(&path(&name), at, 3).unwrap();
            });
            *verdicts.entry(verdict).or_default() += 1;
        }
    }
    assert!(verdicts[&Verdict::Harmless] > 3 && verdicts[&Verdict::Damaged] > 3, "{verdicts:?}");
}

#[test]
fn a_file_that_is_gone_or_cut_is_found_and_judged_as_a_start_would_find_it() {
    let all = delivered(&folder()).unwrap();
    // Without the older manifest it is a folder with one checkpoint, as each is for a while: nothing to be found.
    let oldest = names(&folder()).into_iter().find(|name| name.ends_with(".ckpt"));
    let last = names(&folder()).into_iter().rfind(|name| name.ends_with(".seg"));
    for name in names(&folder()) {
        let len = files(&folder())[&name].len() as u64;
        if Some(&name) == last.as_ref() {
            // A start need not miss it; the sidecar of the segment before tells that there was one.
            let disk = folder();
            disk.lose(&path(&name)).unwrap();
            let report = checked(&disk).unwrap();
            assert_eq!(report.verdict, Verdict::Damaged);
            assert_eq!(report.starts, delivered(&disk).is_ok(), "{report:?}");
            let told = |words: &str| report.findings.iter().any(|finding| finding.means.contains(words));
            assert!(told("segments behind it are gone"), "{report:?}");
            assert!(report.findings.len() <= 3, "a hole is one finding, not one for each job: {report:?}");
        } else if Some(&name) != oldest.as_ref() {
            compare("gone", &name, &all, |disk| disk.lose(&path(&name)).unwrap());
        }
        compare("cut", &name, &all, |disk| disk.truncate(&path(&name), len / 2).unwrap());
        compare("emptied", &name, &all, |disk| disk.truncate(&path(&name), 0).unwrap());
    }
}

#[test]
fn without_its_log_id_it_says_what_to_write() {
    let disk = folder();
    disk.lose(&path("log-id")).unwrap();
    let report = checked(&disk).unwrap();
    assert_eq!(report.verdict, Verdict::Damaged);
    let finding = &report.findings[0];
    assert_eq!(finding.file.as_deref(), Some("log-id"));
    assert!(finding.means.contains(&"07".repeat(16)), "{}", finding.means);
}

#[test]
fn without_checkpoints_it_does_not_start_and_says_so() {
    let disk = folder();
    for name in names(&disk).iter().filter(|name| name.starts_with("checkpoints/")) {
        disk.lose(&path(name)).unwrap();
    }
    let report = checked(&disk).unwrap();
    assert!(!report.starts && report.verdict == Verdict::Damaged && report.state.is_none(), "{report:?}");
}

#[test]
fn a_checkpoint_that_is_not_what_the_log_gives_is_found_though_every_checksum_is_right() {
    let disk = folder();
    let last = checked(&disk).unwrap().log_last;
    let mut wrong = Machine::default();
    (1..last).for_each(|index| wrong.skip(LogIndex(index)).unwrap());
    let dir = path("checkpoints");
    let (mut checkpoints, _) = Checkpoints::open(disk.clone(), &dir, evenkeel_checkpoint::Options::default()).unwrap();
    let head = wrong.begin_checkpoint(true);
    checkpoints.begin(wrong.applied(), Source::Whole).unwrap();
    let mut part = Part::default();
    assert!(wrong.drain_checkpoint(usize::MAX, &mut |section, slot, bytes| part.push(section, slot, bytes)));
    checkpoints.append(&part).unwrap();
    checkpoints.finish(&head).unwrap();
    let report = checked(&disk).unwrap();
    assert_eq!(report.verdict, Verdict::Damaged);
    assert_eq!(report.checkpoints.last().unwrap().agrees, Some(false), "{report:?}");
    assert!(report.findings.iter().any(|finding| finding.what.contains("gives another state")), "{report:?}");
    assert!(delivered(&disk).is_err() && !report.starts, "the entries behind do not fit it");
}

#[test]
fn leftovers_are_harmless() {
    let disk = folder();
    let left = ["checkpoints/00000000000000ff.run.new", "checkpoints/0000000000000fff.run", "log/idx.new"];
    for name in left {
        disk.open(&path(name), OpenMode::CreateNew).unwrap().write_all_at(b"half", 0).unwrap();
    }
    let report = checked(&disk).unwrap();
    assert_eq!(report.verdict, Verdict::Harmless);
    let found: Vec<_> = report.findings.iter().filter_map(|finding| finding.file.as_deref()).collect();
    for name in left {
        assert!(found.contains(&name), "{name}: {found:?}");
    }
}

#[test]
fn what_cannot_be_checked_is_told_apart() {
    let disk = MemDisk::new(1);
    disk.create_dir_all(Path::new(FOLDER)).unwrap();
    assert!(matches!(checked(&disk), Err(CheckError::NotADataFolder(_))));
    assert!(matches!(check(disk, Path::new("/no/such"), &mut |_, _, _| {}), Err(CheckError::NotADataFolder(_))));

    let disk = folder();
    let held = disk.lock(&path("lock")).unwrap();
    assert!(matches!(checked(&disk), Err(CheckError::InUse)));
    drop(held);
    checked(&disk).unwrap();

    let disk = folder();
    disk.create_dir_all(&path("snapshot")).unwrap();
    disk.open(&path("snapshot/install"), OpenMode::CreateNew).unwrap();
    assert!(matches!(checked(&disk), Err(CheckError::Installing)));

    // A manifest of the next format, checksum and all.
    let disk = folder();
    let name = names(&disk).into_iter().find(|name| name.ends_with(".ckpt")).unwrap();
    let mut bytes = disk.contents(&path(&name)).unwrap();
    bytes[24] = 2;
    let sum = xxhash_rust::xxh3::xxh3_128(&bytes[16..]);
    bytes[..16].copy_from_slice(&sum.to_le_bytes());
    disk.open(&path(&name), OpenMode::ReadWrite).unwrap().write_all_at(&bytes, 0).unwrap();
    assert!(matches!(checked(&disk), Err(CheckError::TooNew { version: 2, .. })));
}

#[test]
fn the_report_has_the_fields_that_the_pages_name() {
    let report = serde_json::to_value(checked(&folder()).unwrap()).unwrap();
    let page = include_str!("../../../docs/operations.md");
    for field in report.as_object().unwrap().keys() {
        assert!(page.contains(&format!("`{field}`")), "docs/operations.md does not name {field}");
    }
    for part in ["state", "bodies", "log_files"] {
        for field in report[part].as_object().unwrap().keys() {
            assert!(page.contains(&format!("`{field}`")), "docs/operations.md does not name {part}.{field}");
        }
    }
}
