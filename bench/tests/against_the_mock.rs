//! The tool as a whole, against its own stand-in for the server: starts it, loads it, stops it, leaves nothing behind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use std::process::Command;

/// Runs the tool on a server of its own; returns what it printed.
fn bench(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_evenkeel-bench");
    let parent = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(arguments[0]);
    std::fs::create_dir_all(&parent).unwrap();
    let output =
        Command::new(program).args(["--server", program, "--data-dir"]).arg(&parent).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 0, "something was left in {}", parent.display());
    text
}

#[test]
fn a_cycle_deletes_jobs_without_errors() {
    let text =
        bench(&["cycle", "--connections", "8", "--seconds", "1", "--warmup", "0", "--runs", "1", "--groups", "5"]);
    assert!(text.contains("errors 0, empty receives 0"), "{text}");
    assert!(text.contains("send ") && text.contains("delete ") && text.contains("server CPU"), "{text}");
}

#[test]
fn the_whole_table_is_written() {
    let small = [
        "all",
        "--connections",
        "8",
        "--seconds",
        "1",
        "--warmup",
        "0",
        "--runs",
        "1",
        "--latency-jobs",
        "100",
        "--backlog",
        "500",
        "--tenants",
        "50",
        "--groups",
        "1000",
    ];
    let text = bench(&small);
    assert!(text.contains("| quiet tenant behind 500 jobs of one: 1st/10th served | after 1/10 jobs |"), "{text}");
    assert!(text.contains("1st served | after 50 jobs | after one round (50 jobs)"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("| ")).count(), 11, "{text}");
}

#[test]
fn a_server_that_does_not_start_is_an_error_with_its_words() {
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel-bench"))
        .args(["--server", "false", "--data-dir", env!("CARGO_TARGET_TMPDIR"), "cycle"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("not healthy"));
}

#[test]
fn other_machines_are_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel-bench"))
        .args(["--endpoint", "http://192.0.2.1:9324", "cycle"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("loopback"));
}

#[test]
fn all_parts_of_depth_end_with_their_figures() {
    let small = "depth all --jobs 2000 --jobs-deep 3000 --groups 50 --body 100 --queues 300 --connections 8 --seconds 1 \
        --warmup 0 --runs 1 --restarts 2 --restarts-cold 0 --settle 0 --purge-seconds 1";
    let text = bench(&small.split_whitespace().collect::<Vec<_>>());
    for what in [
        "| memory, 2000 jobs of 100 bytes waiting, 50 groups | PSS ",
        "| kill -9 to first job, 2000 jobs waiting, page cache warm | 0.",
        "| kill -9 to first job, 3000 jobs waiting, page cache cold | not measured: --restarts-cold 0 | 10 s | 3 s |  |",
        "| throughput with 3000 jobs waiting against an empty queue, batches of 10 | ",
        "| longest gap of the engine, 3000 jobs of 100 bytes filled and purged | 0.00 ms (fill and cycles: ",
        "| throughput over 300 queues against one queue, single calls | ",
        "| throughput during checkpoints (0 of them) against none, 2000 jobs waiting, single calls | ",
    ] {
        assert!(text.contains(what), "{what} is not in:\n{text}");
    }
    assert!(!text.contains("error: "), "{text}");
    assert!(text.contains("made 300 queues in "), "{text}");
}

#[test]
fn depth_takes_no_foreign_server_and_its_parts_by_name() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_evenkeel-bench")).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(run(&["--endpoint", "http://127.0.0.1:9324", "depth", "memory"]).contains("takes no --endpoint"));
    assert!(run(&["depth", "width"]).contains("memory, restart, gaps"));
    assert!(run(&["depth"]).contains("PART"));
    let folder = env!("CARGO_TARGET_TMPDIR");
    let refused = run(&["--data-dir", folder, "depth", "gaps", "--jobs-deep", "1000000000", "--body", "65536"]);
    assert!(refused.contains("make room"), "{refused}");
}
