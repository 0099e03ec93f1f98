//! Steps: commands run one after the other, shown before and timed after.

use crate::descendants;
use anyhow::{Context as _, bail};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// How often a step with a limit is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The steps of one run so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
    limit: Option<Duration>,
}

impl Steps {
    /// From now on a command that takes longer than this has hung: it is ended, with all that it started, and has failed.
    pub(crate) fn limit(&mut self, limit: Duration) {
        self.limit = Some(limit);
    }

    /// Runs a command whose output goes where ours goes.
    ///
    /// # Errors
    /// If it cannot be run or fails; says which step it was and how to run it alone.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        let line = command_line(command);
        eprintln!("\n== {name}: {line}");
        let start = Instant::now();
        let mut child = command.spawn().with_context(|| format!("{name}: cannot run `{line}`"))?;
        let status = self.wait(&mut child).with_context(|| format!("{name}: cannot wait for `{line}`"))?;
        self.done.push((name.to_owned(), start.elapsed()));
        let Some(status) = status else {
            bail!(
                "{name} hangs: not done after {:.0?}. What has no result above still ran. Alone: {line}",
                start.elapsed()
            );
        };
        if !status.success() {
            bail!("{name} failed ({status}). Alone: {line}");
        }
        Ok(())
    }

    /// How a command ended; `None` if it had to be ended.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
        let Some(limit) = self.limit else { return child.wait().map(Some) };
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if start.elapsed() >= limit {
                descendants::kill(child);
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(LOOK);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let mut steps = Steps::default();
        steps.limit(Duration::from_millis(200));
        // The inner one holds the pipe: its end is the end of the pipe.
        let (mut ours, theirs) = std::io::pipe().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "sh -c 'sleep 60; true'; true"]).stdout(theirs);
        let error = steps.run("sleep", &mut command).unwrap_err();
        drop(command);
        assert!(error.to_string().contains("sleep hangs"), "{error}");
        let start = Instant::now();
        std::io::Read::read_to_end(&mut ours, &mut Vec::new()).unwrap();
        assert!(start.elapsed() < Duration::from_secs(30), "the inner one goes on");
    }

    #[test]
    fn a_command_within_its_limit_ends_by_itself() {
        let mut steps = Steps::default();
        steps.limit(Duration::from_secs(60));
        steps.run("true", &mut Command::new("true")).unwrap();
        assert!(steps.run("false", &mut Command::new("false")).unwrap_err().to_string().contains("failed"));
    }
}
