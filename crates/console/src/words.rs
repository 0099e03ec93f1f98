//! Numbers as people read them.

use evenkeel_types::{Micros, WallTime};
use std::fmt::{self, Display};

/// A count with its thousands apart.
pub(crate) struct Count(pub(crate) u64);

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// How long something takes or took: its two largest units.
pub(crate) struct Span(pub(crate) Micros);

impl Span {
    pub(crate) fn between(from: WallTime, to: WallTime) -> Self {
        Self(Micros(to.0.saturating_sub(from.0).saturating_mul(1_000)))
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.0;
        let secs = micros / 1_000_000;
        let (mins, hours, days) = (secs / 60, secs / 3_600, secs / 86_400);
        match () {
            () if micros == 0 => f.write_str("0 s"),
            () if micros < 1_000 => write!(f, "{micros} µs"),
            () if micros < 10_000 => write!(f, "{}.{} ms", micros / 1_000, micros / 100 % 10),
            () if secs == 0 => write!(f, "{} ms", micros / 1_000),
            () if secs < 10 => write!(f, "{secs}.{} s", micros / 100_000 % 10),
            () if mins == 0 => write!(f, "{secs} s"),
            () if hours == 0 => write!(f, "{mins} min {:02} s", secs % 60),
            () if days == 0 => write!(f, "{hours} h {:02} min", mins % 60),
            () => write!(f, "{days} d {:02} h", hours % 24),
        }
    }
}

/// What there is, or a dash.
pub(crate) fn or_dash<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "–".into(), |value| value.to_string())
}

/// A rate per second.
pub(crate) struct Rate(pub(crate) f64);

impl Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shown, not reckoned with")]
        let whole = self.0.max(0.0).round() as u64;
        match self.0 {
            rate if rate >= 99.95 => Count(whole).fmt(f),
            rate if rate > 0.0 && rate < 0.05 => f.write_str("<0.1"),
            rate if rate <= 0.0 => f.write_str("0"),
            rate => f.write_str(format!("{rate:.1}").trim_end_matches(".0")),
        }
    }
}

/// A size in bytes.
pub(crate) struct Size(pub(crate) u64);

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit = 1u64;
        for name in ["B", "KiB", "MiB", "GiB", "TiB"] {
            if self.0 / unit < 1_024 || name == "TiB" {
                let (whole, tenth) = (self.0 / unit, self.0 % unit * 10 / unit);
                return if unit == 1 || whole >= 100 {
                    write!(f, "{} {name}", Count(whole))
                } else {
                    write!(f, "{whole}.{tenth} {name}")
                };
            }
            unit *= 1_024;
        }
        Ok(())
    }
}

/// A moment in UTC, to the millisecond: `2026-11-26 14:05:09.123`.
pub(crate) struct Moment(pub(crate) WallTime);

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.0;
        let (secs, days) = (millis / 1_000, millis / 86_400_000);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (secs / 3_600 % 24, secs / 60 % 60, secs % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{:03}", millis % 1_000)
    }
}

/// The date so many days after 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_rates_are_short() {
        let counts = [0, 999, 1_000, 1_234_567].map(|count| Count(count).to_string());
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
        let rates = [0.0, 0.01, 0.25, 42.0, 99.94, 1_234.4].map(|rate| Rate(rate).to_string());
        assert_eq!(rates, ["0", "<0.1", "0.2", "42", "99.9", "1,234"]);
        let sizes = [0, 1_023, 1_024, 1_572_864, 200 << 30, u64::MAX].map(|size| Size(size).to_string());
        assert_eq!(sizes, ["0 B", "1,023 B", "1.0 KiB", "1.5 MiB", "200 GiB", "16,777,215 TiB"]);
    }

    #[test]
    fn spans_have_two_units() {
        let spans = [0, 5, 1_500, 20_000, 1_500_000, 59_000_000, 61_000_000, 3_661_000_000, 90_000_000_000];
        let told = spans.map(|micros| Span(Micros(micros)).to_string());
        assert_eq!(told, ["0 s", "5 µs", "1.5 ms", "20 ms", "1.5 s", "59 s", "1 min 01 s", "1 h 01 min", "1 d 01 h"]);
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        let told = [0, 951_782_400_000, 1_709_210_096_789, 4_102_444_799_999]
            .map(|millis| Moment(WallTime(millis)).to_string());
        assert_eq!(
            told,
            [
                "1970-01-01 00:00:00.000",
                "2000-02-29 00:00:00.000",
                "2024-02-29 12:34:56.789",
                "2099-12-31 23:59:59.999"
            ]
        );
    }
}
