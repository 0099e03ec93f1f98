//! File by file: what the rooms' own verifications tell, as findings.

use crate::{LOG, report::Report};
use evenkeel_checkpoint::FileState as CheckpointState;
use evenkeel_engine::{BODIES, CHECKPOINTS};
use evenkeel_log_local::FileState as LogState;
use evenkeel_types::LogIndex;

/// A newer version wrote this file.
pub(crate) struct TooNew {
    pub(crate) file: String,
    pub(crate) version: u32,
}

/// Why a file could not be told good or bad.
pub(crate) enum Unknown {
    TooNew(TooNew),
    Unreadable(String),
}

const LEFT_OVER: &str =
    "The server ended while it wrote it; it holds nothing that is needed, and the next start removes it.";
const CHECKPOINT: &str = "What needs this file cannot be loaded. A start takes the newest checkpoint that is whole and \
    replays the log behind it; the next checkpoint that is written replaces what is damaged.";
const SIDECAR: &str = "It only speeds up a start, and is made anew by the next one.";
const LAST: &str = "The segments behind it are gone, with everything that was acknowledged in them. A start would go on without \
    them. Put them back from a copy.";
const TORN: &str = "The process or the power went in the middle of a write that was never acknowledged; the next start \
    cuts it off.";
const SEGMENT: &str = "What lies above the newest usable checkpoint is replayed and must be whole. Below it only the \
    bodies of jobs that still wait matter; those that are lost are counted below. Put this file back from a copy.";
const BODY_FILE: &str = "Jobs that still wait need bodies in this file; those that are lost are counted below. Put the \
    file back from a copy.";

/// What a damage reads like.
fn with_more(what: &str, more: u64) -> String {
    match more {
        0 => what.to_owned(),
        more => format!("{what}; and {more} places more"),
    }
}

/// Takes in the checkpoints' files. `leftover` are names that the next start removes.
pub(crate) fn checkpoints(
    report: &mut Report,
    verified: &evenkeel_checkpoint::Verified,
    leftover: &[String],
) -> Result<(), Unknown> {
    for file in &verified.files {
        let path = format!("{CHECKPOINTS}/{}", file.name);
        if leftover.contains(&file.name) {
            continue;
        }
        report.checkpoint_files.add(file.bytes);
        match &file.state {
            CheckpointState::Ok => {}
            CheckpointState::Damaged { offset, what } => report.find(Some(path), Some(*offset), what, CHECKPOINT),
            CheckpointState::TooNew(version) => {
                return Err(Unknown::TooNew(TooNew { file: path, version: *version }));
            }
            CheckpointState::Unreadable(what) => return Err(Unknown::Unreadable(format!("reading {path}: {what}"))),
        }
    }
    for name in leftover {
        report.find(Some(format!("{CHECKPOINTS}/{name}")), None, "it is left over", LEFT_OVER);
    }
    Ok(())
}

/// Takes in the body files.
pub(crate) fn body_files(report: &mut Report, verified: &evenkeel_bodies::Verified) -> Result<(), Unknown> {
    use evenkeel_bodies::FileState;
    for file in &verified.files {
        let path = format!("{BODIES}/{}", file.name);
        match &file.state {
            FileState::Sound(extent) => report.body_files.add(extent.bytes),
            FileState::Leftover => report.find(Some(path), None, "it is left over", LEFT_OVER),
            FileState::Damaged(damage) => {
                report.body_files.files += 1;
                report.find(Some(path), Some(damage.offset), &*damage.what, BODY_FILE);
            }
            FileState::TooNew(version) => return Err(Unknown::TooNew(TooNew { file: path, version: *version })),
        }
    }
    for name in &verified.unfinished {
        report.find(Some(format!("{BODIES}/{name}")), None, "it is left over", LEFT_OVER);
    }
    Ok(())
}

/// Takes in the log's files.
pub(crate) fn log(report: &mut Report, verified: &evenkeel_log_local::Verified, names: &[String]) {
    for file in &verified.files {
        report.log_files.add(file.bytes);
        let path = Some(format!("{LOG}/{}", file.name));
        match &file.state {
            LogState::Ok => {}
            LogState::Torn { offset, what } => report.find(path, Some(*offset), what, TORN),
            LogState::Needless { .. } if is_of_last(&file.name, names) && !verified.unfinished => {
                report.find(
                    path,
                    None,
                    "its segment is the last one, and only one that is followed gets a sidecar",
                    LAST,
                );
                report.make_last_serious();
            }
            LogState::Needless { what } => report.find(path, None, what, SIDECAR),
            LogState::Damaged { offset, what, more } => {
                report.find(path, Some(*offset), with_more(what, *more), SEGMENT);
            }
        }
    }
    let segments: Vec<_> = names.iter().filter_map(|name| name.strip_suffix(".seg")).collect();
    let sealed = segments.split_last().map_or(&[][..], |(_, sealed)| sealed);
    for stem in sealed {
        let sidecar = format!("{stem}.idx");
        if !names.contains(&sidecar) {
            report.find(Some(format!("{LOG}/{sidecar}")), None, "the file is missing", SIDECAR);
        }
    }
    if verified.unfinished {
        let means = "A truncation or reset was begun; the next start finishes it.";
        report.find(Some(format!("{LOG}/intent")), None, "it is not finished", means);
    }
    for name in names.iter().filter(|name| ["intent.new", "idx.new"].contains(&name.as_str())) {
        report.find(Some(format!("{LOG}/{name}")), None, "it is left over", LEFT_OVER);
    }
    for (first, last) in verified.missing.iter() {
        // The hole may begin below the state.
        let before = verified.readable.iter().map(|(_, last)| last).take_while(|last| *last < first).last();
        let first = before.map_or(first, LogIndex::next);
        let name = segment(first);
        let what =
            format!("entries {first} to {last} are missing: {name}, or the end of the segment before it, is gone");
        let means = "They come after the newest usable checkpoint and would be replayed, so the server does not start. \
            Put the segments of these entries back from a copy. (Without `--durability sync` a power cut may cost the log \
            its end, which is no damage: the server then says so at the start, and goes on.)";
        report.find(None, None, what, means);
        report.make_last_serious();
    }
    report.log_first = verified.readable.iter().next().map_or(0, |(first, _)| first.0);
    report.log_last = verified.readable.iter().last().map_or(0, |(_, last)| last.0);
}

/// Whether it is the sidecar of the last segment.
fn is_of_last(name: &str, names: &[String]) -> bool {
    let last = names.iter().filter_map(|name| name.strip_suffix(".seg")).next_back();
    last.is_some_and(|last| name.strip_suffix(".idx") == Some(last))
}

/// The path of the segment that begins with an entry.
pub(crate) fn segment(first: LogIndex) -> String {
    format!("{LOG}/{:016x}.seg", first.0)
}
