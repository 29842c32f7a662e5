//! What the guard signs and what it refuses.

use std::sync::Arc;

use claude_flow_consensus::{
    Digest, Domain, Ed25519Signer, Guard, Kind, OPEN_BALLOTS_MAX, Refusal, Statement,
};

fn guard() -> Guard {
    Guard::new(Arc::new(Ed25519Signer::from_secret(&[7; 32])), Digest::NULL)
}

fn say(kind: Kind, view: u64, seq: u64, text: &str) -> Statement {
    Statement {
        kind,
        view,
        seq,
        digest: Digest::of(Domain::Proposal, text.as_bytes()),
    }
}

#[test]
fn the_same_promise_is_signed_again_and_another_is_not() {
    for kind in [
        Kind::PrePrepare,
        Kind::Prepare,
        Kind::Commit,
        Kind::Checkpoint,
        Kind::ViewChange,
        Kind::NewView,
    ] {
        let mut guard = guard();
        let first = guard.promise(say(kind, 0, 3, "a")).unwrap();
        let again = guard.promise(say(kind, 0, 3, "a")).unwrap();
        assert_eq!((first.is_new, again.is_new), (true, false), "{kind:?}");
        assert_eq!(first.signature, again.signature);
        let other = guard.promise(say(kind, 0, 3, "b"));
        assert!(
            matches!(other, Err(Refusal::Contradiction { .. })),
            "{kind:?}"
        );
    }
}

/// Would be broken by a guard that is rebuilt without its log.
#[test]
fn a_promise_binds_after_a_restart() {
    let mut before = guard();
    let promised = say(Kind::Commit, 2, 5, "a");
    before.promise(promised).unwrap();
    let mut after = guard();
    after.recall(promised).unwrap();
    assert!(after.promise(say(Kind::Commit, 2, 5, "b")).is_err());
    assert!(!after.promise(promised).unwrap().is_new);
}

#[test]
fn nothing_is_said_in_a_view_that_was_given_up() {
    let mut guard = guard();
    guard.promise(say(Kind::ViewChange, 4, 0, "leave")).unwrap();
    for kind in [
        Kind::PrePrepare,
        Kind::Prepare,
        Kind::Commit,
        Kind::ViewChange,
        Kind::NewView,
    ] {
        assert!(
            matches!(
                guard.promise(say(kind, 3, 9, "a")),
                Err(Refusal::OldView { .. })
            ),
            "{kind:?}"
        );
    }
    guard.promise(say(Kind::Prepare, 4, 9, "a")).unwrap();
}

/// A VIEW-CHANGE that names another checkpoint is another VIEW-CHANGE.
#[test]
fn a_view_is_left_for_in_one_way_only() {
    let mut guard = guard();
    guard.promise(say(Kind::ViewChange, 4, 0, "leave")).unwrap();
    assert!(guard.promise(say(Kind::ViewChange, 4, 8, "leave")).is_err());
}

#[test]
fn nothing_is_said_below_a_stable_checkpoint() {
    let mut guard = guard();
    guard.promise(say(Kind::Prepare, 0, 8, "a")).unwrap();
    guard.settle(8);
    assert!(matches!(
        guard.promise(say(Kind::Prepare, 0, 8, "b")),
        Err(Refusal::Settled { .. })
    ));
    guard.promise(say(Kind::Prepare, 0, 9, "b")).unwrap();
}

#[test]
fn a_remark_is_not_a_promise() {
    assert!(guard().remark(say(Kind::Commit, 0, 1, "a")).is_none());
    assert!(guard().remark(say(Kind::Status, 0, 1, "a")).is_some());
}

#[test]
fn a_second_ballot_on_a_subject_is_refused_and_ballots_are_bounded() {
    let mut guard = guard();
    for subject in 0..OPEN_BALLOTS_MAX as u64 {
        let subject = Digest::of(Domain::Subject, &subject.to_le_bytes());
        guard
            .recall_ballot(subject, say(Kind::Ballot, 0, 0, "pass"))
            .unwrap();
    }
    let subject = Digest::of(Domain::Subject, &0_u64.to_le_bytes());
    assert!(
        guard
            .cast(subject, say(Kind::Ballot, 0, 0, "fail"))
            .is_err()
    );
    assert!(
        !guard
            .cast(subject, say(Kind::Ballot, 0, 0, "pass"))
            .unwrap()
            .is_new
    );
    let another = Digest::of(Domain::Subject, b"one more");
    assert_eq!(
        guard.cast(another, say(Kind::Ballot, 0, 0, "pass")),
        Err(Refusal::TooManyBallots)
    );
}
