//! This node of the cluster: what its parts share.

use super::{
    book::{Book, Place},
    compare::{Comparisons, Found},
    folder::{Incoming, Membership},
    given::Given,
    house::Doorkeeper,
    line::Line,
    offer::Offering,
    tokens::Tokens,
    watch,
};
use crate::credentials::Credentials;
use anyhow::Context;
use evenkeel_access::Directory;
use evenkeel_disk::RealDisk;
use evenkeel_engine::{Halt, Halted, Mark, Marks, Meters, thread};
use evenkeel_log_local::LogId;
use evenkeel_log_raft::{Inbox, Members, NodeId, Offer, Running, Start, Status};
use evenkeel_peers::{Asked, Authority, ClusterId, Peers};
use evenkeel_snapshot::Receiver;
use evenkeel_types::AccountId;
use evenkeel_types::LogIndex;
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::{mpsc, watch as watched};

/// The length of a tick of the log: a node campaigns after 0.4 to 0.8 s without a leader, who speaks every 80 ms.
const TICK: Duration = Duration::from_millis(40);

/// How long a node that stops waits for another to take over.
const STEP_DOWN_MAX: Duration = Duration::from_secs(2);

/// Who leads, and who is a member, as far as this node knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) leader: Option<NodeId>,
    /// This node does.
    pub(crate) leads: bool,
    pub(crate) members: Members,
}

/// What a new node is given besides its number.
#[derive(Clone)]
pub(crate) struct Gifts {
    pub(crate) account: String,
    pub(crate) region: String,
    /// If they are in the data folder, and not only in the environment.
    pub(crate) root: Option<Credentials>,
    /// What secrets are sealed with in the log, as it stands in its file.
    pub(crate) sealing_key: String,
}

/// Who could take over best. For a moment nobody, whenever the log counts anew who is there: then it is to be asked again.
pub(super) fn furthest(status: &Status) -> Option<NodeId> {
    let others = status.peers.iter().filter(|peer| peer.is_there && status.members.voters.contains(&peer.node));
    others.max_by_key(|peer| peer.matched).map(|peer| peer.node)
}

/// Whether a majority of the voters is there without that node, as far as the leader knows.
pub(super) fn can_spare(status: &Status, node: NodeId) -> bool {
    let voters = &status.members.voters;
    let is_there =
        |voter: NodeId| voter == status.node || status.peers.iter().any(|peer| peer.node == voter && peer.is_there);
    let others = voters.iter().filter(|voter| **voter != node && is_there(**voter)).count();
    2 * others > voters.len()
}

/// What is needed to be a node.
pub(crate) struct Setup<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) log: LogId,
    /// Where requests come in.
    pub(crate) http: SocketAddr,
    pub(crate) gifts: Gifts,
    /// The access keys, and the account that this node's are of.
    pub(crate) directory: Arc<Directory>,
    pub(crate) account: AccountId,
}

/// This node.
pub(crate) struct Cluster {
    pub(super) id: NodeId,
    pub(super) name: ClusterId,
    pub(super) authority: Authority,
    pub(super) gifts: Gifts,
    pub(super) folder: PathBuf,
    pub(super) offering: Mutex<Offering>,
    pub(super) engine: OnceLock<thread::Clients>,
    marks: OnceLock<Arc<Marks>>,
    halted: OnceLock<Arc<Halted>>,
    meters: OnceLock<Arc<Meters>>,
    pub(super) comparisons: Comparisons,
    /// Why what it holds cannot be trusted.
    pub(super) damage: Mutex<Option<String>>,
    pub(super) line: OnceLock<Line>,
    pub(super) is_fetching: AtomicBool,
    /// The leader's state, as a whole.
    pub(super) received: Mutex<Option<Receiver<RealDisk>>>,
    /// The node is to start again, since the leader's state has come.
    starts_again: AtomicBool,
    membership: Mutex<Membership>,
    book: Mutex<Book>,
    pub(super) tokens: Tokens,
    /// One node is let in at a time.
    pub(super) letting_in: Mutex<Given>,
    peers: OnceLock<Peers>,
    inbox: OnceLock<Inbox<RealDisk>>,
    standing: watched::Sender<Standing>,
    /// How the log stood when it was last looked at.
    seen: Mutex<Option<Status>>,
    /// Held by who looks, so that what was seen is never followed by what was seen before it.
    looking: Mutex<()>,
    /// The last entry of which this node knows that it is committed, a moment ago.
    committed: AtomicU64,
    hands: Mutex<Vec<mpsc::UnboundedSender<Asked>>>,
    next_hand: AtomicUsize,
}

/// What ends with the node.
pub(crate) struct Threads {
    log: Running,
    peers: JoinHandle<()>,
}

impl Cluster {
    /// What the folder knows of the cluster, and the socket for other nodes.
    pub(crate) fn prepare(setup: Setup<'_>) -> anyhow::Result<(Arc<Self>, TcpListener)> {
        let Setup { folder, log, http, gifts, directory, account } = setup;
        let membership = Membership::read(folder)?;
        let (id, name) = (NodeId(membership.node), ClusterId(log.0));
        let listener = TcpListener::bind(membership.listen).with_context(|| {
            format!("listening for other nodes on {} (`listen` in {})", membership.listen, super::folder::FILE)
        })?;
        let mut book = Book::default();
        book.learn(membership.nodes.iter().cloned());
        // A port that the system chose is known only now.
        let port = listener.local_addr()?.port();
        let address = membership.address.strip_suffix(":0").map(|host| format!("{host}:{port}"));
        let address = address.unwrap_or_else(|| membership.address.clone());
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let stamp = u64::try_from(stamp).unwrap_or(u64::MAX);
        book.is_here(Place { node: id.0, address, http: http.to_string(), stamp });
        let cluster = Self {
            id,
            name,
            authority: membership.authority(name)?,
            gifts,
            folder: folder.to_owned(),
            offering: Mutex::default(),
            engine: OnceLock::new(),
            marks: OnceLock::new(),
            halted: OnceLock::new(),
            meters: OnceLock::new(),
            comparisons: Comparisons::default(),
            damage: Mutex::default(),
            line: OnceLock::new(),
            is_fetching: AtomicBool::new(false),
            received: Mutex::default(),
            starts_again: AtomicBool::new(false),
            membership: Mutex::new(membership),
            book: Mutex::new(book),
            tokens: Tokens::new(directory, account),
            letting_in: Mutex::default(),
            peers: OnceLock::new(),
            inbox: OnceLock::new(),
            standing: watched::channel(Standing::default()).0,
            seen: Mutex::default(),
            looking: Mutex::default(),
            committed: AtomicU64::new(0),
            hands: Mutex::default(),
            next_hand: AtomicUsize::new(0),
        };
        Ok((Arc::new(cluster), listener))
    }

    /// Whether the log knows this node.
    pub(crate) fn start(&self) -> Start {
        if self.membership().has_started {
            return Start::Again;
        }
        // The first node began the log, alone; all others are told of what came after.
        Start::New(Members::of(&[NodeId(super::init::FIRST)]))
    }

    /// The leader's state, if it came and was just installed.
    pub(crate) fn restored(&self) -> Option<Offer> {
        self.membership().incoming.as_ref().map(Incoming::offer)
    }

    /// The leader's state has come, or is installed.
    pub(super) fn comes(&self, incoming: Option<Incoming>) -> anyhow::Result<()> {
        self.membership().incoming = incoming;
        self.keep()
    }

    /// The engine of this node.
    pub(crate) fn has_engine(&self, engine: &thread::Running) -> std::io::Result<()> {
        let line = Line::open(engine.clients().clone())?;
        let is_first = self.engine.set(engine.clients().clone()).is_ok()
            && self.line.set(line).is_ok()
            && self.marks.set(Arc::clone(engine.marks())).is_ok()
            && self.halted.set(Arc::clone(engine.halted())).is_ok()
            && self.meters.set(Arc::clone(engine.meters())).is_ok();
        assert!(is_first, "a node has one engine");
        if self.is_to_start_again() {
            engine.stop();
        }
        Ok(())
    }

    /// How the log stood a moment ago; `None` while the node starts or stops. Never waits for the log, which may wait for its disk.
    pub(crate) fn status(&self) -> Option<Status> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the log stands, once it has time to say so; `None` if it has stopped. From then on others are told no less.
    pub(super) fn look(&self) -> Option<Status> {
        let _alone = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let status = self.inbox().and_then(Inbox::status);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&status);
        status
    }

    /// What the digest of this node's state was.
    pub(super) fn marks(&self) -> Vec<Mark> {
        self.marks.get().map(|marks| marks.all()).unwrap_or_default()
    }

    /// Before which entry this node has halted, if it has.
    pub(super) fn halt(&self) -> Option<Halt> {
        self.halted.get().and_then(|halted| halted.get())
    }

    /// The feature level in force, as far as this node has applied the log (0 before that has begun); `None` while it starts.
    pub(super) fn feature_level(&self) -> Option<u32> {
        self.meters.get().map(|meters| meters.feature_level.load(Ordering::Relaxed))
    }

    /// What the last comparisons of replicas found.
    pub(crate) fn compared(&self) -> Found {
        self.comparisons.found()
    }

    /// A number that this node had before, and that still is a member. Those that are not are forgotten.
    pub(super) fn instead_of(&self, members: &Members) -> Option<NodeId> {
        let mut membership = self.membership();
        let known = membership.instead_of.len();
        membership.instead_of.retain(|&old| members.contains(NodeId(old)));
        let (left, changed) = (membership.instead_of.first().copied(), membership.instead_of.len() < known);
        drop(membership);
        if changed && let Err(error) = self.keep() {
            tracing::error!("{error:#}; it is looked at again with the next start");
        }
        left.map(NodeId)
    }

    /// Has the engine end, and then this node start again.
    pub(super) fn start_again(&self) {
        self.starts_again.store(true, Ordering::SeqCst);
        if let Some(engine) = self.engine.get() {
            engine.stop_engine();
        }
    }

    /// Whether it is to start again rather than to end.
    pub(crate) fn is_to_start_again(&self) -> bool {
        self.starts_again.load(Ordering::SeqCst)
    }

    /// The last entry that other nodes must not have from this one's log, but as part of its state.
    pub(crate) fn withheld(&self) -> LogIndex {
        LogIndex(self.membership().withheld)
    }

    /// This node's number.
    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    /// The log is open: begins to speak with the others.
    pub(crate) fn run(
        self: &Arc<Self>,
        listener: TcpListener,
        (node, writer): (evenkeel_log_raft::Node<RealDisk>, evenkeel_log_raft::Writer<RealDisk>),
    ) -> anyhow::Result<Threads> {
        self.membership().has_started = true;
        self.keep()?;
        let house = Arc::new(Doorkeeper(Arc::clone(self)));
        let identity = self.authority.issue(self.id)?;
        let (peers, thread) = Peers::start(evenkeel_peers::Options { identity, listener, house })?;
        let sender = peers.clone();
        let (inbox, log) = evenkeel_log_raft::run(node, writer, TICK, move |message| sender.send(message))?;
        let set = self.inbox.set(inbox).is_ok() && self.peers.set(peers).is_ok();
        assert!(set, "a node runs once");
        watch::start(Arc::clone(self))?;
        super::compare::start(Arc::clone(self))?;
        Ok(Threads { log, peers: thread })
    }

    /// Waits for the end of all threads, after the log was shut down.
    pub(crate) fn join(&self, threads: Threads) {
        threads.log.join();
        if let Some(peers) = self.peers.get() {
            peers.stop();
        }
        // A panic was told.
        _ = threads.peers.join();
    }

    /// How it stands, and whenever that changes.
    pub(crate) fn standing(&self) -> watched::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Whether this node leads.
    pub(crate) fn leads(&self) -> bool {
        self.standing.borrow().leads
    }

    /// Hands over before it stops, if it leads and another can: so nobody waits for an election.
    pub(crate) fn step_down(&self) {
        let until = Instant::now() + STEP_DOWN_MAX;
        let mut is_asked = false;
        while let Some(inbox) = self.inbox() {
            let Some(status) = inbox.status().filter(|status| status.owns.is_some()) else { return };
            if status.members.voters.iter().all(|voter| *voter == status.node) {
                return;
            }
            if !is_asked && let Some(furthest) = furthest(&status) {
                tracing::info!("handing over to node {furthest} before stopping");
                is_asked = inbox.hand_over(furthest).is_ok();
            }
            if Instant::now() > until {
                return tracing::warn!("nobody took over in time; the others will elect one");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether a node is a member, or may have become one behind what this node knows.
    pub(super) fn may_be_member(&self, node: NodeId) -> bool {
        let committed = LogIndex(self.committed.load(Ordering::Relaxed));
        self.standing.borrow().members.may_contain(node, self.id, committed)
    }

    pub(super) fn knows_committed(&self, index: LogIndex) {
        self.committed.store(index.0, Ordering::Relaxed);
    }

    pub(super) fn stands(&self, standing: Standing) -> bool {
        self.standing.send_if_modified(|known| {
            let is_new = *known != standing;
            *known = standing;
            is_new
        })
    }

    pub(super) fn peers(&self) -> Option<&Peers> {
        self.peers.get()
    }

    pub(super) fn inbox(&self) -> Option<&Inbox<RealDisk>> {
        self.inbox.get()
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn membership(&self) -> MutexGuard<'_, Membership> {
        self.membership.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what is known of the cluster.
    pub(super) fn keep(&self) -> anyhow::Result<()> {
        let nodes = self.book().places();
        let mut membership = self.membership();
        membership.nodes = nodes;
        membership.write(&self.folder)
    }

    /// A thread that serves requests, which others send here.
    pub(crate) fn hand(&self) -> mpsc::UnboundedReceiver<Asked> {
        let (hand, asked) = mpsc::unbounded_channel();
        self.hands.lock().unwrap_or_else(PoisonError::into_inner).push(hand);
        asked
    }

    /// Gives a request of another node to one of the threads that serve, in turn. Before they are there, or
    /// when they end, the answer is that nothing was done.
    pub(super) fn hand_out(&self, asked: Asked) {
        let hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.next_hand.fetch_add(1, Ordering::Relaxed).checked_rem(hands.len());
        let asked = match turn.and_then(|turn| hands.get(turn)) {
            Some(hand) => hand.send(asked).err().map(|unsent| unsent.0),
            None => Some(asked),
        };
        if let Some(asked) = asked {
            asked.reply.send(bytes::Bytes::new());
        }
    }
}
