//! What a log keeps, as bytes; and a replica whose log lost some of it.

use std::sync::Arc;

use claude_flow_consensus::{
    Digest, Ed25519Signer, Ed25519Verifier, Guard, Input, Kind, Options, Packet, Record, Refusal,
    Replica, Statement, Timer, ValidatorId,
};

use crate::make::{Group, subject};

const fn say(kind: Kind, view: u64, seq: u64) -> Statement {
    let digest = Digest::NULL;
    Statement {
        kind,
        view,
        seq,
        digest,
    }
}

/// One of each, made of the golden packets.
fn records() -> Vec<Record> {
    let group = Group::new(5, 1, 3);
    let mut records = vec![
        Record::Promise(say(Kind::Commit, 3, 7)),
        Record::Ballot(subject(), say(Kind::Ballot, 0, 0)),
        Record::Prepared(group.certificate(say(Kind::Prepare, 0, 1), 4)),
        Record::Forgotten { view: 2, seq: 9 },
    ];
    for (name, packet) in group.packets() {
        match packet {
            Packet::Signed(message) => match name {
                "view_change" => records.push(Record::ViewChange(message)),
                "new_view" => records.push(Record::NewView(message)),
                "null_pre_prepare" => {
                    records.push(Record::Proposed(message.statement, message.signature, None));
                }
                "pre_prepare" => {
                    let proposal = Some(Arc::new(group.golden_proposal()));
                    let (statement, signature) = (message.statement, message.signature);
                    records.push(Record::Proposed(statement, signature, proposal));
                }
                _ => {}
            },
            Packet::Decision(decision) => records.push(Record::Decided(decision)),
            Packet::Stable(certificate) => records.push(Record::Stable(certificate)),
        }
    }
    records
}

fn encode(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    bytes
}

/// Would be broken by a field that is left out, or a decoder that forgives a rest.
#[test]
fn records_come_back_from_their_bytes() {
    let records = records();
    assert_eq!(records.len(), 10);
    for record in records {
        let mut bytes = encode(&record);
        assert_eq!(Record::decode(&bytes).as_ref(), Ok(&record));
        for len in 0..bytes.len() {
            // The proposal may be left out there.
            let is_bare = matches!(record, Record::Proposed(..)) && len == 2 + 49 + 64;
            assert_eq!(
                Record::decode(&bytes[..len]).is_err(),
                !is_bare,
                "{record:?} cut to {len}"
            );
        }
        bytes.push(0);
        assert!(Record::decode(&bytes).is_err(), "{record:?} padded");
    }
}

/// Would be broken by a promise that lies outside of what the log says was lost.
#[test]
fn nothing_is_promised_past_the_reach_of_a_record() {
    let reach =
        |which: fn(&Record) -> bool| records().iter().find(|it| which(it)).map(Record::reach);
    assert_eq!(reach(|it| matches!(it, Record::Promise(_))), Some((3, 7)));
    // One PRE-PREPARE for slot 1 from the checkpoint of slot 0.
    assert_eq!(reach(|it| matches!(it, Record::NewView(_))), Some((1, 1)));
    assert_eq!(
        reach(|it| matches!(it, Record::ViewChange(_))),
        Some((1, 0))
    );
}

/// Would be broken by an amnesiac that votes in a place where it may have voted already.
#[test]
fn a_guard_that_forgot_promises_nothing_until_a_checkpoint_covers_it() {
    let signer = Arc::new(Ed25519Signer::from_secret(&[1; 32]));
    let mut guard = Guard::new(signer, Group::new(5, 1, 3).roster.digest());
    guard.forget(2, 100);
    let refusal = Err(Refusal::Forgotten { view: 2, seq: 100 });
    for statement in [
        say(Kind::Prepare, 9, 900),
        say(Kind::ViewChange, 9, 0),
        say(Kind::Checkpoint, 0, 64),
    ] {
        assert_eq!(guard.promise(statement), refusal, "{statement:?}");
    }
    guard.settle(64);
    assert!(guard.is_mute());
    guard.settle(128);
    assert!(!guard.is_mute());
    for (statement, is_free) in [
        (say(Kind::Prepare, 2, 128), false),
        (say(Kind::Prepare, 1, 129), false),
        (say(Kind::Prepare, 2, 129), true),
        (say(Kind::ViewChange, 2, 128), false),
        (say(Kind::NewView, 2, 0), false),
        (say(Kind::ViewChange, 3, 128), true),
        (say(Kind::Checkpoint, 0, 192), true),
    ] {
        assert_eq!(guard.promise(statement).is_ok(), is_free, "{statement:?}");
    }
    // It may have cast any ballot.
    assert_eq!(guard.cast(subject(), say(Kind::Ballot, 0, 0)), refusal);
}

/// Would be broken by a replica that takes part, or that no longer follows.
#[test]
fn an_amnesiac_replica_observes_until_a_later_checkpoint() {
    let group = Group::new(5, 1, 3);
    let verifier = Arc::new(Ed25519Verifier::new(group.roster.keys()).unwrap());
    let signer = Arc::new(Ed25519Signer::from_secret(&[3; 32]));
    let options = Options::new(group.roster.clone(), ValidatorId(2));
    let log = [Record::Forgotten { view: 0, seq: 60 }];
    let (mut replica, _) = Replica::recover(options, signer, verifier, &log).unwrap();
    let packets = group.packets();
    let mut hear = |name: &str| {
        let (_, packet) = packets.iter().find(|(other, _)| *other == name).unwrap();
        let effects = replica.step(Input::Packet(&packet.encode()));
        (effects.records, replica.status())
    };
    let (records, status) = hear("pre_prepare");
    assert!(records.is_empty() && status.is_amnesiac, "{records:?}");
    let (records, status) = hear("decision");
    assert!(matches!(records[..], [Record::Decided(_)]), "{records:?}");
    assert_eq!(status.executed, 1);
    let (records, status) = hear("stable");
    assert!(matches!(records[..], [Record::Stable(_)]), "{records:?}");
    assert!(!status.is_amnesiac);
    // Now it may leave the view.
    let effects = replica.step(Input::Timer(Timer::Progress));
    assert!(matches!(effects.records[..], [Record::ViewChange(_)]));
}
