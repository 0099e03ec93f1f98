//! One node: this binary again, as a child.

use super::places::Place;
use crate::{cluster, holder};
use anyhow::{Context, bail};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    process::{ChildStdin, Command},
    time::{Instant, sleep},
};

/// How long it may take to stop, before it is killed: what a server gives its connections, and some more.
const STOP_MAX: Duration = Duration::from_secs(20);
/// Between two looks at who has a folder.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Of a log so much of the end is looked at for what was said last.
const LAST_BYTES: u64 = 4_096;

/// How a node that is new gets in.
pub(super) struct Joining {
    /// The address of a node.
    pub(super) at: String,
    pub(super) token: String,
}

/// A node, running or not.
pub(super) struct Child {
    /// By which its folder is called: the number that the cluster gives it is known later.
    pub(super) name: char,
    pub(super) http: SocketAddr,
    pub(super) peers: SocketAddr,
    pub(super) folder: PathBuf,
    pub(super) log: PathBuf,
    process: Option<(tokio::process::Child, u32)>,
    /// It stops once this closes, whatever becomes of this process.
    stdin: Option<ChildStdin>,
}

impl Child {
    /// It does not run yet.
    pub(super) fn new(folder: &Path, at: usize, place: &Place) -> Self {
        let name = char::from(b'a' + u8::try_from(at).expect("three nodes"));
        Self {
            name,
            http: place.http,
            peers: place.peers,
            folder: folder.join(name.to_string()),
            log: folder.join(format!("{name}.log")),
            process: None,
            stdin: None,
        }
    }

    /// Waits until no process of an earlier run has its folder: one whose terminal was killed is about to stop.
    ///
    /// # Errors
    /// Somebody has it for long.
    pub(super) async fn is_free(&self) -> anyhow::Result<()> {
        let (lock, until) = (self.folder.join("lock"), Instant::now() + STOP_MAX);
        while let Some(holder) = holder::of_lock(&lock) {
            if Instant::now() > until {
                bail!("the data folder {} is in use by {holder}; stop it", self.folder.display());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Starts it.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn start(&mut self, joining: Option<Joining>) -> anyhow::Result<()> {
        let log = fs::File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("writing {}", self.log.display()))?;
        let mut command = Command::new(std::env::current_exe().context("the path of this program")?);
        // What is set for a single server would be the same for all three.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EVENKEEL_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--dev", "--stop-with-stdin", "--listen", &self.http.to_string(), "--data-dir"]);
        command.arg(&self.folder);
        if let Some(Joining { at, token }) = joining {
            // Not among the arguments, which everybody on the machine sees.
            command.env("EVENKEEL_TOKEN", token).args(["--join", &at, "--cluster-listen", &self.peers.to_string()]);
        }
        // Ctrl-C is for us: the nodes shall stop when they are told to.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let mut process = command.spawn().context("starting a node")?;
        self.stdin = process.stdin.take();
        let pid = process.id().context("a node ended at once")?;
        self.process = Some((process, pid));
        Ok(())
    }

    /// Its number among the system's processes, if it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|(_, pid)| *pid)
    }

    pub(super) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Whether it ended since it was asked last, and how.
    pub(super) fn has_ended(&mut self) -> anyhow::Result<Option<(u32, ExitStatus)>> {
        let Some((process, pid)) = &mut self.process else { return Ok(None) };
        let ended = process.try_wait()?.map(|status| (*pid, status));
        if ended.is_some() {
            (self.process, self.stdin) = (None, None);
        }
        Ok(ended)
    }

    /// Whether its folder belongs to a cluster.
    pub(super) fn is_member(&self) -> bool {
        cluster::is_member(&self.folder)
    }

    /// The last line that it wrote.
    pub(super) fn last_words(&self) -> String {
        use std::io::{Read as _, Seek as _, SeekFrom};
        let read = || -> std::io::Result<Vec<u8>> {
            let mut log = fs::File::open(&self.log)?;
            let length = log.metadata()?.len();
            log.seek(SeekFrom::Start(length.saturating_sub(LAST_BYTES)))?;
            let mut end = Vec::new();
            log.read_to_end(&mut end)?;
            Ok(end)
        };
        let end = read().unwrap_or_default();
        let end = String::from_utf8_lossy(&end);
        end.lines().last().map(crate::text::one_line).unwrap_or_default()
    }

    /// What a person types to start it.
    pub(super) fn command(&self) -> String {
        format!("evenkeel serve --dev --listen {} --data-dir {}", self.http, self.folder.display())
    }

    pub(super) fn ask_to_stop(&mut self) {
        self.stdin = None;
    }

    /// Waits until it has stopped.
    pub(super) async fn wait_for_end(&mut self) {
        let Some((mut process, _)) = self.process.take() else { return };
        if tokio::time::timeout(STOP_MAX, process.wait()).await.is_err() {
            // Nothing that was acknowledged is lost by that.
            _ = process.kill().await;
        }
    }
}
