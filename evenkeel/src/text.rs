//! Words and numbers for people: escaped, cut to a width, with thousands apart.

use std::{fmt::Write, time::Duration};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// One line of what may be anything: names and bodies come from strangers, and a terminal obeys what it is sent. Control characters and
/// those that turn the direction of writing become escapes; so do line ends.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            _ if is_unseen(letter) => _ = write!(line, "\\u{{{:x}}}", u32::from(letter)),
            _ => line.push(letter),
        }
    }
    line
}

fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// At most so many columns; what is cut off leaves an ellipsis.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 0;
    for letter in text.chars() {
        let wide = letter.width().unwrap_or(0);
        if taken + wide + 1 > columns {
            break;
        }
        taken += wide;
        kept.push(letter);
    }
    kept.push('…');
    kept
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 job`, `2 jobs`, `1,000 jobs`.
pub(crate) fn jobs(count: u64) -> String {
    format!("{} {}", thousands(count), if count == 1 { "job" } else { "jobs" })
}

/// A time that passed, in two or three digits and a unit.
pub(crate) fn span(time: Duration) -> String {
    let (millis, seconds) = (time.as_millis(), time.as_secs());
    match seconds {
        0 => format!("{millis} ms"),
        1..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_text_reaches_no_terminal() {
        assert_eq!(one_line("a\u{1b}[31mb\nc\t\u{202e}d\u{7}"), "a\\u{1b}[31mb\\nc\\t\\u{202e}d\\u{7}");
        assert_eq!(one_line("Grüße 你好"), "Grüße 你好");
    }

    #[test]
    fn texts_are_cut_by_columns_and_not_by_letters() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("你好你好", 5), "你好…");
        assert_eq!(cut("abc", 0), "…");
    }

    #[test]
    fn numbers_and_times_are_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2_000].map(jobs), ["1 job", "2,000 jobs"]);
        let spans = [0, 900, 2_340, 59_000, 600_000, 7_300_000, 200_000_000].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(spans, ["0 ms", "900 ms", "2.3 s", "59 s", "10 min", "2 h", "2 d"]);
    }
}
