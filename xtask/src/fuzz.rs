//! `cargo xtask fuzz`: every target of `fuzz/`, for some seconds each.
//!
//! cargo-fuzz asks for compiler flags that a stable compiler only takes with `RUSTC_BOOTSTRAP=1`, which is set here for
//! these builds alone.

use crate::packages::workspace;
use crate::steps::{Steps, cargo};
use anyhow::{Context as _, bail};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target runs.
    #[arg(long, value_name = "N", default_value_t = 30)]
    seconds: u32,
    /// Only this one.
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

pub(crate) fn run(steps: &mut Steps, args: &Args) -> anyhow::Result<()> {
    let fuzz = workspace().join("fuzz");
    if !fuzz.join("Cargo.toml").exists() {
        bail!("there are no fuzz targets: {} is not there", fuzz.display());
    }
    let is_installed = cargo(&["fuzz", "--version"]).output().is_ok_and(|output| output.status.success());
    if !is_installed {
        steps.run("install cargo-fuzz", &mut cargo(&["install", "--locked", "cargo-fuzz"]))?;
    }
    let list = cargo(&["fuzz", "list"]).output().context("listing the fuzz targets")?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let chosen = |name: &&str| args.target.as_deref().is_none_or(|target| target == *name);
    let targets: Vec<&str> = list.split_whitespace().filter(chosen).collect();
    if targets.is_empty() {
        bail!("no such target; there are: {list}");
    }
    let manifest = fuzz.join("Cargo.toml");
    let mut corpus = cargo(&["run", "--quiet", "--example", "corpus", "--manifest-path"]);
    steps.run("make the inputs to start from", corpus.arg(&manifest))?;
    for target in targets {
        let seconds = format!("-max_total_time={}", args.seconds);
        let mut command = cargo(&["fuzz", "run", target, "--", &seconds]);
        steps.run(&format!("fuzz {target}"), command.env("RUSTC_BOOTSTRAP", "1"))?;
    }
    Ok(())
}
