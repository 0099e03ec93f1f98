//! A run as a picture for pages: every job a dot, when it was sent and how long it waited.
//!
//! One file without script, font or link to anywhere; light or dark as the reader's system is (`prefers-color-scheme`, which holds in an
//! `<img>` too, as on GitHub).

use super::{
    measured::{Done, Lane, Measured, percentile},
    plan::{NOISY, RATE, TENANTS},
    wait,
};
use crate::text::thousands;
use std::{fmt::Write, time::Duration};

const WIDTH: f64 = 840.0;
const HEIGHT: f64 = 340.0;
const TOP: f64 = 92.0;
const CHART_HEIGHT: f64 = 190.0;
const CHART_WIDTH: f64 = 352.0;
/// Where the two charts begin.
const LEFTS: [f64; 2] = [52.0, 468.0];
/// The noisy tenant's jobs are many, and alike: so many of them are drawn.
const NOISY_DOTS: usize = 200;

const STYLE: &str = "\
    .bg{fill:#fff;stroke:#d8dee4}text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#57606a}\
    .h{font-size:17px;font-weight:600;fill:#1f2328}.t{font-size:14px;font-weight:600;fill:#1f2328}\
    .g{stroke:#d8dee4}.a{stroke:#8c959f}.n{fill:#bf8700}.q{fill:#0969da}\
    @media(prefers-color-scheme:dark){.bg{fill:#0d1117;stroke:#30363d}text{fill:#9198a1}.h,.t{fill:#f0f6fc}\
    .g{stroke:#30363d}.a{stroke:#656c76}.n{fill:#d29922}.q{fill:#58a6ff}}";

pub(super) fn draw(measured: &Measured) -> String {
    let sides =
        [("One line: first come, first served", &measured.line), ("Fair: a turn for each tenant", &measured.fair)];
    let longest = sides.iter().flat_map(|(_, lane)| &lane.done).map(|done| done.wait).max().unwrap_or_default();
    let step = step(longest);
    let scale = step * u32::try_from(longest.as_millis().div_ceil(step.as_millis()).max(1)).unwrap_or(1);
    let told = sides.map(|(_, lane)| wait(percentile(&lane.waits(false), 50)));
    let [line, fair] = told;
    let jobs = thousands(measured.line.done.len() as u64);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         role=\"img\" aria-labelledby=\"t d\">\n\
         <title id=\"t\">How long jobs wait: in one line, and with fair turns</title>\n\
         <desc id=\"d\">The same {jobs} jobs of one noisy and {quiet} quiet tenants in two queues, worked on at the same rate. Half of the quiet \
         tenants' jobs waited up to {line} in one line, and up to {fair} with turns.</desc>\n\
         <style>{STYLE}</style>\n\
         <rect class=\"bg\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
         <text class=\"h\" x=\"20\" y=\"32\">One noisy tenant beside {quiet} quiet ones: how long each job waited</text>\n",
        WIDTH - 1.0,
        HEIGHT - 1.0,
        quiet = TENANTS.len() - 1,
    );
    for ((title, lane), left) in sides.into_iter().zip(LEFTS) {
        chart(&mut svg, title, lane, measured.plan.duration, scale, step, left);
    }
    let foot = HEIGHT - 18.0;
    _ = writeln!(
        svg,
        "<circle class=\"q\" cx=\"58\" cy=\"{y}\" r=\"4\"/><text x=\"68\" y=\"{foot}\">a quiet tenant's job</text>\n\
         <circle class=\"n\" cx=\"216\" cy=\"{y}\" r=\"4\"/><text x=\"226\" y=\"{foot}\">the noisy tenant's</text>\n\
         <text x=\"{right}\" y=\"{foot}\" text-anchor=\"end\">{jobs} jobs in each queue, {RATE}/s done; measured by evenkeel demo</text>\n\
         </svg>",
        y = foot - 4.5,
        right = WIDTH - 20.0,
    );
    svg
}

/// Between two lines of the scale: about four of them.
fn step(longest: Duration) -> Duration {
    let steps = [100, 250, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 60_000, 120_000].map(Duration::from_millis);
    steps.into_iter().find(|&step| step * 5 >= longest).unwrap_or(longest / 4)
}

fn chart(svg: &mut String, title: &str, lane: &Lane, all: Duration, scale: Duration, step: Duration, left: f64) {
    let (bottom, right) = (TOP + CHART_HEIGHT, left + CHART_WIDTH);
    let y = |wait: Duration| bottom - CHART_HEIGHT * (wait.as_secs_f64() / scale.as_secs_f64()).min(1.0);
    let x = |at: Duration| left + CHART_WIDTH * (at.as_secs_f64() / all.as_secs_f64()).min(1.0);
    let half = wait(percentile(&lane.waits(false), 50));
    _ = write!(
        svg,
        "<text class=\"t\" x=\"{left}\" y=\"58\">{title}</text>\n<text x=\"{left}\" y=\"76\">half of the quiet jobs waited up to {half}</text>\n"
    );
    let mut mark = Duration::ZERO;
    while mark <= scale {
        let (at, class) = (y(mark), if mark.is_zero() { "a" } else { "g" });
        let label = if mark.is_zero() { "0".to_owned() } else { label(mark) };
        _ = writeln!(
            svg,
            "<path class=\"{class}\" d=\"M{left} {at:.1}H{right}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            left - 6.0,
            at + 4.5
        );
        mark += step;
    }
    let end = all.as_secs();
    _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{y}\">sent at 0</text><text x=\"{right}\" y=\"{y}\" text-anchor=\"end\">{end} s</text>",
        y = bottom + 18.0
    );
    let noisy: Vec<&Done> = lane.done.iter().filter(|done| done.tenant == NOISY).collect();
    let every = noisy.len().div_ceil(NOISY_DOTS).max(1);
    let mut dots = |class: &str, radius: f64, dots: &mut dyn Iterator<Item = &Done>| {
        _ = write!(svg, "<g class=\"{class}\">");
        for done in dots {
            _ = write!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\"/>", x(done.sent), y(done.wait));
        }
        svg.push_str("</g>\n");
    };
    dots("n", 1.6, &mut noisy.iter().step_by(every).copied());
    dots("q", 2.4, &mut lane.done.iter().filter(|done| done.tenant != NOISY));
}

fn label(mark: Duration) -> String {
    let seconds = mark.as_secs_f64();
    if mark.subsec_millis() == 0 { format!("{seconds:.0} s") } else { format!("{seconds} s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::plan::Plan;

    #[test]
    fn it_is_whole_and_light_and_dark() {
        let mut measured = Measured::new(&Plan::new(15));
        for (tenant, wait) in [(NOISY, 9_000), (1, 8_000), (2, 20)] {
            for lane in [&mut measured.line, &mut measured.fair] {
                lane.sent(tenant, Duration::from_secs(1));
                lane.got(tenant, Duration::from_secs(1), Duration::from_millis(1_000 + wait));
            }
        }
        let svg = draw(&measured);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("prefers-color-scheme:dark") && !svg.contains("<script") && !svg.contains("href"));
        assert_eq!(svg.matches("<circle").count(), 2 + 2 * 3);
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }

    #[test]
    fn the_scale_has_a_few_lines() {
        for (millis, expected) in [(0, 100), (400, 100), (3_000, 1_000), (12_000, 3_000), (90_000, 20_000)] {
            assert_eq!(step(Duration::from_millis(millis)), Duration::from_millis(expected), "{millis}");
        }
    }
}
