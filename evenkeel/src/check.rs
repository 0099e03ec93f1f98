//! `evenkeel check`: whether a data folder is sound, said to people or to programs.

mod progress;
mod tell;

use clap::Args;
use evenkeel_check::{CheckError, Report};
use evenkeel_disk::RealDisk;
use std::{path::PathBuf, process::ExitCode};

/// The exit code when nothing could be found out.
const UNCHECKED: u8 = 3;

/// Check a data folder while no server runs on it: every checksum, every invariant, every body.
///
/// Reads all of it and changes nothing, so it may be run on a copy or on a read-only disk. It says what is wrong, in which file
/// and where, what that means, and whether a server would start. A check reads about as much as lies in the folder, and needs
/// as much memory as the server for its jobs.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  sound
  1  damaged or left over, but a start loses nothing
  2  damaged: the server would not start, or jobs have lost their bodies
  3  could not be checked: no data folder, in use, unreadable, or of a newer version

The server's lock is held meanwhile: stop the server first. Keep a copy of a damaged folder before anything else.")]
pub(crate) struct CheckArgs {
    /// The data folder, as given to `evenkeel serve --data-dir`.
    #[arg(value_name = "DATA_DIR")]
    folder: PathBuf,

    /// Write one report as JSON to standard output; docs/operations.md lists its fields.
    #[arg(long)]
    json: bool,

    /// Say nothing of the progress on standard error.
    #[arg(long)]
    quiet: bool,
}

/// Checks, tells, and returns the exit code.
pub(crate) fn check(args: &CheckArgs) -> ExitCode {
    // The log keeps all its files open.
    crate::descriptors::connections(u32::MAX);
    let mut progress = progress::Progress::new(args.quiet);
    let result = evenkeel_check::check(RealDisk, &args.folder, &mut |step, done, all| progress.tell(step, done, all));
    progress.end();
    if args.json {
        println!("{}", json(&result));
    } else if let Ok(report) = &result {
        print!("{}", tell::text(report, &args.folder));
    }
    match result {
        Ok(report) => ExitCode::from(report.verdict.exit_code()),
        Err(error) => {
            eprintln!("evenkeel: not checked: {error}");
            ExitCode::from(UNCHECKED)
        }
    }
}

fn json(result: &Result<Report, CheckError>) -> String {
    let code = result.as_ref().map_or(UNCHECKED, |report| report.verdict.exit_code());
    let value = match result {
        Ok(report) => serde_json::to_value(report),
        Err(error) => Ok(serde_json::json!({"verdict": "unchecked", "error": error.to_string()})),
    };
    let value = value.map(|mut value| {
        if let Some(fields) = value.as_object_mut() {
            fields.insert("format".into(), 1.into());
            fields.insert("exit_code".into(), code.into());
        }
        value
    });
    value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|error| error.to_string())
}
