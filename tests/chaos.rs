//! Three real nodes, each in a network namespace of its own, while they are killed, paused, cut off, held up and filled up, one fault at a time and several at once:
//! under clients of our own that count, and under boto3 with its default retries. Every job that was acknowledged is accounted for, writes go on after each
//! round, and at the end all nodes hold the same, in memory and on their disks.
//!
//! `cargo xtask chaos` runs it. `EVENKEEL_CHAOS_SECONDS` (30) says for how long faults go on, `EVENKEEL_CHAOS_SEED` which they are and where they strike, `EVENKEEL_CHAOS_ONLY` which kinds (names of
//! `Kind`, with commas), `EVENKEEL_CHAOS_LOGS` a folder for what the nodes said. Where namespaces may not be made it says so in one line, and passes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong in a test ends the test")]

use evenkeel_tests::fault::{Fault, KINDS, Kind, World};
use evenkeel_tests::haproxy::HaProxy;
use evenkeel_tests::load::{self, Round};
use evenkeel_tests::net::{self, Net};
use evenkeel_tests::random::Random;
use evenkeel_tests::small_disk::SmallDisk;
use evenkeel_tests::{Cluster, Launch, Tool, Traffic, binary, python, wait};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// Room for what the log keeps of some segments of 64 MiB for nodes that are behind, for checkpoints, bodies, and the next segment: a disk is full only when a fault fills it.
const DISK_MEBIBYTES: u32 = 768;
/// What boto3's senders rest between two sends: most of both processors is for the nodes and the clients that count.
const PAUSE: Duration = Duration::from_millis(50);
/// How many entries a node may be behind when the next faults begin.
const BEHIND_MAX: u64 = 1_000;
const SETTLED_MAX: Duration = Duration::from_secs(120);

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |number| number.parse().unwrap())
}

#[test]
#[ignore = "takes minutes and both processors: `cargo xtask chaos` runs it, and CI a short one"]
fn nothing_acknowledged_is_lost_whatever_befalls_three_nodes() {
    if net::is_inside() {
        return inside();
    }
    // Inside, nothing can be built or fetched.
    python::with_boto3();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = number("EVENKEEL_CHAOS_SEED", now.as_secs() % 1_000_000).to_string();
    let variables = [("EVENKEEL_BIN", binary::evenkeel().as_os_str()), ("EVENKEEL_CHAOS_SEED", seed.as_ref())];
    match net::enter("nothing_acknowledged_is_lost_whatever_befalls_three_nodes", &variables) {
        Ok(status) => assert!(status.success(), "{status}"),
        Err(why) => eprintln!("not tried: three nodes in network namespaces, which are not allowed here ({why})"),
    }
}

fn inside() {
    let seed = number("EVENKEEL_CHAOS_SEED", 0);
    let time = Duration::from_secs(number("EVENKEEL_CHAOS_SECONDS", 30));
    let net = match Net::of_nodes(3, seed) {
        Ok(net) => net,
        Err(why) => {
            return eprintln!("not tried: three nodes in network namespaces, which lack something here ({why:#})");
        }
    };
    let disks = [(); 3].map(|()| SmallDisk::of_mebibytes(DISK_MEBIBYTES).expect("mounts are allowed here"));
    eprintln!("seed {seed}, {time:?} of faults");
    let mut cluster =
        Cluster::of([0, 1, 2].map(|node| Launch::default().place(net.place(node)).data(disks[node].data())));
    let queue = cluster.client(0).create_queue("counted", &json!({})).unwrap();
    cluster.client(0).create_queue("sdk", &json!({})).unwrap();
    let mut endpoints: Vec<String> = cluster.nodes.iter().map(evenkeel_tests::Server::endpoint).collect();
    let proxy = HaProxy::start([0, 1, 2].map(|node| cluster.nodes[node].address()));
    endpoints.extend(proxy.iter().map(HaProxy::endpoint));
    let traffic = Traffic::start("sdk", PAUSE, &endpoints);

    let world = World { net: &net, disks: &disks, revived: Cell::new(0) };
    let (random, tally) = (RefCell::new(Random(seed)), RefCell::new(Tally::default()));
    let mut deck = Deck::default();
    let began = Instant::now();
    let mut count = 0;
    let rounds = std::iter::from_fn(|| {
        (began.elapsed() < time).then(|| {
            let mut random = random.borrow_mut();
            // Two in three are one fault alone, so that it can be told what it does.
            let several = if random.once_in(3) { 1 + random.one_to(2) } else { 1 };
            (0..several).map(|_| deck.draw(&mut random)).collect::<Vec<_>>()
        })
    });
    let report = load::disturb(
        &mut cluster,
        &queue,
        rounds,
        |cluster, kinds| {
            let mut random = random.borrow_mut();
            let leader = cluster.leader();
            let faults: Vec<Fault> = kinds.iter().map(|&kind| Fault::draw(kind, leader, &mut random)).collect();
            let held = world.suffer(cluster, &faults, &mut random);
            tally.borrow_mut().begin(&faults, leader, held);
        },
        |cluster, round| {
            count += 1;
            let at = began.elapsed().as_secs_f64();
            eprintln!("{count:>4} at {at:>5.1} s, {}: {}", time_of_day(), tally.borrow_mut().end(&round));
            wait::until("all nodes to run and to have caught up", SETTLED_MAX, || {
                world.revive(cluster);
                cluster.leader().is_some_and(|leader| cluster.all_follow(leader, BEHIND_MAX))
            });
        },
    );
    let seen = traffic.stop();

    eprintln!("{}", tally.borrow());
    eprintln!("nodes that ended while their disk was full, and were started again: {}", world.revived.get());
    eprintln!("packets between nodes: {:?}", net.wire().carried());
    eprintln!("clients that count: {:?}", report.counts);
    let errors = |at_proxy: bool| -> usize {
        let is_wanted = |at: &str| proxy.as_ref().is_some_and(|proxy| proxy.endpoint() == at) == at_proxy;
        seen.errors.iter().filter(|(at, _)| is_wanted(at)).map(|(_, errors)| errors.len()).sum()
    };
    eprintln!(
        "boto3: {} sends, {} retries by itself, {} errors that reached a program at a node and {} behind HAProxy, {} jobs that came again, the slowest call took {:.1} s",
        seen.sent,
        seen.retries,
        errors(false),
        errors(true),
        seen.again.len(),
        seen.slowest
    );
    assert!(report.wrongs.is_empty(), "seed {seed}: {} wrongs: {:#?}", report.wrongs.len(), report.wrongs);
    assert!(seen.wrongs.is_empty(), "seed {seed}: {} wrongs: {:#?}", seen.wrongs.len(), seen.wrongs);
    settle(&mut cluster, seed);
}

/// All nodes come to the same state, none ever had to be repaired, and what lies on each disk is sound.
fn settle(cluster: &mut Cluster, seed: u64) {
    let leader = cluster.wait_for_leader();
    let mut status = json!(null);
    wait::until("all nodes to be compared at the newest entry", SETTLED_MAX, || {
        status = cluster.status(leader);
        let nodes = status["nodes"].as_array().unwrap();
        nodes.iter().all(|node| node["compared_at"] == status["committed"] && node["digest"] == nodes[0]["digest"])
    });
    assert_eq!(status["nodes"].as_array().unwrap().len(), 3, "seed {seed}: {status:#}");
    assert_eq!(status["differences"], 0, "seed {seed}: {status:#}");
    eprintln!("all nodes hold the same at entry {}, of term {}", status["committed"], status["term"]);
    for (at, node) in cluster.nodes.iter_mut().enumerate() {
        assert!(node.stop().status.success());
        let log = node.whole_log();
        if let Some(folder) = std::env::var_os("EVENKEEL_CHAOS_LOGS") {
            std::fs::write(Path::new(&folder).join(format!("node-{}.log", at + 1)), &log).unwrap();
        }
        for alarming in ["ALARM", "panicked"] {
            let lines: Vec<_> = log.lines().filter(|line| line.contains(alarming)).collect();
            assert!(lines.is_empty(), "seed {seed}: node {} said {lines:#?}", at + 1);
        }
        let checked = Tool::bare(&["check", "--json", node.data().to_str().unwrap()]).run().stdout;
        let checked: Value = serde_json::from_str(&checked).unwrap();
        // A stop does not wait for what is only tidied up.
        let findings = checked["findings"].as_array().unwrap().iter();
        let damaged: Vec<_> = findings.filter(|finding| finding["what"] != "it is left over").collect();
        assert!(damaged.is_empty() && checked["starts"] == true, "seed {seed}: node {}: {checked:#}", at + 1);
    }
}

/// Kinds of faults in any order, each as often as every other.
#[derive(Default)]
struct Deck(Vec<Kind>);

/// Those that `EVENKEEL_CHAOS_ONLY` names, separated by commas; all if it is not there.
fn kinds() -> Vec<Kind> {
    let only = std::env::var("EVENKEEL_CHAOS_ONLY").ok();
    let is_wanted =
        |kind: &Kind| only.as_ref().is_none_or(|only| only.split(',').any(|name| name == format!("{kind:?}")));
    KINDS.into_iter().filter(is_wanted).collect()
}

impl Deck {
    fn draw(&mut self, random: &mut Random) -> Kind {
        if self.0.is_empty() {
            self.0 = kinds();
            assert!(!self.0.is_empty(), "EVENKEEL_CHAOS_ONLY names no kind of fault: {KINDS:?}");
        }
        let at = usize::try_from(random.below(self.0.len() as u64)).unwrap();
        self.0.swap_remove(at)
    }
}

/// What was done, and what it did.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<Kind, Gaps>,
    /// Of each round, how long it took to go on once all was undone.
    again: Vec<Duration>,
    now: Vec<(Kind, bool)>,
    said: String,
}

/// Of a kind of fault.
#[derive(Default)]
struct Gaps {
    count: u32,
    /// Where it was the only one and struck the leader, and where it struck another.
    leader: Vec<Duration>,
    other: Vec<Duration>,
}

impl Tally {
    fn begin(&mut self, faults: &[Fault], leader: Option<usize>, held: Duration) {
        let said: Vec<String> = faults.iter().map(Fault::to_string).collect();
        let name = leader.map_or_else(|| "nobody".to_owned(), |leader| (leader + 1).to_string());
        self.said = format!("{} for {:.1} s while {name} led", said.join(" + "), held.as_secs_f64());
        self.now =
            faults.iter().map(|fault| (fault.kind, leader.is_some_and(|leader| fault.strikes(leader)))).collect();
    }

    fn end(&mut self, round: &Round) -> String {
        for &(kind, is_leader) in &self.now {
            let gaps = self.kinds.entry(kind).or_default();
            gaps.count += 1;
            if self.now.len() == 1 {
                if is_leader { gaps.leader.push(round.gap) } else { gaps.other.push(round.gap) }
            }
        }
        self.again.push(round.again);
        let millis = |time: Duration| time.as_millis();
        format!("{}; gap {} ms, on again {} ms after it", self.said, millis(round.gap), millis(round.again))
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "| fault | times | alone, of the leader | gap: median | largest | alone, of another | gap: median | largest |"
        )?;
        writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
        for (kind, gaps) in &self.kinds {
            writeln!(out, "| {kind} | {} | {} | {} |", gaps.count, spread(&gaps.leader), spread(&gaps.other))?;
        }
        write!(out, "{} rounds; on again after each: | {} |", self.again.len(), spread(&self.again))
    }
}

/// As the nodes' logs have it.
fn time_of_day() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let (seconds, millis) = (now.as_secs() % 86_400, now.subsec_millis());
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// How many, the median and the largest.
fn spread(times: &[Duration]) -> String {
    let mut times = times.to_vec();
    times.sort_unstable();
    match times.last() {
        Some(largest) => {
            format!("{} | {} ms | {} ms", times.len(), times[times.len() / 2].as_millis(), largest.as_millis())
        }
        None => "0 | | ".to_owned(),
    }
}
