//! The tally on any ballots, against what it must never do.

use claude_flow_consensus::{
    Ballot, Confidence, Digest, Level, Signature, SignedBallot, ValidatorId, Verdict, Vote, tally,
};
use proptest::prelude::*;

use crate::make::{Group, subject};

fn ballot(validator: u32, vote: Vote, percent: u8) -> SignedBallot {
    SignedBallot {
        validator: ValidatorId(validator),
        ballot: Ballot {
            subject: subject(),
            vote,
            confidence: Confidence::from_percent(percent).unwrap(),
            evidence: Digest::NULL,
        },
        signature: Signature([0; 64]),
    }
}

fn vote() -> impl Strategy<Value = Vote> {
    prop_oneof![Just(Vote::Fail), Just(Vote::Partial), Just(Vote::Pass)]
}

proptest! {
    /// Would be broken by dividing by the ballots present instead of the roster.
    #[test]
    fn leaving_a_ballot_out_never_raises_the_verdict(
        votes in prop::collection::vec((vote(), 0..=100_u8), 7),
        left_out in 0..7_usize,
        approval in 3..=5_u32,
    ) {
        let group = Group::new(7, 2, approval);
        let mut ballots: Vec<_> = (0..)
            .zip(&votes)
            .map(|(validator, (vote, percent))| ballot(validator, *vote, *percent))
            .collect();
        let all = tally(&group.roster, &ballots);
        ballots.remove(left_out);
        let fewer = tally(&group.roster, &ballots);
        prop_assert!(fewer.score <= all.score);
        prop_assert!(fewer.verdict <= all.verdict && fewer.level <= all.level);
        prop_assert!(fewer.confident_score <= all.confident_score);
    }

    /// Would be broken by a worth or a level that is not monotone.
    #[test]
    fn a_better_vote_never_lowers_the_verdict(
        votes in prop::collection::vec(vote(), 5),
        raised in 0..5_usize,
    ) {
        let group = Group::new(5, 1, 3);
        let cast = |votes: &[Vote]| {
            let ballots: Vec<_> = (0..).zip(votes).map(|(id, vote)| ballot(id, *vote, 50)).collect();
            tally(&group.roster, &ballots)
        };
        let before = cast(&votes);
        let mut better = votes.clone();
        better[raised] = Vote::Pass;
        let after = cast(&better);
        prop_assert!(before.verdict <= after.verdict && before.level <= after.level);
    }

    /// Would be broken by a threshold outside of f < T ≤ n − f.
    #[test]
    fn liars_alone_neither_approve_nor_forbid(approval in 3..=5_u32, liars in vote()) {
        let group = Group::new(7, 2, approval);
        let with = |honest: Vote| {
            let ballots: Vec<_> = (0..7)
                .map(|id| ballot(id, if id < 2 { liars } else { honest }, 100))
                .collect();
            tally(&group.roster, &ballots)
        };
        prop_assert_eq!(with(Vote::Fail).level, Level::None);
        prop_assert_eq!(with(Vote::Pass).verdict, Verdict::Pass);
    }

    /// Would be broken by confidence that reaches the verdict.
    #[test]
    fn confidence_lowers_only_its_own_figure(
        votes in prop::collection::vec((vote(), 0..=100_u8), 5),
    ) {
        let group = Group::new(5, 1, 3);
        let cast = |is_sure: bool| {
            let ballots: Vec<_> = (0..)
                .zip(&votes)
                .map(|(id, (vote, percent))| ballot(id, *vote, if is_sure { 100 } else { *percent }))
                .collect();
            tally(&group.roster, &ballots)
        };
        let (unsure, sure) = (cast(false), cast(true));
        prop_assert_eq!(unsure.verdict, sure.verdict);
        prop_assert_eq!(unsure.level, sure.level);
        prop_assert!(unsure.confident_score <= sure.confident_score);
        prop_assert_eq!(sure.confident_score, 100 * sure.score.quarters());
    }
}
