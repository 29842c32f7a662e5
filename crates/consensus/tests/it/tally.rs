//! What ballots add up to, by example.

use claude_flow_consensus::{Level, Verdict, Vote, tally};

use crate::make::Group;

use Vote::{Fail, Partial, Pass};

fn check(n: u8, approval_votes: u32, votes: &[(Vote, u8)], expected: (u32, Verdict, Level)) {
    let faults = (u32::from(n) - 1) / 3;
    let group = Group::new(n, faults, approval_votes);
    let found = tally(&group.roster, &group.ballots(votes));
    assert_eq!(
        (found.score.quarters(), found.verdict, found.level),
        expected,
        "{votes:?}"
    );
}

/// Would be missed by any other worth of a PARTIAL, and by levels that follow from the score alone.
#[test]
fn three_passes_and_two_partials_are_silver() {
    let group = Group::new(5, 1, 3);
    let found = tally(&group.roster, &group.golden_proposal().ballots);
    assert_eq!(found.score.quarters(), 14, "3.5 votes");
    assert_eq!(found.verdict, Verdict::Partial);
    assert_eq!(found.level, Level::Silver);
    assert_eq!(found.confident_score, 4 * (95 + 92 + 98) + 85 + 78);
    assert_eq!((found.voters.count(), found.passes.count()), (5, 3));
}

#[test]
fn four_passes_of_five_are_gold_whatever_the_fifth_says() {
    let all_but_one = [(Pass, 100); 4];
    check(5, 3, &all_but_one, (16, Verdict::Pass, Level::Gold));
    let with_fail = [(Pass, 1), (Pass, 1), (Pass, 1), (Pass, 1), (Fail, 100)];
    check(5, 3, &with_fail, (16, Verdict::Pass, Level::Gold));
}

#[test]
fn partials_that_lift_over_the_threshold_make_bronze() {
    let votes = [
        (Pass, 90),
        (Pass, 90),
        (Partial, 90),
        (Partial, 90),
        (Partial, 90),
        (Partial, 90),
        (Fail, 9),
    ];
    check(7, 3, &votes, (12, Verdict::Partial, Level::Bronze));
}

#[test]
fn less_than_the_threshold_fails() {
    let votes = [
        (Pass, 90),
        (Pass, 90),
        (Partial, 90),
        (Partial, 90),
        (Partial, 90),
    ];
    check(5, 3, &votes, (11, Verdict::Fail, Level::None));
}

/// A primary that shows three ballots of five must not get a verdict out of them.
#[test]
fn too_few_ballots_give_no_verdict() {
    check(
        5,
        3,
        &[(Pass, 100); 3],
        (12, Verdict::NoQuorum, Level::None),
    );
}
