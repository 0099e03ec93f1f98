//! Figures as text: a window in full, and the table of what must be reached.

use std::fmt::Write as _;

use crate::measure::Window;
use crate::procfs::CpuUse;
use crate::stats::Latencies;

/// Everything a window showed, for reading.
pub fn window(window: &Window) -> String {
    let mut out = String::new();
    let stats = &window.stats;
    let mut line = |text: String| _ = writeln!(out, "  {text}");
    line(format!(
        "{:.0} jobs/s, {:.0} requests/s over {:.1} s; errors {}, empty receives {}",
        window.jobs_per_second(),
        window.requests_per_second(),
        window.seconds,
        stats.errors,
        stats.empty,
    ));
    line(format!("{:18} {:>10} {:>9} {:>9} {:>9} {:>9}", "latency, ms", "calls", "p50", "p99", "p999", "max"));
    for (kind, latencies) in stats.calls() {
        line(quantiles(kind.name(), latencies));
    }
    if stats.send_to_receive.count() > 0 {
        line(quantiles("send to receive", &stats.send_to_receive));
        line(quantiles("(sent too late by)", &stats.lateness));
    }
    line(quantiles("disk sync before", &window.disk_before));
    line(quantiles("disk sync beside", &window.disk_beside));
    let cpu = |who: &str, cpu: &CpuUse| {
        let [all, user] = [cpu.micros, cpu.user_micros].map(|micros| window.per_request(micros));
        format!("{who} CPU {all:.1} us/request, {user:.1} of it outside of the kernel")
    };
    if let Some(server) = &window.server {
        let threads = server.threads.iter().take(8);
        let threads: Vec<String> =
            threads.map(|(name, micros)| format!("{name} {:.1}", window.per_request(*micros))).collect();
        line(format!("{} (threads: {})", cpu("server", server), threads.join(", ")));
    }
    line(cpu("client", &window.client));
    for error in &stats.errors_shown {
        line(format!("error: {error}"));
    }
    out
}

fn quantiles(name: &str, latencies: &Latencies) -> String {
    let ms = |quantile| latencies.quantile_micros(quantile) / 1e3;
    format!(
        "{name:18} {:>10} {:>9.3} {:>9.3} {:>9.3} {:>9.3}",
        latencies.count(),
        ms(0.5),
        ms(0.99),
        ms(0.999),
        latencies.max_micros() / 1e3
    )
}

/// One line of the table.
pub struct Row {
    pub what: String,
    pub measured: String,
    pub pass: String,
    pub goal: String,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Goal,
    Pass,
    Fail,
    /// Not measured.
    None,
}

impl Verdict {
    pub fn of(pass: bool, goal: bool) -> Self {
        match (pass, goal) {
            (true, true) => Self::Goal,
            (true, false) => Self::Pass,
            (false, _) => Self::Fail,
        }
    }

    /// Any error makes a figure worthless.
    pub fn unless_errors(self, errors: u64) -> Self {
        if errors > 0 { Self::Fail } else { self }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Pass => "pass",
            Self::Fail => "**FAIL**",
            Self::None => "",
        }
    }
}

/// The rows as a Markdown table.
pub fn markdown(rows: &[Row]) -> String {
    let mut out = "| what | measured | pass | goal | verdict |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let Row { what, measured, pass, goal, verdict } = row;
        _ = writeln!(out, "| {what} | {measured} | {pass} | {goal} | {} |", verdict.name());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_row_per_figure_and_errors_fail() {
        let row = |verdict| Row { what: "x".into(), measured: "1".into(), pass: "2".into(), goal: "3".into(), verdict };
        let table = markdown(&[row(Verdict::of(true, false)), row(Verdict::of(true, true).unless_errors(1))]);
        assert!(table.contains("| x | 1 | 2 | 3 | pass |\n"));
        assert!(table.ends_with("| x | 1 | 2 | 3 | **FAIL** |\n"));
    }
}
