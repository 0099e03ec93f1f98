//! The figures as a table for people, and as a picture.

use std::{fmt::Write as _, path::Path, time::Duration};

/// One server's figures.
#[derive(Clone, Debug)]
pub struct Row {
    name: String,
    version: String,
    durable: String,
    fair: bool,
    /// Jobs a second.
    pub single: f64,
    /// The same in batches of ten.
    pub batch: f64,
    /// Jobs of a noisy tenant served before a quiet one's first and tenth.
    pub quiet: Option<(u64, u64)>,
    /// Bytes with many jobs waiting.
    pub memory: Option<u64>,
    /// From a new process to the first of them.
    pub restart: Option<Duration>,
}

impl Row {
    pub fn new(name: &str, version: &str, durable: &str, fair: bool) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            durable: durable.to_owned(),
            fair,
            single: 0.0,
            batch: 0.0,
            quiet: None,
            memory: None,
            restart: None,
        }
    }
}

/// Says where the first row is beaten, too.
pub fn markdown(about: &str, rows: &[Row], waiting: u64) -> String {
    let mut out = format!(
        "| | jobs/s, single calls | jobs/s, batches of 10 | acknowledged survives a power cut | quiet tenant's 1st / 10th job after | \
         memory, {waiting} jobs waiting | kill -9 to first job |\n|---|---:|---:|---|---:|---:|---:|\n"
    );
    for row in rows {
        let quiet = row.quiet.map_or("".into(), |(first, tenth)| format!("{first} / {tenth}"));
        let memory = row.memory.map_or("".into(), |bytes| format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20)));
        let restart = row.restart.map_or("".into(), |took| format!("{:.2} s", took.as_secs_f64()));
        _ = writeln!(
            out,
            "| {} {} | {} | {} | {} | {quiet} | {memory} | {restart} |",
            row.name,
            row.version,
            thousands(row.single),
            thousands(row.batch),
            row.durable
        );
    }
    let lost = losses(rows);
    if !lost.is_empty() {
        _ = writeln!(out, "\nWhere Evenkeel is behind: {}.", lost.join("; "));
    }
    let about: Vec<&str> = about.lines().filter(|line| !line.starts_with("flags")).collect();
    _ = writeln!(out, "\n```text\n{}\n```", about.join("\n"));
    out
}

fn losses(rows: &[Row]) -> Vec<String> {
    let Some((ours, theirs)) = rows.split_first() else { return Vec::new() };
    let mut lost = Vec::new();
    for row in theirs {
        let mut what = Vec::new();
        if row.single > ours.single {
            what.push("single calls");
        }
        if row.batch > ours.batch {
            what.push("batches");
        }
        if let (Some(theirs), Some(ours)) = (row.memory, ours.memory)
            && theirs < ours
        {
            what.push("memory");
        }
        if let (Some(theirs), Some(ours)) = (row.restart, ours.restart)
            && theirs < ours
        {
            what.push("restart");
        }
        if !what.is_empty() {
            lost.push(format!("{} in {}", row.name, what.join(", ")));
        }
    }
    lost
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

const BEGIN: &str = "<!-- compare -->";
const END: &str = "<!-- /compare -->";

/// Writes the table into a file: between its two marks, if it has them.
///
/// # Errors
/// As the operating system says.
pub fn put(file: &Path, table: &str) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let whole = match (text.find(BEGIN), text.find(END)) {
        (Some(begin), Some(end)) if begin < end => {
            let (before, after) = (text.get(..begin).unwrap_or_default(), text.get(end..).unwrap_or_default());
            format!("{before}{BEGIN}\n\n{table}\n{after}")
        }
        _ => table.to_owned(),
    };
    Ok(std::fs::write(file, whole)?)
}

const WIDTH: f64 = 800.0;
const LEFT: f64 = 330.0;
const BAR: f64 = 14.0;
const ROW: f64 = 46.0;
const TOP: f64 = 64.0;

/// Two bars for each server: single calls and batches of ten.
pub fn svg(rows: &[Row]) -> String {
    let most = rows.iter().map(|row| row.single.max(row.batch)).fold(1.0, f64::max);
    let height = TOP + ROW * rows.len() as f64 + 24.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-label=\"Jobs per second of Evenkeel and other servers\">\n<style>text{{font:13px system-ui,sans-serif;fill:#1f2937}}\
         .t{{font-weight:600;font-size:15px}}.n{{font-size:11px;fill:#6b7280}}.s{{fill:#93c5fd}}.b{{fill:#2563eb}}.os{{fill:#86efac}}.ob{{fill:#16a34a}}\
         @media(prefers-color-scheme:dark){{text{{fill:#e5e7eb}}.n{{fill:#9ca3af}}}}</style>\n\
         <text class=\"t\" x=\"12\" y=\"24\">Jobs a second: sent, received and acknowledged</text>\n\
         <text class=\"n\" x=\"12\" y=\"44\">upper bar: single calls; lower bar: batches of ten. 1 KiB bodies, 1,000 tenants, two cores shared with the load</text>\n"
    );
    for (at, row) in rows.iter().enumerate() {
        let y = TOP + ROW * at as f64;
        let (single, batch) = if at == 0 { ("os", "ob") } else { ("s", "b") };
        let fair = if row.fair { "tenants take turns" } else { "first in, first out" };
        let name = escape(&row.name);
        _ = writeln!(out, "<text x=\"12\" y=\"{:.0}\">{name}</text>", y + 14.0);
        let durable = if row.durable == "yes" { "durable" } else { "not durable at the acknowledgement" };
        _ = writeln!(out, "<text class=\"n\" x=\"12\" y=\"{:.0}\">{durable}; {fair}</text>", y + 30.0);
        for (class, figure, offset) in [(single, row.single, 2.0), (batch, row.batch, 2.0 + BAR + 2.0)] {
            let long = (WIDTH - LEFT - 80.0) * figure / most;
            let (top, end) = (y + offset, LEFT + long + 6.0);
            _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{top:.0}\" width=\"{long:.1}\" height=\"{BAR}\" rx=\"2\"/>\
                 <text class=\"n\" x=\"{end:.1}\" y=\"{:.0}\">{}</text>",
                top + 11.0,
                thousands(figure)
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
