//! What the README and the pages under `docs/` tell people to type, typed.
//!
//! The blocks of each page are taken in order, in a scratch folder of the page's own:
//!
//! | block | what happens |
//! |---|---|
//! | ```` ```sh ```` | run by `bash -eu`; `cargo run --release -- <args>` and `evenkeel <args>` run the binary under test |
//! | ```` ```python ```` | run by the Python that has boto3 |
//! | ```` ```js ```` | run by Node with the JavaScript SDK, where there is Node |
//! | ```` ```toml ```` | a settings file: the server starts with it |
//! | ```` ```text ````, no word, any other | shown to people only |
//!
//! Conventions, so that pages read well and run all the same:
//!
//! - A server runs for the whole page, and `AWS_*` in the environment leads to it; `127.0.0.1:9324` in a block is replaced
//!   by its address. So the line that starts one (`... serve`, alone in its block) is only checked: its flags must be
//!   known.
//! - `./evenkeel-data` is the folder of a server that served and was stopped, on pages that use `evenkeel check`.
//! - `cargo xtask <command>` is not run but must be a command of `xtask`. Other `cargo` and `git clone` lines are
//!   not run: the tests do not build what they are part of.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::signed::{ACCESS_KEY, SECRET_KEY};
use evenkeel_tests::{Launch, Server, binary, node, python};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block: its first word, its lines, and where it begins.
struct Block {
    language: String,
    text: String,
    line: usize,
}

fn pages() -> Vec<PathBuf> {
    let root = binary::workspace();
    let mut pages = vec![root.join("README.md")];
    for entry in std::fs::read_dir(root.join("docs")).into_iter().flatten() {
        pages.extend(Some(entry.unwrap().path()).filter(|path| path.extension().is_some_and(|kind| kind == "md")));
    }
    pages.retain(|page| page.exists());
    pages.sort();
    pages
}

fn blocks(text: &str) -> Vec<Block> {
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

/// Whether `xtask` has that command, going by the names in its source.
fn is_xtask_command(name: &str) -> bool {
    let source = std::fs::read_to_string(binary::workspace().join("xtask/src/main.rs")).unwrap();
    let variant: String = name.chars().take(1).flat_map(char::to_uppercase).chain(name.chars().skip(1)).collect();
    source
        .lines()
        .any(|line| line.trim_start().strip_prefix(&variant).is_some_and(|rest| rest.starts_with([',', '(', ' '])))
}

/// The script to run: without what is only checked.
fn prepare(block: &Block, at: &str) -> String {
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

fn run(block: &Block, page: &Path, scratch: &Path, server: &Server) {
    let at = format!("{}:{}", page.display(), block.line);
    let text = |text: &str| text.replace("127.0.0.1:9324", &server.address().to_string());
    let mut command = match block.language.as_str() {
        "sh" => {
            let mut command = Command::new("bash");
            command.args(["-eu", "-c", &text(&prepare(block, &at))]);
            command
        }
        "python" => {
            let mut command = Command::new(python::with_boto3());
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
            std::fs::write(&script, text(&block.text)).unwrap();
            let mut command = Command::new("node");
            command.arg(script);
            command
        }
        "toml" => {
            let file = scratch.join("settings.toml");
            std::fs::write(&file, &block.text).unwrap();
            let launch = Launch::bare().argument("--config").argument(file.to_str().unwrap());
            // Not on the address of the page, which somebody may be using.
            drop(launch.argument("--listen").argument("127.0.0.1:0").start());
            return;
        }
        _ => return,
    };
    let folder = binary::evenkeel().parent().unwrap().to_owned();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&paths))).unwrap();
    command.current_dir(scratch).env("PATH", paths);
    command.env("AWS_ENDPOINT_URL_SQS", server.endpoint()).env("AWS_DEFAULT_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{at} does not work as written:\n{}\n{}{}",
        block.text,
        said(&output.stdout),
        said(&output.stderr)
    );
}

#[test]
fn what_the_pages_say_works_as_written() {
    for page in pages() {
        let blocks = blocks(&std::fs::read_to_string(&page).unwrap());
        let runnable = |block: &&Block| ["sh", "python", "js", "toml"].contains(&block.language.as_str());
        if blocks.iter().filter(runnable).count() == 0 {
            continue;
        }
        let scratch = tempfile::tempdir().unwrap();
        if blocks.iter().any(|block| block.text.contains("evenkeel check ")) {
            let mut served = Launch::default().data(scratch.path().join("evenkeel-data")).start();
            assert!(served.stop().status.success());
        }
        let server = Server::start();
        for block in &blocks {
            run(block, &page, scratch.path(), &server);
        }
    }
}
