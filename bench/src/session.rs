//! One server under load, started here or already running, with fresh queues.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::Common;
use crate::server::Server;
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
    _data: Option<TemporaryFolder>,
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
            return Ok(Self { target, pid: common.pid, directory, queues: Vec::new(), server: None, _data: None });
        }
        let parent = common.data_dir.clone().unwrap_or_else(|| PathBuf::from("target"));
        let folder = TemporaryFolder::create(&parent)?;
        let program = match &common.server {
            Some(program) => program.clone(),
            None => beside_this_program("evenkeel")?,
        };
        let data = folder.0.join("data");
        fs::create_dir_all(&data)?;
        let server = Server::start(&program, &data, &folder.0.join("server.log"), &common.server_arg)?;
        Ok(Self {
            target: server.target.clone(),
            pid: Some(server.pid()),
            directory: folder.0.clone(),
            queues: Vec::new(),
            server: Some(server),
            _data: Some(folder),
        })
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
        if self.server.is_none() {
            for url in &self.queues {
                _ = delete_queue(&self.target, url);
            }
        }
    }
}

fn beside_this_program(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here.parent().context("this program stands nowhere")?.join(name))
}

struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn create(parent: &Path) -> anyhow::Result<Self> {
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
