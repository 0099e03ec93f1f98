//! Nodes on loopback addresses that speak to each other, and others that should not be able to.

use crate::{
    Asked, Authority, ClusterId, House, Identity, JoinError, Joining, Options, Peers, Secret, Token,
    frame::{self, Frame, Speaker},
    join,
    limits::{FRAME_BYTES_MAX, QUEUE_BYTES_MAX},
    link::{AskError, connect},
    tls,
};
use bytes::Bytes;
use evenkeel_disk::RealDisk;
use evenkeel_log_local::LogId;
use evenkeel_log_raft::{Members, Message, Node, NodeId, RaftLog, Start};
use evenkeel_types::LogIndex;
use std::{
    collections::BTreeMap,
    io,
    net::TcpListener,
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

const CLUSTER: ClusterId = ClusterId([5; 16]);
const SOON: Duration = Duration::from_secs(20);

enum Heard {
    Message(Box<Message>),
    Note(NodeId, Bytes),
    Ask(Asked),
    Join(Joining),
}

struct Ears {
    heard: Mutex<mpsc::Sender<Heard>>,
    stranger: Option<NodeId>,
}

impl Ears {
    fn hear(&self, heard: Heard) {
        self.heard.lock().unwrap().send(heard).unwrap();
    }
}

impl House for Ears {
    fn admits(&self, node: NodeId) -> bool {
        self.stranger != Some(node)
    }
    fn message(&self, message: Message) {
        self.hear(Heard::Message(Box::new(message)));
    }
    fn note(&self, from: NodeId, note: Bytes) {
        self.hear(Heard::Note(from, note));
    }
    fn ask(&self, asked: Asked) {
        self.hear(Heard::Ask(asked));
    }
    fn join(&self, joining: Joining) {
        self.hear(Heard::Join(joining));
    }
}

struct Place {
    peers: Peers,
    address: String,
    heard: mpsc::Receiver<Heard>,
    thread: Option<JoinHandle<()>>,
}

impl Place {
    fn of(identity: Identity, stranger: Option<NodeId>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (hear, heard) = mpsc::channel();
        let house = Arc::new(Ears { heard: Mutex::new(hear), stranger });
        let (peers, thread) = Peers::start(Options { identity, listener, house }).unwrap();
        Self { peers, address, heard, thread: Some(thread) }
    }

    fn new(authority: &Authority, node: u64) -> Self {
        Self::of(authority.issue(NodeId(node)).unwrap(), None)
    }

    fn knows(&self, node: u64, other: &Self) {
        self.peers.are_at(&BTreeMap::from([(NodeId(node), other.address.clone())]));
    }

    fn hear(&self) -> Heard {
        self.heard.recv_timeout(SOON).unwrap()
    }

    /// Waits for a question without holding up who asks it.
    async fn asked(&self) -> Asked {
        loop {
            if let Ok(Heard::Ask(asked)) = self.heard.try_recv() {
                return asked;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Answers the next question.
    async fn answer(&self, answer: impl Into<Bytes>) {
        self.asked().await.reply.send(answer.into());
    }

    fn has_heard_nothing(&self) -> bool {
        matches!(self.heard.try_recv(), Err(mpsc::TryRecvError::Empty))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.peers.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn wait<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(SOON, what).await.expect("it takes too long") })
}

/// Asks until there is a connection.
async fn ask(peers: &Peers, to: u64, request: &'static [u8]) -> Result<crate::Answered, AskError> {
    loop {
        match peers.ask(NodeId(to), Bytes::from_static(request)).await {
            Err(AskError::Unreachable) => tokio::task::yield_now().await,
            answered => return answered,
        }
    }
}

/// What a node that campaigns says to the others of a cluster of three.
fn campaign(node: u64) -> Vec<Message> {
    let folder = tempfile::tempdir().unwrap();
    let members = Members::of(&[1, 2, 3].map(NodeId));
    let options = evenkeel_log_raft::Options::new(LogId(CLUSTER.0), NodeId(node), Start::New(members));
    let (_log, mut core, mut writer, _) = RaftLog::open(RealDisk, folder.path(), &options, LogIndex::ZERO).unwrap();
    let said = |core: &mut Node<RealDisk>| core.take_messages();
    loop {
        core.tick();
        if writer.write() {
            writer.sync();
            writer.publish();
        }
        core.work();
        let messages = said(&mut core);
        if !messages.is_empty() {
            return messages;
        }
    }
}

async fn dial(identity: &Identity, name: NodeId, to: &Place) -> io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(tls::of_link(identity).unwrap());
    connect(&connector, &tls::name_of(identity.cluster, name).unwrap(), &to.address).await
}

/// Says that, and waits until the other side has ended the connection.
async fn is_thrown_out(mut stream: TlsStream<TcpStream>, said: &[u8]) -> bool {
    _ = stream.write_all(said).await;
    _ = stream.flush().await;
    stream.read(&mut [0; 64]).await.unwrap_or(0) == 0
}

fn bytes(frame: Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes
}

#[test]
fn messages_notes_and_questions_come_through_as_they_were() {
    let authority = Authority::new(CLUSTER).unwrap();
    let (one, two) = (Place::new(&authority, 1), Place::new(&authority, 2));
    one.peers.say(Bytes::from_static(b"early"));
    one.knows(2, &two);
    assert!(matches!(two.hear(), Heard::Note(NodeId(1), note) if note == "early"[..]));
    one.peers.say(Bytes::from_static(b"late"));
    assert!(matches!(two.hear(), Heard::Note(NodeId(1), note) if note == "late"[..]));
    let message = campaign(1).into_iter().find(|message| message.to() == NodeId(2)).unwrap();
    one.peers.send(message.clone());
    assert!(matches!(two.hear(), Heard::Message(heard) if *heard == message));
    let answer = wait(async {
        let asking = ask(&one.peers, 2, b"how much");
        let answering = async {
            let asked = two.asked().await;
            assert_eq!((asked.from, asked.request.as_ref()), (NodeId(1), b"how much".as_slice()));
            asked.reply.send(vec![7; 3 << 20].into());
        };
        tokio::join!(asking, answering).0.unwrap().answer
    });
    assert_eq!(answer, vec![7; 3 << 20]);
}

#[test]
fn a_question_that_is_dropped_is_withdrawn_and_so_is_an_answer_of_no_use() {
    let authority = Authority::new(CLUSTER).unwrap();
    let (one, two) = (Place::new(&authority, 1), Place::new(&authority, 2));
    one.knows(2, &two);
    wait(async {
        let mut asking = Box::pin(ask(&one.peers, 2, b"forgotten"));
        let asked = tokio::select! {
            _ = &mut asking => panic!("nobody answered"),
            asked = two.asked() => asked,
        };
        drop(asking);
        asked.withdrawn.await.unwrap();
        let answering = async { ask(&one.peers, 2, b"of no use").await.unwrap() };
        let (answered, withdrawn) = tokio::join!(answering, async {
            let asked = two.asked().await;
            asked.reply.send(Bytes::from_static(b"answer"));
            (asked.withdrawn,)
        });
        answered.withdraw();
        withdrawn.0.await.unwrap();
        // That the node is gone is something else: it may have used the answer.
        let answering = async { ask(&one.peers, 2, b"used").await.unwrap() };
        let (answered, withdrawn) = tokio::join!(answering, async {
            let asked = two.asked().await;
            asked.reply.send(Bytes::from_static(b"answer"));
            (asked.withdrawn,)
        });
        drop(answered);
        one.peers.stop();
        withdrawn.0.await.unwrap_err();
    });
}

#[test]
fn who_answers_no_more_loses_the_questions() {
    let authority = Authority::new(CLUSTER).unwrap();
    let (one, two) = (Place::new(&authority, 1), Place::new(&authority, 2));
    one.knows(2, &two);
    let lost = wait(async {
        let asking = ask(&one.peers, 2, b"anybody?");
        let going = async {
            let asked = two.asked().await;
            two.peers.stop();
            drop(asked);
        };
        tokio::join!(asking, going).0.err()
    });
    assert_eq!(lost, Some(AskError::Lost));
}

#[test]
fn nodes_of_another_authority_are_strangers_though_they_use_the_same_names() {
    let (ours, theirs) = (Authority::new(CLUSTER).unwrap(), Authority::new(CLUSTER).unwrap());
    let one = Place::new(&ours, 1);
    let (ours, theirs) = (ours.issue(NodeId(2)).unwrap(), theirs.issue(NodeId(2)).unwrap());
    wait(async {
        let error = dial(&theirs, NodeId(1), &one).await.unwrap_err();
        assert!(error.to_string().contains("invalid peer certificate"), "{error}");
        // One that does not care whom it speaks to.
        let roots = tls::of_link(&ours).unwrap();
        let mut careless = (*roots).clone();
        let stolen = tls::of_link(&theirs).unwrap();
        careless.client_auth_cert_resolver = Arc::clone(&stolen.client_auth_cert_resolver);
        let connector = TlsConnector::from(Arc::new(careless));
        let name = tls::name_of(CLUSTER, NodeId(1)).unwrap();
        if let Ok(stream) = connect(&connector, &name, &one.address).await {
            assert!(is_thrown_out(stream, &bytes(Frame::Note(Bytes::from_static(b"let me in")))).await);
        }
    });
    assert!(one.has_heard_nothing());
}

#[test]
fn a_node_is_who_its_certificate_says() {
    let authority = Authority::new(CLUSTER).unwrap();
    let one = Place::new(&authority, 1);
    let three = authority.issue(NodeId(3)).unwrap();
    let of_two = campaign(2).into_iter().find(|message| message.to() == NodeId(1)).unwrap();
    let to_two = campaign(3).into_iter().find(|message| message.to() == NodeId(2)).unwrap();
    wait(async {
        // It wants node 2, and meets node 1.
        let error = dial(&three, NodeId(2), &one).await.unwrap_err();
        assert!(error.to_string().contains("not valid for name"), "{error}");
        for lie in [of_two, to_two] {
            let stream = dial(&three, NodeId(1), &one).await.unwrap();
            assert!(is_thrown_out(stream, &bytes(Frame::Log(Box::new(lie)))).await);
        }
    });
    assert!(one.has_heard_nothing());
    // And a node of another cluster with the same authority is none of this one.
    let other = Authority::of(ClusterId([6; 16]), authority.certificate().to_vec(), authority.key().to_vec()).unwrap();
    let other = other.issue(NodeId(2)).unwrap();
    wait(async {
        let connector = TlsConnector::from(tls::of_link(&other).unwrap());
        let name = tls::name_of(CLUSTER, NodeId(1)).unwrap();
        if let Ok(stream) = connect(&connector, &name, &one.address).await {
            assert!(is_thrown_out(stream, &bytes(Frame::Note(Bytes::from_static(b"hello")))).await);
        }
    });
    assert!(one.has_heard_nothing());
}

#[test]
fn who_is_no_member_is_not_heard() {
    let authority = Authority::new(CLUSTER).unwrap();
    let one = Place::of(authority.issue(NodeId(1)).unwrap(), Some(NodeId(2)));
    let two = authority.issue(NodeId(2)).unwrap();
    wait(async {
        let stream = dial(&two, NodeId(1), &one).await.unwrap();
        assert!(is_thrown_out(stream, &bytes(Frame::Note(Bytes::from_static(b"I was removed")))).await);
    });
    assert!(one.has_heard_nothing());
}

#[test]
fn frames_that_cannot_be_end_the_connection_before_they_are_kept() {
    let authority = Authority::new(CLUSTER).unwrap();
    let one = Place::new(&authority, 1);
    let two = authority.issue(NodeId(2)).unwrap();
    let head = |bytes: usize, kind: u8| [&u32::try_from(bytes).unwrap().to_le_bytes()[..], &[kind]].concat();
    let of_log = [head(3, 1), vec![1, 2, 3]].concat();
    let short_ask = [head(7, 2), vec![0; 7]].concat();
    let long_cancel = [head(9, 3), vec![0; 9]].concat();
    let wrong = [
        head(FRAME_BYTES_MAX + 1, 1),
        head(FRAME_BYTES_MAX, 4),
        head(u32::MAX as usize, 4),
        head(0, 0),
        head(0, 99),
        of_log,
        short_ask,
        long_cancel,
    ];
    let answer = bytes(Frame::Answer(1, Bytes::new()));
    wait(async {
        for said in wrong.iter().chain([&answer]) {
            let stream = dial(&two, NodeId(1), &one).await.unwrap();
            assert!(is_thrown_out(stream, said).await, "{:?}", said.get(..5));
        }
    });
    assert!(one.has_heard_nothing());
}

#[test]
fn a_stranger_may_ask_to_be_let_in_and_nothing_else() {
    let authority = Authority::new(CLUSTER).unwrap();
    let one = Place::new(&authority, 1);
    let token = Token { fingerprint: authority.fingerprint(), secret: Secret::draw().unwrap() };
    wait(async {
        let frames = [
            bytes(Frame::Note(Bytes::from_static(b"hello"))),
            bytes(Frame::Ask(1, Bytes::from_static(b"what is there?"))),
            bytes(Frame::Join(token.secret.clone(), vec![0; 5_000].into())),
        ];
        for said in frames {
            let connector = TlsConnector::from(tls::of_stranger(token.fingerprint).unwrap());
            let stream = connect(&connector, &tls::any_node().unwrap(), &one.address).await.unwrap();
            assert!(is_thrown_out(stream, &said).await);
        }
    });
    assert!(one.has_heard_nothing());
    let (address, known) = (one.address.clone(), token.clone());
    let joining = std::thread::spawn(move || {
        let join = || wait(join(&address, &known, Bytes::from_static(b"me")));
        assert_eq!(join().unwrap(), "welcome");
        assert!(matches!(join(), Err(JoinError::Refused { why, .. }) if why == "no"));
    });
    for answer in [Ok(Bytes::from_static(b"welcome")), Err("no".to_owned())] {
        let Heard::Join(joining) = one.hear() else { panic!("not a join") };
        assert_eq!((&joining.secret, joining.request.as_ref()), (&token.secret, b"me".as_slice()));
        joining.answer.send(answer).unwrap();
    }
    joining.join().unwrap();
}

/// A new node is told where all others are, which takes more than what it says of itself.
#[test]
fn a_stranger_is_told_more_than_it_may_say() {
    let authority = Authority::new(CLUSTER).unwrap();
    let one = Place::new(&authority, 1);
    let token = Token { fingerprint: authority.fingerprint(), secret: Secret::draw().unwrap() };
    let address = one.address.clone();
    let joining = std::thread::spawn(move || wait(join(&address, &token, Bytes::new())));
    let Heard::Join(asked) = one.hear() else { panic!("not a join") };
    let welcome = Bytes::from(vec![7; 64 * 1024]);
    asked.answer.send(Ok(welcome.clone())).unwrap();
    assert_eq!(joining.join().unwrap().unwrap(), welcome);
}

#[test]
fn a_secret_is_not_told_to_a_node_of_another_cluster() {
    let (ours, theirs) = (Authority::new(CLUSTER).unwrap(), Authority::new(CLUSTER).unwrap());
    let impostor = Place::new(&theirs, 1);
    let token = Token { fingerprint: ours.fingerprint(), secret: Secret::draw().unwrap() };
    let error = wait(join(&impostor.address, &token, Bytes::new())).unwrap_err();
    assert!(matches!(error, JoinError::NoNode { .. }), "{error}");
    assert!(impostor.has_heard_nothing());
}

#[test]
fn one_that_does_not_read_holds_up_nobody_else() {
    let authority = Authority::new(CLUSTER).unwrap();
    let (one, two) = (Place::new(&authority, 1), Place::new(&authority, 2));
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = [(NodeId(2), two.address.clone()), (NodeId(3), deaf.local_addr().unwrap().to_string())];
    one.peers.are_at(&BTreeMap::from(addresses));
    deaf.set_nonblocking(true).unwrap();
    wait(async {
        // It proves itself and then never reads.
        let deaf = tokio::net::TcpListener::from_std(deaf).unwrap();
        let acceptor = TlsAcceptor::from(tls::of_porch(&authority.issue(NodeId(3)).unwrap()).unwrap());
        let _held = acceptor.accept(deaf.accept().await.unwrap().0).await.unwrap();
        let mib = Bytes::from(vec![0; 1 << 20]);
        let mut asking = Vec::new();
        let refused = loop {
            let mut next = Box::pin(one.peers.ask(NodeId(3), mib.clone()));
            match tokio::time::timeout(Duration::from_millis(1), &mut next).await {
                Err(_) => asking.push(next),
                Ok(answered) => {
                    let error = answered.err().unwrap();
                    // Before the connection is there nothing is taken.
                    if !asking.is_empty() {
                        break error;
                    }
                }
            }
        };
        assert_eq!(refused, AskError::Unreachable);
        assert!(asking.len() <= QUEUE_BYTES_MAX >> 18, "{} MiB were kept for it", asking.len());
        assert_eq!(tokio::join!(ask(&one.peers, 2, b"there?"), two.answer("here")).0.unwrap().answer, "here");
    });
}

#[test]
fn a_node_that_comes_back_elsewhere_is_found() {
    let authority = Authority::new(CLUSTER).unwrap();
    let one = Place::new(&authority, 1);
    let answer = |place: &Place| {
        wait(async {
            let asking = async {
                loop {
                    if let Ok(answered) = ask(&one.peers, 2, b"there?").await {
                        return answered.answer;
                    }
                }
            };
            tokio::join!(asking, place.answer("here")).0
        })
    };
    let two = Place::new(&authority, 2);
    one.knows(2, &two);
    assert_eq!(answer(&two), "here");
    drop(two);
    let two = Place::new(&authority, 2);
    one.knows(2, &two);
    assert_eq!(answer(&two), "here");
    one.peers.are_at(&BTreeMap::new());
    assert_eq!(wait(one.peers.ask(NodeId(2), Bytes::new())).err(), Some(AskError::Unreachable));
}

#[test]
fn frames_are_read_as_they_were_written() {
    let secret = Secret::draw().unwrap();
    wait(async {
        let read = async |frame: Frame, speaker| frame::read(&mut bytes(frame).as_slice(), speaker).await.unwrap();
        assert!(matches!(read(Frame::Cancel(7), Speaker::Dialler).await, Some(Frame::Cancel(7))));
        let answer = read(Frame::Answer(1 << 40, Bytes::from_static(b"so")), Speaker::Dialled).await;
        assert!(matches!(answer, Some(Frame::Answer(number, answer)) if number == 1 << 40 && answer == "so"[..]));
        let join = read(Frame::Join(secret.clone(), Bytes::from_static(b"me")), Speaker::Stranger).await;
        assert!(matches!(join, Some(Frame::Join(read, me)) if read == secret && me == "me"[..]));
        let no = read(Frame::NotJoined("why".into()), Speaker::Host).await;
        assert!(matches!(no, Some(Frame::NotJoined(why)) if why == "why"));
        let none = frame::read(&mut [0_u8; 0].as_slice(), Speaker::Host).await;
        assert!(none.unwrap().is_none());
        let cut = bytes(Frame::Cancel(7));
        let error = frame::read(&mut &cut[..9], Speaker::Dialler).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let no_words = [&3_u32.to_le_bytes()[..], &[8, 0xff, 0xfe, 0xff]].concat();
        let error = frame::read(&mut no_words.as_slice(), Speaker::Host).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    });
}

/// So that a head alone makes nobody set memory aside for what it is not to say.
#[test]
fn what_is_another_s_to_say_is_refused_by_its_head_alone() {
    wait(async {
        for speaker in [Speaker::Dialler, Speaker::Dialled, Speaker::Stranger, Speaker::Host] {
            let mut says = Vec::new();
            for kind in 0..=u8::MAX {
                let head = [1, 0, 0, 0, kind];
                let error = frame::read(&mut head.as_slice(), speaker).await.unwrap_err();
                // What it may say is read on, and is missing.
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    says.push(kind);
                }
            }
            let expected: &[u8] = match speaker {
                Speaker::Dialler => &[1, 2, 3, 4],
                Speaker::Dialled => &[5],
                Speaker::Stranger => &[6],
                Speaker::Host => &[7, 8],
            };
            assert_eq!(says, expected, "{speaker:?}");
        }
    });
}
