//! Opens a node's log: the vote file, the segments, and what an earlier life had begun.

use crate::{
    error::{Doing, damaged},
    log::RaftLog,
    members::{Members, NodeId},
    node::Node,
    options::{Opened, Options, Start},
    shared::{Offer, Shared},
    store::Store,
    votes::{self, Record, Votes},
    writer::Writer,
};
use evenkeel_disk::Disk;
use evenkeel_log::LogError;
use evenkeel_log_local::{OpenReport, Segments};
use evenkeel_types::{Epoch, LogIndex};
use raft_proto::eraftpb::HardState;
use std::{io, path::Path};

/// A node's log in its three parts, and what was found.
pub type Parts<D> = (RaftLog<D>, Node<D>, Writer<D>, Opened);

/// Opens the log in `dir`, or makes it. `applied` is an index whose state the caller holds durably.
///
/// The entries after `applied` come through [`evenkeel_log::Log::poll`] as far as they are known to be committed, and the others once a leader says so.
///
/// # Errors
/// The folder is in use, or something is damaged, missing, too new or unreadable. Damage changes nothing on the disk.
pub(crate) fn open<D: Disk>(disk: D, dir: &Path, options: &Options, applied: LogIndex) -> Result<Parts<D>, LogError> {
    disk.create_dir_all(dir).doing(|| "making the log's folder".into())?;
    let lock = disk.lock(&dir.join("lock")).or_else(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Err(LogError::Locked),
        _ => Err(error).doing(|| "locking the log's folder".into()),
    })?;
    let found = Votes::open(&disk, dir, options.node, options.log)?;
    let is_new = found.is_none();
    if is_new && matches!(options.start, Start::Again | Start::Alone) {
        return Err(damaged(
            votes::NAME,
            0,
            "it is gone, and with it the votes of this node; it can come back under a new number",
        ));
    }
    let (mut file, mut record) = found.map_or((None, Record::default()), |(file, record)| (Some(file), record));
    if let Some(offer) =
        options.restored.as_ref().filter(|offer| offer.at == applied && record.base != (applied, offer.epoch))
    {
        if file.is_none() || !offer.members.fits() {
            return Err(LogError::Misuse("a node that is new has no state of a cluster"));
        }
        note_snapshot(&mut record, offer);
    }
    // The state may be that of a snapshot whose installation a crash cut off.
    let from_snapshot = applied > LogIndex::ZERO && record.base.0 == applied;
    let known = if from_snapshot { record.committed } else { record.committed.max(applied) };
    let (mut segments, mut report) = Segments::open(disk.clone(), dir, options.of_segments(), known, applied)?;
    // A disk that is full already may still refuse a truncation. It did before there was such a file.
    segments.keep_room_for_intents()?;
    let has = applied <= segments.last() && (!from_snapshot || epoch_of(applied, &report) == Some(record.base.1));
    if !has {
        if !from_snapshot {
            return Err(damaged("log", 0, format!("the state is that of entry {applied}, and the log ends before")));
        }
        // As while it runs: first what the log begins with, and then the log.
        if let Some(file) = &mut file {
            file.rewrite(&record)?;
        }
        segments.reset_to(applied, record.base.1)?;
        report.epochs = vec![record.base];
        report.behind_state = true;
    }
    let last = segments.last();
    let epoch = segments.epoch();
    if let (true, Start::New(members)) = (is_new, &options.start) {
        record = first_record(options, members, last, epoch)?;
    }
    if epoch.0 > record.term {
        let what = format!("it knows of term {} only, and the log has entries of epoch {epoch}", record.term);
        return Err(damaged(votes::NAME, 48, what));
    }
    let base = report.epochs.first().map_or(LogIndex::ZERO, |(base, _)| *base);
    record.committed = record.committed.max(applied).max(base).min(last);
    let file = match file {
        Some(mut file) => {
            if options.start == Start::Alone {
                be_alone(&mut record, options.node, last);
                file.save(&record)?;
            } else {
                file.rewrite(&record)?;
            }
            file
        }
        None => Votes::create(&disk, dir, options.node, options.log, &record)?,
    };
    let opened = Opened {
        committed: record.committed,
        term: record.term,
        members: record.members.clone(),
        is_new,
        finished_snapshot: !has,
        segments: report.clone(),
    };
    let hard = HardState { term: record.term, vote: record.vote, commit: record.committed.0 };
    let members = (record.members, record.members_index);
    let store = Store::new(segments.reader(), report.epochs, last, hard, members).withholding(options.withheld);
    let shared = Shared::new(segments.upkeep(), lock);
    shared.kept_by(&opened.members);
    shared.upkeep.commit(applied);
    shared.queue().told = applied;
    let writer = Writer::new(shared.clone(), segments, file, options.group_bytes_max);
    let log = RaftLog::new(shared.clone(), applied, last);
    let node = Node::new(shared, store, (options.node, options.seed), applied, record.base)?;
    Ok((log, node, writer, opened))
}

/// The state is that of a snapshot, and the vote file does not say so yet.
fn note_snapshot(record: &mut Record, offer: &Offer) {
    record.base = (offer.at, offer.epoch);
    (record.members, record.members_index) = (offer.members.clone(), offer.at);
    if offer.epoch.0 > record.term {
        (record.term, record.vote) = (offer.epoch.0, 0);
    }
}

/// It is the only member from now on. Changes of members in its log count no more.
fn be_alone(record: &mut Record, node: NodeId, last: LogIndex) {
    record.members = Members::of(&[node]);
    (record.members_index, record.committed) = (last, last);
}

/// The epoch of an entry among those that were checked.
fn epoch_of(index: LogIndex, report: &OpenReport) -> Option<Epoch> {
    let number = report.epochs.partition_point(|(begins, _)| *begins <= index);
    report.epochs.get(number.checked_sub(1)?).map(|(_, epoch)| *epoch)
}

/// What a node knows that was never here.
fn first_record(options: &Options, members: &Members, last: LogIndex, epoch: Epoch) -> Result<Record, LogError> {
    if options.node.0 == 0 || members.voters.is_empty() || !members.fits() {
        return Err(LogError::Misuse("a cluster needs members, whose numbers are not 0"));
    }
    let alone = members.is_alone(options.node);
    if last > LogIndex::ZERO && !alone {
        return Err(LogError::Misuse("a node that has a log begins a cluster alone; let others join it"));
    }
    // All that a single node's log holds was committed when it was synced.
    Ok(Record { term: epoch.0, committed: last, members: members.clone(), ..Record::default() })
}
