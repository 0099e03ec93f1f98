//! Prometheus's text format.
//!
//! Prometheus documentation, "Exposition formats", text format 0.0.4: a family is a line of help, a line of its type and its
//! samples; in the values of labels `\`, `"` and line ends are escaped.

use crate::Counts;
use std::fmt::{Display, Write as _};

/// What a family's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
    /// They tell how often values fell into which range.
    Histogram,
}

/// A page that grows.
#[derive(Debug, Default)]
pub struct Text {
    out: String,
    /// The family under way.
    name: &'static str,
}

impl Text {
    /// The `Content-Type` of such a page.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// Begins a family: its samples follow.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        debug_assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.name = name;
        self.out.push_str("# HELP ");
        self.out.push_str(name);
        self.out.push(' ');
        for letter in help.chars() {
            match letter {
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                letter => self.out.push(letter),
            }
        }
        let _ = writeln!(self.out, "\n# TYPE {name} {kind}");
    }

    /// A sample of the family, with these labels.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// A family of one sample.
    pub fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(&[], value);
    }

    /// A histogram of the family, its bounds and its sum in units of which `scale` make one of the family's.
    pub fn histogram(&mut self, labels: &[(&str, &str)], counts: &Counts, scale: f64) {
        let mut below = 0;
        for (&bound, count) in counts.bounds.iter().zip(&counts.counts) {
            below += count;
            #[expect(clippy::cast_precision_loss, reason = "bounds are far below 2^53")]
            let bound = (bound as f64 / scale).to_string();
            self.line("_bucket", labels, Some(&bound), below);
        }
        let total = counts.total();
        self.line("_bucket", labels, Some("+Inf"), total);
        #[expect(clippy::cast_precision_loss, reason = "the 53 bits that a sample has")]
        self.line("_sum", labels, None, counts.sum as f64 / scale);
        self.line("_count", labels, None, total);
    }

    /// The whole page.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }

    fn line(&mut self, suffix: &str, labels: &[(&str, &str)], bound: Option<&str>, value: impl Display) {
        self.out.push_str(self.name);
        self.out.push_str(suffix);
        let labels = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        let mut separator = '{';
        for (name, value) in labels {
            self.out.push(separator);
            separator = ',';
            self.out.push_str(name);
            self.out.push_str("=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => self.out.push_str("\\\\"),
                    '"' => self.out.push_str("\\\""),
                    '\n' => self.out.push_str("\\n"),
                    letter => self.out.push(letter),
                }
            }
            self.out.push('"');
        }
        if separator == ',' {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;

    #[test]
    fn a_page_reads_as_the_format_says() {
        let mut text = Text::default();
        text.single("jobs", Kind::Gauge, "How many jobs there are.", 3);
        text.family("sent_total", Kind::Counter, "Two\nlines and a \\.");
        text.sample(&[("queue", "a"), ("account", "b")], 1.5);
        let histogram = Histogram::new(&[1_000, 2_500_000]);
        [500, 2_000, 9_000_000].into_iter().for_each(|micros| histogram.record(micros));
        text.family("wait_seconds", Kind::Histogram, "Waits.");
        text.histogram(&[("action", "x")], &histogram.counts(), 1e6);
        let expected = "\
# HELP jobs How many jobs there are.
# TYPE jobs gauge
jobs 3
# HELP sent_total Two\\nlines and a \\\\.
# TYPE sent_total counter
sent_total{queue=\"a\",account=\"b\"} 1.5
# HELP wait_seconds Waits.
# TYPE wait_seconds histogram
wait_seconds_bucket{action=\"x\",le=\"0.001\"} 1
wait_seconds_bucket{action=\"x\",le=\"2.5\"} 2
wait_seconds_bucket{action=\"x\",le=\"+Inf\"} 3
wait_seconds_sum{action=\"x\"} 9.0025
wait_seconds_count{action=\"x\"} 3
";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn a_hostile_label_cannot_leave_its_quotes() {
        let mut text = Text::default();
        text.family("jobs", Kind::Gauge, "");
        text.sample(&[("queue", "a\"} 1\nfaked 2\\")], 0);
        let page = text.finish();
        assert_eq!(page.lines().last(), Some("jobs{queue=\"a\\\"} 1\\nfaked 2\\\\\"} 0"));
    }
}
