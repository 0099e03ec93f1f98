//! The report for people.

use evenkeel_check::{Finding, FolderReport, Report, Severity, StateReport, Verdict};
use std::{fmt::Write, path::Path};

/// Queues told one by one; of more, only how many. The JSON report has all.
const QUEUES_MAX: usize = 20;

/// The whole report.
pub(super) fn text(report: &Report, folder: &Path) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    _ = write(report, folder, &mut out);
    out
}

fn write(report: &Report, folder: &Path, out: &mut String) -> std::fmt::Result {
    for finding in &report.findings {
        write_finding(finding, out)?;
    }
    write_losses(report, out)?;
    writeln!(out, "Data folder {}", folder.display())?;
    write_files("log", report.log_files, out)?;
    if report.log_last > 0 {
        write!(out, ", entries {} to {}", report.log_first, report.log_last)?;
    }
    writeln!(out)?;
    write_files("checkpoints", report.checkpoint_files, out)?;
    for checkpoint in &report.checkpoints {
        let agrees = match checkpoint.agrees {
            Some(true) => ", as the log replays it",
            Some(false) => ", NOT as the log replays it",
            None => "",
        };
        let usable = if checkpoint.usable { "usable" } else { "NOT usable" };
        write!(out, "; at entry {}: {usable}{agrees}", checkpoint.index)?;
    }
    writeln!(out)?;
    write_files("bodies", report.body_files, out)?;
    writeln!(out)?;
    write_state(report.state.as_ref(), out)?;
    let (checked, lost) = (report.bodies.checked, report.bodies.lost());
    writeln!(out, "  bodies of jobs: {checked} looked at, {lost} lost")?;
    match &report.start_error {
        None => writeln!(out, "  a start: tried in memory; it succeeds")?,
        Some(error) => writeln!(out, "  a start: tried in memory; it FAILS: {error}")?,
    }
    writeln!(out, "{}", verdict(report))
}

fn write_finding(finding: &Finding, out: &mut String) -> std::fmt::Result {
    let severity = match finding.severity {
        Severity::Serious => "SERIOUS",
        Severity::Harmless => "harmless",
    };
    write!(out, "{severity}: ")?;
    match (&finding.file, finding.offset) {
        (Some(file), Some(offset)) => write!(out, "{file}, byte {offset}: ")?,
        (Some(file), None) => write!(out, "{file}: ")?,
        (None, _) => {}
    }
    writeln!(out, "{}\n    {}\n", finding.what, finding.means)
}

fn write_losses(report: &Report, out: &mut String) -> std::fmt::Result {
    let queues = &report.bodies.queues;
    if queues.is_empty() {
        return Ok(());
    }
    writeln!(out, "Jobs that have lost their bodies:")?;
    for queue in queues.iter().take(QUEUES_MAX) {
        let name = if queue.name.is_empty() { "(purged already)" } else { &queue.name };
        let (lost, jobs) = (queue.missing + queue.damaged, queue.jobs);
        writeln!(
            out,
            "    {} {name}: {lost} of {jobs} ({} missing, {} damaged)",
            queue.account, queue.missing, queue.damaged
        )?;
    }
    if let Some(more) = queues.len().checked_sub(QUEUES_MAX).filter(|more| *more > 0) {
        writeln!(out, "    and {more} queues more; --json lists them")?;
    }
    writeln!(out)
}

fn write_files(what: &str, files: FolderReport, out: &mut String) -> std::fmt::Result {
    write!(out, "  {what}: {} files, {}", files.files, size(files.bytes))
}

fn write_state(state: Option<&StateReport>, out: &mut String) -> std::fmt::Result {
    let Some(state) = state else { return writeln!(out, "  state: none") };
    let StateReport { index, epoch, queues, groups, jobs, body_bytes, .. } = state;
    let bytes = size(*body_bytes);
    writeln!(
        out,
        "  state at entry {index}, epoch {epoch}: {jobs} jobs with {bytes} of bodies, {queues} queues, {groups} groups"
    )
}

fn verdict(report: &Report) -> String {
    match report.verdict {
        Verdict::Sound => "SOUND: every byte is as it was written. Nothing is to be done.".into(),
        Verdict::Harmless => {
            "DAMAGED, HARMLESSLY: a start loses nothing and mends what is told above. If files were damaged rather than \
             left over, have a look at the disk."
                .into()
        }
        Verdict::Damaged if !report.starts => "DAMAGED: the server would not start. Keep a copy of the folder as it is; \
            put the files told above back from a copy, or restore a backup; then check again."
            .into(),
        Verdict::Damaged if report.bodies.lost() > 0 => {
            let lost = report.bodies.lost();
            format!(
                "DAMAGED: the server would start, but {lost} jobs have lost their bodies. They cannot be delivered and \
                 stay in their queues until they are purged. Put the files told above back from a copy before a start; \
                 a start may remove what it takes for dead."
            )
        }
        Verdict::Damaged => "DAMAGED: see what is serious above. Keep a copy of the folder as it is before anything else.".into(),
    }
}

/// Bytes in the unit that suits them.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = bytes.saturating_mul(10) / unit;
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let told = [0, 1_023, 1_536, 64 << 20, 1_290 << 20].map(size);
        assert_eq!(told, ["0 bytes", "1023 bytes", "1.5 KiB", "64.0 MiB", "1.2 GiB"]);
    }

    #[test]
    fn what_is_serious_is_told_with_its_place() {
        let finding = Finding {
            severity: Severity::Serious,
            file: Some("log/0000000000000001.seg".into()),
            offset: Some(4_096),
            what: "a checksum differs".into(),
            means: "It is lost.".into(),
        };
        let report = Report { findings: vec![finding], verdict: Verdict::Damaged, ..Report::default() };
        let told = text(&report, Path::new("data"));
        assert!(
            told.starts_with("SERIOUS: log/0000000000000001.seg, byte 4096: a checksum differs\n    It is lost.\n")
        );
        assert!(told.contains("DAMAGED: the server would not start"), "{told}");
    }
}
