//! The server as a child process: started, killed, stopped and started again on the same folder.

use crate::net::{self, Place};
use crate::signed::{ACCESS_KEY, SECRET_KEY};
use crate::{Client, binary, http, ports, wait};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a start may take: a debug build on a busy machine reads its log back.
const START_MAX: Duration = Duration::from_secs(60);
/// How long a stop may take before the test calls it hung; the server itself gives connections ten seconds.
const STOP_MAX: Duration = Duration::from_secs(20);

/// How to start a server. By default on any free port, with the tests' own root credentials.
#[derive(Clone, Debug)]
pub struct Launch {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    data: Option<PathBuf>,
    bare: bool,
    listen: SocketAddr,
    cluster_listen: SocketAddr,
    socket: Option<Arc<TcpListener>>,
    /// The network namespace that it runs in, if it is not the test's.
    namespace: Option<PathBuf>,
}

impl Default for Launch {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            arguments: Vec::new(),
            environment: Vec::new(),
            data: None,
            bare: false,
            listen: any,
            cluster_listen: any,
            socket: None,
            namespace: None,
        }
    }
}

/// What a server that ended by itself left.
#[derive(Clone, Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Where a server can be reached at the moment, shared with its clients. `None` while it is down.
#[derive(Clone, Debug, Default)]
pub struct Address(Arc<Mutex<Option<SocketAddr>>>);

impl Address {
    pub fn get(&self) -> Option<SocketAddr> {
        *self.0.lock().expect("nobody panics while holding it")
    }

    fn set(&self, address: Option<SocketAddr>) {
        *self.0.lock().expect("nobody panics while holding it") = address;
    }
}

impl Launch {
    /// Without `--listen`, `--data-dir` and credentials: all that the test sets itself.
    pub fn bare() -> Self {
        Self { bare: true, ..Self::default() }
    }

    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Keeps the data there rather than in a temporary folder of the server's own.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Listens there in all its lives, as a server does that others are told of, rather than on any free port.
    pub fn port(mut self, port: u16) -> Self {
        self.listen.set_port(port);
        self
    }

    /// Runs in that network namespace, at its addresses, and at the same ports in all its lives.
    pub fn place(mut self, place: &Place) -> Self {
        self.namespace = Some(place.namespace());
        self.listen = (place.at_clients(), 9_324).into();
        self.cluster_listen = (place.at_peers(), 9_326).into();
        self
    }

    /// Joins the cluster of the node that listens there.
    pub fn joining(self, at: &str, token: &str) -> Self {
        let listen = self.cluster_listen().to_string();
        ["--join", at, "--token", token, "--cluster-listen", &listen].into_iter().fold(self, Self::argument)
    }

    /// Where it listens for other nodes: at a port that it comes back to, so that all find each other though all start again at once.
    pub fn cluster_listen(&self) -> SocketAddr {
        let mut listen = self.cluster_listen;
        if listen.port() == 0 {
            listen.set_port(ports::free(&[]));
        }
        listen
    }

    /// Hands it that socket in all its lives, as systemd does.
    pub fn socket(mut self, socket: TcpListener) -> Self {
        self.socket = Some(Arc::new(socket));
        self
    }

    /// Starts a server and waits until it serves.
    pub fn start(self) -> Server {
        let mut server = self.prepare();
        server.start_again();
        server
    }

    /// Starts a server that is to end by itself, and waits for it.
    pub fn run(self) -> Ended {
        let mut server = self.prepare();
        server.spawn();
        server.wait_for_end("the server to end by itself")
    }

    /// A server that does not run yet.
    pub fn prepare(self) -> Server {
        let home = tempfile::tempdir().expect("a temporary folder");
        let data = self.data.clone().unwrap_or_else(|| home.path().join("data"));
        Server { launch: self, home, data, child: None, address: Address::default(), log_read: 0 }
    }
}

/// A server, killed when dropped. Its folder goes with it.
#[derive(Debug)]
pub struct Server {
    launch: Launch,
    home: tempfile::TempDir,
    data: PathBuf,
    child: Option<Child>,
    address: Address,
    /// How much of the log earlier lives wrote, in bytes.
    log_read: usize,
}

impl Server {
    /// Starts one that nothing is special about.
    pub fn start() -> Self {
        Launch::default().start()
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn address(&self) -> SocketAddr {
        self.address.get().expect("the server runs")
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn client(&self) -> Client {
        Client::new(self.address.clone())
    }

    /// For clients of their own making.
    pub fn shared_address(&self) -> Address {
        self.address.clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// Has it find that in its environment from its next life on, or not find it.
    pub fn set_variable(&mut self, name: &str, value: Option<&str>) {
        self.launch.environment.retain(|(known, _)| known != name);
        self.launch.environment.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// What it wrote to standard error in this life.
    pub fn stderr(&self) -> String {
        let text = std::fs::read(self.home.path().join("stderr")).unwrap_or_default();
        String::from_utf8_lossy(text.get(self.log_read..).unwrap_or_default()).into_owned()
    }

    /// What it wrote to standard error in all its lives.
    pub fn whole_log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.home.path().join("stderr")).unwrap_or_default()).into_owned()
    }

    /// What it wrote to standard output in this life.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(self.home.path().join("stdout")).unwrap_or_default()
    }

    /// Starts it on its folder, after a kill or a stop, and waits until it serves.
    pub fn start_again(&mut self) {
        if let Err(error) = self.try_start() {
            panic!("{error}");
        }
    }

    /// As [`Server::start_again`]; says why not.
    pub fn try_start(&mut self) -> Result<(), String> {
        self.spawn();
        let start = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.as_mut().expect("just started").try_wait() {
                return Err(format!("the server ended while starting ({status}):\n{}", self.stderr()));
            }
            if let Some(address) = announced(&self.stderr())
                && http::get(address, "/healthz", Duration::from_secs(5)).is_ok_and(|answer| answer.status == 200)
            {
                self.address.set(Some(address));
                return Ok(());
            }
            if start.elapsed() > START_MAX {
                return Err(format!("the server does not serve after {START_MAX:?}:\n{}", self.stderr()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts it and does not wait.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = self.home.path().join("stderr");
        self.log_read = std::fs::metadata(&log).map_or(0, |file| usize::try_from(file.len()).unwrap_or(0));
        let stderr = File::options().create(true).append(true).open(&log).expect("a file for the log");
        let stdout = File::create(self.home.path().join("stdout")).expect("a file for the output");
        let (mut command, stdin) = match (&self.launch.socket, &self.launch.namespace) {
            (None, None) => (Command::new(binary::evenkeel()), Stdio::null()),
            (None, Some(namespace)) => (net::inside(namespace, binary::evenkeel()), Stdio::null()),
            (Some(socket), _) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", r#"exec env LISTEN_PID=$$ LISTEN_FDS=1 "$0" "$@" 3<&0 0</dev/null"#]);
                shell.arg(binary::evenkeel());
                (shell, OwnedFd::from(socket.try_clone().expect("a socket can be shared")).into())
            }
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("EVENKEEL_") {
                command.env_remove(name);
            }
        }
        command.arg("serve");
        if !self.launch.bare {
            command.args(["--listen", &self.launch.listen.to_string(), "--data-dir"]).arg(&self.data);
            command.env("EVENKEEL_ROOT_ACCESS_KEY", ACCESS_KEY).env("EVENKEEL_ROOT_SECRET_KEY", SECRET_KEY);
        }
        command.args(&self.launch.arguments).envs(self.launch.environment.iter().cloned());
        command.current_dir(self.home.path()).stdin(stdin).stdout(stdout).stderr(stderr);
        self.child = Some(command.spawn().expect("the server's binary can be run"));
    }

    /// The temporary folder that the server runs in: relative paths begin here.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Kills it as the kernel would (SIGKILL), and waits until it is gone.
    pub fn kill(&mut self) {
        self.address.set(None);
        if let Some(mut child) = self.child.take() {
            _ = child.kill();
            _ = child.wait();
        }
    }

    /// Stops it in the midst of whatever it does, as a machine that is paused does (SIGSTOP); returns once none of its threads runs.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
        let tasks = PathBuf::from(format!("/proc/{}/task", self.pid()));
        let is_stopped = |task: std::fs::DirEntry| {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("State:\tT"))
        };
        wait::until("all its threads to stop", STOP_MAX, || {
            std::fs::read_dir(&tasks).expect("the child is there").flatten().all(is_stopped)
        });
    }

    /// Goes on after a [`Server::pause`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to stop (SIGTERM).
    pub fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a child has a pid");
        kill_process(pid, signal).expect("the child is ours");
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) -> Ended {
        self.ask_to_stop();
        self.wait_for_end("the server to stop")
    }

    /// Waits until it has ended by itself.
    pub fn wait_for_end(&mut self, what: &str) -> Ended {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.as_mut().expect("it was started").try_wait().expect("the child is ours") {
                self.child = None;
                self.address.set(None);
                return Ended { status, stdout: self.stdout(), stderr: self.stderr() };
            }
            assert!(start.elapsed() < STOP_MAX, "waited {STOP_MAX:?} for {what}:\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the server runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a process has memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB")
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_none()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.stderr();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the server's last words:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// The address in "serving SQS on http://<address>, ...".
fn announced(log: &str) -> Option<SocketAddr> {
    let rest = log.split("serving SQS on http://").nth(1)?;
    rest.split([',', '\n', ' ']).next()?.parse().ok()
}
