//! `evenkeel serve`: from settings to a running server, and down again without loss.

use crate::{
    cluster::{self, Cluster},
    config::{Config, Join, LogFormat},
    credentials::{self, Credentials, Origin},
    holder,
    http::{LargeBodies, Server, Settings, Shared, Stopping},
    identity, inherited, sealing,
    seen::{self, Seen, Sources},
    stop::Stop,
    stumble,
};
use anyhow::Context;
use evenkeel_access::{Directory, Policies};
use evenkeel_console::Console;
use evenkeel_disk::{Disk, RealDisk};
use evenkeel_engine::{Engine, Fatal, Found, Gaps, Interpreter, Keeper, Skipped, Totals, thread};
use evenkeel_log::{Log, LogError};
use evenkeel_log_local::{Durability, LocalLog, LogId, OpenReport, Options, SyncStats, SyncTimes};
use evenkeel_log_raft::RaftLog;
use evenkeel_sqs::{Door, Ids};
use evenkeel_types::LogIndex;
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};
use tokio::sync::Notify;

/// How long open connections may take to finish their requests when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// … when this process is about to serve anew: until then it serves nobody, so that a slow client must not hold it up.
const DRAIN_TIMEOUT_BETWEEN: Duration = Duration::from_secs(2);
/// How long a node that stops says so before it closes its doors, while others serve: balancers look about so often, and clients that are busy learn it from
/// an answer.
const FAREWELL: Duration = Duration::from_millis(500);
/// A round of the engine that is told by itself at the end, if it is among the longest.
const LONG_ROUND: Duration = Duration::from_millis(1);

/// Serves until SIGTERM or SIGINT, or until the log fails.
pub(crate) fn serve(config: Config) -> anyhow::Result<()> {
    begin_log(&config);
    let inherited = inherited::listener()?;
    let socket_stays = inherited.is_some();
    let listener = match inherited {
        Some(listener) => {
            config.check_listen(listener.local_addr()?)?;
            listener
        }
        None => Server::bind(config.listen, "--listen")?,
    };
    let metrics = config.metrics_listen.map(|listen| Server::bind(listen, "--metrics-listen")).transpose()?;

    let disk = RealDisk;
    let folder = &config.data_dir;
    disk.create_dir_all(folder).with_context(|| format!("making the data folder {}", folder.display()))?;
    let _lock = disk.lock(&folder.join("lock")).map_err(|error| match error.kind() {
        std::io::ErrorKind::WouldBlock => anyhow::anyhow!(
            "another server holds the data folder {}{}; stop it, or choose another folder with --data-dir",
            folder.display(),
            holder::of_lock(&folder.join("lock")).map_or_else(String::new, |holder| format!(": {holder}"))
        ),
        _ => anyhow::Error::new(error).context(format!("locking the data folder {}", folder.display())),
    })?;
    stumble::watch(folder.clone());
    let http = listener.local_addr()?;
    let stop = Stop::listen(config.stop_with_stdin)?;
    if let Some(join) = &config.join {
        join_once(join, &config, http)?;
    }
    loop {
        let metrics = metrics.as_ref().map(TcpListener::try_clone).transpose()?;
        let sockets = Sockets { requests: listener.try_clone()?, stays: socket_stays, metrics };
        let ended = match serve_once(&config, sockets, http, &stop) {
            Err(error) => match to_skip(&error) {
                Some(skipped) => {
                    tracing::warn!("{error:#}");
                    evenkeel_engine::note_skip(&disk, folder, skipped)
                        .context("writing down which entry is passed over")?;
                    Ended::ToStartAgain
                }
                None if cluster::is_member(folder) && cluster::is_damage(&error) => {
                    Ended::Damaged(format!("{error:#}"))
                }
                None => return Err(error),
            },
            Ok(ended) => ended,
        };
        // Whatever is to be done, the next start does it: the sockets are shut.
        if stop.is_told() {
            break;
        }
        match ended {
            Ended::Stopped => break,
            Ended::ToStartAgain => {}
            Ended::Damaged(why) => cluster::repair(folder, http, &why)?,
        }
        tracing::info!("starting again");
    }
    tracing::info!("stopped");
    Ok(())
}

/// The entry that the log says is passed over, if that is why nothing can go on as it is.
fn to_skip(error: &anyhow::Error) -> Option<Skipped> {
    error.chain().find_map(|cause| match cause.downcast_ref() {
        Some(Fatal::Skip(skipped)) => Some(*skipped),
        _ => None,
    })
}

/// Where it listens.
struct Sockets {
    requests: TcpListener,
    /// Somebody else holds that of requests, for whoever serves next.
    stays: bool,
    metrics: Option<TcpListener>,
}

/// What is next after the end of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    /// Nothing.
    Stopped,
    /// The leader's state has come, and is to be started from.
    ToStartAgain,
    /// What this node of a cluster holds cannot be trusted.
    Damaged(String),
}

/// From the data folder, which is locked, to a server that has stopped.
fn serve_once(config: &Config, sockets: Sockets, http: SocketAddr, stop: &Stop) -> anyhow::Result<Ended> {
    let (disk, folder) = (RealDisk, &config.data_dir);
    let is_member = cluster::is_member(folder);
    if is_member {
        cluster::settle(folder)?;
    }
    let (root, origin) = credentials::load(folder, |name| std::env::var(name).ok())?;
    let (vault, sealing_key_was_made) = sealing::load(folder)?;
    let directory = Arc::new(Directory::new(vault, config.account, &root.access_key, &root.secret_key));
    let mut found = evenkeel_engine::find(disk, folder)?;
    for damaged in &found.damaged {
        tracing::error!("a checkpoint is damaged, using an older one: {damaged}");
    }
    found.unread.iter().for_each(|unread| tracing::warn!("{unread}; the log says it again"));
    let applied = found.start.machine.applied();
    found.start.stumble = stumble::last(folder)?;
    let id = identity::load(&disk, folder)?;
    let connections_max = crate::descriptors::connections(config.connections_max);
    let ready = Ready { config, sockets, stop, connections_max, root, origin, directory, sealing_key_was_made, found };
    if is_member {
        return serve_as_member(ready, id, applied, http);
    }
    let durability = config.sync_interval.map_or(Durability::Sync, Durability::Interval);
    let options = Options { durability, ..Options::new(id) };
    let (log, writer, report) = LocalLog::open(disk, &folder.join("log"), options, applied)?;
    tell(&report, folder);
    let writer = std::thread::Builder::new().name("log".into()).spawn(move || writer.run())?;
    let sync_times = log.sync_times();
    let tell = |log: &LocalLog<RealDisk>| tell_syncs(&log.sync_stats());
    let served = serve_log(ready, log, sync_times, Keeping { cluster: None, set_up: |keeper| keeper, tell });
    if served.as_ref().is_err_and(|error| to_skip(error).is_none()) {
        return served.map(|()| Ended::Stopped);
    }
    writer.join().expect("the log's writer does not panic");
    served.map(|()| Ended::Stopped)
}

/// All that a server has before its log is open.
struct Ready<'a> {
    config: &'a Config,
    sockets: Sockets,
    stop: &'a Stop,
    connections_max: u32,
    root: Credentials,
    origin: Origin,
    directory: Arc<Directory>,
    sealing_key_was_made: bool,
    found: Found<RealDisk>,
}

/// Joins a cluster, unless the folder belongs to one already.
fn join_once(join: &Join, config: &Config, http: SocketAddr) -> anyhow::Result<()> {
    let folder = &config.data_dir;
    if cluster::is_member(folder) {
        tracing::info!("{} belongs to a cluster already; --join is not needed any more", folder.display());
        return Ok(());
    }
    let Join { at, token, listen, address } = join;
    cluster::join(cluster::Asking {
        folder,
        at,
        token,
        listen: *listen,
        address: address.clone(),
        http,
        account: config.account.to_string(),
        region: &config.region,
        has_root: credentials::are_in_environment(|name| std::env::var(name).ok()),
    })
}

/// Serves as one node of a cluster.
fn serve_as_member(mut ready: Ready<'_>, id: LogId, applied: LogIndex, http: SocketAddr) -> anyhow::Result<Ended> {
    let (config, folder) = (ready.config, &ready.config.data_dir);
    if config.sync_interval.is_some() {
        anyhow::bail!(
            "durability: a node of a cluster syncs before it says that it has something; leave `interval` out"
        );
    }
    let gifts = cluster::Gifts {
        account: config.account.to_string(),
        region: config.region.clone(),
        root: (ready.origin != Origin::Environment).then(|| ready.root.clone()),
        sealing_key: std::fs::read_to_string(folder.join(sealing::FILE))?,
    };
    let (cluster, for_nodes) = Cluster::prepare(cluster::Setup {
        folder,
        log: id,
        http,
        gifts,
        directory: Arc::clone(&ready.directory),
        account: config.account,
    })?;
    let seed = u64::from_le_bytes(random()?);
    let snapshot = ready.found.snapshot.take();
    let restored = snapshot.and_then(|_| cluster.restored());
    let options = evenkeel_log_raft::Options {
        seed,
        restored,
        withheld: cluster.withheld(),
        ..evenkeel_log_raft::Options::new(id, cluster.id(), cluster.start())
    };
    let (log, node, writer, mut opened) = open_log(&folder.join("log"), &options, applied)?;
    // A state that came is ahead of the log by its nature.
    opened.segments.behind_state &= snapshot.is_none();
    tell(&opened.segments, folder);
    if snapshot.is_some() {
        cluster.installed()?;
    }
    let sync_times = log.sync_times();
    let threads = cluster.run(for_nodes, (node, writer))?;
    let offering = Arc::clone(&cluster);
    let keeping = Keeping {
        cluster: Some(Arc::clone(&cluster)),
        set_up: |keeper: Keeper<_, _>| {
            keeper.giving_each(move |pinned, bodies| offering.checkpoint_made(pinned, bodies))
        },
        tell: |_: &RaftLog<RealDisk>| (),
    };
    let served = serve_log(ready, log, sync_times, keeping);
    let goes_on = |error| cluster::is_damage(error) || to_skip(error).is_some();
    if served.as_ref().is_err_and(|error| !goes_on(error)) && cluster.damage().is_none() {
        // It may have ended before the engine did, for which then nothing waits: the process ends.
        return served.map(|()| Ended::Stopped);
    }
    cluster.join(threads);
    if let Some(why) = cluster.damage() {
        return Ok(Ended::Damaged(why));
    }
    served?;
    Ok(if cluster.install()? { Ended::ToStartAgain } else { Ended::Stopped })
}

/// Opens the log. An earlier life of this process may be about to let go of it.
fn open_log(
    folder: &Path,
    options: &evenkeel_log_raft::Options,
    applied: LogIndex,
) -> Result<evenkeel_log_raft::Parts<RealDisk>, LogError> {
    let until = Instant::now() + DRAIN_TIMEOUT;
    loop {
        match RaftLog::open(RealDisk, folder, options, applied) {
            Err(LogError::Locked) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            opened => return opened,
        }
    }
}

/// What differs by how the log is kept.
struct Keeping<S, T> {
    /// If it is kept on several nodes.
    cluster: Option<Arc<Cluster>>,
    /// Sets up the keeper of checkpoints.
    set_up: S,
    /// Says at the end how it went.
    tell: T,
}

/// Serves from that log, until the server is to stop or the log fails.
fn serve_log<L: Log + 'static>(
    ready: Ready<'_>,
    log: L,
    sync_times: SyncTimes,
    keeping: Keeping<
        impl FnOnce(Keeper<L::Reader, RealDisk>) -> Keeper<L::Reader, RealDisk>,
        impl FnOnce(&L) + Send + 'static,
    >,
) -> anyhow::Result<()> {
    let Keeping { cluster, set_up, tell: tell_log } = keeping;
    let Ready { config, sockets, stop, connections_max, root, origin, directory, sealing_key_was_made, found } = ready;
    let Sockets { requests: listener, stays, metrics } = sockets;
    let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose()?;
    let clocks = thread::Clocks::default();
    let keeper = set_up(Keeper::new(found.checkpoints, found.shelf, log.reader()));
    let options = evenkeel_engine::Options {
        jobs_max: config.jobs_max,
        bytes_max: config.bytes_max,
        dedup_ids_max: config.dedup_ids_max,
        checkpoint_every_bytes: config.checkpoint_every_bytes,
        is_alone: cluster.is_none(),
        ..evenkeel_engine::Options::default()
    };
    // The secret is drawn again at each start, but only the one that the log began with is ever used.
    let mut engine = Engine::new(log, found.start, random()?, options)?;
    let followed = Arc::clone(&directory);
    engine.watch_keys(Box::new(move |slot, key| followed.set(slot, key)));
    let policies = Arc::new(Policies::new(evenkeel_sqs::POLICY));
    let followed = Arc::clone(&policies);
    engine.watch_notes(Box::new(move |slot, found| followed.set(slot, found)));
    if let Some(cluster) = &cluster {
        let cluster = Arc::clone(cluster);
        engine.watch_damage(Box::new(move |what| cluster.cannot_read(what)));
    }
    let ended = Arc::new(Notify::new());
    let on_end = Arc::clone(&ended);
    let running = thread::start(engine, keeper, clocks, move |engine, gaps| {
        tell_totals(engine.totals(), gaps);
        tell_log(engine.log());
        on_end.notify_one();
    })?;
    if let Some(cluster) = &cluster {
        cluster.has_engine(&running)?;
    }
    // A node that does not lead serves too: it passes on what comes.
    let begun = if cluster.is_some() { running.wait_until_begun() } else { running.wait_until_serving() };
    let Some(secret) = begun else {
        running.join()?;
        if cluster.is_some_and(|cluster| cluster.is_to_start_again()) {
            return Ok(());
        }
        anyhow::bail!("the engine ended before it served");
    };

    sealing::check(directory.unreadable(), sealing_key_was_made, &config.data_dir)?;
    if policies.unreadable() > 0 {
        tracing::error!(
            "the policies of {} queue(s) cannot be read by this version, so that nobody but root is let in there; root can set others",
            policies.unreadable()
        );
    }
    let door = Door::new(Ids::new(&secret), config.region.as_str())
        .keeping_names(config.sqs_delete_cooldown)
        .guarded_by(Arc::clone(&policies));
    let door = Arc::new(door);
    let syncs = seen::sync_counts(sync_times.clone());
    let interpreter: Arc<dyn Interpreter> = Arc::clone(&door) as _;
    let console = Console::new(
        Arc::clone(&directory),
        Arc::clone(&policies),
        Arc::clone(&interpreter),
        syncs,
        config.insecure_no_auth,
    );
    let console = match &cluster {
        Some(cluster) => {
            let cluster = Arc::clone(cluster);
            console.of_nodes(move || cluster.nodes())
        }
        None => console,
    };
    let native = evenkeel_native::Door::new(Arc::clone(&directory), policies, config.account, interpreter);
    let seen = Seen::new(Sources {
        meters: Arc::clone(running.meters()),
        syncs: seen::sync_counts(sync_times),
        folder: config.data_dir.clone(),
        queues_max: config.metrics_queues,
        jobs_max: config.jobs_max,
        bytes_max: config.bytes_max,
        cluster: cluster.clone(),
        halted: Arc::clone(running.halted()),
        started: clocks.now().wall,
    });
    let shared = Arc::new(Shared {
        door,
        console,
        native,
        directory,
        seen,
        is_open: config.insecure_no_auth,
        clocks,
        large_bodies: LargeBodies::default(),
        stopping: Stopping::default(),
        halted: Arc::clone(running.halted()),
        cluster: cluster.clone(),
    });
    let settings = Settings { threads: config.http_threads, connections_max };
    let mut heed = stop.heed();
    let server = Server::start(listener, metrics, settings, &shared, running.clients())?;
    greet(&server, &root, origin, config);
    if let Some(address) = metrics_address {
        tracing::info!("metrics without a key on http://{address}/metrics");
    }

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            () = heed.told() => {}
            () = ended.notified() => {}
        }
    });
    let is_told = stop.is_told();
    if !running.is_finished() {
        tracing::info!("stopping: finishing what was accepted");
    }
    shared.stopping.begin();
    if let Some(cluster) = &cluster {
        cluster.step_down();
        if is_told {
            std::thread::sleep(FAREWELL);
        }
    }
    // An engine that ended by itself may be followed by another, in this process.
    server.stop(is_told && !stays);
    running.stop();
    let drain = if is_told { DRAIN_TIMEOUT } else { DRAIN_TIMEOUT_BETWEEN };
    if server.join(drain) {
        tracing::warn!("some connections did not finish within {} s, and were closed", drain.as_secs());
    }
    runtime.shutdown_background();
    let ended = running.join();
    ended.context("the server stopped because its log could not go on")
}

/// Sends the log to standard error.
fn begin_log(config: &Config) {
    let to_stderr = tracing_subscriber::fmt().with_max_level(config.log_level).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => {
            to_stderr.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init();
        }
        LogFormat::Json => to_stderr.json().flatten_event(true).with_current_span(false).with_span_list(false).init(),
    }
}

fn tell(report: &OpenReport, folder: &Path) {
    let folder = folder.display();
    if report.fresh {
        tracing::info!("a new log in {folder}");
    } else {
        let OpenReport { first, last, epoch, segments, bytes, .. } = report;
        tracing::info!(
            "the log in {folder}: entries {first} to {last}, {segments} segments, {bytes} bytes, epoch {epoch}"
        );
    }
    if let Some(torn) = &report.torn {
        tracing::warn!(
            "an interrupted write was cut off {} at byte {} ({}): it was never acknowledged",
            torn.file,
            torn.offset,
            torn.what
        );
    }
    for warning in &report.sidecars {
        tracing::warn!("{warning}");
    }
    if report.behind_state {
        tracing::warn!(
            "the log had lost entries that the last checkpoint holds, as it may without syncs; going on after it"
        );
    }
    if let Some(warning) = &report.warning {
        tracing::warn!("{warning}");
    }
}

fn tell_totals(totals: Totals, gaps: &Gaps) {
    tracing::info!("{} commands in {} batches, {} bytes", totals.commands, totals.batches, totals.bytes);
    let (count, p99, p999, max) = (gaps.count(), gaps.micros_at(990), gaps.micros_at(999), gaps.micros_max());
    let work = gaps.work_micros_max();
    tracing::info!(
        "{count} rounds of the engine: busy p99 {p99} us, p99.9 {p999} us, longest {max} us, most work {work} us"
    );
    for round in gaps.longest().iter().filter(|round| round.busy >= LONG_ROUND) {
        let ended = round.ended.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let (busy, work) = (round.busy.as_micros(), round.work.as_micros());
        tracing::info!("a long round of the engine: busy {busy} us, work {work} us, ended {ended} us after 1970");
    }
}

fn tell_syncs(syncs: &SyncStats) {
    let SyncStats { count, micros_p50, micros_p99, micros_max, .. } = syncs;
    tracing::info!("{count} syncs: p50 {micros_p50} us, p99 {micros_p99} us, longest {micros_max} us");
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the system's random source")?;
    Ok(bytes)
}

fn greet(server: &Server, root: &Credentials, origin: Origin, config: &Config) {
    let address = server.address();
    tracing::info!("serving SQS on http://{address}, {} thread(s)", config.http_threads);
    if !address.ip().is_loopback() {
        tracing::warn!("{address} can be reached from other machines, and HTTP is not encrypted");
    }
    if config.insecure_no_auth {
        tracing::warn!(
            "insecure_no_auth: requests are not checked, so any program of this machine may do everything with the data"
        );
    }
    if config.is_dev {
        println!("Evenkeel serves SQS on http://{address}, for development: any credentials will do.");
        println!("Paste this where your program runs:");
        println!();
        tell_environment(server, "dev", "dev", config);
        println!();
        println!("Or try it by hand:");
        println!();
        println!("  evenkeel queues create work");
        println!("  evenkeel send work 'hello' --group tenant-a");
        println!("  evenkeel receive work --delete");
        println!();
        println!("See what goes on at http://{address}/ in a browser.");
        println!();
        return;
    }
    if origin != Origin::Made {
        return;
    }
    println!("The root credentials, made now and shown only this once");
    println!("(kept in {}):", config.data_dir.join(credentials::FILE).display());
    println!();
    tell_environment(server, &root.access_key, &root.secret_key, config);
    println!();
    println!("Sign in with them at http://{address}/ in a browser to see what goes on.");
    println!();
}

/// What leads AWS's SDKs and command line here.
fn tell_environment(server: &Server, access_key: &str, secret_key: &str, config: &Config) {
    println!("  export AWS_ENDPOINT_URL_SQS=http://{}", server.address());
    println!("  export AWS_ACCESS_KEY_ID={access_key}");
    println!("  export AWS_SECRET_ACCESS_KEY={secret_key}");
    println!("  export AWS_DEFAULT_REGION={}", config.region);
}
