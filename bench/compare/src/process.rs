//! A server as a child of this program, ended with it.

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::{
    fs::File,
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const START_MAX: Duration = Duration::from_secs(180);

/// The child, with all that it started: it leads a process group of its own.
pub struct Process {
    child: Child,
    /// Just before it was made.
    pub started: Instant,
}

impl Process {
    /// Starts it, its words in `log`.
    ///
    /// # Errors
    /// The program is not there, or cannot be started.
    pub fn spawn(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let output = File::create(log)?;
        let started = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        Ok(Self { child, started })
    }

    /// The child's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until somebody listens there.
    ///
    /// # Errors
    /// The child ended, or takes too long.
    pub fn wait_for(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at its start: {status}");
            }
            if self.started.elapsed() > START_MAX {
                bail!("nobody listens on {address} after {} s", START_MAX.as_secs());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Ends it and all it started at once, as a crash would.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let group = Pid::from_child(&self.child);
        // The group is gone already if the child ended by itself.
        _ = kill_process_group(group, Signal::KILL);
        self.child.wait()?;
        Ok(())
    }

    /// Ends one process of it.
    ///
    /// # Errors
    /// There is none of that number.
    pub fn kill_one(pid: u32) -> anyhow::Result<()> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process has that number")?;
        Ok(kill_process(pid, Signal::KILL)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.kill();
    }
}

/// A loopback address whose port is free now.
///
/// # Errors
/// As the operating system says.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
