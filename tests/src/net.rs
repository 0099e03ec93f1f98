//! A small network of the test's own: the clients' network namespace, and one for each node.
//!
//! ```text
//!            clients (the namespace of the test itself)
//!        c1 │          c2 │          c3 │        10.77.N.0/30, pairs of virtual interfaces
//!      ┌────┴───┐    ┌────┴───┐    ┌────┴───┐
//!      │ node 1 │    │ node 2 │    │ node 3 │
//!      └────┬───┘    └────┬───┘    └────┬───┘
//!         p └─────────── wire ──────────┘ p      10.78.0.0/24, what nodes say to each other
//! ```
//!
//! So nodes can be cut from each other and still be reached by clients. What nodes say to each other goes through a [`Wire`] in this process, which holds up and
//! loses packets by itself: no module of the kernel is needed for it. Nothing here has a name outside: a namespace is gone with the process that holds it, and that ends with the test,
//! however the test ends.

use crate::wire::Wire;
use anyhow::{Context, bail, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use tun_rs::{DeviceBuilder, SyncDevice};

/// Says to a test that it runs in namespaces of its own already.
const INSIDE: &str = "EVENKEEL_IN_NAMESPACES";
/// Namespaces of network, mounts and processes: what the test starts and mounts goes with it.
const NAMESPACES: [&str; 6] = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"];

/// Whether this runs in the namespaces that [`enter`] makes.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs the test of that name once more as a process in namespaces of its own, as root in them, with these variables.
///
/// # Errors
/// If they may not be made here; says why.
pub fn enter(test: &str, variables: &[(&str, &OsStr)]) -> Result<ExitStatus, String> {
    // Who is not root may be allowed them within a namespace of users.
    let ways: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let unshare = |way: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(way).args(NAMESPACES);
        command
    };
    let mut refused = String::new();
    for way in ways {
        match unshare(way).arg("true").stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => {
                // A shell of its own, as the first process of a namespace hears no signal that it does not ask for.
                let mut command = unshare(way);
                command.args(["sh", "-c", r#""$0" "$@"; exit $?"#]);
                command.arg(std::env::current_exe().expect("the path of this test"));
                command
                    .args([test, "--exact", "--include-ignored", "--nocapture"])
                    .env(INSIDE, "1")
                    .envs(variables.iter().copied());
                return Ok(command.status().expect("it could be run before"));
            }
            Ok(output) => refused = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => refused = format!("unshare: {error}"),
        }
    }
    Err(refused)
}

/// Nodes' namespaces and the ways between them.
#[derive(Debug)]
pub struct Net {
    places: Vec<Place>,
    wire: Wire,
}

/// A node's namespace.
#[derive(Debug)]
pub struct Place {
    /// Holds the namespace, and ends when its standard input does.
    holder: Child,
    number: u8,
}

impl Net {
    /// So many nodes' namespaces, all reachable; in the namespaces that [`enter`] makes.
    ///
    /// # Errors
    /// If the kernel lacks what is needed, or this may not use it.
    pub fn of_nodes(count: u8, seed: u64) -> anyhow::Result<Self> {
        ip(None, &["link", "set", "lo", "up"])?;
        let places = (1..=count).map(Place::make).collect::<anyhow::Result<Vec<_>>>()?;
        let ends = places.iter().map(Place::end_of_wire).collect::<anyhow::Result<Vec<_>>>()?;
        let wire = Wire::between(ends, wire_at, seed).context("the wire between the nodes")?;
        Ok(Self { places, wire })
    }

    pub fn place(&self, node: usize) -> &Place {
        &self.places[node]
    }

    /// The way between nodes, which are counted from 0.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Makes all as it was.
    pub fn heal(&self) {
        self.wire.heal();
        self.places.iter().for_each(|place| place.let_clients_reach(true));
    }
}

impl Place {
    fn make(number: u8) -> anyhow::Result<Self> {
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo made && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("unshare")?;
        let mut said = String::new();
        BufReader::new(holder.stdout.take().expect("it is a pipe")).read_line(&mut said)?;
        let place = Self { holder, number };
        ensure!(said == "made\n", "a network namespace cannot be made");
        let (here, pid) = (format!("c{number}"), place.holder.id().to_string());
        ip(None, &["link", "add", &here, "type", "veth", "peer", "name", "c", "netns", &pid])?;
        ip(None, &["address", "add", &format!("10.77.{number}.1/30"), "dev", &here])?;
        ip(None, &["link", "set", &here, "up"])?;
        place.ip(&["address", "add", &format!("{}/30", place.at_clients()), "dev", "c"])?;
        place.ip(&["link", "set", "lo", "up"])?;
        place.ip(&["link", "set", "c", "up"])?;
        Ok(place)
    }

    /// An interface of packets, whose other end this process holds.
    fn end_of_wire(&self) -> anyhow::Result<SyncDevice> {
        let namespace = File::open(self.namespace())?;
        // A thread of its own goes there, and does not come back.
        let made = std::thread::spawn(move || -> anyhow::Result<SyncDevice> {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            DeviceBuilder::new().name("p").build_sync().context("/dev/net/tun")
        });
        let device = made.join().expect("it does not panic")?;
        self.ip(&["address", "add", &format!("{}/24", self.at_peers()), "dev", "p"])?;
        self.ip(&["link", "set", "p", "up"])?;
        Ok(device)
    }

    /// What to enter (nsenter) to be there.
    pub fn namespace(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.holder.id()))
    }

    /// Where clients find the node.
    pub fn at_clients(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, self.number, 2)
    }

    /// Where other nodes find it.
    pub fn at_peers(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 78, 0, self.number)
    }

    /// Cuts clients from the node, or not any more.
    ///
    /// # Panics
    /// If it cannot.
    pub fn let_clients_reach(&self, may: bool) {
        self.ip(&["link", "set", "c", if may { "up" } else { "down" }]).expect("it is ours");
    }

    fn ip(&self, arguments: &[&str]) -> anyhow::Result<()> {
        ip(Some(&self.namespace()), arguments)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        _ = self.holder.kill();
        _ = self.holder.wait();
    }
}

/// The node at that address of the wire.
fn wire_at(address: Ipv4Addr) -> Option<usize> {
    match address.octets() {
        [10, 78, 0, number] => usize::from(number).checked_sub(1),
        _ => None,
    }
}

/// A command that is run in that namespace.
pub fn inside(namespace: &Path, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", namespace.display())).arg("--").arg(program);
    command
}

fn ip(namespace: Option<&Path>, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = match namespace {
        None => Command::new("ip"),
        Some(namespace) => inside(namespace, Path::new("ip")),
    };
    let output = command.args(arguments).stdin(Stdio::null()).output().context("ip (of the package iproute2)")?;
    if !output.status.success() {
        bail!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
