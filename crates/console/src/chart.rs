//! Charts: lines over the last minutes, as pictures in the page (SVG). Made here, so that they are there without a script.

use crate::{html::Html, limits::CHART_SPAN, words::Rate};
use evenkeel_types::Micros;
use std::fmt::Write as _;

/// The picture's size, in its own units; the page stretches it.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;
/// Two samples further apart than this have nothing between them: nobody looked, or the server stood still.
const GAP: Micros = Micros::from_secs(20);

/// A line of a chart: moments and values, oldest first.
pub(crate) struct Line {
    /// Its name, for the legend.
    pub(crate) name: &'static str,
    /// How it looks: a class of the style sheet.
    pub(crate) class: &'static str,
    pub(crate) points: Vec<(Micros, f64)>,
}

/// A chart with a title, a legend with the last values, and two axes.
pub(crate) fn chart(html: &mut Html, title: &'static str, lines: &[Line], now: Micros) {
    let values = lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value);
    let top = nice(values.fold(0.0, f64::max));
    html.raw("<figure class=\"chart\"><figcaption><span class=\"what\">").raw(title).raw("</span>");
    for line in lines {
        html.raw("<span class=\"key ").raw(line.class).raw("\">").raw(line.name).raw(" <b>");
        html.text(Rate(line.points.last().map_or(0.0, |(_, value)| *value))).raw("</b></span>");
    }
    html.raw("</figcaption><div class=\"plot\">");
    picture(html, title, lines, top, now);
    html.raw("<div class=\"ys\"><span>").text(Rate(top)).raw("</span><span>").text(Rate(top / 2.0));
    html.raw(
        "</span><span>0</span></div></div><div class=\"xs\"><span>5 min ago</span><span>now</span></div></figure>",
    );
}

fn picture(html: &mut Html, title: &'static str, lines: &[Line], top: f64, now: Micros) {
    html.raw("<svg viewBox=\"0 0 600 120\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"").raw(title);
    html.raw(" over the last five minutes\"><path class=\"grid\" d=\"M0 0.5H600M0 60H600M0 119.5H600\"/>");
    for line in lines {
        for run in line.points.chunk_by(|(before, _), (at, _)| at.0.saturating_sub(before.0) <= GAP.0) {
            let (path, area) = paths(run, top, now);
            html.raw("<path class=\"area ").raw(line.class).raw("\" d=\"").text(area).raw("\"/>");
            html.raw("<path class=\"line ").raw(line.class).raw("\" d=\"").text(path).raw("\"/>");
        }
    }
    html.raw("</svg>");
}

/// A small line without axes, for a table; none where nothing was.
pub(crate) fn spark(html: &mut Html, points: &[(Micros, f64)], now: Micros) {
    let top = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    if points.len() < 2 || top <= 0.0 {
        return;
    }
    let top = nice(top);
    let (path, area) = paths(points, top, now);
    html.raw("<svg class=\"spark\" viewBox=\"0 0 600 120\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"area ready\" d=\"");
    html.text(area).raw("\"/><path class=\"line ready\" d=\"").text(path).raw("\"/></svg>");
}

/// A bar of that part of its width.
pub(crate) fn bar(html: &mut Html, part: f64) {
    html.raw("<svg class=\"bar\" aria-hidden=\"true\"><rect class=\"rest\" width=\"100%\" height=\"100%\" rx=\"3\"/>");
    html.raw("<rect class=\"part\" height=\"100%\" rx=\"3\" width=\"");
    html.text(format_args!("{:.1}%", part.clamp(0.0, 1.0) * 100.0)).raw("\"/></svg>");
}

/// The path of a line, and of the area below it.
fn paths(points: &[(Micros, f64)], top: f64, now: Micros) -> (String, String) {
    #[expect(clippy::cast_precision_loss, reason = "five minutes of microseconds are far below 2^53")]
    let x = |at: Micros| WIDTH - now.0.saturating_sub(at.0) as f64 / CHART_SPAN.0 as f64 * WIDTH;
    let y = |value: f64| HEIGHT - (value / top).clamp(0.0, 1.0) * (HEIGHT - 2.0) - 1.0;
    let mut line = String::new();
    for (at, value) in points {
        let mark = if line.is_empty() { 'M' } else { 'L' };
        let _ = write!(line, "{mark}{:.1} {:.1}", x(*at).max(0.0), y(*value));
    }
    let (first, last) = (points.first(), points.last());
    let area = match first.zip(last) {
        Some(((first, _), (last, _))) => {
            format!("{line}L{:.1} {HEIGHT}L{:.1} {HEIGHT}Z", x(*last).max(0.0), x(*first).max(0.0))
        }
        None => String::new(),
    };
    (line, area)
}

/// The next number of one digit and zeros that is not smaller, and no 7 or 9; at least 1.
fn nice(value: f64) -> f64 {
    let mut power = 1.0;
    // 64 bits have 20 digits.
    for _ in 0..20 {
        for step in [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0] {
            if value <= step * power {
                return step * power;
            }
        }
        power *= 10.0;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[(u64, f64)]) -> Line {
        let points = points.iter().map(|(second, value)| (Micros(second * 1_000_000), *value)).collect();
        Line { name: "waiting", class: "ready", points }
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        let tops = [0.0, 0.4, 1.0, 1.5, 4.0, 5.1, 99.0, 101.0, 2.1e9].map(nice);
        assert_eq!(tops, [1.0, 1.0, 1.0, 2.0, 4.0, 6.0, 100.0, 200.0, 3e9]);
    }

    #[test]
    fn a_line_goes_from_the_left_to_now_and_leaves_gaps_open() {
        let (path, area) = paths(&line(&[(0, 0.0), (150, 1.0), (300, 2.0)]).points, 2.0, Micros::from_secs(300));
        assert_eq!(path, "M0.0 119.0L300.0 60.0L600.0 1.0");
        assert_eq!(area, format!("{path}L600.0 120L0.0 120Z"));
        let mut html = Html::default();
        chart(&mut html, "Jobs", &[line(&[(0, 1.0), (2, 1.0), (100, 1.0), (102, 1_500.0)])], Micros::from_secs(102));
        let html = html.finish();
        assert_eq!(html.matches("class=\"line ready\"").count(), 2, "{html}");
        assert!(
            html.contains("waiting <b>1,500</b>") && html.contains("<span>2,000</span><span>1,000</span>"),
            "{html}"
        );
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let mut html = Html::default();
        spark(&mut html, &[], Micros(0));
        chart(&mut html, "Jobs", &[line(&[])], Micros(0));
        assert!(!html.finish().contains("class=\"line"));
    }
}
