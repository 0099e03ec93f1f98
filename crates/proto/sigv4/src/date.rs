//! The time in a signature: ISO 8601 "basic" (`20150830T123600Z`), and HTTP dates in `Date` headers.
//!
//! HTTP dates are read in the one form that may be sent (RFC 9110, section 5.6.7, IMF-fixdate). Days are counted with
//! the proleptic Gregorian calendar after Howard Hinnant, "chrono-compatible low-level date algorithms".

use std::fmt;

/// A time in the signature's own spelling, `yyyymmddThhmmssZ`, and as Unix seconds.
///
/// Years 0000 to 9999. Equal times have equal spellings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AmzDate {
    text: [u8; 16],
    unix: i64,
}

/// 0000-01-01T00:00:00Z.
const UNIX_MIN: i64 = -62_167_219_200;
/// 9999-12-31T23:59:59Z.
const UNIX_MAX: i64 = 253_402_300_799;
const DAY_SECONDS: i64 = 86_400;

impl AmzDate {
    /// The time `unix` seconds after 1970-01-01T00:00:00Z; beyond the years 0000 to 9999, the nearest that can be
    /// written.
    pub fn from_unix(unix: i64) -> Self {
        let unix = unix.clamp(UNIX_MIN, UNIX_MAX);
        let (year, month, day) = civil(unix.div_euclid(DAY_SECONDS));
        let second = unix.rem_euclid(DAY_SECONDS);
        let mut text = *b"00000000T000000Z";
        put_decimal(&mut text, 0..4, year);
        put_decimal(&mut text, 4..6, month);
        put_decimal(&mut text, 6..8, day);
        put_decimal(&mut text, 9..11, second / 3_600);
        put_decimal(&mut text, 11..13, second / 60 % 60);
        put_decimal(&mut text, 13..15, second % 60);
        Self { text, unix }
    }

    /// Reads `yyyymmddThhmmssZ`; `None` for anything else, also for days and hours that do not exist.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; 16] = text.try_into().ok()?;
        if text.get(8) != Some(&b'T') || text.get(15) != Some(&b'Z') {
            return None;
        }
        let part = |range: std::ops::Range<usize>| decimal(text.get(range)?);
        let unix = unix_seconds(part(0..4)?, part(4..6)?, part(6..8)?, part(9..11)?, part(11..13)?, part(13..15)?)?;
        Some(Self { text, unix })
    }

    /// Reads an HTTP date, `Sun, 30 Aug 2015 12:36:00 GMT`. The day's name is not checked.
    pub(crate) fn parse_http(text: &[u8]) -> Option<Self> {
        let text: &[u8; 29] = text.try_into().ok()?;
        let part = |range: std::ops::Range<usize>| text.get(range);
        let month = (1i64..).zip(MONTHS).find(|(_, name)| part(8..11) == Some(name.as_bytes()))?.0;
        let blanks = [(3, b','), (4, b' '), (7, b' '), (11, b' '), (16, b' '), (19, b':'), (22, b':')];
        if blanks.iter().any(|&(at, byte)| text.get(at) != Some(&byte)) || part(25..29) != Some(b" GMT") {
            return None;
        }
        let number = |range: std::ops::Range<usize>| decimal(text.get(range)?);
        let (year, day) = (number(12..16)?, number(5..7)?);
        Some(Self::from_unix(unix_seconds(year, month, day, number(17..19)?, number(20..22)?, number(23..25)?)?))
    }

    /// The sixteen characters.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.text
    }

    /// The first eight, `yyyymmdd`, as in a credential's scope.
    pub fn day(&self) -> &[u8] {
        self.text.get(..8).unwrap_or_default()
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix(&self) -> i64 {
        self.unix
    }
}

impl fmt::Display for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text).unwrap_or_default())
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn put_decimal(text: &mut [u8; 16], range: std::ops::Range<usize>, mut value: i64) {
    for digit in text.get_mut(range).unwrap_or_default().iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

fn decimal(digits: &[u8]) -> Option<i64> {
    let mut value = 0i64;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some(value)
}

fn unix_seconds(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    let days = days(year, month, day);
    // A day that does not exist (the 31st of June) comes back as another one.
    if civil(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days * DAY_SECONDS + hour * 3_600 + minute * 60 + second)
}

/// Days since 1970-01-01.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9).rem_euclid(12);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of the day `days` after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_are_read_and_written() {
        for (text, unix) in [
            ("19700101T000000Z", 0),
            ("20150830T123600Z", 1_440_938_160),
            ("20000229T235959Z", 951_868_799),
            ("99991231T235959Z", UNIX_MAX),
            ("00000101T000000Z", UNIX_MIN),
        ] {
            assert_eq!(AmzDate::parse(text.as_bytes()).unwrap().unix(), unix);
            assert_eq!(AmzDate::from_unix(unix).to_string(), text);
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in 0..146_097 {
            let date = AmzDate::from_unix(day * DAY_SECONDS + day % DAY_SECONDS);
            assert_eq!(AmzDate::parse(date.as_bytes()), Some(date));
        }
    }

    #[test]
    fn http_dates_are_read() {
        let date = AmzDate::parse_http(b"Sun, 30 Aug 2015 12:36:00 GMT").unwrap();
        assert_eq!(date.to_string(), "20150830T123600Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "20150830T123600", "20150230T123600Z", "20150830T243600Z", "2015083xT123600Z", "20151330T000000Z"]
        {
            assert_eq!(AmzDate::parse(text.as_bytes()), None, "{text}");
        }
        for text in ["Sun, 30 Aux 2015 12:36:00 GMT", "Sun, 30 Aug 2015 12:36:00 CET", "Sun; 30 Aug 2015 12:36:00 GMT"]
        {
            assert_eq!(AmzDate::parse_http(text.as_bytes()), None, "{text}");
        }
    }
}
