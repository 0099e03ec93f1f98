//! Pages: what they link to is there.

use super::File;
use crate::packages::workspace;

pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.has_extension("md")) {
        let page = workspace().join(&file.path);
        for target in links(&file.text) {
            if !page.with_file_name(&target).exists() {
                complaints.push(format!("{}: the link to {target} leads nowhere", file.path));
            }
        }
    }
    complaints
}

/// The targets of `[text](target)` that lie in the project, without their `#part`.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                links.push(target.to_owned());
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_within_the_project_are_found() {
        let text =
            "[a](docs/a.md#part) and [b](https://example.org/b), [c](#here)\n```\nx[i](y)\n```\n[d](d.rs \"title\")";
        assert_eq!(links(text), ["docs/a.md", "d.rs"]);
    }
}
