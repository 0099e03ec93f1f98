//! Access keys: many of them, their bytes, and what a damaged checkpoint does to them.

use crate::script::Script;
use evenkeel_machine::{
    Machine, Reply,
    account::CreateKeyError,
    command::{Command, NewKey, QueueSettings},
    limits,
};
use evenkeel_types::{AccountId, Micros, WallTime};

fn key(id: &str) -> NewKey<'_> {
    NewKey {
        id,
        account: AccountId::default(),
        name: "n",
        description: "",
        actions: vec!["sqs:*"],
        queues: Vec::new(),
        sealed: b"s",
        expires_at: Some(WallTime(258)),
    }
}

#[test]
fn there_are_so_many_keys_and_no_more_and_all_come_back_from_a_checkpoint() {
    let mut script = Script::new(QueueSettings::default());
    for number in 0..limits::KEYS_MAX {
        let id = format!("AKIA{number}");
        assert_eq!(script.run(&Command::CreateKey(key(&id))), Reply::KeyCreated(Ok(())));
    }
    assert_eq!(script.run(&Command::CreateKey(key("more"))), Reply::KeyCreated(Err(CreateKeyError::TooMany)));
    assert_eq!(script.run(&Command::RevokeKey { id: "AKIA7" }), Reply::KeyChanged(Ok(())));
    assert_eq!(script.run(&Command::CreateKey(key("more"))), Reply::KeyCreated(Ok(())));
    let mut bytes = Vec::new();
    script.machine.encode(&mut bytes);
    let again = Machine::decode(&bytes).unwrap();
    again.audit().unwrap();
    assert_eq!((again.keys().count(), again.digest()), (limits::KEYS_MAX, script.machine.digest()));
}

#[test]
fn a_flipped_bit_in_a_key_is_noticed() {
    let mut script = Script::new(QueueSettings::default());
    script.run(&Command::CreateKey(key("AKIA1")));
    script.run(&Command::CreateKey(key("AKIA2")));
    script.run(&Command::RotateKey { id: "AKIA1", sealed: b"t", grace: Micros::from_secs(1) });
    script.run(&Command::RevokeKey { id: "AKIA2" });
    let mut bytes = Vec::new();
    script.machine.encode(&mut bytes);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(Machine::decode(&damaged).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn the_bytes_of_commands_about_keys_stay_what_they_were() {
    let encoded = |command: Command<'_>| {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        bytes
    };
    let expected = [
        &[48u8, 1, 0, 0, 0, b'A', 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, b'n', 0, 0, 0, 0][..],
        &[1, 0, 0, 0, 5, 0, 0, 0, b's', b'q', b's', b':', b'*', 0, 0, 0, 0],
        &[1, 0, 0, 0, b's', 1, 2, 1, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(encoded(Command::CreateKey(key("A"))), expected.concat());
    let rotate = Command::RotateKey { id: "A", sealed: b"s", grace: Micros(258) };
    assert_eq!(encoded(rotate), [49, 1, 0, 0, 0, b'A', 1, 0, 0, 0, b's', 2, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(encoded(Command::RevokeKey { id: "A" }), [50, 1, 0, 0, 0, b'A']);
}
