//! File names, and what a folder's names say of each other.

use crate::{
    extent::Range,
    fault::{self, Fault},
};
use evenkeel_types::LogIndex;

const INSTALLED: &str = ".bodies";
const UNFINISHED: &str = ".unfinished";

pub(crate) fn installed_name(range: Range) -> String {
    format!("{:016x}-{:016x}{INSTALLED}", range.first.0, range.last.0)
}

pub(crate) fn unfinished_name(range: Range) -> String {
    format!("{:016x}-{:016x}{UNFINISHED}", range.first.0, range.last.0)
}

/// What the names in the folder are. Names of others are left alone.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The files that count, by range, disjoint.
    pub(crate) files: Vec<Range>,
    /// Files inside the range of another.
    pub(crate) leftovers: Vec<Range>,
    /// Files never finished.
    pub(crate) unfinished: Vec<String>,
    /// Files that cannot be, and why.
    pub(crate) impossible: Vec<(String, String)>,
}

impl Names {
    pub(crate) fn sort(names: Vec<String>) -> Self {
        let mut found = Self::default();
        let mut ranges = Vec::new();
        for name in names {
            if name.ends_with(UNFINISHED) {
                found.unfinished.push(name);
            } else if name.ends_with(INSTALLED) {
                match parse(&name) {
                    Some(range) => ranges.push(range),
                    None => found.impossible.push((name, "no body file has such a name".into())),
                }
            }
        }
        // The wider first, so that what it replaced follows it.
        ranges.sort_unstable_by_key(|range| (range.first, std::cmp::Reverse(range.last)));
        for range in ranges {
            match found.files.last_mut() {
                Some(outer) if outer.holds_all_of(range) => {
                    let narrower = if fault::on(Fault::KeepNarrower) { std::mem::replace(outer, range) } else { range };
                    found.leftovers.push(narrower);
                }
                Some(outer) if outer.overlaps(range) && !fault::on(Fault::AcceptOverlap) => {
                    let what =
                        format!("its range overlaps that of {}, and neither holds the other", installed_name(*outer));
                    found.impossible.push((installed_name(range), what));
                }
                _ => found.files.push(range),
            }
        }
        found
    }
}

fn parse(name: &str) -> Option<Range> {
    let (first, last) = name.strip_suffix(INSTALLED)?.split_once('-')?;
    let number = |text: &str| u64::from_str_radix(text, 16).ok().map(LogIndex);
    let range = Range { first: number(first)?, last: number(last)? };
    // There is one way to write each name.
    (range.first <= range.last && installed_name(range) == name).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_one_name() {
        let range = Range { first: LogIndex(1), last: LogIndex(u64::MAX) };
        let name = installed_name(range);
        assert_eq!(name, "0000000000000001-ffffffffffffffff.bodies");
        assert_eq!(parse(&name), Some(range));
        for wrong in [
            "1-2.bodies",
            "0000000000000001-FFFFFFFFFFFFFFFF.bodies",
            "0000000000000002-0000000000000001.bodies",
            "000000000000000001-0000000000000002.bodies",
            "+000000000000001-0000000000000002.bodies",
            ".bodies",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
