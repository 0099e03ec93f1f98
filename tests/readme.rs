//! What the README and the pages under `docs/` tell people to type, typed.
//!
//! The blocks of each page are taken in order ([`pages`] says how), in a scratch folder of the page's own. Conventions, so that
//! pages read well and run all the same:
//!
//! - A server runs for the whole page, and `AWS_*` in the environment leads to it; `127.0.0.1:9324` in a block is replaced
//!   by its address.
//! - `./evenkeel-data` is the folder of a server that served and was stopped, on pages that use `evenkeel check`.
//! - With a ```` ```toml ```` block as its settings a server must start.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::pages::{self, Block, Reader};
use evenkeel_tests::signed::{ACCESS_KEY, SECRET_KEY};
use evenkeel_tests::{Launch, Server, binary};
use std::path::{Path, PathBuf};

fn all() -> Vec<PathBuf> {
    let root = binary::workspace();
    let mut pages = vec![root.join("README.md")];
    for entry in std::fs::read_dir(root.join("docs")).into_iter().flatten() {
        pages.extend(Some(entry.unwrap().path()).filter(|path| path.extension().is_some_and(|kind| kind == "md")));
    }
    pages.retain(|page| page.exists());
    pages.sort();
    pages
}

fn starts_with_settings(text: &str, scratch: &Path) {
    let file = scratch.join("settings.toml");
    std::fs::write(&file, text).unwrap();
    let launch = Launch::bare().argument("--config").argument(file.to_str().unwrap());
    // Not on the address of the page, which somebody may be using.
    drop(launch.argument("--listen").argument("127.0.0.1:0").start());
}

#[test]
fn what_the_pages_say_works_as_written() {
    for page in all() {
        let blocks = pages::blocks(&std::fs::read_to_string(&page).unwrap());
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
        let reader = Reader {
            folder: scratch.path(),
            server: server.address(),
            access_key: ACCESS_KEY,
            secret_key: SECRET_KEY,
            binary: binary::evenkeel(),
        };
        for block in &blocks {
            match block.language.as_str() {
                "toml" => starts_with_settings(&block.text, scratch.path()),
                _ => reader.types(block, &page),
            }
        }
    }
}
