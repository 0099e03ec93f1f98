//! What it all comes to: which findings matter, and the verdict.

use crate::report::{Finding, Report, Severity, Verdict};

/// Puts the serious findings first and draws the conclusion. Called once, at the end.
pub(crate) fn sort_out(report: &mut Report) {
    if let Some(error) = &report.start_error {
        // The server's words name the file that it stops at, without its folder.
        let mut blamed = report.findings.iter().any(|finding| finding.severity == Severity::Serious);
        for finding in &mut report.findings {
            let name = finding.file.as_deref().and_then(|file| file.rsplit('/').next());
            if name.is_some_and(|name| error.contains(name)) {
                finding.severity = Severity::Serious;
                blamed = true;
            }
        }
        if !blamed {
            let means = "The server does not start on this folder. Put what is missing or damaged back from a copy, or \
                restore the whole folder from a backup.";
            report.findings.push(Finding {
                severity: Severity::Serious,
                file: None,
                offset: None,
                what: error.clone(),
                means: means.into(),
            });
        }
    }
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report.verdict = match report.findings.first().map(|finding| finding.severity) {
        None => Verdict::Sound,
        Some(Severity::Harmless) => Verdict::Harmless,
        Some(Severity::Serious) => Verdict::Damaged,
    };
    report.checkpoints.sort_by_key(|checkpoint| checkpoint.index);
}
