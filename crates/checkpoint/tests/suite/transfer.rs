//! Carrying a checkpoint to another machine.

use super::harness::{
    Collect, check_all, dir, disk_with, meta, names, names_with, open, path, small, state, write_next,
};
use evenkeel_checkpoint::{FileInfo, LoadError, Pinned, ReceiveError, Receiver};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_types::LogIndex;
use std::io::ErrorKind;

const PIECE: u64 = 500;

/// Sends what is missing, in pieces, and at most so many.
fn send(receiver: &mut Receiver<MemDisk>, pinned: &Pinned<MemDisk>, pieces: u64) -> std::io::Result<()> {
    let mut left = pieces;
    for (at, (file, has)) in pinned.files().into_iter().zip(receiver.has()).enumerate() {
        let mut offset = has;
        while offset < file.bytes && left > 0 {
            let mut piece = vec![0; PIECE.min(file.bytes - offset) as usize];
            pinned.read(at, offset, &mut piece).unwrap();
            receiver.write(at, offset, &piece)?;
            offset += piece.len() as u64;
            left -= 1;
        }
    }
    Ok(())
}

pub(super) fn receive(disk: &MemDisk, pinned: &Pinned<MemDisk>) -> Result<LogIndex, ReceiveError> {
    let mut receiver = Receiver::open(disk.clone(), dir(), &pinned.files(), &small())?;
    send(&mut receiver, pinned, u64::MAX)?;
    receiver.finish()
}

fn check_pinned(pinned: &Pinned<MemDisk>, index: u64) {
    let mut sink = Collect::default();
    pinned.load(&mut sink).unwrap();
    assert_eq!((sink.meta, pinned.index().0), (Some(meta(index)), index));
    assert!(sink.records == state(index));
}

pub(crate) fn a_pinned_checkpoint_is_readable_when_its_files_are_gone() {
    fn needs<T: Send + Sync + Clone>(_: &T) {}
    let disk = disk_with(&[1, 2, 3]);
    let (mut checkpoints, _) = open(&disk);
    assert!(checkpoints.pin(LogIndex(1)).is_none());
    let pinned = checkpoints.pin(LogIndex(3)).unwrap();
    needs(&pinned);
    let files = pinned.files();
    assert_eq!(files.len(), 4);
    let mut bytes = vec![0; files[0].bytes as usize];
    pinned.read(0, 0, &mut bytes).unwrap();
    assert_eq!(bytes, disk.contents(&path(&files[0].name)).unwrap());
    write_next(&mut checkpoints, 4, false).unwrap();
    super::harness::write(&mut checkpoints, 5, evenkeel_checkpoint::Source::Whole, false).unwrap();
    write_next(&mut checkpoints, 6, false).unwrap();
    assert!(files.iter().all(|file| !names(&disk).contains(&file.name)), "all of them are gone");
    check_pinned(&pinned.clone(), 3);
    assert_eq!(pinned.read(0, 1, &mut bytes).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(pinned.read(1, files[1].bytes, &mut [0]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(pinned.read(4, 0, &mut [0]).unwrap_err().kind(), ErrorKind::InvalidInput);
}

pub(crate) fn a_received_checkpoint_is_the_same_and_the_old_ones_go() {
    let sent = disk_with(&[5, 6, 7]);
    let pinned = open(&sent).0.pin(LogIndex(7)).unwrap();
    for there in [&[][..], &[1], &[1, 2, 3]] {
        let disk = disk_with(there);
        assert_eq!(receive(&disk, &pinned).unwrap(), LogIndex(7));
        let (checkpoints, report) = open(&disk);
        assert_eq!((report.kept, report.removed), (vec![LogIndex(7)], vec![]));
        drop(checkpoints);
        disk.crash();
        let (mut checkpoints, _) = open(&disk);
        check_all(&checkpoints);
        assert_eq!(names_with(&disk, ".run").len(), 3);
        assert_eq!(names_with(&disk, ".received"), Vec::<String>::new());
        // It goes on from there, and can be sent on.
        write_next(&mut checkpoints, 9, true).unwrap();
        check_all(&checkpoints);
        let third = MemDisk::new(3);
        receive(&third, &checkpoints.pin(LogIndex(9)).unwrap()).unwrap();
        check_all(&open(&third).0);
        let again = receive(&disk, &pinned).unwrap_err();
        assert!(matches!(again, ReceiveError::NotNewer { here: LogIndex(9), received: LogIndex(7) }), "{again}");
    }
}

pub(crate) fn a_transfer_goes_on_after_a_crash_with_what_is_durable() {
    let sent = disk_with(&[8, 9, 10]);
    let pinned = open(&sent).0.pin(LogIndex(10)).unwrap();
    let source = |file: &FileInfo| sent.contents(&path(&file.name)).unwrap();
    let mut went_on = false;
    for pieces in 0..30 {
        for seed in 0..6 {
            let disk = disk_with(&[1]).fork(pieces * 10 + seed);
            let mut receiver = Receiver::open(disk.clone(), dir(), &pinned.files(), &small()).unwrap();
            send(&mut receiver, &pinned, pieces).unwrap();
            drop(receiver);
            disk.crash();
            // Opening the folder does not cost what has come.
            let received = names_with(&disk, ".received");
            check_all(&open(&disk).0);
            assert_eq!(names_with(&disk, ".received"), received);
            let mut receiver = Receiver::open(disk.clone(), dir(), &pinned.files(), &small()).unwrap();
            for (file, has) in pinned.files().iter().zip(receiver.has()) {
                let name =
                    names(&disk).into_iter().find(|name| name.starts_with(&file.name) && name.ends_with("received"));
                let there = disk.contents(&path(&name.unwrap())).unwrap();
                assert!(there[..has as usize] == source(file)[..has as usize], "{} bytes of {file:?}", has);
                went_on |= has > 0;
            }
            send(&mut receiver, &pinned, u64::MAX).unwrap();
            assert_eq!(receiver.finish().unwrap(), LogIndex(10));
            check_all(&open(&disk).0);
        }
    }
    assert!(went_on);
    // Another list makes these superfluous.
    let disk = MemDisk::new(1);
    let mut receiver = Receiver::open(disk.clone(), dir(), &pinned.files(), &small()).unwrap();
    send(&mut receiver, &pinned, 3).unwrap();
    let other = open(&sent).0.pin(LogIndex(9)).unwrap();
    assert_eq!(receive(&disk, &other).unwrap(), LogIndex(9));
    assert_eq!(names_with(&disk, ".received"), Vec::<String>::new());
    Receiver::open(disk.clone(), dir(), &pinned.files(), &small()).unwrap();
    Receiver::discard(disk.clone(), dir()).unwrap();
    assert_eq!(names_with(&disk, ".received"), Vec::<String>::new());
    check_all(&open(&disk).0);
}

pub(crate) fn what_was_damaged_on_the_way_is_sent_again() {
    let sent = disk_with(&[5, 6, 7]);
    let pinned = open(&sent).0.pin(LogIndex(7)).unwrap();
    for damaged in 0..pinned.files().len() {
        let disk = disk_with(&[1]);
        let mut receiver = Receiver::open(disk.clone(), dir(), &pinned.files(), &small()).unwrap();
        assert!(matches!(receiver.finish(), Err(ReceiveError::Refused(_))));
        send(&mut receiver, &pinned, u64::MAX).unwrap();
        let name =
            names_with(&disk, ".received").into_iter().find(|name| name.starts_with(&pinned.files()[damaged].name));
        disk.flip_bit(&path(&name.unwrap()), 90, 0).unwrap();
        let error = receiver.finish().unwrap_err();
        assert!(matches!(error, ReceiveError::Damaged(LoadError::Damaged { .. })), "{error}");
        check_all(&open(&disk).0);
        let missing: Vec<_> =
            receiver.has().iter().enumerate().filter(|(_, has)| **has == 0).map(|(at, _)| at).collect();
        assert_eq!(missing, [damaged], "only that one is sent again");
        send(&mut receiver, &pinned, u64::MAX).unwrap();
        assert_eq!(receiver.finish().unwrap(), LogIndex(7));
        check_all(&open(&disk).0);
    }
    // A sync that fails costs the file.
    let disk = MemDisk::new(1);
    let mut receiver = Receiver::open(disk.clone(), dir(), &pinned.files(), &small()).unwrap();
    disk.fail_sync(1);
    send(&mut receiver, &pinned, u64::MAX).unwrap_err();
    send(&mut receiver, &pinned, u64::MAX).unwrap();
    receiver.finish().unwrap();
    disk.crash();
    check_all(&open(&disk).0);
}

pub(crate) fn lists_and_pieces_that_make_no_sense_are_refused() {
    let sent = disk_with(&[5, 6]);
    let pinned = open(&sent).0.pin(LogIndex(6)).unwrap();
    let files = pinned.files();
    let disk = MemDisk::new(1);
    let twice = [&files[..], &files[1..2]].concat();
    let outside = [FileInfo { name: "../log/0000000000000001.run".to_owned(), bytes: 5 }];
    let huge = [FileInfo { name: files[0].name.clone(), bytes: u64::MAX }];
    for list in [&[][..], &files[1..], &twice, &[&files[..1], &outside].concat(), &huge] {
        let refused = Receiver::open(disk.clone(), dir(), list, &small()).err().unwrap();
        assert!(matches!(refused, ReceiveError::Refused(_)), "{refused}");
    }
    assert!(disk.list(dir()).is_err(), "nothing was made");
    let mut receiver = Receiver::open(disk.clone(), dir(), &files, &small()).unwrap();
    for (file, offset, bytes) in [(0, 1, 10), (9, 0, 1), (0, 0, 100_000), (1, 0, 1025)] {
        let error = receiver.write(file, offset, &vec![0; bytes]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    // A manifest that names other files than the list.
    let swapped = [files[0].clone(), files[2].clone(), files[1].clone()];
    let mut receiver = Receiver::open(disk.clone(), dir(), &swapped, &small()).unwrap();
    for (at, from) in [(0, 0), (1, 2), (2, 1)] {
        let mut offset = 0;
        while offset < files[from].bytes {
            let mut bytes = vec![0; 1000.min(files[from].bytes - offset) as usize];
            pinned.read(from, offset, &mut bytes).unwrap();
            receiver.write(at, offset, &bytes).unwrap();
            offset += bytes.len() as u64;
        }
    }
    assert!(matches!(receiver.finish(), Err(ReceiveError::Damaged(_))));
}

pub(crate) fn a_full_disk_interrupts_a_transfer() {
    let sent = disk_with(&[5, 6, 7]);
    let pinned = open(&sent).0.pin(LogIndex(7)).unwrap();
    let total: u64 = pinned.files().iter().map(|file| file.bytes).sum();
    for room in (0..total + 600).step_by(400) {
        let disk = disk_with(&[1]);
        let used: usize = names(&disk).iter().map(|name| disk.contents(&path(name)).unwrap().len()).sum();
        disk.set_capacity(Some(used as u64 + room));
        let mut receiver = Receiver::open(disk.clone(), dir(), &pinned.files(), &small()).unwrap();
        let result =
            send(&mut receiver, &pinned, u64::MAX).map_err(ReceiveError::from).and_then(|()| receiver.finish());
        if let Err(error) = result {
            assert!(matches!(&error, ReceiveError::Io(error) if error.kind() == ErrorKind::StorageFull), "{error}");
            check_all(&open(&disk).0);
            disk.set_capacity(None);
            drop(receiver);
            assert_eq!(receive(&disk, &pinned).unwrap(), LogIndex(7));
        }
        check_all(&open(&disk).0);
        assert_eq!(open(&disk).0.oldest(), LogIndex(7));
    }
}
