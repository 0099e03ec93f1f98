//! What counts as a Number attribute.
//!
//! AWS Developer Guide, "Amazon SQS message metadata": positive or negative, up to 38 digits of precision, between
//! 10^-128 and 10^+126. The text is kept and summed as it was sent.

use crate::limits::{NUMBER_DIGITS_MAX, NUMBER_EXPONENT_MAX, NUMBER_EXPONENT_MIN};

/// Whether a text is such a number: digits with a sign, a point and an exponent where wanted.
pub(crate) fn is_number(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, Some(0)), |(mantissa, exponent)| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let plausible = all_digits(digits) && !digits.is_empty() && digits.len() <= 6;
        (mantissa, plausible.then(|| exponent.parse::<i64>().ok()).flatten())
    });
    let Some(exponent) = exponent else { return false };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !all_digits(whole) || !all_digits(fraction) || whole.len() + fraction.len() == 0 {
        return false;
    }
    // Significant digits run from the first that is not zero to the last.
    let digits = || whole.bytes().chain(fraction.bytes());
    let Some(first) = digits().position(|digit| digit != b'0') else { return true };
    let after_last = digits().rev().position(|digit| digit != b'0').unwrap_or_default();
    let significant = whole.len() + fraction.len() - first - after_last;
    // The power of ten of the first significant digit.
    let (Ok(whole), Ok(first)) = (i64::try_from(whole.len()), i64::try_from(first)) else { return false };
    let magnitude = whole - 1 - first + exponent;
    significant <= NUMBER_DIGITS_MAX && (NUMBER_EXPONENT_MIN..=NUMBER_EXPONENT_MAX).contains(&magnitude)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_38_digits_and_a_bounded_exponent() {
        let digits = "12345678901234567890123456789012345678";
        let numbers = [
            "0",
            "-0",
            "1",
            "+1",
            "-12.50",
            ".5",
            "5.",
            "1e126",
            "1E-128",
            "0.000",
            "00012",
            "9.9e+126",
            "0e9999",
            digits,
            &format!("{digits}000"),
            &format!("0.000{digits}"),
        ];
        for number in numbers {
            assert!(is_number(number), "{number}");
        }
        let others = [
            "",
            "-",
            "+",
            ".",
            "e5",
            "1e",
            "1e+",
            "--1",
            "1.2.3",
            "0x10",
            "1 ",
            " 1",
            "NaN",
            "inf",
            "1_000",
            "١",
            "1e127",
            "1e-129",
            "0.1e-128",
            "10e126",
            "1e99999999999999999999",
            &format!("{digits}9"),
            &format!("{digits}.9"),
        ];
        for other in others {
            assert!(!is_number(other), "{other}");
        }
    }
}
