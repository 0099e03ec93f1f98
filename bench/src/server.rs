//! The server as a child: started on a free port, asked for its health, stopped by SIGTERM, whatever happens.
//!
//! A guard (a small shell holding a pipe from this process) stops the server should this process die without doing so
//! itself: the pipe closes then, even on SIGKILL.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::limits::{START_MAX, STOP_MAX};
use crate::sqs::control::is_healthy;
use crate::target::Target;

const GUARD: &str = r#"trap '' INT; read -r _; kill -TERM "$1" 2>/dev/null; sleep 20; kill -KILL "$1" 2>/dev/null"#;
const ACCESS_KEY: &str = "evenkeel-bench";
const SECRET_KEY: &str = "evenkeel-bench-secret";

pub struct Server {
    child: Child,
    guard: Child,
    pub target: Target,
}

impl Server {
    /// Starts `program serve` on a free loopback port with its data in `data`, its output in `log`.
    ///
    /// # Errors
    /// If it cannot be started or is not healthy within a minute; shows the end of its output.
    pub fn start(program: &Path, data: &Path, log: &Path, arguments: &[String]) -> anyhow::Result<Self> {
        // The port is free now; should somebody take it in between, the server says so and the run ends.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let output = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let mut child = Command::new(program)
            .arg("serve")
            .args(["--listen", &address.to_string(), "--data-dir"])
            .arg(data)
            .args(arguments)
            .env("EVENKEEL_ROOT_ACCESS_KEY", ACCESS_KEY)
            .env("EVENKEEL_ROOT_SECRET_KEY", SECRET_KEY)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {}; see --server", program.display()))?;
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
        let target = Target::new(&format!("http://{address}"), ACCESS_KEY, SECRET_KEY)?;
        let mut server = Self { child, guard, target };
        server.wait_until_healthy(log)?;
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_healthy(&mut self, log: &Path) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let exited = self.child.try_wait()?;
            if exited.is_none() && is_healthy(self.target.address) {
                return Ok(());
            }
            if exited.is_some() || start.elapsed() > START_MAX {
                let output = fs::read_to_string(log).unwrap_or_default();
                let end: Vec<&str> = output.lines().rev().take(10).collect();
                let end: Vec<&str> = end.into_iter().rev().collect();
                bail!("the server is not healthy ({exited:?}); the end of its output:\n{}", end.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
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
