//! The first five minutes of somebody who has never heard of this: a clone in an empty folder, the README's first command, its
//! server, and its snippets against that server, in the order of the page. The time for compiling is told apart.
//!
//! The README's other command, `cargo xtask test`, is what this is a part of; CI runs it from a fresh clone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::pages::{self, Block, Reader};
use evenkeel_tests::{binary, http, wait};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the page promises for all but compiling.
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// A command of the page, in the clone; compiled into the folder that has the dependencies already.
fn typed(line: &str, clone: &Path) -> Command {
    let mut command = Command::new("bash");
    command.args(["-eu", "-c", line]).current_dir(clone);
    command.env("CARGO_TARGET_DIR", binary::target_dir()).process_group(0);
    command
}

fn does(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
    begun.elapsed()
}

/// A server in the foreground of a terminal: it ends as by Ctrl-C, and with the test.
struct Terminal(Child);

impl Drop for Terminal {
    fn drop(&mut self) {
        _ = kill_process_group(Pid::from_child(&self.0), Signal::INT);
        _ = self.0.wait();
    }
}

/// The value of a line `name = "value"`.
fn setting<'a>(file: &'a str, name: &str) -> &'a str {
    let value = file.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='));
    value.unwrap_or_else(|| panic!("no {name} in the file that the first start wrote")).trim().trim_matches('"')
}

#[test]
#[ignore = "compiles a clone for release: cargo xtask newcomer"]
fn the_first_five_minutes_are_as_the_readme_says() {
    let home = tempfile::tempdir().unwrap();
    let clone = home.path().join("evenkeel");
    does(Command::new("git").args(["clone", "--quiet"]).arg(binary::workspace()).arg(&clone));
    let page = clone.join("README.md");
    let blocks = pages::blocks(&fs::read_to_string(&page).unwrap());
    let [run, rest @ ..] = &blocks[..] else { panic!("the README has no block") };
    let commands: Vec<&str> = run.text.lines().collect();
    let [demo, serve] = commands[..] else { panic!("the README begins with two commands, not {commands:?}") };
    assert!(demo.ends_with(" demo") && serve.ends_with(" serve"), "{commands:?}");

    let compiling = does(&mut typed("cargo build --release --package evenkeel", &clone));
    let begun = Instant::now();
    let showing = does(&mut typed(demo, &clone));

    // The address of the page, unless somebody uses it.
    let free = TcpListener::bind(pages::ADDRESS).or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    let address: SocketAddr = free.local_addr().unwrap();
    drop(free);
    let mut serve = typed(serve, &clone);
    serve.env("EVENKEEL_LISTEN", address.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    let server = Terminal(serve.spawn().unwrap());
    let serves = || http::get(address, "/readyz", Duration::from_secs(5)).is_ok_and(|answer| answer.status == 200);
    wait::until("the server of the clone serves", Duration::from_secs(60), serves);
    let credentials = fs::read_to_string(clone.join("evenkeel-data/root-credentials.toml")).unwrap();
    let release = binary::target_dir().join("release/evenkeel");
    let reader = Reader {
        folder: &clone,
        server: address,
        access_key: setting(&credentials, "access_key"),
        secret_key: setting(&credentials, "secret_key"),
        binary: &release,
    };
    let snippets = |block: &&Block| ["sh", "python", "js"].contains(&block.language.as_str());
    for block in rest.iter().filter(snippets) {
        reader.types(block, &page);
    }
    drop(server);
    let took = begun.elapsed();
    eprintln!(
        "newcomer: compiling {:.0} s; the demo {:.0} s, all but compiling {:.0} s",
        compiling.as_secs_f64(),
        showing.as_secs_f64(),
        took.as_secs_f64()
    );
    assert!(took < FIVE_MINUTES, "{took:?}");
}
