//! What a person is shown who looks: nothing of it is a command, and a body is found wherever it lies.

use crate::driver::{House, QUEUE, body};
use evenkeel_disk::MemDisk;
use evenkeel_engine::{Answer, Look, Looked, QueueName, Request, Row, limits};
use evenkeel_types::BodyRef;

fn look(house: &mut House, look: Look) -> Looked {
    let batches = house.engine.totals().batches;
    let Some(Answer::Looked(Ok(looked))) = house.ask(Request::Look(look)) else { panic!("a look is answered") };
    assert_eq!(house.engine.totals().batches, batches, "who looks writes nothing");
    looked
}

fn rows(house: &mut House) -> Vec<Row> {
    match look(house, Look::Rows { account: None, behind: None, rows_max: 10 }) {
        Looked::Rows(rows) => rows,
        other => panic!("{other:?}"),
    }
}

fn shown(house: &mut House, wanted: BodyRef) -> Option<Vec<u8>> {
    match look(house, Look::Body(wanted)) {
        Looked::Body(body) => body.map(|body| body.to_vec()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_body_is_shown_from_memory_and_from_the_disk_and_a_lease_is_not_touched() {
    let disk = MemDisk::new(1);
    let mut house = House::open(&disk).unwrap();
    assert!(house.create_queue());
    house.send(&body(1, 1_000)).unwrap().unwrap();
    let place = {
        let queues = house.engine.machine().queues();
        queues.bodies(queues.job_slots()).next().unwrap()
    };
    let job = house.receive().unwrap();
    assert_eq!(shown(&mut house, place), Some(body(1, 1_000)));
    let big = 50_000;
    for number in 0..limits::TAIL_BYTES.div_ceil(big) as u64 + 1 {
        house.send(&body(number, big)).unwrap().unwrap();
    }
    assert_eq!(shown(&mut house, place), Some(body(1, 1_000)), "it has left the tail");
    let Looked::Job(Some(detail)) = look(&mut house, Look::Job { slot: 0, index: place.index, offset: place.offset })
    else {
        panic!("the job is there")
    };
    assert_eq!((detail.body, detail.grants), (place, 1));
    assert!(house.ack(&job), "who looked took nothing");
    let elsewhere = BodyRef { offset: place.offset + 1, ..place };
    assert_eq!(shown(&mut house, elsewhere), None, "nothing begins there");
}

#[test]
fn leases_given_are_counted_by_queue() {
    let mut house = House::open(&MemDisk::new(1)).unwrap();
    assert!(house.create_queue());
    for number in 0..3 {
        house.send(&body(number, 10)).unwrap().unwrap();
    }
    house.receive().unwrap();
    house.receive().unwrap();
    let rows = rows(&mut house);
    assert_eq!((rows.len(), rows[0].received, rows[0].queue.counts.ready), (1, 2, 1));
    let Looked::House(seen) = look(&mut house, Look::House) else { panic!("the house is seen") };
    assert_eq!((seen.totals.received, seen.queues, seen.jobs, seen.body_bytes), (2, 1, 3, 30));
    let sizes = house.engine.meters().batch_commands.counts();
    assert_eq!(sizes.total(), seen.totals.batches);
}

#[test]
fn what_is_next_is_what_is_received_next() {
    let mut house = House::open(&MemDisk::new(1)).unwrap();
    assert!(house.create_queue());
    for number in 0..3 {
        house.send(&body(number, 10)).unwrap().unwrap();
    }
    let queue = || QueueName { account: QUEUE.account, name: QUEUE.name.into() };
    let Looked::Next(next) = look(&mut house, Look::Next { queue: queue(), jobs_max: 2 }) else { panic!("it is seen") };
    let received = house.receive().unwrap();
    assert_eq!((next.len(), next[0].id), (2, received.held.job));
    let Looked::Rows(row) = look(&mut house, Look::Row(queue())) else { panic!("it is seen") };
    assert_eq!((row.len(), row[0].queue.counts.leased, row[0].received), (1, 1, 1));
    let nothing = house.ask(Request::Look(Look::Row(QueueName { name: "none".into(), ..queue() })));
    assert!(matches!(nothing, Some(Answer::Looked(Err(_)))), "{nothing:?}");
}
