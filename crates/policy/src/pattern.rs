//! Patterns: `*` for any run of characters, `?` for one.

/// Whether the whole of `text` is what `pattern` describes.
///
/// Goes back to the last `*` only, so that it costs at most the product of both lengths.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // What to go on with if the last `*` has to take one character more.
    let mut again: Option<(&str, &str)> = None;
    loop {
        let mut rest = pattern.chars();
        match rest.next() {
            Some('*') => {
                pattern = rest.as_str();
                again = Some((pattern, text));
                continue;
            }
            Some(wanted) => {
                let mut chars = text.chars();
                if chars.next().is_some_and(|found| wanted == '?' || wanted == found) {
                    (pattern, text) = (rest.as_str(), chars.as_str());
                    continue;
                }
            }
            None if text.is_empty() => return true,
            None => {}
        }
        let Some((after, from)) = again else { return false };
        let mut chars = from.chars();
        if chars.next().is_none() {
            return false;
        }
        (pattern, text) = (after, chars.as_str());
        again = Some((after, text));
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_run_and_question_marks_for_one() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a", "a", true),
            ("a", "b", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false),
            ("a*b*c", "axxbyybzzc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "é", true),
            ("*?", "", false),
            ("**a**", "bab", true),
            ("arn:aws:sqs:*:*:jobs-*", "arn:aws:sqs:us-east-1:000000000000:jobs-1", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_time_to_speak_of() {
        let (pattern, text) = ("a*".repeat(2_000) + "b", "a".repeat(20_000));
        assert!(!matches(&pattern, &text));
    }
}
