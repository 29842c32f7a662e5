//! What is not shown never helps.

use claude_flow_certify::{EvidenceDocument, Measured, Opinion, Outcome, Targets};
use claude_flow_consensus::Vote;
use proptest::prelude::*;

use crate::group::{Voting, certify, failed, good, skipped, targets, with};

/// How one check comes out: 0 passes, 1 fails, 2 is skipped, 3 passes with much noise.
fn outcome(targets: &Targets, check: usize, kind: u8, documents: &mut [EvidenceDocument]) {
    let check = &targets.checks[check];
    let made = match (kind, &check.target) {
        (1, _) => failed("no"),
        (2, _) => skipped("no time"),
        (3, Some(target)) => Outcome::Value(Measured {
            value: target.bound.limit() + 1,
            unit: target.unit,
            spread_percent: None,
            samples: 1,
            figure: String::new(),
        }),
        _ => return,
    };
    with(documents, &check.id, made);
}

fn documents(kinds: &[u8]) -> Vec<EvidenceDocument> {
    let targets = targets();
    let mut documents = good(&targets);
    for (check, kind) in kinds.iter().enumerate() {
        outcome(&targets, check, *kind, &mut documents);
    }
    documents
}

fn votes(documents: &[EvidenceDocument]) -> Vec<(Vote, u8)> {
    let targets = targets();
    let opinions = documents
        .iter()
        .map(|it| Opinion::of(&targets, it).expect("its own"));
    opinions
        .map(|it| (it.vote, it.confidence.percent()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Skipping what passed never raises a vote, a confidence, a verdict or a level.
    #[test]
    fn skipping_what_passed_never_raises(kinds in prop::collection::vec(0_u8..4, 10), skip in 0_usize..10) {
        let before = documents(&kinds);
        let mut fewer = kinds.clone();
        prop_assume!(kinds[skip] != 1);
        fewer[skip] = 2;
        let after = documents(&fewer);
        for (more, less) in votes(&before).iter().zip(votes(&after)) {
            prop_assert!(less.0 <= more.0 && less.1 <= more.1, "{more:?} {less:?}");
        }
        let conclusion = |documents: &[EvidenceDocument]| {
            let certificate = certify(documents, &[Voting::Honest; 5], false).expect("it holds");
            (certificate.conclusion().verdict, certificate.conclusion().level)
        };
        let (more, less) = (conclusion(&before), conclusion(&after));
        prop_assert!(less.0 <= more.0 && less.1 <= more.1, "{more:?} {less:?}");
    }

    /// Skipping what failed hides it from the vote at most down to PARTIAL, and costs confidence.
    #[test]
    fn skipping_what_failed_never_gives_a_pass(kinds in prop::collection::vec(0_u8..4, 10), skip in 0_usize..10) {
        let mut failing = kinds.clone();
        failing[skip] = 1;
        let mut fewer = kinds;
        fewer[skip] = 2;
        let targets = targets();
        let seat = targets.validators.iter().position(|it| *it == targets.checks[skip].validator);
        let seat = seat.expect("it votes");
        let (more, less) = (votes(&documents(&failing))[seat], votes(&documents(&fewer))[seat]);
        prop_assert!(less.0 != Vote::Pass && less.1 < more.1, "{more:?} {less:?}");
    }

    /// Leaving a ballot or its evidence out never raises a verdict or a level.
    #[test]
    fn silence_never_raises(kinds in prop::collection::vec(0_u8..4, 10), who in 0_usize..5, is_killed: bool) {
        let documents = documents(&kinds);
        let mut voting = [Voting::Honest; 5];
        let conclusion = |voting: &[Voting]| {
            let certificate = certify(&documents, voting, false).expect("it holds");
            (certificate.conclusion().verdict, certificate.conclusion().level)
        };
        let more = conclusion(&voting);
        voting[who] = if is_killed { Voting::Killed } else { Voting::Mute };
        let less = conclusion(&voting);
        prop_assert!(less.0 <= more.0 && less.1 <= more.1, "{more:?} {less:?}");
    }
}
