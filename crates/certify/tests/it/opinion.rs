//! From evidence to votes.

use claude_flow_certify::{Evidence, Finding, Measured, Opinion, Outcome, Targets, Unit, Word};
use claude_flow_consensus::Vote;

use crate::group::{failed, good, skipped, targets, with};

/// The opinion of the performance validator after some outcomes were changed.
#[track_caller]
fn check(changed: &[(&str, Outcome)], expected: (Vote, u8)) -> Opinion {
    let targets = targets();
    let mut documents = good(&targets);
    for (id, outcome) in changed {
        with(&mut documents, id, outcome.clone());
    }
    let opinion = Opinion::of(&targets, &documents[0]).expect("its own evidence");
    assert_eq!(
        (opinion.vote, opinion.confidence.percent()),
        expected,
        "{changed:?}"
    );
    opinion
}

fn rate(value: u64, spread_percent: Option<u32>) -> Outcome {
    Outcome::Value(Measured {
        value,
        unit: Unit::PerSecond,
        spread_percent,
        samples: 30,
        figure: "bus/one".to_owned(),
    })
}

#[test]
fn votes_and_confidence_follow_the_rule() {
    check(&[], (Vote::Pass, 100));
    check(&[("start", skipped("no time"))], (Vote::Partial, 50));
    check(&[("start", failed("no"))], (Vote::Partial, 100));
    check(&[("throughput", failed("no"))], (Vote::Fail, 100));
    check(
        &[("throughput", skipped("no")), ("start", skipped("no"))],
        (Vote::Fail, 0),
    );
    // A critical value below its bound.
    check(&[("throughput", rate(99_000, Some(0)))], (Vote::Fail, 100));
    // At the bound is not above it.
    check(&[("throughput", rate(100_000, Some(0)))], (Vote::Fail, 100));
}

/// A rule without noise would be as sure of one lucky run as of many.
#[test]
fn noise_lowers_confidence_only_where_it_could_change_the_finding() {
    check(
        &[("throughput", rate(120_000, Some(10)))],
        (Vote::Pass, 100),
    );
    check(&[("throughput", rate(120_000, Some(30)))], (Vote::Pass, 75));
    check(&[("throughput", rate(90_000, Some(30)))], (Vote::Fail, 75));
    check(&[("throughput", rate(190_000, None))], (Vote::Pass, 75));
    check(&[("throughput", rate(210_000, None))], (Vote::Pass, 100));
    check(
        &[("throughput", rate(u64::MAX, Some(u32::MAX)))],
        (Vote::Pass, 75),
    );
}

#[test]
fn value_of_another_unit_or_without_samples_is_no_pass() {
    for spoiled in [
        Measured {
            value: 1_000_000,
            unit: Unit::Count,
            spread_percent: Some(0),
            samples: 9,
            figure: String::new(),
        },
        Measured {
            value: 1_000_000,
            unit: Unit::PerSecond,
            spread_percent: Some(0),
            samples: 0,
            figure: String::new(),
        },
    ] {
        check(
            &[("throughput", Outcome::Value(spoiled))],
            (Vote::Fail, 100),
        );
    }
    // A fact where a value is wanted, and the other way round.
    let fact = Outcome::Fact {
        holds: true,
        cause: "trust me".to_owned(),
    };
    check(&[("throughput", fact)], (Vote::Fail, 100));
    check(&[("start", rate(1, None))], (Vote::Partial, 100));
}

#[test]
fn harder_target_is_judged_beside() {
    let ours = |value| {
        let opinion = check(&[("throughput", rate(value, Some(1)))], (Vote::Pass, 100));
        opinion.judged[0].is_ours_met
    };
    assert_eq!(ours(2_000_000), Some(true));
    assert_eq!(ours(500_000), Some(false));
}

/// Missing evidence that passed would make silence the best evidence.
#[test]
fn missing_evidence_is_skipped() {
    let targets = targets();
    let mut document = good(&targets).remove(0);
    document.evidence.remove(1);
    let opinion = Opinion::of(&targets, &document).expect("its own evidence");
    assert_eq!(opinion.judged[1].finding, Finding::Skipped);
    assert_eq!(opinion.vote, Vote::Partial);
}

#[test]
fn evidence_that_is_not_its_own_is_refused() {
    let targets = targets();
    let document = good(&targets).remove(0);
    let told = |change: &dyn Fn(&mut claude_flow_certify::EvidenceDocument)| {
        let mut document = document.clone();
        change(&mut document);
        Opinion::of(&targets, &document)
            .expect_err("refused")
            .to_string()
    };
    assert!(told(&|it| it.validator = "nobody".to_owned()).contains("who does not vote"));
    assert!(told(&|it| it.version = 9).contains("version 9"));
    let fact = || Outcome::Fact {
        holds: true,
        cause: String::new(),
    };
    assert!(told(&|it| it.evidence.push(Evidence::of("suite", fact()))).contains("not its check"));
    assert!(told(&|it| it.evidence.push(Evidence::of("start", fact()))).contains("there twice"));
    assert!(
        told(&|it| it.evidence[1].outcome = failed(&"x".repeat(5_000))).contains("longer than")
    );
}

/// A validator without checks has shown nothing.
#[test]
fn validator_without_checks_votes_fail() {
    let text = "version = 1\nproject = \"p\"\nvalidators = [\"a\"]\n";
    let targets = Targets::parse(text).expect("it can be");
    let document = claude_flow_certify::EvidenceDocument {
        validator: "a".to_owned(),
        ..Default::default()
    };
    let opinion = Opinion::of(&targets, &document).expect("its own evidence");
    assert_eq!(
        (Word::from(opinion.vote), opinion.confidence.percent()),
        (Word::Fail, 0)
    );
}
