//! What a run measured, in a few lines.

use super::{
    measured::{Lane, Measured, percentile},
    plan::RATE,
    wait,
};
use crate::{
    screen::{Screen, Style},
    text::{jobs, thousands},
};
use std::{
    io::{self, Write},
    time::Duration,
};

pub(super) fn write(measured: &Measured, screen: Screen, out: &mut dyn Write) -> io::Result<()> {
    let (line, fair) = (&measured.line, &measured.fair);
    let sent = |lane: &Lane| (lane.done.len() + lane.waiting_all()) as u64;
    writeln!(out)?;
    writeln!(
        out,
        " {}: the same {} in each queue, {RATE}/s done",
        screen.paint(Style::Bold, "Measured in this run"),
        jobs(sent(line).max(sent(fair)))
    )?;
    writeln!(out)?;
    writeln!(out, " {:<34}{:>14}{:>14}", "", "one line", "fair")?;
    let mut row =
        |what: &str, of: &dyn Fn(&Lane) -> String| writeln!(out, " {what:<34}{:>14}{:>14}", of(line), of(fair));
    for (who, is_noisy) in [("quiet tenants", false), ("noisy tenant", true)] {
        row(&format!("{who}: half waited up to"), &|lane| wait(percentile(&lane.waits(is_noisy), 50)))?;
        row("  99 of 100 up to", &|lane| wait(percentile(&lane.waits(is_noisy), 99)))?;
    }
    row("all jobs done after", &|lane| match lane.waiting_all() {
        0 => format!("{:.1} s", lane.ended.as_secs_f64()),
        left => format!("{} left", thousands(left as u64)),
    })?;
    writeln!(out)?;
    let quiet = |lane: &Lane| percentile(&lane.waits(false), 50).max(Duration::from_millis(1)).as_secs_f64();
    let times = quiet(line) / quiet(fair);
    if times >= 2.0 {
        writeln!(out, " Same jobs, same pace: in one line, quiet tenants waited {times:.0} times as long.")?;
    }
    writeln!(out, " With turns a quiet tenant waits for the tenants that are active, not for what")?;
    writeln!(out, " the noisy one has waiting: `MessageGroupId` is all that it takes.")
}
