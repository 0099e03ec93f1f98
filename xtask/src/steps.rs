//! Steps: commands run one after the other, shown before and timed after.

use anyhow::{Context as _, bail};
use std::process::Command;
use std::time::{Duration, Instant};

/// The steps of one run so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Runs a command whose output goes where ours goes.
    ///
    /// # Errors
    /// If it cannot be run or fails; says which step it was and how to run it alone.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        let line = command_line(command);
        eprintln!("\n== {name}: {line}");
        let start = Instant::now();
        let status = command.status().with_context(|| format!("{name}: cannot run `{line}`"))?;
        self.done.push((name.to_owned(), start.elapsed()));
        if !status.success() {
            bail!("{name} failed ({status}). Alone: {line}");
        }
        Ok(())
    }

    /// Runs a function as a step.
    ///
    /// # Errors
    /// What it says.
    pub(crate) fn call(&mut self, name: &str, run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let done = run();
        self.done.push((name.to_owned(), start.elapsed()));
        done.with_context(|| format!("{name} failed"))
    }

    /// Says how long each step took, and how it ended.
    pub(crate) fn report(&self, ended: &anyhow::Result<()>) {
        if self.done.len() > 1 {
            eprintln!();
            for (name, took) in &self.done {
                eprintln!("{:>8.1} s  {name}", took.as_secs_f64());
            }
        }
        let total: Duration = self.done.iter().map(|(_, took)| *took).sum();
        match ended {
            Ok(()) => eprintln!("\nxtask: all is well ({} steps, {:.0} s)", self.done.len(), total.as_secs_f64()),
            Err(error) => eprintln!("\nxtask: {error:#}"),
        }
    }
}

/// `cargo` as it runs us, in the workspace's folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(crate::packages::workspace());
    command
}

/// The command as one would type it.
fn command_line(command: &Command) -> String {
    let text = |text: &std::ffi::OsStr| {
        let text = text.to_string_lossy().into_owned();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=,:+".contains(&byte);
        if text.bytes().all(plain) && !text.is_empty() { text } else { format!("'{text}'") }
    };
    let program = std::path::Path::new(command.get_program());
    let program = if program.file_stem().is_some_and(|name| name == "cargo") { "cargo".as_ref() } else { program };
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let variables = variables.map(|(name, value)| format!("{}={} ", name.to_string_lossy(), text(value)));
    let arguments = command.get_args().map(|argument| format!(" {}", text(argument)));
    variables.chain([text(program.as_os_str())]).chain(arguments).collect()
}
