//! Changes of roster and the proof that hands over, with real signatures.

use std::sync::Arc;

use claude_flow_consensus::{
    Action, CertificateError, DecodeError, Digest, Domain, Durable, Ed25519Signer, Ed25519Verifier,
    Effects, Handover, Input, Kind, Lsn, Options, Origin, Proposal, PublicKey, Replica, Roster,
    Statement, ValidatorId, verify_handover,
};

use crate::make::{Group, keys, roster};
use crate::wire::golden;

fn handover(group: &Group, next: Roster, signers: u32) -> Handover {
    let (chain, seq) = (Digest::of(Domain::Chain, b"before"), 8_u64);
    let named = [
        chain.as_bytes(),
        &seq.to_le_bytes()[..],
        next.digest().as_bytes(),
    ]
    .concat();
    let statement = Statement {
        kind: Kind::Checkpoint,
        view: 0,
        seq,
        digest: Digest::of(Domain::Handover, &named),
    };
    Handover {
        certificate: group.certificate(statement, signers),
        chain,
        next: Arc::new(next),
    }
}

fn verify(group: &Group, bytes: &[u8]) -> Result<(Origin, Roster), CertificateError> {
    let verifier = Ed25519Verifier::new(group.roster.keys()).unwrap();
    verify_handover(&group.roster, &verifier, bytes)
}

#[test]
fn a_quorum_hands_over_and_no_other_bytes_do() {
    let group = Group::new(5, 1, 3);
    let next = roster(2, keys(2, 7));
    let good = handover(&group, next.clone(), 4);
    let bytes = good.encode(&group.roster.digest());
    assert_eq!(bytes, golden("handover"), "it is now {bytes:02x?}");
    assert_eq!(verify(&group, &bytes), Ok((good.origin(), next.clone())));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(verify(&group, &changed).is_err(), "byte {at}");
    }
    for len in 0..bytes.len() {
        assert!(verify(&group, &bytes[..len]).is_err(), "{len} bytes");
    }
    let three = handover(&group, next, 3).encode(&group.roster.digest());
    let expected = Err(CertificateError::Quorum { signers: 3 });
    assert_eq!(verify(&group, &three), expected);
}

#[test]
fn only_the_next_epoch_with_real_keys_follows() {
    let group = Group::new(5, 1, 3);
    let mut no_keys = keys(2, 4);
    no_keys[0] = PublicKey([0; 32]);
    for next in [
        roster(1, keys(2, 4)),
        roster(3, keys(2, 4)),
        roster(2, no_keys),
    ] {
        let bytes = handover(&group, next, 4).encode(&group.roster.digest());
        assert_eq!(verify(&group, &bytes), Err(CertificateError::Handover));
    }
}

/// Would be broken by a roster that is taken along by ballots on something else.
#[test]
fn a_change_is_valid_for_the_roster_that_was_voted_on() {
    let group = Group::new(4, 1, 2);
    let verifier = Ed25519Verifier::new(group.roster.keys()).unwrap();
    let good = group.change(&roster(2, keys(1, 7)));
    assert!(good.is_valid(&group.roster, &verifier));
    assert_eq!(Proposal::decode(&good.encode()).as_ref(), Ok(&good));
    let mut other = good.clone();
    other.next = Some(Arc::new(roster(2, keys(1, 6))));
    assert!(!other.is_valid(&group.roster, &verifier));
    assert_ne!(other.digest(), good.digest());
    let late = group.change(&roster(3, keys(1, 7)));
    assert!(!late.is_valid(&group.roster, &verifier));
    let mut bytes = good.encode();
    bytes.push(0);
    assert_eq!(Proposal::decode(&bytes), Err(DecodeError::Long));
    // A committee of 7 that stands 3 liars.
    let mut bytes = good.encode();
    let faults = bytes.len() - 7 * 32 - 8;
    bytes[faults] = 3;
    assert_eq!(Proposal::decode(&bytes), Err(DecodeError::Roster));
}

/// Alone in its group a replica fills its epoch, hands over, and comes back from its log as one that
/// has; the next one goes on with the slot after.
#[test]
fn the_next_replica_goes_on_with_the_slot_after() {
    let group = Group::new(1, 0, 1);
    let next = roster(2, keys(1, 1));
    let start = |options: Options, log: &[_]| {
        let signer = Ed25519Signer::from_secret(&[1; 32]);
        let verifier = Ed25519Verifier::new(options.roster.keys()).unwrap();
        Replica::recover(options, Arc::new(signer), Arc::new(verifier), log).unwrap()
    };
    let handed_over = |effects: Effects| {
        let actions = effects.sealed.open(Durable::up_to(Lsn(u64::MAX))).unwrap();
        actions.into_iter().find_map(|action| match action {
            Action::HandOver(handover) => Some(*handover),
            _ => None,
        })
    };
    let options = Options::new(group.roster.clone(), ValidatorId(0));
    let (mut replica, _) = start(options.clone(), &[]);
    let effects = replica.step(Input::Submit(Arc::new(group.change(&next))));
    let log = effects.records.clone();
    let handover = handed_over(effects).unwrap();
    let bytes = handover.encode(&group.roster.digest());
    let (origin, verified) = verify(&group, &bytes).unwrap();
    assert_eq!((origin.seq, &verified), (128, &next));
    let again = start(options, &log);
    assert_eq!(handed_over(again.1), Some(handover));
    assert!(again.0.status().has_ended);

    let mut options = Options::new(next.clone(), ValidatorId(0));
    options.origin = origin;
    let (mut successor, _) = start(options, &[]);
    let group = Group {
        roster: next,
        signers: group.signers,
    };
    let _ = successor.step(Input::Submit(Arc::new(group.proposal(1))));
    assert_eq!(successor.status().executed, 129);
    // What names the old roster is void.
    let _ = replica.step(Input::Submit(Arc::new(group.proposal(1))));
    assert_eq!(replica.status().executed, 128);
}
