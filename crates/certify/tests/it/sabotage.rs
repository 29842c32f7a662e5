//! What is broken flips the vote of the validator whose matter it is, and the certificate says why.
//!
//! The targets are this project's own, from `certify.toml`. The evidence is what the commands would
//! leave; that they do leave it is tested where they are: planted secrets with the program, layers and
//! unsafe code in xtask.

use claude_flow_certify::{
    Ended, Evidence, EvidenceDocument, Finding, Measured, Opinion, Outcome, Targets, read,
};
use claude_flow_consensus::Vote;

const OURS: &str = include_str!("../../../../certify.toml");

/// Evidence with which a validator of ours votes PASS, where one check leaves something else.
fn opinion(targets: &Targets, id: &str, change: impl FnOnce(&mut Outcome)) -> Opinion {
    let check = targets
        .checks
        .iter()
        .find(|it| it.id == id)
        .expect("there is such a check");
    let mut document = EvidenceDocument {
        validator: check.validator.clone(),
        ..EvidenceDocument::default()
    };
    for check in targets.of(&check.validator) {
        let outcome = match &check.target {
            None => Outcome::Fact {
                holds: true,
                cause: String::new(),
            },
            Some(target) => Outcome::Value(Measured {
                value: match target.bound {
                    claude_flow_certify::Bound::Below(limit) => limit / 5,
                    claude_flow_certify::Bound::Above(limit) => limit + limit / 3,
                },
                unit: target.unit,
                spread_percent: Some(2),
                samples: 100,
                figure: target.figure.clone(),
            }),
        };
        document.evidence.push(Evidence::of(&check.id, outcome));
    }
    let good = Opinion::of(targets, &document).expect("evidence of these targets");
    assert_eq!(good.vote, Vote::Pass, "{:?}", good.judged);
    let evidence = document.evidence.iter_mut().find(|it| it.check == id);
    change(&mut evidence.expect("there is such a check").outcome);
    Opinion::of(targets, &document).expect("evidence of these targets")
}

#[track_caller]
fn check(id: &str, change: impl FnOnce(&mut Outcome), expected: &str) {
    let targets = Targets::parse(OURS).expect("our own targets can be used");
    let opinion = opinion(&targets, id, change);
    assert_eq!(opinion.vote, Vote::Fail, "{:?}", opinion.judged);
    let failed: Vec<_> = opinion
        .judged
        .iter()
        .filter(|it| it.finding == Finding::Fail)
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].check, id);
    assert!(failed[0].cause.contains(expected), "{}", failed[0].cause);
}

/// What a command that ended badly, with these last words, leaves of one of our checks.
fn left(id: &str, exit_code: i32, printed: &str) -> Outcome {
    let targets = Targets::parse(OURS).expect("our own targets can be used");
    let check = targets
        .checks
        .into_iter()
        .find(|it| it.id == id)
        .expect("there is such a check");
    read(
        &check,
        &Ended {
            exit_code: Some(exit_code),
            printed,
            file: None,
        },
    )
}

fn measured(outcome: &mut Outcome) -> &mut u64 {
    let Outcome::Value(measured) = outcome else {
        panic!("no value: {outcome:?}");
    };
    &mut measured.value
}

#[test]
fn bus_that_is_twenty_times_slower() {
    check("bus-capacity", |it| *measured(it) /= 20, "333,333/s");
}

#[test]
fn bus_that_drops_one_percent() {
    check(
        "bus-reliability",
        |it| *measured(it) = 9_900,
        "99 % (bus/reliability; spread 2 %, 100 samples), wanted more than 99.9 %",
    );
}

#[test]
fn checker_that_is_broken() {
    let printed = "test fixtures::broken_go ... FAILED\n\ntest result: FAILED. 11 passed; 1 failed; 0 ignored\n";
    check(
        "fixtures",
        |it| *it = left("fixtures", 101, printed),
        "1 failed, fixtures::broken_go first",
    );
}

#[test]
fn unsafe_block_without_an_argument() {
    let printed = "unsafe code: 1 violations; the first is crates/ringbuf/src/spsc.rs:7: unsafe code without a SAFETY comment; write above it\n";
    check(
        "unsafe",
        |it| *it = left("unsafe", 1, printed),
        "crates/ringbuf/src/spsc.rs:7",
    );
}

#[test]
fn edge_that_no_layer_allows() {
    let printed = "layers: 1 violations; the first is crates/ringbuf/Cargo.toml:9: ringbuf may not use eventbus; remove the edge\n";
    check(
        "layers",
        |it| *it = left("layers", 1, printed),
        "ringbuf may not use eventbus",
    );
}

#[test]
fn secret_in_the_tree() {
    let printed = "a.txt:2: an AWS access key\n1 secrets in 3 files; the first is an AWS access key at a.txt:2\n";
    check(
        "secrets",
        |it| *it = left("secrets", 1, printed),
        "an AWS access key at a.txt:2",
    );
}
