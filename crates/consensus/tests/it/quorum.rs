//! The arithmetic of quorums, for every size and number of liars.

use claude_flow_consensus::{
    Committee, PublicKey, Roster, RosterError, RosterOptions, VALIDATORS_MAX,
};

/// Every legal committee.
fn committees() -> impl Iterator<Item = Committee> {
    (1..=VALIDATORS_MAX).flat_map(|n| (0..=(n - 1) / 3).map(move |f| Committee::new(n, f).unwrap()))
}

/// Would be broken by 2f + 1 at n = 5.
#[test]
fn two_quorums_share_an_honest_validator() {
    for committee in committees() {
        let (n, f, q) = (committee.n(), committee.f(), committee.agreement().votes());
        assert!(2 * q - n > f, "n = {n}, f = {f}, q = {q}");
    }
}

#[test]
fn the_honest_alone_form_a_quorum_and_none_is_larger_than_needed() {
    for committee in committees() {
        let (n, f, q) = (committee.n(), committee.f(), committee.agreement().votes());
        assert!(q <= n - f, "n = {n}, f = {f}, q = {q}");
        assert!(2 * (q - 1) < n + f + 1, "n = {n}, f = {f}, q = {q}");
        assert_eq!(committee.crash_slack(), n - q);
    }
}

#[test]
fn quorums_are_those_of_the_table() {
    let table = [
        (4, 1, 3),
        (5, 1, 4),
        (6, 1, 4),
        (7, 2, 5),
        (8, 2, 6),
        (9, 2, 6),
        (10, 3, 7),
        (31, 10, 21),
    ];
    for (n, f, q) in table {
        assert_eq!(
            Committee::new(n, f).unwrap().agreement().votes(),
            q,
            "n = {n}"
        );
    }
}

#[test]
fn too_many_liars_are_refused() {
    for n in 1..=VALIDATORS_MAX {
        for f in (n - 1) / 3 + 1..=n + 1 {
            assert_eq!(
                Committee::new(n, f),
                Err(RosterError::TooManyFaults { n, f })
            );
        }
    }
    assert_eq!(Committee::new(0, 0), Err(RosterError::Size { n: 0 }));
    assert_eq!(Committee::new(65, 1), Err(RosterError::Size { n: 65 }));
}

#[test]
fn thresholds_at_which_liars_decide_are_refused() {
    for committee in committees() {
        let (n, f) = (committee.n(), committee.f());
        for votes in 0..=n + 1 {
            let is_legal = votes > f && votes <= n - f;
            assert_eq!(
                committee.approval(votes).is_ok(),
                is_legal,
                "{committee:?} {votes}"
            );
        }
    }
}

#[test]
fn a_key_has_one_vote() {
    let mut keys: Vec<_> = (0..4).map(|byte| PublicKey([byte; 32])).collect();
    keys[3] = keys[1];
    let roster = Roster::new(RosterOptions {
        epoch: 1,
        keys,
        faults: 1,
        approval_votes: 2,
    });
    assert!(
        matches!(roster, Err(RosterError::SameKey { first, second }) if (first.0, second.0) == (1, 3))
    );
}
