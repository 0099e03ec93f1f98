//! The recipes under `contrib/`: what they tell the binary is what the binary knows.
//!
//! There is no Docker engine and no systemd where the tests run, so this is what can be checked without.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::{Tool, binary};
use std::process::Command;

fn recipe(name: &str) -> String {
    std::fs::read_to_string(binary::workspace().join("contrib").join(name)).unwrap()
}

/// All `EVENKEEL_...` names in a text.
fn variables(text: &str) -> Vec<&str> {
    let name =
        |rest: &str| rest.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_').unwrap_or(rest.len());
    text.match_indices("EVENKEEL_").map(|(at, _)| &text[at..at + name(&text[at..])]).collect()
}

#[test]
fn every_variable_is_one_that_the_server_reads() {
    let help = Tool::bare(&["serve", "--help"]).works().stdout;
    let mut seen = 0;
    for name in ["docker/Dockerfile", "docker/compose.yaml", "systemd/evenkeel.service"] {
        for variable in variables(&recipe(name)) {
            let is_root = ["EVENKEEL_ROOT_ACCESS_KEY", "EVENKEEL_ROOT_SECRET_KEY"].contains(&variable);
            assert!(is_root || help.contains(variable), "{name}: {variable}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn every_command_is_one_that_the_binary_has() {
    let docker = recipe("docker/Dockerfile");
    assert!(docker.contains("CMD [\"/evenkeel\", \"ping\"]") && docker.contains("CMD [\"serve\"]"));
    Tool::bare(&["ping", "--help"]).works();
    let unit = recipe("systemd/evenkeel.service");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/evenkeel ")).unwrap();
    let mut words: Vec<&str> = start.split(' ').collect();
    words.push("--help");
    Tool::bare(&words).works();
}

#[test]
fn systemd_understands_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("not checked: there is no systemd-analyze here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("evenkeel.service");
    let unit = recipe("systemd/evenkeel.service");
    std::fs::write(&file, unit.replace("/usr/local/bin/evenkeel", binary::evenkeel().to_str().unwrap())).unwrap();
    let said = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output().unwrap();
    assert!(said.status.success() && said.stderr.is_empty(), "{said:?}");
}
