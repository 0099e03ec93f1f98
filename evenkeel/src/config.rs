//! Settings: flags win over the environment, the environment over the file, the file over defaults.

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use evenkeel_types::AccountId;
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Queues that metrics can tell of by name: more series than most who collect them want of one server.
const METRICS_QUEUES_MAX: usize = 10_000;

/// Each setting has one name: `--data-dir`, `EVENKEEL_DATA_DIR`, and `data_dir` in the file.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServeArgs {
    /// A TOML file with settings of the same names (`data_dir = "…"`).
    #[arg(long, value_name = "FILE", env = "EVENKEEL_CONFIG")]
    #[serde(skip)]
    config: Option<PathBuf>,

    /// For development: as --insecure-no-auth, and prints what to paste where your program runs.
    #[arg(long)]
    #[serde(skip)]
    dev: bool,

    /// Stop once standard input closes: for programs that start a server and must not leave it behind.
    #[arg(long)]
    #[serde(skip)]
    stop_with_stdin: bool,

    /// Where to listen, for all HTTP protocols alike [default: 127.0.0.1:9324].
    #[arg(long, value_name = "ADDR", env = "EVENKEEL_LISTEN")]
    listen: Option<SocketAddr>,

    /// Join the cluster of the node that listens for nodes at this address, with --token and an empty data folder. Once that is
    /// done, it says nothing any more.
    #[arg(long, value_name = "ADDR", env = "EVENKEEL_JOIN", requires = "token")]
    #[serde(skip)]
    join: Option<String>,

    /// The token that lets this node join, from `evenkeel cluster add`.
    #[arg(long, value_name = "TOKEN", env = "EVENKEEL_TOKEN", hide_env_values = true)]
    #[serde(skip)]
    token: Option<String>,

    /// Where a node that joins listens for the others [default: 127.0.0.1:9326].
    #[arg(long, value_name = "ADDR", env = "EVENKEEL_CLUSTER_LISTEN")]
    cluster_listen: Option<SocketAddr>,

    /// Where the others find it, HOST:PORT [default: what --cluster-listen says].
    #[arg(long, value_name = "ADDR", env = "EVENKEEL_CLUSTER_ADDRESS")]
    cluster_address: Option<String>,

    /// A second address that tells metrics and health to whoever asks, without keys; only a loopback one, unless --metrics-public.
    #[arg(long, value_name = "ADDR", env = "EVENKEEL_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,

    /// Let --metrics-listen be an address that other machines reach: they learn the names of queues, and how much there is.
    #[arg(
        long,
        env = "EVENKEEL_METRICS_PUBLIC",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    metrics_public: Option<bool>,

    /// Queues that metrics tell of by name; the rest is told as one [default: 100].
    #[arg(long, value_name = "N", env = "EVENKEEL_METRICS_QUEUES")]
    metrics_queues: Option<u32>,

    /// Where the data is kept; made if absent [default: ./evenkeel-data].
    #[arg(long, value_name = "DIR", env = "EVENKEEL_DATA_DIR")]
    data_dir: Option<PathBuf>,

    /// The account that owns all queues, twelve digits [default: 000000000000].
    #[arg(long, value_name = "DIGITS", env = "EVENKEEL_ACCOUNT_ID")]
    account_id: Option<String>,

    /// The region named in queue ARNs; clients may sign for any [default: us-east-1].
    #[arg(long, value_name = "NAME", env = "EVENKEEL_REGION")]
    region: Option<String>,

    /// When a request is acknowledged: `sync`, once it is on the disk; `interval`, before that, so that a power
    /// cut loses up to --sync-interval-ms of acknowledged work [default: sync].
    #[arg(long, value_enum, env = "EVENKEEL_DURABILITY")]
    durability: Option<DurabilityMode>,

    /// How often `--durability interval` syncs, in milliseconds [default: 100].
    #[arg(long, value_name = "MS", env = "EVENKEEL_SYNC_INTERVAL_MS")]
    sync_interval_ms: Option<u32>,

    /// Threads that serve connections [default: one for each processor].
    #[arg(long, value_name = "N", env = "EVENKEEL_HTTP_THREADS")]
    http_threads: Option<u16>,

    /// Connections held at a time; more wait to be accepted [default: 16000].
    #[arg(long, value_name = "N", env = "EVENKEEL_CONNECTIONS_MAX")]
    connections_max: Option<u32>,

    /// Jobs that the server holds at most, all queues together; sends beyond that are refused. Each takes 64 bytes of
    /// memory [default: 50000000].
    #[arg(long, value_name = "N", env = "EVENKEEL_MAX_JOBS")]
    max_jobs: Option<u64>,

    /// Bytes that the bodies of all jobs take at most; sends beyond that are refused [default: what the disk holds].
    #[arg(long, value_name = "BYTES", env = "EVENKEEL_MAX_BYTES")]
    max_bytes: Option<u64>,

    /// De-duplication ids of FIFO queues that the server remembers at a time, for five minutes each; sends beyond that are
    /// refused for the moment. Each takes 72 bytes of memory [default: 8388608].
    #[arg(long, value_name = "N", env = "EVENKEEL_MAX_DEDUP_IDS")]
    max_dedup_ids: Option<u64>,

    /// Log between checkpoints, in MiB: what a restart may have to read back. Smaller means more work all the time,
    /// larger a slower restart and more disk [default: 32].
    #[arg(long, value_name = "MIB", env = "EVENKEEL_CHECKPOINT_EVERY_MIB")]
    checkpoint_every_mib: Option<u32>,

    /// Take requests without checking who sent them: any credentials will do, and each may do everything. Only with a loopback
    /// address to listen on; web pages are refused. For development and tests.
    #[arg(
        long,
        env = "EVENKEEL_INSECURE_NO_AUTH",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    insecure_no_auth: Option<bool>,

    /// Keep the name of a deleted queue taken for 60 seconds, as AWS does; it is free at once otherwise [default: false].
    #[arg(
        long,
        env = "EVENKEEL_SQS_DELETE_COOLDOWN",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    sqs_delete_cooldown: Option<bool>,

    /// What to log: error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL", env = "EVENKEEL_LOG_LEVEL")]
    log_level: Option<String>,

    /// How to log: `text` for people, `json` for programs, an object a line [default: text].
    #[arg(long, value_enum, env = "EVENKEEL_LOG_FORMAT")]
    log_format: Option<LogFormat>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DurabilityMode {
    Sync,
    Interval,
}

/// How a node joins a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Join {
    /// A node of it.
    pub(crate) at: String,
    pub(crate) token: String,
    /// Where it listens for the others, and where they find it if not there.
    pub(crate) listen: SocketAddr,
    pub(crate) address: Option<String>,
}

/// Where a node listens for others if nobody says.
pub(crate) const CLUSTER_LISTEN: &str = "127.0.0.1:9326";

/// Settings with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) join: Option<Join>,
    pub(crate) account: AccountId,
    pub(crate) region: String,
    /// `None`: sync before each acknowledgement.
    pub(crate) sync_interval: Option<Duration>,
    pub(crate) http_threads: u16,
    pub(crate) connections_max: u32,
    pub(crate) jobs_max: u64,
    pub(crate) bytes_max: u64,
    pub(crate) dedup_ids_max: u64,
    pub(crate) checkpoint_every_bytes: u64,
    pub(crate) insecure_no_auth: bool,
    /// Say how to use it.
    pub(crate) is_dev: bool,
    /// Stop once standard input closes.
    pub(crate) stop_with_stdin: bool,
    pub(crate) sqs_delete_cooldown: bool,
    pub(crate) log_level: tracing::Level,
    pub(crate) log_format: LogFormat,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) metrics_public: bool,
    pub(crate) metrics_queues: usize,
}

impl ServeArgs {
    /// Reads the file, if one is named, and fills in defaults.
    pub(crate) fn resolve(self) -> anyhow::Result<Config> {
        let file = match &self.config {
            Some(path) => read(path)?,
            None => Self::default(),
        };
        let given = self;
        let account = given.account_id.or(file.account_id).unwrap_or_else(|| "000000000000".into());
        let region = given.region.or(file.region).unwrap_or_else(|| "us-east-1".into());
        let log_level = given.log_level.or(file.log_level).unwrap_or_else(|| "info".into());
        let durability = given.durability.or(file.durability).unwrap_or(DurabilityMode::Sync);
        let interval_ms = given.sync_interval_ms.or(file.sync_interval_ms).unwrap_or(100);
        let cluster_listen = match given.cluster_listen.or(file.cluster_listen) {
            Some(listen) => listen,
            None => CLUSTER_LISTEN.parse()?,
        };
        let cluster_address = given.cluster_address.or(file.cluster_address);
        let join = given.join.zip(given.token);
        let join = join.map(|(at, token)| Join { at, token, listen: cluster_listen, address: cluster_address });
        let config = Config {
            join,
            listen: given.listen.or(file.listen).unwrap_or_else(|| ([127, 0, 0, 1], 9324).into()),
            data_dir: given.data_dir.or(file.data_dir).unwrap_or_else(|| "evenkeel-data".into()),
            account: account.parse().with_context(|| format!("account_id {account:?}"))?,
            region,
            sync_interval: (durability == DurabilityMode::Interval).then(|| Duration::from_millis(interval_ms.into())),
            http_threads: given.http_threads.or(file.http_threads).unwrap_or_else(default_http_threads),
            connections_max: given.connections_max.or(file.connections_max).unwrap_or(16_000),
            jobs_max: given.max_jobs.or(file.max_jobs).unwrap_or(evenkeel_engine::limits::JOBS_MAX),
            bytes_max: given.max_bytes.or(file.max_bytes).unwrap_or(u64::MAX),
            dedup_ids_max: given.max_dedup_ids.or(file.max_dedup_ids).unwrap_or(evenkeel_engine::limits::DEDUP_IDS_MAX),
            checkpoint_every_bytes: given
                .checkpoint_every_mib
                .or(file.checkpoint_every_mib)
                .map_or(evenkeel_engine::limits::CHECKPOINT_EVERY_BYTES, |mib| u64::from(mib) << 20),
            insecure_no_auth: given.dev || given.insecure_no_auth.or(file.insecure_no_auth).unwrap_or(false),
            is_dev: given.dev,
            stop_with_stdin: given.stop_with_stdin,
            sqs_delete_cooldown: given.sqs_delete_cooldown.or(file.sqs_delete_cooldown).unwrap_or(false),
            log_format: given.log_format.or(file.log_format).unwrap_or(LogFormat::Text),
            metrics_listen: given.metrics_listen.or(file.metrics_listen),
            metrics_public: given.metrics_public.or(file.metrics_public).unwrap_or(false),
            metrics_queues: given.metrics_queues.or(file.metrics_queues).unwrap_or(100) as usize,
            log_level: log_level
                .parse()
                .map_err(|_| anyhow::anyhow!("log_level {log_level:?}: use error, warn, info, debug or trace"))?,
        };
        config.check()?;
        Ok(config)
    }
}

impl Config {
    /// Whether that address may be listened on.
    pub(crate) fn check_listen(&self, listen: SocketAddr) -> anyhow::Result<()> {
        if self.insecure_no_auth && !listen.ip().is_loopback() {
            bail!(
                "insecure_no_auth: with {listen} to listen on, anybody who reaches this machine could do everything; listen on a \
                 loopback address (--listen 127.0.0.1:9324), or leave --insecure-no-auth out and sign requests"
            );
        }
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=64).contains(&self.region.len()) || !self.region.bytes().all(plain) {
            bail!("region {:?}: use lower-case letters, digits and dashes, such as us-east-1", self.region);
        }
        if self.join.is_some() && self.sync_interval.is_some() {
            bail!("durability: a node of a cluster syncs before it says that it has something; leave `interval` out");
        }
        if self.sync_interval.is_some_and(|interval| interval.is_zero() || interval > Duration::from_secs(60)) {
            bail!("sync_interval_ms: use 1 to 60000");
        }
        self.check_listen(self.listen)?;
        if let Some(listen) = self.metrics_listen.filter(|listen| !listen.ip().is_loopback() && !self.metrics_public) {
            bail!(
                "metrics_listen: whoever reaches {listen} could read metrics without a key; choose a loopback address, scrape \
                 /metrics on the main address with a key, or say --metrics-public"
            );
        }
        if self.metrics_queues > METRICS_QUEUES_MAX {
            bail!("metrics_queues: use 0 to {METRICS_QUEUES_MAX}: each queue is 13 series");
        }
        if !(1..=256).contains(&self.http_threads) {
            bail!("http_threads: use 1 to 256");
        }
        if self.jobs_max == 0 || self.bytes_max == 0 || self.dedup_ids_max == 0 {
            bail!("max_jobs, max_bytes and max_dedup_ids: use at least 1");
        }
        if self.checkpoint_every_bytes == 0 {
            bail!("checkpoint_every_mib: use at least 1");
        }
        if self.connections_max == 0 {
            bail!("connections_max: use at least 1");
        }
        Ok(())
    }
}

/// One for each processor: of what a request costs three quarters are theirs, and the engine and the log sleep when they have nothing to do.
fn default_http_threads() -> u16 {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u16::try_from(processors.min(256)).unwrap_or(1)
}

fn read(path: &Path) -> anyhow::Result<ServeArgs> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading the settings in {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("the settings in {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        serve: ServeArgs,
    }

    fn resolve(flags: &[&str], file: &str) -> anyhow::Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evenkeel.toml");
        std::fs::write(&path, file).unwrap();
        let named = ["evenkeel", "--config", path.to_str().unwrap()];
        Flags::parse_from(named.iter().chain(flags)).serve.resolve()
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let config = resolve(&["--listen", "127.0.0.1:1"], "listen = \"127.0.0.1:2\"\nregion = \"eu-west-1\"").unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.region, "eu-west-1");
        assert_eq!(config.data_dir, PathBuf::from("evenkeel-data"));
        assert_eq!(config.sync_interval, None, "off unless asked for");
        assert_eq!(config.checkpoint_every_bytes, 32 << 20, "as its help says");
        assert_eq!((config.metrics_listen, config.metrics_queues), (None, 100));
        let listen = "metrics_listen = \"0.0.0.0:9325\"\nmetrics_public = true\nlog_format = \"json\"";
        let config = resolve(&[], listen).unwrap();
        assert_eq!((config.metrics_listen.unwrap().port(), config.log_format), (9325, LogFormat::Json));
        let config = resolve(&["--checkpoint-every-mib", "1"], "checkpoint_every_mib = 2").unwrap();
        assert_eq!(config.checkpoint_every_bytes, 1 << 20);
    }

    #[test]
    fn no_auth_is_a_flag_that_can_be_taken_back() {
        for (flags, file, expected) in [
            (&[][..], "", false),
            (&["--insecure-no-auth"], "", true),
            (&["--dev"], "insecure_no_auth = false", true),
            (&["--insecure-no-auth=false"], "insecure_no_auth = true", false),
            (&["--insecure-no-auth", "--listen", "[::1]:1"], "", true),
            (&[], "insecure_no_auth = true", true),
        ] {
            assert_eq!(resolve(flags, file).unwrap().insecure_no_auth, expected, "{flags:?} {file}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |flags: &[&str], file: &str| format!("{:#}", resolve(flags, file).unwrap_err());
        assert!(error(&[], "datadir = \"x\"").contains("unknown field `datadir`"));
        assert!(error(&[], "account_id = \"12\"").contains("twelve decimal digits"));
        assert!(error(&["--region", "Über"], "").contains("region"));
        assert!(error(&["--log-level", "loud"], "").contains("use error, warn"));
        assert!(error(&["--metrics-listen", "0.0.0.0:9325"], "").contains("--metrics-public"));
        assert!(error(&["--metrics-queues", "10001"], "").contains("13 series"));
        assert!(error(&["--checkpoint-every-mib", "0"], "").contains("use at least 1"));
        assert!(error(&["--dev", "--listen", "0.0.0.0:9324"], "").contains("loopback"));
        assert!(error(&["--insecure-no-auth", "--listen", "0.0.0.0:9324"], "").contains("loopback"));
        assert!(error(&["--listen", "[::]:9324"], "insecure_no_auth = true").contains("loopback"));
        assert!(error(&[], "durability = \"interval\"\nsync_interval_ms = 0").contains("1 to 60000"));
    }
}
