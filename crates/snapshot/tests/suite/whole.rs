//! Whole transfers, while the sender goes on with its work.

use super::harness::{AnySender, Stream, Working, check_is_snapshot, folder, options, path, reset_log};
use evenkeel_disk::{Disk, MemDisk};
use evenkeel_snapshot::{
    BodyPart, Manifest, Options, Position, ReceiveError, Receiver, SendError, scan_chunk_bytes, scan_manifest_bytes,
};

/// How many bodies came, and how many of them were marked as absent.
fn bodies_in(chunks: &[evenkeel_snapshot::Chunk]) -> (u64, u64) {
    let scanned: Vec<_> = chunks.iter().map(|chunk| scan_chunk_bytes(&chunk.bytes).unwrap()).collect();
    (scanned.iter().map(|chunk| chunk.bodies).sum(), scanned.iter().map(|chunk| chunk.absent).sum())
}

fn planned(manifest: &Manifest) -> u64 {
    manifest.body_parts().iter().map(|part| part.bodies).sum()
}

/// Stands in for a receiver that has nothing, one that is behind, and one that has gone another way.
fn folders(working: &Working) -> Vec<(&'static str, MemDisk)> {
    vec![("empty", MemDisk::new(9)), ("behind", working.disk.fork(10))]
}

#[test]
fn a_snapshot_of_a_machine_at_rest_is_the_same_machine() {
    let mut working = Working::new(1);
    (0..3).for_each(|_| working.round());
    let behind = folders(&working);
    (0..6).for_each(|_| working.round());
    let stream = Stream::of(working.sender(), 1_500);
    let manifest = stream.manifest.clone();
    assert_eq!(scan_manifest_bytes(&manifest.encode()).unwrap(), manifest);
    assert!(manifest.body_parts().len() > 3, "{manifest:?}");
    assert_eq!(bodies_in(&stream.chunks), (planned(&manifest), 0));
    for (what, disk) in behind {
        let installed = stream.transfer(&disk).unwrap();
        assert_eq!((installed.index, installed.epoch), (manifest.index(), manifest.epoch()));
        check_is_snapshot(&disk, manifest.index(), &working, what);
        assert_eq!(disk.list(&path("snapshot/bodies")).unwrap(), Vec::<String>::new());
        assert_eq!(disk.list(&path("snapshot/checkpoints")).unwrap(), Vec::<String>::new());
        assert_eq!(disk.list(&path("snapshot")).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn the_sender_works_on_while_it_sends() {
    let mut working = Working::new(2);
    (0..3).for_each(|_| working.round());
    let behind = folders(&working);
    (0..6).for_each(|_| working.round());
    let mut sender = working.sender();
    let manifest = sender.manifest().clone();
    let (checkpoints, carried) = (working.house.checkpoints, working.house.carried);
    let mut sent = Vec::new();
    let mut position = Position::default();
    while let Some(chunk) = sender.read(position, 2_000).unwrap() {
        position = Position::from_bytes(chunk.next.to_bytes());
        sent.push(chunk);
        if sent.len() % 12 == 1 {
            working.round();
        }
    }
    assert!(working.house.checkpoints > checkpoints + 3 && working.house.carried > carried, "the sender stood still");
    let (bodies, absent) = bodies_in(&sent);
    assert_eq!(bodies, planned(&manifest));
    assert!(absent > 0 && absent < bodies, "{absent} of {bodies} absent");
    let stream = Stream::new(sender, sent);
    for (what, disk) in behind {
        stream.transfer(&disk).unwrap();
        check_is_snapshot(&disk, manifest.index(), &working, what);
    }
    // What was received can be worked with, and sent on.
    let disk = MemDisk::new(3);
    stream.transfer(&disk).unwrap();
    assert!(Receiver::begun(disk.clone(), folder()).unwrap().is_some());
    reset_log(&disk).unwrap();
    assert_eq!(Receiver::begun(disk.clone(), folder()).unwrap(), None);
}

#[test]
fn bodies_whose_jobs_are_all_done_are_absent() {
    let mut working = Working::new(4);
    (0..4).for_each(|_| working.round());
    let sender = working.sender();
    working.ack_all();
    // The checkpoints move on, so that what is not needed goes.
    for _ in 0..6 {
        working.round();
        working.ack_all();
    }
    let stream = Stream::of(sender, 3_000);
    let manifest = stream.manifest.clone();
    let (bodies, absent) = bodies_in(&stream.chunks);
    assert_eq!((bodies, absent), (planned(&manifest), bodies));
    let disk = MemDisk::new(5);
    // Nothing is left of these parts over a restart, and they are told of again.
    let mut first = stream.receiver(&disk).unwrap();
    stream.feed(&mut first).unwrap();
    drop(first);
    disk.kill();
    assert!(stream.receiver(&disk).unwrap().have() < manifest.end());
    stream.transfer(&disk).unwrap();
    assert_eq!(disk.list(&path("bodies")).unwrap(), Vec::<String>::new());
    check_is_snapshot(&disk, manifest.index(), &working, "all done");
}

#[test]
fn the_parts_are_within_their_limits_however_bodies_are_counted() {
    let mut working = Working::new(6);
    (0..5).for_each(|_| working.round());
    let parts = |options: &Options| working.sender_with(options).manifest().body_parts().to_vec();
    let all =
        |parts: &[BodyPart]| (parts.iter().map(|p| p.bodies).sum::<u64>(), parts.iter().map(|p| p.bytes).sum::<u64>());
    let one = parts(&Options::default());
    assert_eq!(one.len(), 1, "{one:?}");
    for part_bodies in [1, 2, 7, 20] {
        for buckets in [1, 3, 50, 1_000] {
            let found = parts(&Options { part_bodies, buckets, ..Options::default() });
            assert_eq!(all(&found), all(&one));
            assert_eq!((found[0].first, found[found.len() - 1].last), (one[0].first, one[0].last));
            // With few ranges neighbours cannot be counted apart, with a single one nothing can.
            let within = found.iter().all(|part| part.bodies <= part_bodies || part.first == part.last);
            assert!(within || buckets <= 3 || buckets == 50 && part_bodies == 1, "{part_bodies}, {buckets}: {found:?}");
        }
    }
}

#[test]
fn cut_at_every_chunk_it_goes_on_with_both_sides_new() {
    let mut working = Working::new(7);
    (0..2).for_each(|_| working.round());
    let behind = working.disk.fork(11);
    (0..4).for_each(|_| working.round());
    let stream = Stream::of(working.sender(), 1_500);
    let (manifest, count) = (stream.manifest.clone(), stream.chunks.len());
    let mut sent_again = 0;
    for cut in 0..=count {
        for power_cut in [false, true] {
            let disk = behind.fork(cut as u64);
            let mut first = stream.receiver(&disk).unwrap();
            pump(&mut working.sender(), &mut first, cut);
            let had = first.have();
            drop(first);
            if power_cut {
                disk.crash()
            } else {
                disk.kill()
            }
            // The machine may be started meanwhile, and work.
            if cut % 7 == 0 {
                drop(crate::driver::House::open(&disk).unwrap());
                disk.kill();
            }
            let mut sender = working.sender();
            assert_eq!(sender.manifest(), &manifest);
            let begun = Receiver::begun(disk.clone(), folder()).unwrap().unwrap();
            let mut second = Receiver::open(disk.clone(), folder(), &begun, &options()).unwrap();
            assert!(second.have() <= had, "{cut}: it has {}, and had {had}", second.have());
            let again = pump(&mut sender, &mut second, usize::MAX);
            sent_again = sent_again.max(again - (count - cut));
            second.finish().unwrap();
            drop(second);
            if cut % 11 == 0 {
                check_is_snapshot(&disk, manifest.index(), &working, &format!("cut at {cut}"));
            } else {
                assert_eq!(super::harness::found(&disk).start.machine.applied(), manifest.index());
            }
        }
    }
    // A part with bodies has at most 16 KiB, and two syncs of each file have 4.
    let most = 12 + 3 * manifest.files().len();
    assert!(sent_again > 0 && sent_again <= most, "{sent_again} chunks were sent again");
}

/// Sends at most so many chunks; how many it was.
fn pump(sender: &mut AnySender, receiver: &mut Receiver<MemDisk>, chunks_max: usize) -> usize {
    let mut count = 0;
    while count < chunks_max
        && let Some(chunk) = sender.read(receiver.have(), 1_500).unwrap()
    {
        assert_eq!(receiver.write(&chunk.bytes).unwrap(), receiver.have());
        count += 1;
    }
    count
}

#[test]
fn a_sender_refuses_what_it_has_not_and_names_what_is_damaged() {
    let mut working = Working::new(8);
    (0..4).for_each(|_| working.round());
    let mut sender = working.sender();
    let end = sender.manifest().end();
    assert!(sender.read(end, 1_000).unwrap().is_none());
    let nowhere = |part: u32, offset: u64| {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&part.to_le_bytes());
        bytes[4..].copy_from_slice(&offset.to_le_bytes());
        Position::from_bytes(bytes)
    };
    let last = u32::from_le_bytes(end.to_bytes()[..4].try_into().unwrap());
    for (part, offset) in [(last, 1), (last + 1, 0), (0, u64::MAX), (last - 1, 1 << 20), (u32::MAX, 0)] {
        let refused = sender.read(nowhere(part, offset), 1_000).unwrap_err();
        assert!(matches!(refused, SendError::NoSuchPosition(_)), "{refused}");
    }
    // Any bit of any body, in the log or a body file, wherever it still is.
    for dir in ["log", "bodies"] {
        for name in working.disk.list(&path(dir)).unwrap() {
            let file = path(dir).join(&name);
            let length = working.disk.contents(&file).unwrap().len() as u64;
            (5_000..length).step_by(300).for_each(|at| working.disk.flip_bit(&file, at, 3).unwrap());
        }
    }
    let mut position = Position::default();
    let damaged = loop {
        match sender.read(position, 1_000) {
            Ok(chunk) => position = chunk.expect("it cannot come to its end").next,
            Err(error) => break error,
        }
    };
    assert!(matches!(damaged, SendError::Body { .. }), "{damaged}");
    assert!(damaged.to_string().starts_with("the body at entry "), "{damaged}");
}

#[test]
fn an_older_snapshot_is_not_installed() {
    let mut working = Working::new(12);
    (0..4).for_each(|_| working.round());
    let stream = Stream::of(working.sender(), 60_000);
    let manifest = &stream.manifest;
    (0..4).for_each(|_| working.round());
    let disk = working.disk.fork(1);
    let refused = stream.transfer(&disk).unwrap_err();
    assert!(matches!(refused, ReceiveError::NotNewer { received, .. } if received == manifest.index()), "{refused}");
    assert!(super::harness::found(&disk).start.machine.applied() > manifest.index());
    Receiver::discard(disk.clone(), folder()).unwrap();
    assert_eq!(disk.list(&path("snapshot")).unwrap(), Vec::<String>::new());
    assert_eq!(Receiver::begun(disk, folder()).unwrap(), None);
}
