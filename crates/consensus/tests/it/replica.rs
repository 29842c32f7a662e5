//! One replica, step by step, with real signatures.

use std::sync::Arc;

use claude_flow_consensus::{
    Body, Durable, Ed25519Signer, Ed25519Verifier, Effects, Input, Lsn, Options, OptionsError,
    Packet, REPEAT_SLOTS, Record, Replica, Timer, ValidatorId,
};

use crate::make::Group;

/// Validator 2 of the golden group, which has not seen the golden proposal.
fn replica(log: &[Record]) -> Result<Replica, OptionsError> {
    let group = Group::new(5, 1, 3);
    let verifier = Arc::new(Ed25519Verifier::new(group.roster.keys()).unwrap());
    let signer = Arc::new(Ed25519Signer::from_secret(&[3; 32]));
    let options = Options::new(group.roster, ValidatorId(2));
    Replica::recover(options, signer, verifier, log).map(|(replica, _)| replica)
}

fn hear(replica: &mut Replica, name: &str) -> Effects {
    let packets = Group::new(5, 1, 3).packets();
    let packet = packets.iter().find(|(other, _)| *other == name);
    replica.step(Input::Packet(&packet.unwrap().1.encode()))
}

fn votes(effects: &Effects) -> usize {
    let proposed = |record: &&Record| matches!(record, Record::Proposed(..));
    effects.records.iter().filter(proposed).count()
}

/// Enters view 1, whose NEW-VIEW names a proposal that the replica does not hold.
fn waiting_in_view_one() -> Replica {
    let mut replica = replica(&[]).unwrap();
    assert_eq!(votes(&hear(&mut replica, "new_view")), 0);
    assert_eq!(replica.status().view, 1);
    replica
}

#[test]
fn a_slot_is_voted_on_when_its_proposal_comes() {
    let mut replica = waiting_in_view_one();
    assert_eq!(votes(&hear(&mut replica, "request")), 1);
}

/// Found by the simulator: the slot of view 1 was voted on under the number of view 2.
#[test]
fn a_slot_of_the_view_that_is_left_is_not_voted_on() {
    let mut replica = waiting_in_view_one();
    // On to view 3, since of view 2 the replica itself is the primary, which prepares nothing.
    for _ in 0..2 {
        let _ = replica.step(Input::Timer(Timer::Progress));
    }
    assert!(replica.status().is_changing);
    assert_eq!(replica.status().view, 3);
    assert_eq!(votes(&hear(&mut replica, "request")), 0);
}

/// Would be broken by a primary that never forgets what once had a slot: it would wait for ever with
/// what comes again after it was decided and forgotten.
#[test]
fn what_was_decided_long_ago_can_be_decided_again() {
    let group = Group::new(1, 0, 1);
    let signer = Arc::new(Ed25519Signer::from_secret(&[1; 32]));
    let verifier = Arc::new(Ed25519Verifier::new(group.roster.keys()).unwrap());
    let options = Options::new(group.roster.clone(), ValidatorId(0));
    let (mut replica, _) = Replica::new(options, signer, verifier).unwrap();
    let mut submit = |number: u64| {
        let _ = replica.step(Input::Submit(Arc::new(group.proposal(number))));
        replica.status().executed
    };
    for number in 1..=REPEAT_SLOTS + 1 {
        assert_eq!(submit(number), number);
    }
    assert_eq!(submit(2), REPEAT_SLOTS + 1, "still known");
    assert_eq!(submit(1), REPEAT_SLOTS + 2);
}

/// OSDI '99, §4.5.2: one may be a liar's, of f + 1 one is honest. Drawn schedules do not miss the
/// rule, since whoever waits leaves on its own in the end.
#[test]
fn enough_view_changes_are_followed_and_one_is_not() {
    let packets = Group::new(5, 1, 3).packets();
    let changes = packets.into_iter().find_map(|(_, packet)| match packet {
        Packet::Signed(message) => match message.body {
            Body::NewView(body) => Some(body.changes.clone()),
            _ => None,
        },
        _ => None,
    });
    let mut replica = replica(&[]).unwrap();
    for (sender, is_followed) in [(0, false), (3, true)] {
        let change = Packet::Signed(changes.as_ref().unwrap()[sender].clone());
        let _ = replica.step(Input::Packet(&change.encode()));
        let status = replica.status();
        assert_eq!(status.is_changing, is_followed, "after validator {sender}");
        assert_eq!(status.view, u64::from(is_followed));
    }
}

/// Would be broken by a promise that is sent past the log.
#[test]
fn what_is_said_stays_sealed_until_the_log_is_durable() {
    let mut replica = waiting_in_view_one();
    let before = hear(&mut replica, "status").sealed.lsn();
    let effects = hear(&mut replica, "request");
    let after = Lsn(before.0 + effects.records.len() as u64);
    assert_eq!(effects.sealed.lsn(), after);
    let sealed = effects.sealed.open(Durable::up_to(before)).unwrap_err();
    assert!(!sealed.open(Durable::up_to(after)).unwrap().is_empty());
}

/// Would be broken by a restart that forgets: the same words are said again, and no others.
#[test]
fn a_restart_says_the_same_again_and_writes_nothing_anew() {
    let mut log = Vec::new();
    let mut before = replica(&[]).unwrap();
    for name in ["new_view", "request"] {
        log.extend(hear(&mut before, name).records);
    }
    let mut after = replica(&log).unwrap();
    assert_eq!(after.status().view, 1);
    let _ = before.step(Input::Timer(Timer::Status));
    let [one, two] = [&mut before, &mut after].map(|it| hear(it, "status"));
    assert_eq!((&one.records, &two.records), (&Vec::new(), &Vec::new()));
    assert_eq!(one.sealed, two.sealed);
}

#[test]
fn a_log_that_contradicts_itself_is_refused() {
    let mut log = Vec::new();
    let mut first = replica(&[]).unwrap();
    log.extend(hear(&mut first, "pre_prepare").records);
    let mut other = log.clone();
    for record in &mut other {
        if let Record::Proposed(statement, ..) = record {
            statement.digest = claude_flow_consensus::Digest::NULL;
        }
    }
    log.extend(other);
    assert_eq!(replica(&log).unwrap_err(), OptionsError::Log { index: 1 });
}
