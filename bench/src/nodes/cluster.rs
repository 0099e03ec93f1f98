//! Nodes as children of this process, formed as a person would: `evenkeel cluster init`, `add`, `serve --join`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::cli::Common;
use crate::server::{ACCESS_KEY, SECRET_KEY, Server, free_address};
use crate::session::{Session, TemporaryFolder, program};
use crate::sqs::scan;

/// How long a node may take to have a vote.
const JOIN_MAX: Duration = Duration::from_secs(600);
/// Between two looks at the cluster, each of which is a process that takes processor time from those measured.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Cluster {
    // In this order: servers end before their data goes.
    pub(super) nodes: Vec<Server>,
    program: PathBuf,
    arguments: Vec<String>,
    folder: TemporaryFolder,
}

impl Cluster {
    /// One node, which leads.
    pub(super) fn of_one(common: &Common) -> anyhow::Result<Self> {
        let folder = TemporaryFolder::create(&common.data_parent())?;
        let mut cluster =
            Self { nodes: Vec::new(), program: program(common)?, arguments: common.server_arg.clone(), folder };
        let data = cluster.data(0);
        let listen = free_address()?.to_string();
        cluster.tool(None, &["init", "--cluster-listen", &listen, "--data-dir", path(&data)?])?;
        cluster.start(&[])?;
        Ok(cluster)
    }

    /// Starts one more, on an empty folder. It need not have caught up.
    pub(super) fn add(&mut self) -> anyhow::Result<()> {
        let told = self.tool(self.nodes.first(), &["add", "--json"])?;
        let field = |name: &str| {
            let value = scan::string(told.as_bytes(), name.as_bytes()).context("an odd answer of `cluster add`")?;
            Ok::<_, anyhow::Error>(String::from_utf8_lossy(value).into_owned())
        };
        let (at, token) = (field("\"address\"")?, field("\"token\"")?);
        let listen = free_address()?.to_string();
        self.start(&["--join", &at, "--token", &token, "--cluster-listen", &listen])
    }

    /// Waits until so many have a vote.
    pub(super) fn wait_for_votes(&self, count: usize) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.votes()? < count {
            ensure!(began.elapsed() < JOIN_MAX, "not {count} nodes had a vote within {} s", JOIN_MAX.as_secs());
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn votes(&self) -> anyhow::Result<usize> {
        let status = self.tool(self.nodes.first(), &["status", "--json"])?;
        Ok(status.matches("\"role\":\"voter\"").count() + status.matches("\"role\":\"leader\"").count())
    }

    /// A session of that node; the first one leads.
    pub(super) fn session(&self, node: usize) -> anyhow::Result<Session> {
        let server = self.nodes.get(node).context("there is no such node")?;
        Ok(Session::of(server, self.folder.path()))
    }

    fn start(&mut self, arguments: &[&str]) -> anyhow::Result<()> {
        let number = self.nodes.len();
        let arguments: Vec<String> =
            self.arguments.iter().cloned().chain(arguments.iter().map(|&argument| argument.to_owned())).collect();
        let log = self.folder.path().join(format!("node-{number}.log"));
        let mut server = Server::spawn(&self.program, free_address()?, &self.data(number), &log, &arguments)?;
        server.wait_until_healthy()?;
        self.nodes.push(server);
        Ok(())
    }

    fn data(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("data-{number}"))
    }

    /// `evenkeel cluster` with these arguments, of that node if one is asked.
    fn tool(&self, node: Option<&Server>, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("cluster").args(arguments);
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
        if let Some(node) = node {
            command.env("AWS_ENDPOINT_URL_SQS", format!("http://{}", node.target.address));
        }
        let output = command.output().with_context(|| format!("starting {}; see --server", self.program.display()))?;
        if !output.status.success() {
            bail!("evenkeel cluster {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the folder's name is no text")
}
