//! The names in the folder.

use evenkeel_types::LogIndex;

/// Zeros that make room on a full disk.
pub(crate) const BALLAST: &str = "ballast";
/// Behind the name of a file that is not yet finished.
pub(crate) const UNFINISHED: &str = ".new";
/// Behind the name of a file that is being received.
pub(crate) const RECEIVED: &str = ".received";

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Manifest(LogIndex),
    Run(u64),
    Unfinished,
    Received,
    Other,
}

pub(crate) fn manifest(index: LogIndex) -> String {
    format!("{:016x}.ckpt", index.0)
}

pub(crate) fn run(number: u64) -> String {
    format!("{number:016x}.run")
}

pub(crate) fn kind(name: &str) -> Kind {
    if name.ends_with(UNFINISHED) {
        return Kind::Unfinished;
    }
    if name.ends_with(RECEIVED) {
        return Kind::Received;
    }
    let number = |stem: &str| {
        let plain = stem.len() == 16 && stem.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if plain { u64::from_str_radix(stem, 16).ok() } else { None }
    };
    match name.split_once('.') {
        Some((stem, "ckpt")) => number(stem).map_or(Kind::Other, |index| Kind::Manifest(LogIndex(index))),
        Some((stem, "run")) => number(stem).map_or(Kind::Other, Kind::Run),
        _ => Kind::Other,
    }
}

/// The number that a run has or would have, also an unfinished one.
pub(crate) fn run_number(name: &str) -> Option<u64> {
    match kind(name.strip_suffix(UNFINISHED).unwrap_or(name)) {
        Kind::Run(number) => Some(number),
        _ => None,
    }
}
