//! `cargo xtask tidy`: the rules of the house that no compiler checks, also run by `cargo test`.
//!
//! Each rule is a function from the tree to complaints, in a file by its subject: [`rooms`], [`sources`], [`pages`].

mod pages;
mod rooms;
mod sources;

use crate::packages::{Workspace, workspace};
use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};

/// A file of the project, read.
pub(crate) struct File {
    /// From the workspace's folder, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    fn has_extension(&self, wanted: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == wanted)
    }
}

/// Folders that hold nothing of ours.
const SKIPPED: [&str; 8] =
    ["target", ".git", ".venv", "__pycache__", "corpus", "artifacts", "evenkeel-data", "node_modules"];
/// What is read; other files are data.
const KINDS: [&str; 6] = ["rs", "md", "toml", "py", "sh", "yml"];

/// Checks everything.
///
/// # Errors
/// If something is amiss; all complaints, a line each.
pub(crate) fn run() -> anyhow::Result<()> {
    let files = read_all()?;
    let workspace = Workspace::read()?;
    let mut complaints = rooms::check(&workspace, &files);
    complaints.extend(sources::check(&files));
    complaints.extend(pages::check(&files));
    complaints.sort();
    if complaints.is_empty() {
        eprintln!("tidy: {} files in {} rooms are in order", files.len(), workspace.packages.len());
        return Ok(());
    }
    bail!("{} things are not in order:\n  {}", complaints.len(), complaints.join("\n  "))
}

fn read_all() -> anyhow::Result<Vec<File>> {
    let root = workspace();
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path: PathBuf = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|kind| KINDS.iter().any(|read| kind == *read)) || name == "run" {
                let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
                let path = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                files.push(File { path, text });
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_house_is_tidy() {
        if let Err(complaints) = super::run() {
            panic!("{complaints}");
        }
    }
}
