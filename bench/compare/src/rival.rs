//! The rivals: how each is started, what it promises when it acknowledges, and who talks to it.

use crate::{
    conversation::{Conversation, Plan, Shared},
    process::{Process, free_address},
    wire::{amqp::Amqp, beanstalk::Beanstalk, resp::Redis},
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Where distributions put what they do not put on the path.
const RABBITMQ_SERVER: [&str; 2] = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "/usr/sbin/rabbitmq-server"];

/// Erlang's port mapper outlives who started it; ours has a port of its own, and is ended by it.
const EPMD_PORT: &str = "24369";

/// Another server for the same work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    /// Redis, a fair ring of tenants in Lua, the append-only file synced before each answer.
    RedisAlways,
    /// The same, synced once a second.
    RedisEverysec,
    /// RabbitMQ, one quorum queue.
    RabbitQuorum,
    /// beanstalkd, its log synced before each answer.
    Beanstalk,
}

impl Rival {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RedisAlways, Self::RedisEverysec, Self::RabbitQuorum, Self::Beanstalk];

    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RedisAlways => "Redis, fair ring in Lua, AOF always",
            Self::RedisEverysec => "Redis, fair ring in Lua, AOF everysec",
            Self::RabbitQuorum => "RabbitMQ, quorum queue",
            Self::Beanstalk => "beanstalkd, -f 0",
        }
    }

    /// Whether what it acknowledged survives a power cut.
    pub fn durable(self) -> &'static str {
        match self {
            Self::RedisAlways | Self::Beanstalk => "yes",
            Self::RabbitQuorum => "sends yes, acknowledgements later",
            Self::RedisEverysec => "no, up to 1 s is lost",
        }
    }

    /// Whether tenants take turns.
    pub fn is_fair(self) -> bool {
        matches!(self, Self::RedisAlways | Self::RedisEverysec)
    }

    /// The program, if it is on this machine, and what it says of its version.
    pub fn find(self) -> Option<(PathBuf, String)> {
        let (programs, flag): (&[&str], _) = match self {
            Self::RedisAlways | Self::RedisEverysec => (&["redis-server"], "--version"),
            Self::RabbitQuorum => return rabbit(),
            Self::Beanstalk => (&["beanstalkd"], "-v"),
        };
        let program = programs.first()?;
        let output = Command::new(program).arg(flag).output().ok()?;
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = words
            .split_whitespace()
            .find(|word| word.trim_start_matches("v=").starts_with(|c: char| c.is_ascii_digit()));
        Some((PathBuf::from(program), version.unwrap_or("").trim_start_matches("v=").to_owned()))
    }

    /// Starts it with its data in a folder; another start finds what the last one left.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(self, program: &Path, folder: &Path, at: Option<SocketAddr>) -> anyhow::Result<Running> {
        std::fs::create_dir_all(folder)?;
        let address = match at {
            Some(address) => address,
            None => free_address()?,
        };
        let mut command = Command::new(program);
        match self {
            Self::RedisAlways | Self::RedisEverysec => {
                let fsync = if self == Self::RedisAlways { "always" } else { "everysec" };
                command
                    .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", fsync])
                    .args(["--port", &address.port().to_string(), "--dir"])
                    .arg(folder);
            }
            Self::Beanstalk => {
                let port = address.port().to_string();
                command.args(["-l", "127.0.0.1", "-p", &port, "-f", "0", "-b"]).arg(folder);
            }
            Self::RabbitQuorum => {
                let distribution = free_address()?.port().to_string();
                command
                    .env("HOME", folder)
                    .env("RABBITMQ_NODENAME", format!("compare{}@localhost", address.port()))
                    .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
                    .env("RABBITMQ_NODE_PORT", address.port().to_string())
                    .env("RABBITMQ_DIST_PORT", distribution)
                    .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
                    .env("RABBITMQ_LOG_BASE", folder.join("log"))
                    .env("RABBITMQ_PID_FILE", folder.join("pid"))
                    .env("RABBITMQ_CONFIG_FILE", folder.join("none"))
                    .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
                    .env("RABBITMQ_SERVER_START_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
                    .env("ERL_EPMD_ADDRESS", "127.0.0.1")
                    .env("ERL_EPMD_PORT", EPMD_PORT);
            }
        }
        let mut process = Process::spawn(&mut command, &folder.join("words.log"))?;
        process.wait_for(address)?;
        let pid_file = std::fs::read_to_string(folder.join("pid")).ok();
        let pid = pid_file.and_then(|pid| pid.trim().parse().ok()).unwrap_or_else(|| process.pid());
        Ok(Running { process, address, pid })
    }

    /// Somebody who talks to it, the `at`th of so many.
    pub fn conversation(self, plan: Plan, tally: &Shared, at: usize, of: usize) -> Box<dyn Conversation> {
        let tally = Shared::clone(tally);
        match self {
            Self::RedisAlways | Self::RedisEverysec => Box::new(Redis::new(plan, tally, at)),
            Self::RabbitQuorum => Box::new(Amqp::new(plan, tally, at, of)),
            Self::Beanstalk => Box::new(Beanstalk::new(plan, tally, at)),
        }
    }
}

/// The server, running.
pub struct Running {
    process: Process,
    pub address: SocketAddr,
    /// The process that has the memory.
    pub pid: u32,
}

impl Running {
    /// Ends it as a crash would.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if self.pid != self.process.pid() {
            _ = Process::kill_one(self.pid);
            _ = Command::new("epmd").arg("-kill").env("ERL_EPMD_PORT", EPMD_PORT).stdout(Stdio::null()).status();
        }
        self.process.kill()
    }

    /// How long ago it was started.
    pub fn age(&self) -> std::time::Duration {
        self.process.started.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.kill();
    }
}

fn rabbit() -> Option<(PathBuf, String)> {
    let program = RABBITMQ_SERVER.into_iter().map(PathBuf::from).find(|program| program.exists())?;
    let library = std::fs::read_dir("/usr/lib/rabbitmq/lib").ok()?;
    let names = library.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let version = names.filter_map(|name| name.strip_prefix("rabbitmq_server-").map(str::to_owned)).next();
    Some((program, version.unwrap_or_default()))
}
