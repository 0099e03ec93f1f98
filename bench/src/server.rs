//! The server as a child: started on a port, asked for its health, stopped by SIGTERM, whatever happens.
//!
//! A guard (a small shell holding a pipe from this process) stops the server should this process die without doing so
//! itself: the pipe closes then, even on SIGKILL.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::limits::{START_MAX, STOP_MAX};
use crate::sqs::control::is_healthy;
use crate::target::Target;

const GUARD: &str = r#"trap '' INT; read -r _; kill -TERM "$1" 2>/dev/null; sleep 20; kill -KILL "$1" 2>/dev/null"#;
pub const ACCESS_KEY: &str = "evenkeel-bench";
pub const SECRET_KEY: &str = "evenkeel-bench-secret";

pub struct Server {
    child: Child,
    guard: Child,
    log: PathBuf,
    pub target: Target,
    /// Just before its process was made.
    pub started: Instant,
}

/// A loopback address whose port is free now; should somebody take it in between, the server says so and the run ends.
///
/// # Errors
/// As the operating system says.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl Server {
    /// Starts `program serve` at `address` with its data in `data`, its output in `log`. It need not serve yet.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(
        program: &Path,
        address: SocketAddr,
        data: &Path,
        log: &Path,
        arguments: &[String],
    ) -> anyhow::Result<Self> {
        let target = Target::new(&format!("http://{address}"), ACCESS_KEY, SECRET_KEY)?;
        let output = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let mut child = Command::new(program);
        child
            .arg("serve")
            .args(["--listen", &address.to_string(), "--data-dir"])
            .arg(data)
            .args(arguments)
            .env("EVENKEEL_ROOT_ACCESS_KEY", ACCESS_KEY)
            .env("EVENKEEL_ROOT_SECRET_KEY", SECRET_KEY)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let started = Instant::now();
        let mut child = child.spawn().with_context(|| format!("starting {}; see --server", program.display()))?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard", &child.id().to_string()]);
        let guard = match guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(guard) => guard,
            Err(error) => {
                _ = child.kill();
                _ = child.wait();
                return Err(error).context("starting the guard");
            }
        };
        Ok(Self { child, guard, log: log.to_owned(), target, started })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// If it ended, or is not healthy within a minute; shows the end of its output.
    pub fn wait_until_healthy(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        while !is_healthy(self.target.address) {
            self.check_alive()?;
            ensure!(start.elapsed() < START_MAX, "the server is not healthy; {}", self.last_words());
            std::thread::sleep(Duration::from_millis(20));
        }
        // Somebody else's server may answer there.
        self.check_alive()
    }

    /// # Errors
    /// If it ended; shows the end of its output.
    pub fn check_alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the server is not healthy ({status}); {}", self.last_words()),
        }
    }

    /// Stops it in good order and returns what it said.
    ///
    /// # Errors
    /// If it did not stop by itself, or not well.
    pub fn end(mut self) -> anyhow::Result<String> {
        self.stop();
        let status = self.child.wait()?;
        // A program that leaves SIGTERM to the system has stopped well, too.
        let by_term = status.signal() == Some(Signal::TERM.as_raw());
        ensure!(status.success() || by_term, "the server did not stop well ({status}); {}", self.last_words());
        Ok(fs::read_to_string(&self.log)?)
    }

    /// Ends it as a crash would: by SIGKILL.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn last_words(&self) -> String {
        let output = fs::read_to_string(&self.log).unwrap_or_default();
        let end: Vec<&str> = output.lines().rev().take(10).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        format!("the end of its output:\n{}", end.join("\n"))
    }

    fn stop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
                _ = kill_process(pid, Signal::TERM);
            }
            let start = Instant::now();
            while let Ok(None) = self.child.try_wait() {
                if start.elapsed() > STOP_MAX {
                    _ = self.child.kill();
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        _ = self.child.wait();
        _ = self.guard.kill();
        _ = self.guard.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
