//! Source files: short, headed, finished, without trailing blanks.

use super::File;

/// Lines of a file without its tests. Beyond this it holds more than one idea.
const LINES_MAX: usize = 600;

pub(super) fn check(files: &[File]) -> Vec<String> {
    files.iter().flat_map(|file| check_text(file).into_iter().chain(check_rust(file))).collect()
}

fn check_text(file: &File) -> Vec<String> {
    let trailing = (1..).zip(file.text.lines()).filter(|(_, line)| line.trim_end() != *line);
    let mut complaints: Vec<String> =
        trailing.map(|(number, _)| format!("{}:{number}: blanks at the end of the line", file.path)).collect();
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        complaints.push(format!("{}: the last line has no end", file.path));
    }
    complaints
}

fn check_rust(file: &File) -> Vec<String> {
    if !file.has_extension("rs") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    // A crate's attributes may come first; the tests of a module, in a file beside it, stand under the module's header.
    let first = file.text.lines().find(|line| !line.starts_with("#!") && !line.is_empty());
    if !first.is_some_and(|line| line.starts_with("//!")) && !file.path.ends_with("/tests.rs") {
        complaints.push(format!("{}: it does not open with what it is for (`//!`)", file.path));
    }
    let lines = lines_without_tests(file);
    if lines > LINES_MAX {
        complaints.push(format!("{}: {lines} lines without tests; cut it by ideas (at most {LINES_MAX})", file.path));
    }
    // Spelt so that this file does not find itself.
    for unfinished in [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("FIX", "ME")] {
        if file.text.contains(unfinished) {
            complaints.push(format!("{}: `{unfinished}` is unfinished", file.path));
        }
    }
    complaints
}

/// Tests come last in a file; files of tests alone have none of these lines.
fn lines_without_tests(file: &File) -> usize {
    let is_test = file.path.ends_with("/tests.rs") || file.path.contains("/tests/") || file.path.starts_with("tests/");
    if is_test {
        return 0;
    }
    file.text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_noticed() {
        let complaints = |path: &str, text: &str| check(&[File { path: path.into(), text: text.into() }]).len();
        assert_eq!(complaints("a/src/lib.rs", "//! A room.\n"), 0);
        assert_eq!(complaints("a/src/lib.rs", "fn main() {}\n"), 1);
        assert_eq!(complaints("a/src/lib.rs", "//! A room.\nfn f() { \n}"), 2);
        assert_eq!(complaints("a/src/lib.rs", &format!("//! A room.\n{}", "\n".repeat(LINES_MAX))), 1);
        assert_eq!(complaints("a/src/lib.rs", &format!("//! A room.\n#[cfg(test)]{}", "\n".repeat(LINES_MAX))), 0);
        assert_eq!(complaints("a/src/lib.rs", concat!("//! A room.\nfn f() { todo", "!() }\n")), 1);
        assert_eq!(complaints("README.md", "a line \n"), 1);
    }
}
