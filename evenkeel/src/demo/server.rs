//! The demo's own server: this binary again, as a child, in a temporary folder, on a port that is free.

use crate::client::Endpoint;
use anyhow::{Context, bail};
use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{ChildStdin, Command},
};

/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(30);
/// How long it may take to stop, before it is killed.
const STOP_MAX: Duration = Duration::from_secs(5);

/// A server that ends with us: it stops once its standard input closes, whatever becomes of this process.
pub(super) struct Child {
    pub(super) endpoint: Endpoint,
    process: tokio::process::Child,
    stdin: Option<ChildStdin>,
    /// Removed when this is dropped.
    _folder: tempfile::TempDir,
}

impl Child {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("evenkeel-demo-").tempdir().context("making a temporary folder")?;
        let program = std::env::current_exe().context("the path of this program")?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EVENKEEL_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--dev", "--stop-with-stdin", "--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(folder.path().join("data"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C is for us: the server shall live until we have stopped asking it.
        command.process_group(0);
        let mut process = command.spawn().context("starting a server")?;
        let (stdin, stderr) = (process.stdin.take(), process.stderr.take().context("the server's log")?);
        let mut log = BufReader::new(stderr).lines();
        let mut said = String::new();
        let read = async {
            while let Some(line) = log.next_line().await? {
                if let Some(address) = line.split("serving SQS on ").nth(1).and_then(|rest| rest.split(',').next()) {
                    return Endpoint::parse(address);
                }
                said.push_str(&line);
                said.push('\n');
            }
            bail!("the server did not start:\n{said}")
        };
        let endpoint = tokio::time::timeout(START_MAX, read).await.context("the server takes too long to start")??;
        // Nobody reads its log from here on, but it must not stop at a full pipe.
        tokio::spawn(async move { while matches!(log.next_line().await, Ok(Some(_))) {} });
        Ok(Self { endpoint, process, stdin, _folder: folder })
    }

    /// Asks it to stop, and waits until it has.
    pub(super) async fn stop(mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(STOP_MAX, self.process.wait()).await.is_err() {
            _ = self.process.kill().await;
        }
    }
}
