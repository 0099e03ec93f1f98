//! One server under load, started here or already running, with fresh queues.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::Common;
use crate::server::{Server, free_address};
use crate::sqs::control::{create_queue, delete_queue};
use crate::target::Target;

pub struct Session {
    pub target: Target,
    /// Whose CPU time is reported.
    pub pid: Option<u32>,
    /// Where the disk is probed.
    pub directory: PathBuf,
    queues: Vec<String>,
    // In this order: the server ends before its data goes.
    server: Option<Server>,
    own: Option<Own>,
}

/// What it takes to start a server of our own again.
struct Own {
    program: PathBuf,
    arguments: Vec<String>,
    starts: u32,
    folder: TemporaryFolder,
}

impl Session {
    /// Starts a server with empty data, or attaches to `--endpoint`.
    ///
    /// # Errors
    /// If that fails.
    pub fn open(common: &Common) -> anyhow::Result<Self> {
        if let Some(endpoint) = &common.endpoint {
            let directory = common.data_dir.clone().unwrap_or_else(|| PathBuf::from("."));
            let target = Target::new(endpoint, &common.access_key, &common.secret_key)?;
            return Ok(Self { target, pid: common.pid, directory, queues: Vec::new(), server: None, own: None });
        }
        Self::own(common, &[])
    }

    /// Starts a server with empty data and more arguments than those that `common` names.
    ///
    /// # Errors
    /// If that fails.
    pub fn own(common: &Common, arguments: &[&str]) -> anyhow::Result<Self> {
        let folder = TemporaryFolder::create(&common.data_parent())?;
        let program = program(common)?;
        let arguments = common.server_arg.iter().cloned().chain(arguments.iter().map(|&argument| argument.to_owned()));
        let mut own = Own { program, arguments: arguments.collect(), starts: 0, folder };
        let mut server = own.spawn(free_address()?)?;
        server.wait_until_healthy()?;
        Ok(Self {
            target: server.target.clone(),
            pid: Some(server.pid()),
            directory: own.folder.0.clone(),
            queues: Vec::new(),
            server: Some(server),
            own: Some(own),
        })
    }

    /// A session of a server that somebody else started, and ends.
    pub fn of(server: &Server, directory: &Path) -> Self {
        let (target, pid) = (server.target.clone(), Some(server.pid()));
        Self { target, pid, directory: directory.to_owned(), queues: Vec::new(), server: None, own: None }
    }

    /// Ends a server of our own in good order; returns what it said. Its data stays.
    ///
    /// # Errors
    /// If there is none, or it does not stop well.
    pub fn end(&mut self) -> anyhow::Result<String> {
        self.pid = None;
        self.server.take().context("no server of our own runs")?.end()
    }

    /// Ends a server of our own as a crash would. Its data stays.
    ///
    /// # Errors
    /// If there is none.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.pid = None;
        self.server.take().context("no server of our own runs")?.kill()
    }

    /// Starts a server of our own again, on its data and at the same address. It need not serve yet.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_again(&mut self) -> anyhow::Result<&mut Server> {
        anyhow::ensure!(self.server.is_none(), "the server runs");
        let server = self.own.as_mut().context("not a server of our own")?.spawn(self.target.address)?;
        self.pid = Some(server.pid());
        Ok(self.server.insert(server))
    }

    /// Makes an empty queue, whose name begins with `purpose`, and returns its URL.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn queue(&mut self, purpose: &str) -> anyhow::Result<String> {
        let name = format!("bench-{purpose}-{}-{}", std::process::id(), self.queues.len());
        let url = create_queue(&self.target, &name)?;
        self.queues.push(url.clone());
        Ok(url)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A server of our own goes with all it has; somebody else's is left as it was found.
        if self.own.is_none() {
            for url in &self.queues {
                _ = delete_queue(&self.target, url);
            }
        }
    }
}

impl Own {
    fn spawn(&mut self, address: SocketAddr) -> anyhow::Result<Server> {
        let data = self.folder.0.join("data");
        fs::create_dir_all(&data)?;
        self.starts += 1;
        let log = self.folder.0.join(format!("server-{}.log", self.starts));
        Server::spawn(&self.program, address, &data, &log, &self.arguments)
    }
}

/// The server's program.
///
/// # Errors
/// If this program stands nowhere.
pub fn program(common: &Common) -> anyhow::Result<PathBuf> {
    common.server.clone().map_or_else(|| beside_this_program("evenkeel"), Ok)
}

fn beside_this_program(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here.parent().context("this program stands nowhere")?.join(name))
}

/// A folder that goes when this does.
pub struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// # Errors
    /// If it cannot be made.
    pub fn create(parent: &Path) -> anyhow::Result<Self> {
        for attempt in 0..1_000 {
            let path = parent.join(format!("bench-data-{}-{attempt}", std::process::id()));
            if !path.exists() {
                fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
                return Ok(Self(path));
            }
        }
        anyhow::bail!("no free name for a folder in {}", parent.display())
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
