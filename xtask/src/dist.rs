//! `cargo xtask dist`: the release binary as it is given away: linked statically, with man pages and completions, and what
//! it weighs and how fast it starts.

use crate::packages::{Workspace, workspace};
use crate::steps::{Steps, cargo};
use anyhow::{Context as _, bail};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MUSL: &str = "x86_64-unknown-linux-musl";
const GNU: &str = "x86_64-unknown-linux-gnu";
/// Starts that are timed; the middle one is told.
const STARTS: usize = 21;

pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("dist builds for Linux on x86-64, and on it");
    }
    let target = if has_musl() { MUSL } else { GNU };
    let mut build = cargo(&["build", "--release", "--package", "evenkeel", "--target", target]);
    // Naming the target keeps the flag away from build scripts and macros, which cannot be static.
    steps.run("build", build.env("RUSTFLAGS", "-C target-feature=+crt-static -C strip=debuginfo"))?;
    let built = Workspace::read()?.target.join(target).join("release/evenkeel");
    if let Some(interpreter) = interpreter(&built)? {
        bail!("{} is not static: it wants {interpreter}", built.display());
    }
    steps.call("pack", || pack(&built, target))
}

/// Whether musl's target is installed, and a C compiler for it (the allocator is in C).
fn has_musl() -> bool {
    let listed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let is_installed =
        listed.is_ok_and(|listed| String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == MUSL));
    is_installed && Command::new("musl-gcc").arg("--version").output().is_ok_and(|said| said.status.success())
}

/// The program that an executable asks for to be loaded by; a static one asks for none (ELF-64, `PT_INTERP`).
fn interpreter(path: &Path) -> anyhow::Result<Option<String>> {
    const INTERP: u64 = 3;
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let number = |at: usize, size: usize| -> Option<u64> {
        bytes.get(at..at + size).map(|field| field.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    };
    let at = |at: usize, size: usize| number(at, size).and_then(|number| usize::try_from(number).ok());
    let read = || -> Option<Option<String>> {
        let (table, size, count) = (at(0x20, 8)?, at(0x36, 2)?, at(0x38, 2)?);
        for header in (0..count).map(|index| table + index * size) {
            if number(header, 4)? == INTERP {
                let (from, long) = (at(header + 8, 8)?, at(header + 0x20, 8)?);
                return Some(Some(
                    String::from_utf8_lossy(bytes.get(from..from + long)?).trim_end_matches('\0').to_owned(),
                ));
            }
        }
        Some(None)
    };
    read().with_context(|| format!("{} is no ELF executable", path.display()))
}

fn pack(built: &Path, target: &str) -> anyhow::Result<()> {
    let name = format!("evenkeel-{}-{}", env!("CARGO_PKG_VERSION"), target.replace("-unknown", ""));
    let folder = Workspace::read()?.target.join("dist").join(&name);
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("completions"))?;
    let binary = folder.join("evenkeel");
    std::fs::copy(built, &binary)?;
    for file in [
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "contrib/systemd/evenkeel.service",
        "contrib/systemd/evenkeel.socket",
        "contrib/haproxy/haproxy.cfg",
    ] {
        let to = folder.join(Path::new(file).file_name().unwrap_or_default());
        std::fs::copy(workspace().join(file), to).with_context(|| file.to_owned())?;
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = said(&binary, &["completions", shell])?;
        std::fs::write(folder.join("completions").join(format!("evenkeel.{shell}")), script)?;
    }
    let man = folder.join("man");
    said(&binary, &["man", "--dir", &man.to_string_lossy()])?;
    let archive = PathBuf::from(format!("{}.tar.gz", folder.display()));
    let status = Command::new("tar")
        .arg("-czf")
        .arg(&archive)
        .arg("-C")
        .args([folder.parent().unwrap_or(&folder), Path::new(&name)])
        .status()?;
    if !status.success() {
        bail!("tar failed ({status})");
    }
    let size = |path: &Path| std::fs::metadata(path).map(|file| file.len() as f64 / f64::from(1 << 20));
    let start = start(&binary)?;
    eprintln!("{}: {:.1} MiB, static ({target})", binary.display(), size(&binary)?);
    eprintln!("{}: {:.1} MiB", archive.display(), size(&archive)?);
    eprintln!(
        "from the start of the process to serving, on an empty folder: {:.1} ms (median of {STARTS})",
        start.as_secs_f64() * 1e3
    );
    Ok(())
}

fn said(binary: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(binary).args(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("{} {} failed ({})", binary.display(), arguments.join(" "), output.status);
    }
    Ok(output.stdout)
}

/// How long the binary takes until it serves: a new log made and synced, and the address bound.
fn start(binary: &Path) -> anyhow::Result<Duration> {
    let folder = std::env::temp_dir().join(format!("evenkeel-dist-{}", std::process::id()));
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let mut server = Command::new(binary)
            .args(["serve", "--dev", "--stop-with-stdin", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut log = BufReader::new(server.stderr.take().context("its log")?).lines();
        let serves = log.by_ref().map_while(Result::ok).any(|line| line.contains("serving SQS on"));
        took.push(begun.elapsed());
        drop(server.stdin.take());
        log.for_each(drop);
        server.wait()?;
        _ = std::fs::remove_dir_all(&folder);
        if !serves {
            bail!("the server ended while starting");
        }
    }
    took.sort();
    took.get(STARTS / 2).copied().context("nothing was timed")
}
