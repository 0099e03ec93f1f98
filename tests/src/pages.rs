//! The README and the pages under `docs/` as what they are to a reader: blocks to type.
//!
//! | block | what happens |
//! |---|---|
//! | ```` ```sh ```` | run by `bash -eu`; `cargo run --release -- <args>` and `evenkeel <args>` run the binary under test |
//! | ```` ```python ```` | run by the Python that has boto3; by the one that has Celery, too, if it imports that |
//! | ```` ```js ```` | run by Node with the JavaScript SDK, where there is Node |
//! | ```` ```toml ```` | a settings file, for the test that reads the page |
//! | ```` ```text ````, no word, any other | shown to people only |
//!
//! `cargo xtask <command>` is not run but must be a command of `xtask`. A line that starts a server, and other `cargo` and `git clone`
//! lines, are not run here: the flags of `serve` must be known.

use crate::{binary, node, python};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// The address in the pages, on which a server listens if nobody says.
pub const ADDRESS: &str = "127.0.0.1:9324";

/// A fenced block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its first word.
    pub language: String,
    pub text: String,
    /// Where it begins, from 1.
    pub line: usize,
}

/// The blocks of a page.
///
/// # Panics
/// If one is not closed.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block { language: language.trim().to_owned(), text: String::new(), line: number });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// Who reads: where they are, which server they have, and as whom they speak to it.
#[derive(Debug)]
pub struct Reader<'a> {
    pub folder: &'a Path,
    /// In the place of [`ADDRESS`].
    pub server: SocketAddr,
    pub access_key: &'a str,
    pub secret_key: &'a str,
    /// What `evenkeel` is.
    pub binary: &'a Path,
}

impl Reader<'_> {
    /// Does what a block says. What is only shown is nothing to do.
    ///
    /// # Panics
    /// If it does not work; says where it stands (`page`), and what happened.
    pub fn types(&self, block: &Block, page: &Path) {
        let at = format!("{}:{}", page.display(), block.line);
        let text = |text: &str| text.replace(ADDRESS, &self.server.to_string());
        let mut command = match block.language.as_str() {
            "sh" => {
                let mut command = Command::new("bash");
                command.args(["-eu", "-c", &text(&script(block, &at))]);
                command
            }
            "python" => {
                let imports_celery = block.text.contains("from celery");
                let python = if imports_celery { python::with_clients() } else { python::with_boto3() };
                let mut command = Command::new(python);
                command.args(["-c", &text(&block.text)]);
                command
            }
            "js" => {
                if let Some(reason) = node::missing() {
                    eprintln!("skipped {at}: {reason}");
                    return;
                }
                // Modules look for packages from where they lie.
                let script = node::folder().join(format!("page-{}.mjs", block.line));
                fs::write(&script, text(&block.text)).expect("the folder of the packages can be written");
                let mut command = Command::new("node");
                command.arg(script);
                command
            }
            _ => return,
        };
        let folder = self.binary.parent().expect("a binary lies in a folder").to_owned();
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&paths)));
        command.current_dir(self.folder).env("PATH", paths.expect("folders have no colon in their names"));
        command.env("AWS_ENDPOINT_URL_SQS", format!("http://{}", self.server)).env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", self.access_key).env("AWS_SECRET_ACCESS_KEY", self.secret_key);
        let output = command.output().expect("its program can be run");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{at} does not work as written:\n{}\n{}{}",
            block.text,
            said(&output.stdout),
            said(&output.stderr)
        );
    }
}

/// Whether `xtask` has that command, going by the names in its source.
fn is_xtask_command(name: &str) -> bool {
    let source = fs::read_to_string(binary::workspace().join("xtask/src/main.rs")).expect("xtask is there");
    let variant: String = name.chars().take(1).flat_map(char::to_uppercase).chain(name.chars().skip(1)).collect();
    source
        .lines()
        .any(|line| line.trim_start().strip_prefix(&variant).is_some_and(|rest| rest.starts_with([',', '(', ' '])))
}

/// The script to run: without what is only checked.
fn script(block: &Block, at: &str) -> String {
    let mut script = String::new();
    for line in block.text.lines() {
        let line = line.replace("cargo run --release -- ", "evenkeel ");
        let command = line.split('#').next().unwrap_or_default().trim();
        if let Some(rest) = command.strip_prefix("cargo xtask ") {
            let name = rest.split_whitespace().next().unwrap_or_default();
            assert!(is_xtask_command(name), "{at}: xtask has no command {name}");
        } else if command.starts_with("cargo ")
            || command.starts_with("git clone")
            || command.starts_with("cd evenkeel")
        {
            continue;
        } else if command.starts_with("evenkeel serve") {
            // Known flags with wrong values would start nothing, and so would unknown ones: only `--help` is safe.
            script.push_str(&format!("{command} --help >/dev/null\n"));
        } else {
            script.push_str(&line);
            script.push('\n');
        }
    }
    script
}
