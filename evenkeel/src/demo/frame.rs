//! The picture of one moment: what waits, who waits how long, and how that came.
//!
//! ```text
//!                     one line for all                  a turn for each tenant
//!             waiting  waits now                 waiting  waits now
//!  noisy          512  ████████████      5.3 s       530  ████████████▌     5.6 s
//!  quiet-1          2  ███████████▌      5.1 s         0  ▏                 40 ms
//! ```
//!
//! Nothing is told by colour alone, and it fits into 80 columns.

use super::{
    measured::{Lane, Measured, PIECES, parts},
    plan::{NOISY, RATE, TENANTS},
    wait,
};
use crate::{
    screen::{Screen, Style},
    text::thousands,
};
use std::time::Duration;

/// What the picture needs of a screen.
pub(super) const COLUMNS: usize = 80;
pub(super) const ROWS: usize = TENANTS.len() + CHART_ROWS + 8;

const NAME_COLUMNS: usize = 9;
const BAR_COLUMNS: usize = 16;
/// A tenant in one queue: how many wait, a bar, how long.
const SIDE_COLUMNS: usize = 7 + 2 + BAR_COLUMNS + 1 + 7;
const HEAD: &str = "waiting  waits";
const CHART_ROWS: usize = 6;
/// The scale of bars and charts is never finer: else a few milliseconds would look like much.
const SCALE_MIN: Duration = Duration::from_secs(1);

/// One moment.
pub(super) struct Frame<'a> {
    pub(super) measured: &'a Measured,
    pub(super) at: Duration,
    pub(super) screen: Screen,
}

impl Frame<'_> {
    /// All lines, always as many, without line ends.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self { measured, at, screen } = self;
        let (line, fair) = (&measured.line, &measured.fair);
        let scale = self.scale();
        let mut lines = vec![
            String::new(),
            format!(
                " {}   {} of {} s   {RATE} jobs/s each",
                screen.paint(Style::Bold, "One noisy tenant beside four quiet ones"),
                at.as_secs().min(measured.plan.duration.as_secs()),
                measured.plan.duration.as_secs(),
            ),
            String::new(),
            format!(
                "{:NAME_COLUMNS$}  {:<SIDE_COLUMNS$}  {}",
                "",
                screen.paint(Style::Bold, "one line: first come first served"),
                screen.paint(Style::Bold, "fair: a turn for each tenant")
            ),
            format!("{:NAME_COLUMNS$}  {HEAD:<SIDE_COLUMNS$}  {HEAD}", ""),
        ];
        for (tenant, name) in TENANTS.iter().enumerate() {
            let style = if tenant == NOISY { Style::Red } else { Style::Green };
            let side = |lane: &Lane| self.side(lane, tenant, scale, style);
            lines.push(format!(" {name:<NAME_COLUMNS$} {}  {}", side(line), side(fair)));
        }
        lines.push(String::new());
        let title = format!("how long a quiet tenant's job waits, up to {}", wait(scale));
        lines.push(format!("{:NAME_COLUMNS$}  {}", "", screen.paint(Style::Dim, title)));
        for row in (0..CHART_ROWS).rev() {
            let chart = |lane: &Lane| chart_row(&lane.history, scale, row);
            let paint = |text: String| screen.paint(Style::Green, text);
            lines.push(format!("{:NAME_COLUMNS$} ▕{} ▕{}", "", paint(chart(line)), paint(chart(fair))));
        }
        lines
    }

    /// What a full bar stands for.
    fn scale(&self) -> Duration {
        let Self { measured, at, .. } = self;
        let now =
            (0..TENANTS.len()).flat_map(|tenant| [&measured.line, &measured.fair].map(|lane| lane.wait(tenant, *at)));
        let longest = now.chain([measured.longest()]).max().unwrap_or_default();
        // Whole seconds, so that it does not tremble.
        Duration::from_secs(longest.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)).max(SCALE_MIN)
    }

    fn side(&self, lane: &Lane, tenant: usize, scale: Duration, style: Style) -> String {
        let waits = lane.wait(tenant, self.at);
        let waiting = thousands(lane.waiting(tenant) as u64);
        let bar = bar(waits, scale, BAR_COLUMNS);
        format!("{waiting:>7}  {} {:>7}", self.screen.paint(style, format_args!("{bar:<BAR_COLUMNS$}")), wait(waits))
    }
}

/// A moment in one line, where there is no terminal.
pub(super) fn line(measured: &Measured, at: Duration) -> String {
    let told = |lane: &Lane| {
        format!("{:>6} wait, quiet {:>6}", thousands(lane.waiting_all() as u64), wait(lane.quiet_wait(at)))
    };
    format!("{:>3} s  one line: {};  fair: {}", at.as_secs(), told(&measured.line), told(&measured.fair))
}

/// A bar in eighths of a column; what is there is seen, however little.
fn bar(part: Duration, whole: Duration, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = parts(part, whole, columns * 8).max(1);
    let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    "█".repeat(eighths / 8) + rest
}

/// One row of a chart, counted from below.
fn chart_row(history: &[Option<Duration>; PIECES], scale: Duration, row: usize) -> String {
    const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let piece = |held: &Option<Duration>| {
        let Some(held) = held else { return " " };
        let eighths = parts(*held, scale, CHART_ROWS * 8);
        let here = eighths.max(1).saturating_sub(row * 8).min(8);
        EIGHTHS.get(here).copied().unwrap_or_default()
    };
    history.iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{demo::plan::Plan, text::width};

    fn measured() -> Measured {
        let mut measured = Measured::new(&Plan::new(15));
        for second in 0..10 {
            let at = Duration::from_secs(second);
            measured.line.sent(1, at);
            (0..1_200).for_each(|_| measured.line.sent(NOISY, at));
            measured.fair.sent(1, at);
            measured.fair.got(1, at, at + Duration::from_millis(40));
            measured.look(at);
        }
        measured
    }

    #[test]
    fn it_fits_the_screen_that_it_asks_for() {
        let measured = measured();
        let lines = Frame { measured: &measured, at: Duration::from_secs(9), screen: Screen::PLAIN }.lines();
        assert!(lines.len() < ROWS, "{}", lines.len());
        for line in &lines {
            assert!(width(line) < COLUMNS, "{}: {line}", width(line));
        }
        let quiet = lines.iter().find(|line| line.contains("quiet-1")).unwrap();
        assert!(quiet.contains("████████████████   9.0 s") && quiet.contains("40 ms"), "{quiet}");
        assert!(width(&line(&measured, Duration::from_secs(9))) < COLUMNS);
    }

    #[test]
    fn charts_rise_with_what_is_in_them() {
        let mut history = [None; PIECES];
        history[0] = Some(Duration::ZERO);
        history[1] = Some(Duration::from_secs(5));
        history[2] = Some(Duration::from_secs(10));
        let row = |row| chart_row(&history, Duration::from_secs(10), row);
        assert_eq!(row(0).trim_end(), "▁██");
        assert_eq!(row(3).trim_end(), "  █");
        assert_eq!(row(CHART_ROWS - 1).trim_end(), "  █");
    }

    #[test]
    fn bars_have_eighths() {
        let of_ten = |seconds| bar(Duration::from_secs(seconds), Duration::from_secs(16), 2);
        assert_eq!([0, 8, 9, 99].map(of_ten), ["▏", "█", "█▏", "██"]);
    }
}
