//! The rooms: each on the map, and doors between them one way only.

use super::File;
use crate::packages::{Package, Workspace};

/// Which room may use which: only one of a lower floor. Rooms of one floor do not know each other, so that no door
/// imports a door.
const FLOORS: [(&str, u8); 22] = [
    ("crates/types", 0),
    ("crates/metrics", 0),
    ("crates/machine", 1),
    ("crates/disk", 1),
    ("crates/log/api", 1),
    ("crates/proto/", 1),
    ("crates/policy", 0),
    ("crates/access", 2),
    ("crates/log/raft/pb", 0),
    ("crates/log/raft/words", 1),
    ("crates/log/raft", 3),
    ("crates/log/", 2),
    ("crates/checkpoint", 2),
    ("crates/bodies", 2),
    ("crates/snapshot", 3),
    ("crates/engine", 4),
    ("crates/archive", 4),
    ("crates/check", 5),
    ("crates/doors/", 5),
    ("crates/channels/", 5),
    ("crates/", 5),
    ("evenkeel", 6),
];
/// Tools and tests: they may use everything but each other.
const OUTSIDE: u8 = 7;

pub(super) fn check(workspace: &Workspace, files: &[File]) -> Vec<String> {
    let mut complaints = on_the_map(workspace, files);
    complaints.extend(one_way(workspace));
    complaints.extend(siblings(files));
    complaints
}

fn on_the_map(workspace: &Workspace, files: &[File]) -> Vec<String> {
    let Some(map) = files.iter().find(|file| file.path == "ARCHITECTURE.md") else {
        return vec!["ARCHITECTURE.md is not there".into()];
    };
    let is_named = |folder: &str| map.text.contains(&format!("`{folder}`"));
    let missing = workspace.packages.iter().filter(|package| !is_named(&package.folder));
    missing.map(|package| format!("ARCHITECTURE.md does not name the room `{}`", package.folder)).collect()
}

fn floor(package: &Package) -> u8 {
    let found = FLOORS
        .iter()
        .find(|(folder, _)| package.folder == *folder || (folder.ends_with('/') && package.folder.starts_with(folder)));
    found.map_or(OUTSIDE, |(_, floor)| *floor)
}

fn one_way(workspace: &Workspace) -> Vec<String> {
    let mut complaints = Vec::new();
    for package in &workspace.packages {
        for needed in workspace.packages.iter().filter(|other| package.dependencies.contains(&other.name)) {
            if floor(needed) >= floor(package) {
                complaints.push(format!(
                    "`{}` must not depend on `{}`: dependencies point to a lower floor only (xtask/src/tidy/rooms.rs)",
                    package.folder, needed.folder
                ));
            }
        }
    }
    complaints
}

/// What the machine's folders share rather than being sub-machines.
const SHARED: [&str; 2] = ["command", "slab"];

/// A sub-machine (a folder in the machine) must not import another: the root machine routes between them.
fn siblings(files: &[File]) -> Vec<String> {
    let inside = |file: &File| {
        let rest = file.path.strip_prefix("crates/machine/src/")?;
        rest.split_once('/').map(|(folder, _)| folder.to_owned())
    };
    let mut folders: Vec<String> = files.iter().filter_map(inside).collect();
    folders.sort();
    folders.dedup();
    folders.retain(|folder| !SHARED.contains(&folder.as_str()));
    let mut complaints = Vec::new();
    for file in files {
        let Some(own) = inside(file) else { continue };
        for sibling in folders.iter().filter(|folder| **folder != own) {
            if file.text.contains(&format!("crate::{sibling}::"))
                || file.text.contains(&format!("super::super::{sibling}"))
            {
                complaints.push(format!("{}: the sub-machine `{own}` imports its sibling `{sibling}`", file.path));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(folder: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        Package { name: folder.into(), folder: folder.into(), dependencies, tests: Vec::new(), features: Vec::new() }
    }

    fn complaints(packages: Vec<Package>) -> usize {
        one_way(&Workspace { target: "target".into(), packages }).len()
    }

    #[test]
    fn dependencies_up_or_aside_are_noticed() {
        assert_eq!(complaints(vec![room("crates/types", &[]), room("crates/machine", &["crates/types"])]), 0);
        assert_eq!(complaints(vec![room("crates/types", &["crates/machine"]), room("crates/machine", &[])]), 1);
        assert_eq!(
            complaints(vec![room("crates/doors/sqs", &["crates/doors/smpp"]), room("crates/doors/smpp", &[])]),
            1
        );
        assert_eq!(complaints(vec![room("crates/engine", &["evenkeel"]), room("evenkeel", &[])]), 1);
    }

    #[test]
    fn siblings_are_noticed() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let files = [
            file("crates/machine/src/pool/mod.rs", "use crate::queue::Queue;"),
            file("crates/machine/src/queue/mod.rs", "use crate::command::Command; use crate::queue::job;"),
        ];
        assert_eq!(siblings(&files).len(), 1);
    }
}
